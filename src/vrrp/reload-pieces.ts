// VRRP core: a reload in pieces. What depends on nothing of each other can be taken at different times, with adverts and packets in between;
// what does is one piece: the members of a group, names that are exchanged, an address that goes from one instance to another. An instance
// that says what it said, in a group and with trackers that do, is in none of them.

import { inPortions, type Steps } from "../base/steps.ts";
import type { VrrpConfig, VrrpInstance } from "../config/model/vrrp.ts";
import { type Change, type Match, planReload, type ReloadPlan } from "./reload.ts";

/** Instances that are looked at in one step. */
const AT_ONCE = 32;

/** Of a reload what has to come at once. */
export interface ReloadPiece extends ReloadPlan {
  /** Of the next configuration: all groups that its instances are in. */
  readonly groups: VrrpConfig["syncGroups"];
}

type Parts = Pick<VrrpConfig, "instances" | "syncGroups">;

/**
 * Those in which instances only leave come first: what they had is free for the others.
 * @param tracksAlike what the instance of this name may track is what it was
 */
export function* reloadPieces(
  old: Parts,
  next: Parts,
  tracksAlike: (name: string) => boolean,
): Steps<readonly ReloadPiece[]> {
  const plan = yield* planReload(old.instances, next.instances);
  const ties = newTies();
  tieGroups(ties, old, next);
  yield;
  yield* inPortions(plan.keep, AT_ONCE, (some) => {
    for (const { old: before, next: instance } of some) {
      ties.tie(before.name, instance.name);
      if (before !== instance || !tracksAlike(instance.name)) ties.touch(instance.name);
    }
  });
  yield* inPortions(plan.change, AT_ONCE, (some) => {
    for (const { old: before, next: instance } of some) {
      ties.touch(instance.name);
      ties.tie(before.name, instance.name);
      tieHandedOn(ties, instance.name, before, instance);
    }
  });
  yield* inPortions([...plan.remove, ...plan.add], AT_ONCE, (some) => {
    for (const instance of some) {
      ties.touch(instance.name);
      // Two routers with one VRID, and names of virtual interfaces, which are made of it.
      ties.tie(instance.name, `vrid ${instance.vrid}`);
      tieHandedOn(ties, instance.name, undefined, instance);
    }
  });
  return yield* collect(plan, next, ties);
}

// --- which belong together

/** What is tied directly or by others is one; what is touched makes all of it a piece. Names of instances stand for themselves. */
interface Ties {
  tie(one: string, other: string): void;
  touch(one: string): void;
  /** The piece that it is of; undefined when nothing of it is touched. */
  pieceOf(name: string): string | undefined;
}

function newTies(): Ties {
  const above = new Map<string, string>();
  const touched = new Set<string>();
  let roots: ReadonlySet<string> | undefined;

  function rootOf(one: string): string {
    let root = one;
    for (let up = above.get(root); up !== undefined; up = above.get(root)) root = up;
    // Shorter for whoever asks next.
    for (let at = one; at !== root; ) {
      const up = above.get(at) ?? root;
      above.set(at, root);
      at = up;
    }
    return root;
  }

  return {
    tie(one, other) {
      const [a, b] = [rootOf(one), rootOf(other)];
      if (a !== b) above.set(a, b);
    },
    touch: (one) => void touched.add(one),
    pieceOf(name) {
      roots ??= new Set([...touched].map(rootOf));
      const root = rootOf(name);
      return roots.has(root) ? root : undefined;
    },
  };
}

function tieGroups(ties: Ties, old: Parts, next: Parts): void {
  const before = new Map(old.syncGroups.map((group) => [group.name, group]));
  const after = new Set(next.syncGroups);
  for (const group of [...old.syncGroups, ...next.syncGroups]) {
    const key = groupKey(group.name);
    for (const name of group.instances) ties.tie(key, name);
    if (before.get(group.name) !== group || !after.has(group)) ties.touch(key);
  }
}

/** No instance has such a name: a blank ends a word. */
function groupKey(name: string): string {
  return `group ${name}`;
}

/** What one instance loses and another one gains stays in the kernel: they are one piece. */
function tieHandedOn(ties: Ties, name: string, old: VrrpInstance | undefined, next: VrrpInstance | undefined): void {
  const [before, after] = [holdings(old), holdings(next)];
  for (const key of before.symmetricDifference(after)) ties.tie(name, key);
}

function holdings(instance: VrrpInstance | undefined): ReadonlySet<string> {
  if (!instance) return new Set();
  const { virtualAddresses, excludedAddresses, routes, rules } = instance;
  return new Set([
    ...virtualAddresses.map(({ ip }) => `address ${ip}`),
    ...excludedAddresses.map(({ ip }) => `address ${ip}`),
    ...routes.map(({ destination: { ip, prefix } }) => `route ${ip}/${prefix}`),
    ...rules.map(({ preference }) => `rule ${preference}`),
  ]);
}

// --- the pieces

interface Collected {
  readonly keep: Match[];
  readonly change: Change[];
  readonly remove: VrrpInstance[];
  readonly add: VrrpInstance[];
  readonly groups: VrrpConfig["syncGroups"][number][];
}

function* collect(plan: ReloadPlan, next: Parts, ties: Ties): Steps<readonly ReloadPiece[]> {
  const pieces = new Map<string, Collected>();
  const put = (name: string, into: (piece: Collected) => void) => {
    const root = ties.pieceOf(name);
    if (root === undefined) return;
    const known = pieces.get(root);
    const piece = known ?? { keep: [], change: [], remove: [], add: [], groups: [] };
    if (!known) pieces.set(root, piece);
    into(piece);
  };
  const each = <T>(all: readonly T[], nameOf: (one: T) => string, into: (piece: Collected, one: T) => void) =>
    inPortions(all, 4 * AT_ONCE, (some) => {
      for (const one of some) put(nameOf(one), (piece) => into(piece, one));
    });
  yield* each(plan.keep, nameOfMatch, ({ keep }, match) => keep.push(match));
  yield* each(plan.change, nameOfMatch, ({ change }, match) => change.push(match));
  yield* each(plan.remove, nameOfInstance, ({ remove }, instance) => remove.push(instance));
  yield* each(plan.add, nameOfInstance, ({ add }, instance) => add.push(instance));
  for (const group of next.syncGroups) put(groupKey(group.name), ({ groups }) => groups.push(group));
  const onlyLeaves = ({ keep, change, add }: ReloadPiece) => keep.length + change.length + add.length === 0;
  const [leaving, others] = [
    [...pieces.values()].filter(onlyLeaves),
    [...pieces.values()].filter((one) => !onlyLeaves(one)),
  ];
  return [...leaving, ...others];
}

const nameOfMatch = ({ next }: Match) => next.name;
const nameOfInstance = ({ name }: VrrpInstance) => name;
