// Role bfd: what the status and the metrics show of a session.
import type { Clock, MonoMs } from "../../base/clock.ts";
import { diagnosticText } from "../../bfd/diagnostic.ts";
import { detectionMs, type Session, sendIntervalMs } from "../../bfd/session.ts";
import type { BfdStatus } from "../../status/schema.ts";
import type { WireShown } from "./wire.ts";

export function statusOf(session: Session, wire: WireShown, clock: Clock): BfdStatus {
  const { config, remote, state, counters, lastChange, lastHeardAt } = session;
  const time = (at: MonoMs) => new Date(clock.wallMs() - (clock.now() - at)).toISOString();
  const intervalMs = sendIntervalMs(session);
  const isKnown = remote.discriminator !== 0;
  return {
    name: config.name,
    neighbor: config.neighborIp,
    source: config.sourceIp ?? null,
    multihop: config.multihop,
    passive: config.passive,
    state,
    since: time(session.since),
    diagnostic: diagnosticText(session.diagnostic),
    up: session.reportedUp,
    localDiscriminator: session.local,
    sourcePort: wire.sourcePort,
    sendIntervalMs: Number.isFinite(intervalMs) ? intervalMs : null,
    detectionMs: isKnown ? detectionMs(session) : null,
    polling: session.polling,
    remote: isKnown
      ? {
          state: remote.state,
          diagnostic: diagnosticText(remote.diagnostic),
          discriminator: remote.discriminator,
          multiplier: remote.multiplier,
          desiredMinTxMs: remote.desiredMinTxUs / 1000,
          requiredMinRxMs: remote.minRxUs / 1000,
          demand: remote.demand,
        }
      : null,
    lastHeardAt: lastHeardAt === undefined ? null : time(lastHeardAt),
    lastChange: lastChange
      ? { at: time(lastChange.at), from: lastChange.from, to: lastChange.to, reason: lastChange.reason }
      : null,
    counters: { ...counters, sendErrors: wire.sendErrors },
    refused: Object.fromEntries(session.refused),
    problem: wire.problem,
    advice: adviceOf(session),
  };
}

/** What an operator may want to change, in whole sentences. */
function adviceOf({ heldUp, remote, refused, state, config }: Session): readonly string[] {
  const advice: string[] = [];
  if (heldUp)
    advice.push(
      `The neighbour was taken down by its operator (AdminDown), which is no failure: what tracks ${config.name} goes on as if it were up, as with keepalived, until the session has been up again.`,
    );
  if (remote.demand)
    advice.push(
      "The neighbour asks for demand mode: our periodic packets stop while both are up, its own are still expected.",
    );
  if (state !== "Up" && (refused.get("authentication") ?? 0) > 0)
    advice.push(
      "The neighbour authenticates its packets; bfd_instance has no keyword for a key, so it has to be switched off there.",
    );
  if (state !== "Up" && (refused.get("ttl") ?? 0) > 0)
    advice.push(
      `Packets of the neighbour come with a lower TTL than ${config.ttl - config.maxHops}: it is farther away (max_hops), or sends another TTL.`,
    );
  if (state !== "Up" && (refused.get("hop-mode") ?? 0) > 0)
    advice.push(`The neighbour speaks ${config.multihop ? "single hop" : "multihop"} BFD with us: see multihop.`);
  return advice;
}
