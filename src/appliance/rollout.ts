// Appliance core: an update of one machine, or of two that stand in for each other, as seen from a laptop: which is first, and what its
// answers mean. The second is not touched before the first serves again, so there is one that serves at any time.

/** What a machine says of itself: parts of `GET /v1/appliance` and `GET /v1/vrrp`. */
export interface MachineView {
  readonly hostname: string;
  readonly version: string;
  readonly slot?: string | undefined;
  readonly good: boolean;
  /** The last update that was given up. */
  readonly failure?: { readonly version: string; readonly reason: string } | undefined;
  readonly pending?: { readonly version: string } | undefined;
  readonly instances: readonly { readonly name: string; readonly state: string }[];
}

/**
 * Why a pair can't be updated without a gap now; undefined: it can. Each of the two has to be able to serve what the other one does.
 */
export function objection([a, b]: readonly [MachineView, MachineView]): string | undefined {
  for (const one of [a, b]) {
    if (!one.good) return `${one.hostname} has not shown yet that its start is a good one`;
    const stuck = one.instances.find(({ state }) => state !== "MASTER" && state !== "BACKUP");
    if (stuck) return `${one.hostname}: instance ${stuck.name} is in ${stuck.state}: it could not take over`;
    if (one.instances.length === 0) return `${one.hostname} has no VRRP instance: nobody would stand in for it`;
  }
  const names = (one: MachineView) =>
    one.instances
      .map(({ name }) => name)
      .sort()
      .join(" ");
  if (names(a) !== names(b)) return `${a.hostname} and ${b.hostname} don't have the same VRRP instances`;
  const both = a.instances.find(({ name, state }) => state === "MASTER" && stateOf(b, name) === "MASTER");
  if (both) return `both are master of ${both.name}: they don't hear each other`;
  return undefined;
}

function stateOf({ instances }: MachineView, name: string): string | undefined {
  return instances.find((one) => one.name === name)?.state;
}

/** The one that is master of fewer instances goes first: fewer are handed over. 0 or 1. */
export function firstOfPair([a, b]: readonly [MachineView, MachineView]): 0 | 1 {
  return mastersOf(b) < mastersOf(a) ? 1 : 0;
}

export type Progress =
  | { readonly kind: "waiting" }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string };

/** What has become of an update, by what the machine says after its restart; undefined: it does not answer. */
export function progressOf(view: MachineView | undefined, version: string): Progress {
  if (!view) return { kind: "waiting" };
  // One that was written over the same version waits to be tried, and runs it all the same.
  if (view.version === version && view.pending?.version !== version)
    return view.good ? { kind: "done" } : { kind: "waiting" };
  if (view.failure?.version === version) return { kind: "failed", reason: view.failure.reason };
  // Another version runs, and nothing waits to be tried any more.
  if (view.good && view.pending?.version !== version) return { kind: "failed", reason: `it runs ${view.version}` };
  return { kind: "waiting" };
}

/** It takes part again: it has its place beside the other one. */
export function takesPart({ instances }: MachineView): boolean {
  return instances.every(({ state }) => state === "MASTER" || state === "BACKUP");
}

/** The longest advertisement interval is 41 s in version 3 and 255 s in version 2; who needs longer than a minute is none to rely on. */
export const HANDOVER_LIMIT_MS = 60_000;

/** What has become of a drain of `from`; a view is undefined when the machine did not answer. */
export function handoverOf(
  from: MachineView | undefined,
  to: MachineView | undefined,
  elapsedMs: number,
): "waiting" | "done" | "failed" {
  if (from && to && mastersOf(from) === 0 && mastersOf(to) === to.instances.length) return "done";
  return elapsedMs < HANDOVER_LIMIT_MS ? "waiting" : "failed";
}

export function mastersOf({ instances }: MachineView): number {
  return instances.filter(({ state }) => state === "MASTER").length;
}

/** Established connections at one moment. */
export interface ConnectionView {
  /** Of the director that serves. */
  readonly open: number;
  /** Of the one that came back: it is told of them one by one, as their packets pass (`lvs_sync_daemon`). */
  readonly known: number;
}

export interface SyncWatch {
  /** The most that were known. */
  readonly best: number;
  readonly roseAtMs: number;
}

/** kernel: a connection is told again sync_refresh_period after the last time (appliance/sysctls.ts), and is 2 s in a buffer that is not full. */
export const SYNC_STILL_MS = 15_000;

export type SyncStep =
  | { readonly kind: "waiting"; readonly watch: SyncWatch }
  /** `left`: connections without a packet meanwhile. Nobody can be told of those before there is one. */
  | { readonly kind: "done"; readonly known: number; readonly left: number };

/** Whether it is worth waiting longer for connections. @param before undefined: this is the first look */
export function watchSync(before: SyncWatch | undefined, { open, known }: ConnectionView, nowMs: number): SyncStep {
  if (known >= open) return { kind: "done", known, left: 0 };
  const rose = before === undefined || known > before.best;
  const watch = rose ? { best: known, roseAtMs: nowMs } : before;
  if (nowMs - watch.roseAtMs < SYNC_STILL_MS) return { kind: "waiting", watch };
  return { kind: "done", known, left: open - known };
}
