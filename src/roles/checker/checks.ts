// Role checker: hands the checks of real servers to the runner: anew at a start, going on over a reload as far as they ask the same,
// taken over from the kernel's table after a crash.
import { sameValue } from "../../base/same-value.ts";
import { initialHealth } from "../../check/health.ts";
import { checkKey } from "../../check/key.ts";
import type { WeightShare } from "../../check/outcome.ts";
import type { CheckRunner } from "../../check/runner.ts";
import type { CheckView } from "../../check/standing.ts";
import type { Check } from "../../config/model/check.ts";
import type { Adopted } from "./adoption.ts";
import type { HealthBefore, KeptCheck } from "./kept-health.ts";
import type { CheckedServer, ServerCheck } from "./served.ts";

/** How a real server and its checks stood in earlier lives of the role. */
export interface Before {
  /** One that crashed left it so in the kernel: that is the truth. */
  readonly adopted?: Adopted | undefined;
  /** One that ended in order. */
  readonly health?: HealthBefore | undefined;
}

export interface ServerChecks {
  /**
   * The checks of a real server. `old`: what it was until a reload: equal checks go on with their health; a new check of a server
   * that was known stands where the checks stood that it replaces, so that a reload neither brings a dead server back nor takes a
   * living one out. `before`: how it stood in earlier lives.
   */
  take(server: CheckedServer, old: CheckedServer | undefined, before?: Before): ServerCheck[];
  /** The same checks stand in another text now, which is in `server.realServer` already. */
  replaceText(server: CheckedServer): void;
  /** The real server is gone. */
  end(server: CheckedServer): void;
  firstWord(check: ServerCheck): boolean;
  ofFile(path: string): Iterable<ServerCheck>;
  ofSession(name: string): Iterable<ServerCheck>;
  files(): Iterable<string>;
}

export function createServerChecks(runner: CheckRunner<CheckedServer>): ServerChecks {
  /** Started as down, and not heard of yet. */
  const untold = new Set<ServerCheck>();
  const byFile = new Map<string, Set<ServerCheck>>();
  /** By `bfd_instance`. */
  const bySession = new Map<string, Set<ServerCheck>>();

  function start(
    server: CheckedServer,
    check: Check,
    { adopted, health }: Before,
    replaced: boolean | undefined,
  ): ServerCheck {
    // Sessions begin anew with the director: what one said before says nothing of it.
    const isRemembered = replaced === undefined && adopted === undefined && check.kind !== "BFD_CHECK";
    const kept = isRemembered ? health?.(server, check) : undefined;
    const up = replaced ?? adopted?.up ?? kept?.up ?? startsUp(check);
    const added = runner.add(server, check, initialHealth(up), inheritedWeight(check, adopted, kept));
    if (!up && replaced === undefined && adopted === undefined) untold.add(added);
    // It may have come back meanwhile: it is not to wait for its warm-up, out of the table.
    if (kept?.up === false) runner.kick(added);
    const watched = watchedBy(check);
    if (watched) {
      const { index, key } = watched;
      index.set(key, (index.get(key) ?? new Set()).add(added));
      // keepalived: what a file or a session says holds from the start on.
      runner.kick(added);
    }
    return added;
  }

  /** What a check runs for besides its period. */
  function watchedBy(
    check: Check,
  ): { readonly index: Map<string, Set<ServerCheck>>; readonly key: string } | undefined {
    if (check.kind === "FILE_CHECK") return { index: byFile, key: check.file };
    return check.kind === "BFD_CHECK" ? { index: bySession, key: check.instance } : undefined;
  }

  function endCheck(check: ServerCheck): void {
    const watched = watchedBy(check.check);
    if (watched) {
      const { index, key } = watched;
      const watching = index.get(key);
      watching?.delete(check);
      if (watching?.size === 0) index.delete(key);
    }
    untold.delete(check);
    runner.remove(check);
  }

  function take(server: CheckedServer, old: CheckedServer | undefined, before: Before): ServerCheck[] {
    const wanted = server.realServer.checks;
    const left = checksByKey(old);
    const kept = wanted.map((check) => (left.size === 0 ? undefined : takeFirst(left, checkKey(check))));
    const replaced = [...left.values()].flat();
    const standing = old && replaced.every(({ health }) => health.up);
    const checks = wanted.map((check, i) => {
      const going = kept[i];
      if (!going) return start(server, check, before, standing);
      runner.change(going, server, check);
      return going;
    });
    for (const check of replaced) endCheck(check);
    return checks;
  }

  return {
    take(server, old, before = {}) {
      if (!old || !sameValue(old.realServer.checks, server.realServer.checks, PLACES)) return take(server, old, before);
      for (const [i, check] of old.checks.entries())
        runner.change(check, server, server.realServer.checks[i] ?? check.check);
      return [...old.checks];
    },
    replaceText(server) {
      for (const [i, check] of server.checks.entries())
        runner.change(check, server, server.realServer.checks[i] ?? check.check);
    },
    end(server) {
      for (const check of server.checks) endCheck(check);
    },
    firstWord: (check) => untold.delete(check),
    ofFile: (path) => byFile.get(path) ?? [],
    ofSession: (name) => bySession.get(name) ?? [],
    files: () => byFile.keys(),
  };
}

/** A session is down until it says otherwise. keepalived adds the server, and takes it out milliseconds later. */
function startsUp({ kind, timing }: Check): boolean {
  return !timing.alpha && kind !== "BFD_CHECK";
}

const PLACES: ReadonlySet<string> = new Set(["origin"]);

/** Checks that ask the same stand under one key, in their order. */
function checksByKey(server: CheckedServer | undefined): Map<string, ServerCheck[]> {
  const checks = new Map<string, ServerCheck[]>();
  for (const check of server?.checks ?? []) {
    const key = checkKey(check.check);
    const same = checks.get(key);
    if (same) same.push(check);
    else checks.set(key, [check]);
  }
  return checks;
}

function takeFirst(checks: Map<string, ServerCheck[]>, key: string): ServerCheck | undefined {
  const same = checks.get(key);
  const first = same?.shift();
  if (same?.length === 0) checks.delete(key);
  return first;
}

/** A weight that a check had set lies in the kernel; it holds until the check says another. */
function inheritedWeight(
  check: Check,
  adopted: Adopted | undefined,
  kept: KeptCheck | undefined,
): WeightShare | undefined {
  if (kept) return kept.weight;
  const dynamic = check.kind === "FILE_CHECK" || (check.kind === "MISC_CHECK" && check.dynamic);
  return dynamic && adopted?.up ? { set: adopted.weight } : undefined;
}

/** What a real server's standing is worked out from. */
export function viewsOf(checks: readonly ServerCheck[]): CheckView[] {
  return checks.map(({ check, health, outcome, weight }) => ({
    id: check.id,
    up: health.up,
    ...(outcome ? { reason: outcome.reason } : {}),
    ...(weight ? { weight } : {}),
  }));
}
