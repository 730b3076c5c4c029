// One file, both programs: what Debian's keepalived made of it when it was really started, beside what lbd makes of it. A difference is
// either none of those that docs/compat-notes.md names, and then a fault, or one of KNOWN, by rule.
import type { LoadResult } from "../../src/config/load.ts";
import { factsOfDump, factsOfModel } from "./dump.ts";
import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import type { PeerRun } from "./peer.ts";

export interface Difference {
  readonly keepalived: readonly string[];
  readonly lbd: readonly string[];
}

export interface Compared {
  /** What no known difference explains. */
  readonly difference: Difference;
  /** Names of the known differences that there are. */
  readonly known: ReadonlySet<string>;
}

export function differenceOf(
  peer: PeerRun,
  text: string,
  loaded: Pick<LoadResult, "config" | "diagnostics">,
): Compared {
  const theirs = [peer.vrrp, peer.services].flatMap((dump) => (dump === undefined ? [] : factsOfDump(dump)));
  const normal = (facts: readonly string[]) =>
    new Set(facts.filter((fact) => !fact.startsWith("bfd ")).map((fact) => plainFact(fact, peer.wanted)));
  const keepalived = normal(theirs.map((fact) => withState(fact, peer.wanted)));
  const lbd = normal(factsOfModel(loaded.config, { services: true, vrrp: true }));
  const codes = new Set(loaded.diagnostics.map(({ code }) => code));
  const known = new Set<string>();
  const unknown = (side: "keepalived" | "lbd", facts: ReadonlySet<string>, other: ReadonlySet<string>) =>
    [...facts].filter((fact) => {
      if (other.has(fact)) return false;
      const found = KNOWN_DIFFERENCES.find((one) => one.covers(fact, side, { text, codes, other }));
      if (found) known.add(found.name);
      return !found;
    });
  const difference = { keepalived: unknown("keepalived", keepalived, lbd), lbd: unknown("lbd", lbd, keepalived) };
  return { difference, known };
}

const STATE = /^(vrrp (.*) version .*) wanted (\S+)$/;

/** The state an instance begins with is seen at the start; a dump of a running one shows where it wants to be by then. */
function withState(fact: string, wanted: ReadonlyMap<string, string>): string {
  const [, head, name = ""] = STATE.exec(fact) ?? [];
  const state = wanted.get(name);
  return head === undefined || state === undefined ? fact : `${head} wanted ${state}`;
}

/** Without what is only a way of printing, and what only running adds. */
function plainFact(fact: string, wanted: ReadonlyMap<string, string>): string {
  const [, head, name = ""] = STATE.exec(fact) ?? [];
  if (head !== undefined && !wanted.has(name)) return head;
  return (
    fact
      .replace(/ set\b/, "")
      // Of an IPv6 address with its own prefix alone; such a one is put in so by both (test/netns/vrrp-lines.test.ts).
      .replace(/^(vrrp .* (?:address|excluded) \S+.*) deprecated/, "$1")
      // Version 2 has room for eight bytes, and both send these.
      .replace(/ authentication PASS (.{8}).*/, " authentication PASS $1")
      // Below a sum of 0 keepalived counts down from 0.
      .replace("hysteresis = 4294967295", "hysteresis = 0")
      .replace(/^(vrrp .* (?:address|excluded) )([\da-f.:]+)(?= |$)/, (_all, start, ip) => `${start}${withPrefix(ip)}`)
      .replace(/^(vrrp .* route (?:[a-z]+ )?)([\da-f.:]+)(?= |$)/, (_all, start, ip) => `${start}${withPrefix(ip)}`)
      .replace("payload undefined", "payload 0")
      .replace(/ codes ([\d -]*) digest/, (_all, codes) => ` codes ${codesIn(codes)} digest`)
      // Nobody waits before a retry that there is none of.
      .replace(/ retry 0 pause [\d.]+/, " retry 0")
  );
}

/** Each code once, wherever and however often it is said. */
function codesIn(text: string): string {
  const codes = new Set<number>();
  for (const part of text.split(" ")) {
    const [low = 0, high = low] = part.split("-").map(Number);
    for (let code = low; code <= high; code++) codes.add(code);
  }
  return [...codes].sort((a, b) => a - b).join(" ");
}

function withPrefix(ip: string): string {
  return `${ip}/${ip.includes(":") ? 128 : 32}`;
}
