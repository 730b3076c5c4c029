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
  const masters = (one: MachineView) => one.instances.filter(({ state }) => state === "MASTER").length;
  return masters(b) < masters(a) ? 1 : 0;
}

export type Progress =
  | { readonly kind: "waiting" }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string };

/** What has become of an update, by what the machine says after its restart; undefined: it does not answer. */
export function progressOf(view: MachineView | undefined, version: string): Progress {
  if (!view) return { kind: "waiting" };
  if (view.version === version) return view.good ? { kind: "done" } : { kind: "waiting" };
  if (view.failure?.version === version) return { kind: "failed", reason: view.failure.reason };
  // Another version runs, and nothing waits to be tried any more.
  if (view.good && view.pending?.version !== version) return { kind: "failed", reason: `it runs ${view.version}` };
  return { kind: "waiting" };
}

/** It takes part again: it has its place beside the other one. */
export function takesPart({ instances }: MachineView): boolean {
  return instances.every(({ state }) => state === "MASTER" || state === "BACKUP");
}
