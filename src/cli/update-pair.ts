// CLI: `lbd update FILE --host A --pair B`: two directors that stand in for each other, one after the other. Each is emptied before it restarts,
// and the other is touched only when the first one serves or stands by again, and knows the connections; all of that is asked of their APIs.
import * as v from "valibot";
import {
  firstOfPair,
  HANDOVER_LIMIT_MS,
  handoverOf,
  type MachineView,
  mastersOf,
  objection,
  type SyncWatch,
  takesPart,
  watchSync,
} from "../appliance/rollout.ts";
import { type Decoded, ok } from "../base/result.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type AskError, ask } from "./client.ts";
import type { Peer } from "./peer.ts";
import { askFor } from "./status-query.ts";
import {
  LOOK_EVERY_MS,
  lookAt,
  pause,
  RESTART_LIMIT_MS,
  restartInto,
  tell,
  type Update,
  writeUpdate,
} from "./update-machine.ts";

const HANDOVER_LOOK_MS = 200;
/** However many come and go meanwhile. */
const SYNC_LIMIT_MS = 120_000;

/** The second one is not touched before the first one serves again. */
export async function updatePair(peers: readonly [Peer, Peer], update: Update): Promise<AskError | undefined> {
  const [a, b] = [await lookAt(peers[0]), await lookAt(peers[1])];
  if (!a.ok) return a.error;
  if (!b.ok) return b.error;
  const reason = objection([a.value, b.value]);
  if (reason !== undefined) return { exit: ASK_EXIT.failed, message: `nothing was done: ${reason}` };
  const [one, two] = [
    { peer: peers[0], hostname: a.value.hostname },
    { peer: peers[1], hostname: b.value.hostname },
  ];
  const [first, second] = firstOfPair([a.value, b.value]) === 0 ? [one, two] : [two, one];
  const failed = (await renew(first, second, update)) ?? (await untilItKnows(first, second));
  if (failed) return { ...failed, message: `${failed.message}; ${second.hostname} was not touched` };
  return renew(second, first, update);
}

interface Half {
  readonly peer: Peer;
  readonly hostname: string;
}

/** Writes the update, hands over, restarts, and waits until it takes part again. */
async function renew(half: Half, other: Half, update: Update): Promise<AskError | undefined> {
  const before = await lookAt(half.peer);
  if (!before.ok) return before.error;
  return (
    (await writeUpdate(half.peer, before.value, update)) ??
    (await handOver(half, other)) ??
    (await restartInto(half.peer, half.hostname, update.version)) ??
    (await untilItTakesPart(half))
  );
}

const Drained = v.object({ drained: v.boolean() });

/** Both serve until the other one does; it takes its instances back when the other one does not. */
async function handOver(half: Half, other: Half): Promise<AskError | undefined> {
  const before = await lookAt(half.peer);
  if (!before.ok) return before.error;
  const count = mastersOf(before.value);
  if (count === 0) return undefined;
  const began = performance.now();
  const asked = await askFor((path) => ask(half.peer, path, "POST"), "/v1/appliance/drain", Drained);
  if (!asked.ok) return { ...asked.error, message: `${half.hostname}: ${asked.error.message}` };
  for (;;) {
    const [from, to] = await Promise.all([lookAt(half.peer), lookAt(other.peer)]);
    const outcome = handoverOf(viewOf(from), viewOf(to), performance.now() - began);
    if (outcome === "done") {
      tell(
        `${other.hostname}: has taken over ${count === 1 ? "the instance" : `${count} instances`} of ${half.hostname}`,
      );
      return undefined;
    }
    if (outcome === "waiting") {
      await pause(HANDOVER_LOOK_MS);
      continue;
    }
    await askFor((path) => ask(half.peer, path, "POST"), "/v1/appliance/undrain", Drained);
    const message = `${other.hostname} did not take over within ${HANDOVER_LIMIT_MS / 1000} s: ${half.hostname} takes part again and was not restarted`;
    return { exit: ASK_EXIT.failed, message };
  }
}

function viewOf(view: Decoded<MachineView, AskError>): MachineView | undefined {
  return view.ok ? view.value : undefined;
}

async function untilItTakesPart({ peer, hostname }: Half): Promise<AskError | undefined> {
  const deadline = performance.now() + RESTART_LIMIT_MS;
  for (;;) {
    const view = await lookAt(peer);
    if (view.ok && view.value.instances.length > 0 && takesPart(view.value)) return undefined;
    if (performance.now() > deadline)
      return view.ok ? { exit: ASK_EXIT.failed, message: `${hostname}: its VRRP instances don't come up` } : view.error;
    await pause(LOOK_EVERY_MS);
  }
}

const Services = v.object({
  virtualServers: v.array(
    v.object({
      realServers: v.array(v.object({ connections: v.nullable(v.object({ active: v.number() })) })),
    }),
  ),
});

/** Established connections of all services. */
async function connectionsOf(peer: Peer): Promise<Decoded<number, AskError>> {
  const services = await askFor((path) => ask(peer, path), "/v1/virtual-servers", Services);
  if (!services.ok) return services;
  const counts = services.value.virtualServers.flatMap(({ realServers }) =>
    realServers.map(({ connections }) => connections?.active ?? 0),
  );
  return ok(counts.reduce((sum, count) => sum + count, 0));
}

/** Waits until the one that came back knows the connections of the one that serves, as far as anybody can tell it. */
async function untilItKnows(back: Half, serving: Half): Promise<AskError | undefined> {
  const began = performance.now();
  let watch: SyncWatch | undefined;
  for (;;) {
    const [open, known] = await Promise.all([connectionsOf(serving.peer), connectionsOf(back.peer)]);
    if (!open.ok) return open.error;
    if (!known.ok) return known.error;
    const now = performance.now();
    const step = watchSync(watch, { open: open.value, known: known.value }, now);
    if (step.kind === "waiting" && now - began < SYNC_LIMIT_MS) {
      watch = step.watch;
      await pause(LOOK_EVERY_MS);
      continue;
    }
    tell(`${back.hostname}: ${syncText(known.value, open.value)}`);
    return undefined;
  }
}

function syncText(known: number, open: number): string {
  if (known >= open) return `knows all open connections (${open})`;
  if (known === 0) return `knows none of ${open} open connections: does keepalived.conf have lvs_sync_daemon?`;
  return `knows ${known} of ${open} open connections; the others were silent meanwhile`;
}
