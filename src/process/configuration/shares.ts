// Process layer: what each role gets of a configuration: its share, cut into pieces that a loop can take one at a time, and at a reload
// only what differs. Pure; assembly.ts puts it together again.
import type { Config } from "../../config/model/config.ts";
import { hasPrograms, programKey, withPrograms } from "../../roles/programs/named.ts";
import type { RoleName } from "../../roles/role.ts";
import { isServed, withServed } from "../../roles/served.ts";
import { linesBetween } from "./places.ts";

/** UTF-16 units of a piece; reading one of them holds a loop for a third of a millisecond. One object alone may be longer. */
export const PIECE_CHARS = 32 * 1024;
/** Keys of one line about the order of a list. */
const KEYS_AT_ONCE = 500;
/** Entries that move in one piece: putting the places of so many instances right holds a loop for a third of a millisecond. */
export const MOVED_AT_ONCE = 200;

/** The lists of a configuration whose entries come and go one by one. */
const LIST_NAMES = ["virtualServers", "instances", "syncGroups", "programs", "served"] as const;
export type ListName = (typeof LIST_NAMES)[number];

/** A piece is a JSON list of these. */
export type PieceLine =
  /** Everything before is forgotten. */
  | readonly ["whole"]
  /** The configuration with its lists empty. */
  | readonly ["rest", unknown]
  /** In place of the one with this key, or behind the last. */
  | readonly ["put", ListName, string, unknown]
  | readonly ["drop", ListName, string]
  /** So many entries, from this one on, stand so many lines further down; before anything else of the list. */
  | readonly ["moved", ListName, from: number, count: number, lines: number]
  /** These go behind all others, one after the other. */
  | readonly ["order", ListName, readonly string[]];

/** What a role reads, and no more. */
export function shareOf(role: RoleName, config: Config): Config {
  if (role === "checker") return checkerShare(config);
  if (role === "starter") return withPrograms(config);
  // Where the key of its checks is, and the key's password.
  const { ssl: _ofChecks, serviceGroups: _shown, ...others } = config;
  return shareOfOthers(role, others);
}

function checkerShare(config: Config): Config {
  return { ...config, vrrp: { ...withoutRouters(config).vrrp, files: config.vrrp.files }, bfd: [] };
}

function shareOfOthers(role: Exclude<RoleName, "checker" | "starter">, config: Config): Config {
  switch (role) {
    case "vrrp":
      return withServed(config);
    case "bfd":
      return { ...withoutRouters(config), virtualServers: [] };
    case "api":
      return { ...withoutRouters(config), virtualServers: [], bfd: [] };
  }
}

function withoutRouters(config: Config): Config {
  const lists = { instances: [], syncGroups: [], scripts: [], files: [], processes: [], trackGroups: [] };
  const objects = { staticAddresses: [], staticRoutes: [], staticRules: [], garpGroups: [], linkbeat: [] };
  return { ...config, vrrp: { ...config.vrrp, ...lists, ...objects, upDownDelays: [] } };
}

/** All of a share, as texts of pieces. */
export function wholePieces(share: Config): Iterable<string> {
  return inPieces(wholeLines(share));
}

/** What makes `old` to `next`; nothing when they are the same. */
export function differencePieces(old: Config, next: Config): Iterable<string> {
  return inPieces(differenceLines(old, next));
}

function* wholeLines(share: Config): Generator<PieceLine> {
  yield ["whole"];
  yield ["rest", restOf(share)];
  const lists = listsOf(share);
  for (const list of LIST_NAMES) for (const [key, value] of lists[list]) yield ["put", list, key, value];
}

function* differenceLines(old: Config, next: Config): Generator<PieceLine> {
  const rest = restOf(next);
  if (linesBetween(restOf(old), rest) !== 0) yield ["rest", rest];
  const [before, after] = [listsOf(old), listsOf(next)];
  for (const list of LIST_NAMES) yield* listLines(list, before[list], after[list]);
}

function* listLines(list: ListName, old: Entries, next: Entries): Generator<PieceLine> {
  const before = new Map(old);
  const after = new Map(next);
  const moved = old.map(([key, value]) => linesBetween(value, after.get(key)));
  yield* movedLines(list, moved);
  for (const key of before.keys()) if (!after.has(key)) yield ["drop", list, key];
  const put = new Set(old.flatMap(([key], at) => (moved[at] === undefined ? [key] : [])));
  for (const [key, value] of after) if (!before.has(key) || put.has(key)) yield ["put", list, key, value];
  const stayed = [...before.keys()].filter((key) => after.has(key));
  const arrived = [...after.keys()].filter((key) => !before.has(key));
  const wanted = [...after.keys()];
  if ([...stayed, ...arrived].every((key, at) => wanted[at] === key)) return;
  for (let at = 0; at < wanted.length; at += KEYS_AT_ONCE) yield ["order", list, wanted.slice(at, at + KEYS_AT_ONCE)];
}

/** Neighbours that moved by as much, together. */
function* movedLines(list: ListName, moved: readonly (number | undefined)[]): Generator<PieceLine> {
  for (let at = 0; at < moved.length; ) {
    const lines = moved[at];
    let end = at + 1;
    while (end < moved.length && moved[end] === lines && end - at < MOVED_AT_ONCE) end++;
    if (lines) yield ["moved", list, at, end - at, lines];
    at = end;
  }
}

type Entries = readonly (readonly [key: string, value: unknown])[];

function listsOf(share: Config): Readonly<Record<ListName, Entries>> {
  return {
    virtualServers: share.virtualServers.map((one) => [one.id, one]),
    instances: share.vrrp.instances.map((one) => [one.name, one]),
    syncGroups: share.vrrp.syncGroups.map((one) => [one.name, one]),
    programs: hasPrograms(share) ? share.programs.map((one) => [`${one.role} ${programKey(one.command)}`, one]) : [],
    served: isServed(share) ? share.served.map((one) => [JSON.stringify(one), one]) : [],
  };
}

function restOf(share: Config): object {
  return {
    ...share,
    virtualServers: [],
    vrrp: { ...share.vrrp, instances: [], syncGroups: [] },
    ...(hasPrograms(share) && { programs: [] }),
    ...(isServed(share) && { served: [] }),
  };
}

function* inPieces(lines: Iterable<PieceLine>): Generator<string> {
  let text = "";
  let moved = 0;
  for (const line of lines) {
    const added = JSON.stringify(line);
    if (line[0] === "moved") moved += line[3];
    if (text !== "" && (text.length + added.length > PIECE_CHARS || moved > MOVED_AT_ONCE)) {
      moved = line[0] === "moved" ? line[3] : 0;
      yield `[${text}]`;
      text = "";
    }
    text += `${text === "" ? "" : ","}${added}`;
  }
  if (text !== "") yield `[${text}]`;
}
