// Status core: BFD sessions as `lbd bfd` prints them.
import type { BfdStatus } from "./schema.ts";
import { duration, type TextOptions, type Writer, writer } from "./writer.ts";

/** All sessions with what decides about their state. */
export function bfdText(sessions: readonly BfdStatus[], options: TextOptions): string {
  const out = writer(options);
  if (sessions.length === 0) out.line("no BFD sessions");
  for (const [i, session] of sessions.entries()) {
    if (i > 0) out.blank();
    sessionLines(session, out);
  }
  return out.text();
}

function sessionLines(s: BfdStatus, out: Writer): void {
  const held = s.up === (s.state === "Up") ? "" : `, told as ${s.up ? "up" : "down"}`;
  out.line(`${s.name}  ${s.state === "Up" ? "Up" : s.state.toUpperCase()} for ${out.ago(s.since)}${held}`);
  const from = s.source === null ? "" : ` from ${s.source}`;
  const port = s.sourcePort === null ? "" : ` port ${s.sourcePort}`;
  const kind = `${s.multihop ? "multihop" : "single hop"}${s.passive ? ", passive" : ""}`;
  out.wrapped(`neighbour ${s.neighbor}${from}${port}, ${kind}, discriminator ${s.localDiscriminator}`, 2);
  if (s.lastChange) {
    const { at, from: before, to, reason } = s.lastChange;
    out.wrapped(`last change: ${before} to ${to} ${out.ago(at)} ago: ${reason}`, 2);
  }
  if (s.diagnostic !== "no diagnostic") out.wrapped(`our diagnostic: ${s.diagnostic}`, 2);
  const every = s.sendIntervalMs === null ? "sends nothing now" : `sends every ${duration(s.sendIntervalMs)}`;
  const within = s.detectionMs === null ? "" : `, the neighbour is lost after ${duration(s.detectionMs)}`;
  out.wrapped(`${every}${within}${s.polling ? ", new intervals are being agreed (poll)" : ""}`, 2);
  if (s.remote) {
    const r = s.remote;
    const why = r.diagnostic === "no diagnostic" ? "" : ` (${r.diagnostic})`;
    const wants = `sends every ${duration(r.desiredMinTxMs)} × ${r.multiplier}, takes one every ${duration(r.requiredMinRxMs)}`;
    out.wrapped(`neighbour says ${r.state}${why}, discriminator ${r.discriminator}, ${wants}`, 2);
  } else
    out.wrapped(
      s.lastHeardAt === null ? "neighbour has not been heard" : `neighbour last heard ${out.ago(s.lastHeardAt)} ago`,
      2,
    );
  const { sent = 0, received = 0, ups = 0, downs = 0, sendErrors = 0 } = s.counters;
  const errors = sendErrors > 0 ? `, ${sendErrors} not sent` : "";
  out.wrapped(`packets: ${sent} sent${errors}, ${received} received; ${ups} times up, ${downs} times down`, 2);
  const refused = Object.entries(s.refused).map(([reason, n]) => `${n} ${reason}`);
  if (refused.length > 0) out.wrapped(`refused packets: ${refused.join(", ")}`, 2);
  if (s.problem !== null) out.wrapped(`PROBLEM: ${s.problem}`, 2);
  for (const advice of s.advice) out.wrapped(advice, 2);
}
