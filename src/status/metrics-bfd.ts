// Status core: metrics of BFD sessions.
import { type Add, counter, type Family, flag, gauge, type Labels, seconds } from "./metrics-text.ts";
import type { BfdStatus } from "./schema.ts";
import type { StatusStore } from "./store.ts";

/** As on the wire (RFC 5880 §4.1). */
const STATE_NUMBER: Readonly<Record<BfdStatus["state"], number>> = { AdminDown: 0, Down: 1, Init: 2, Up: 3 };

export function bfdFamilies(store: StatusStore): Family[] {
  const each = (fill: (session: BfdStatus, labels: Labels, add: Add) => void) => (add: Add) => {
    for (const session of store.bfd()) fill(session, { bfd: session.name }, add);
  };
  const counted = (name: string, help: string, key: string) =>
    counter(
      name,
      help,
      each((s, l, add) => add(s.counters[key] ?? 0, l)),
    );
  return [
    gauge(
      "lbd_bfd_state",
      "0 AdminDown, 1 Down, 2 Init, 3 Up.",
      each((s, l, add) => add(STATE_NUMBER[s.state], { ...l, neighbor: s.neighbor, multihop: `${s.multihop}` })),
    ),
    gauge(
      "lbd_bfd_up",
      "1: what trackers and checks are told is up.",
      each((s, l, add) => add(flag(s.up), l)),
    ),
    gauge(
      "lbd_bfd_last_change_timestamp_seconds",
      "When the state of the session last changed.",
      each((s, l, add) => s.lastChange && add(seconds(s.lastChange.at), l)),
    ),
    gauge(
      "lbd_bfd_detection_seconds",
      "Silence of the neighbour that is taken for its end.",
      each((s, l, add) => s.detectionMs !== null && add(s.detectionMs / 1000, l)),
    ),
    counted("lbd_bfd_packets_sent_total", "Control packets sent.", "sent"),
    counted("lbd_bfd_packets_received_total", "Control packets of the neighbour that were accepted.", "received"),
    counted("lbd_bfd_ups_total", "Times that the session came up.", "ups"),
    counted("lbd_bfd_downs_total", "Times that the session went down after it was up.", "downs"),
    counted("lbd_bfd_send_errors_total", "Control packets that the kernel refused to send.", "sendErrors"),
    counter("lbd_bfd_refused_total", "Refused packets by reason.", (add) => {
      for (const { name, refused } of store.bfd())
        for (const [reason, count] of Object.entries(refused)) add(count, { bfd: name, reason });
    }),
  ];
}
