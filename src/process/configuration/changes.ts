// Process layer: what a reload changed, in a line and a few names, for people. Pure.
import type { Config } from "../../config/model/config.ts";
import { isSameBut } from "./same.ts";

/** Names that are told one by one. */
const MAX_NAMED = 20;

type Sign = "+" | "~" | "-";

interface Change {
  readonly sign: Sign;
  readonly what: string;
  readonly name: string;
}

/** First `+1 real server, ~2 virtual servers`, then the first of them by name; one line when nothing differs. */
export function changesOf(old: Config, next: Config): readonly string[] {
  const changes = [
    ...differences("virtual server", byKey(old.virtualServers, idOf), byKey(next.virtualServers, idOf), [
      "realServers",
    ]),
    ...realServerChanges(old, next),
    ...differences("VRRP instance", byKey(old.vrrp.instances, nameOf), byKey(next.vrrp.instances, nameOf)),
    ...differences("sync group", byKey(old.vrrp.syncGroups, nameOf), byKey(next.vrrp.syncGroups, nameOf)),
    ...otherChanges(old, next),
  ];
  if (changes.length === 0) return ["nothing changed"];
  const lines = changes
    .slice(0, MAX_NAMED)
    .map(({ sign, what, name }) => `${sign} ${what}${name === "" ? "" : ` ${name}`}`);
  const more = changes.length - lines.length;
  return [summaryOf(changes), ...lines, ...(more > 0 ? [`and ${more} more`] : [])];
}

const idOf = ({ id }: { readonly id: string }) => id;
const nameOf = ({ name }: { readonly name: string }) => name;

/** Real servers of the virtual servers that both have: with a whole virtual server they come and go unsaid. */
function realServerChanges(old: Config, next: Config): Change[] {
  const before = byKey(old.virtualServers, idOf);
  return next.virtualServers.flatMap((server) => {
    const was = before.get(server.id);
    if (!was || isSameBut(was.realServers, server.realServers)) return [];
    return differences("real server", byKey(was.realServers, idOf), byKey(server.realServers, idOf)).map((change) => ({
      ...change,
      name: `${change.name} of ${server.id}`,
    }));
  });
}

/** Everything else in one: which of it is rarely asked, that something of it differs is. */
function otherChanges(old: Config, next: Config): Change[] {
  const { virtualServers: _v, vrrp: oldVrrp, ...oldRest } = old;
  const { virtualServers: _w, vrrp: nextVrrp, ...nextRest } = next;
  const differs = !isSameBut(oldRest, nextRest) || !isSameBut(oldVrrp, nextVrrp, ["instances", "syncGroups"]);
  return differs ? [{ sign: "~", what: "other settings", name: "" }] : [];
}

function differences<T extends object>(
  what: string,
  old: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  but: readonly string[] = [],
): Change[] {
  const found: Change[] = [];
  for (const [name, value] of next) {
    const was = old.get(name);
    if (!was) found.push({ sign: "+", what, name });
    else if (!isSameBut(was, value, but)) found.push({ sign: "~", what, name });
  }
  for (const name of old.keys()) if (!next.has(name)) found.push({ sign: "-", what, name });
  return found;
}

function summaryOf(changes: readonly Change[]): string {
  const counts = new Map<string, { readonly change: Change; n: number }>();
  for (const change of changes) {
    const key = `${change.sign}${change.what}`;
    const entry = counts.get(key) ?? { change, n: 0 };
    entry.n++;
    counts.set(key, entry);
  }
  return Array.from(counts.values(), ({ change: { sign, what, name }, n }) =>
    name === "" ? `${sign}${what}` : `${sign}${n} ${what}${n === 1 ? "" : "s"}`,
  ).join(", ");
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [keyOf(item), item]));
}
