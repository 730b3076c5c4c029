// One file, both programs: what Debian's keepalived made of it when it was really started, beside what lbd makes of it. A difference is
// either none of those that docs/compat-notes.md names, and then a fault, or one of KNOWN, by rule.
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import type { LoadResult } from "../../src/config/load.ts";
import type { Check, Config } from "../../src/config/model.ts";
import { factsOfDump, factsOfModel } from "./dump.ts";
import type { PeerRun } from "./peer.ts";

export interface Difference {
  readonly keepalived: readonly string[];
  readonly lbd: readonly string[];
}

export function differenceOf(peer: PeerRun, loaded: Pick<LoadResult, "config">): Difference {
  const config = withoutMissingPrograms(loaded.config);
  const theirs = [peer.vrrp, peer.services].flatMap((dump) => (dump === undefined ? [] : factsOfDump(dump)));
  const wanted = new Map(peer.wanted);
  const normal = (facts: readonly string[]) =>
    new Set(facts.filter((fact) => !fact.startsWith("bfd ")).map((fact) => plainFact(fact, wanted)));
  const keepalived = normal(theirs.map((fact) => withState(fact, wanted)));
  const lbd = normal(factsOfModel(config, { services: true, vrrp: true }));
  return {
    keepalived: [...keepalived].filter((fact) => !lbd.has(fact)),
    lbd: [...lbd].filter((fact) => !keepalived.has(fact)),
  };
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
      .replace(/^(vrrp .* (?:address|excluded) )([\da-f.:]+)(?= |$)/, (_all, start, ip) => `${start}${withPrefix(ip)}`)
      .replace(/^(vrrp .* route (?:[a-z]+ )?)([\da-f.:]+)(?= |$)/, (_all, start, ip) => `${start}${withPrefix(ip)}`)
      .replace("payload undefined", "payload 0")
      .replace(/ codes ([\d -]*) digest/, (_all, codes) => ` codes ${[...new Set(codes.split(" "))].join(" ")} digest`)
      // Nobody waits before a retry that there is none of.
      .replace(/ retry 0 pause [\d.]+/, " retry 0")
  );
}

function withPrefix(ip: string): string {
  return `${ip}/${ip.includes(":") ? 128 : 32}`;
}

/** keepalived leaves the check of a program out that is not on this machine; here the role does, when it runs. */
function withoutMissingPrograms(config: Config): Config {
  const isThere = (check: Check) => check.kind !== "MISC_CHECK" || canRun(check.command.argv[0] ?? "");
  return {
    ...config,
    virtualServers: config.virtualServers.map((server) => ({
      ...server,
      realServers: server.realServers.map((real) => ({ ...real, checks: real.checks.filter(isThere) })),
    })),
  };
}

function canRun(program: string): boolean {
  const paths = program.includes("/")
    ? [program]
    : (process.env.PATH ?? "").split(":").map((dir) => join(dir, program));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}
