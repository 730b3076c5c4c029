// Adapter: runs the operator's programs (notify, track, MISC_CHECK, FIFO readers): own process group, no terminal, no inherited
// loader variables, a hard time limit for the whole group, and a bound on how many run at once (reliability.md, requirement 15).
import { type ChildProcess, spawn } from "node:child_process";
import type { Clock } from "../base/clock.ts";
import type { Command, ScriptSecurity } from "../config/model.ts";
import { type Account, findAccount } from "./accounts.ts";
import { createScriptPlaces, MAX_WAITING } from "./script-places.ts";
import { judgeScript } from "./script-security.ts";

export type ScriptOutcome =
  | { readonly kind: "exit"; readonly status: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "timeout"; readonly limitMs: number }
  | { readonly kind: "cannot-start"; readonly reason: string };

export interface ScriptRunner {
  /**
   * Runs a program with extra arguments. A place is waited for first; the time limit counts from the start of the program; Infinity:
   * none. At the limit `overdue` is called and its group is ended, KILL at the latest KILL_AFTER_MS later; the answer comes when it is gone.
   * `end` ends it like its limit.
   */
  run(
    command: Command,
    extraArgs: readonly string[],
    limitMs: number,
    overdue?: () => void,
    end?: AbortSignal,
  ): Promise<ScriptOutcome>;
  /** Programs that run now. */
  running(): number;
  /** Ends everything that runs or waits: TERM to each group, KILL to what is there STOP_GRACE_MS later. Nothing is left afterwards. */
  stop(): Promise<void>;
  setSecurity(security: ScriptSecurity): void;
}

/** No program gets more than this long between TERM and KILL. */
export const KILL_AFTER_MS = 2000;
/** At the end of this process nobody waits that long. */
const STOP_GRACE_MS = 500;

const DEFAULT_ACCOUNT = "keepalived_script";
const SCRUBBED = /^(LD_|BASH_ENV$|ENV$|IFS$|BUN_|NODE_|DENO_|LBD_)/;

interface TimeLimit {
  readonly ms: number;
  readonly end?: AbortSignal | undefined;
  overdue(): void;
}

export function createScriptRunner(clock: Clock, initial: ScriptSecurity, places = createScriptPlaces()): ScriptRunner {
  let security = initial;
  const active = new Set<ChildProcess>();
  /** Programs that ran into their time limit the last time. */
  const slow = new WeakSet<Command>();
  let stopped = false;
  let allGone = () => {};

  async function run(
    command: Command,
    extraArgs: readonly string[],
    limitMs: number,
    overdue: () => void = () => {},
    end?: AbortSignal,
  ): Promise<ScriptOutcome> {
    const isSlow = slow.has(command);
    if (!(await places.enter(isSlow))) return { kind: "cannot-start", reason: `${MAX_WAITING} programs wait already` };
    const outcome = await runNow(command, extraArgs, { ms: limitMs, overdue, end });
    if (outcome.kind === "timeout") slow.add(command);
    else slow.delete(command);
    places.leave(isSlow);
    return outcome;
  }

  function runNow(
    command: Command,
    extraArgs: readonly string[],
    limit: TimeLimit,
  ): ScriptOutcome | Promise<ScriptOutcome> {
    if (stopped) return { kind: "cannot-start", reason: "stopping" };
    const ready = prepare(command, security);
    if ("reason" in ready) return { kind: "cannot-start", reason: ready.reason };
    const args = [...command.argv.slice(1), ...extraArgs];
    return start(ready.program, launchOf(ready.program, args, ready.account, security), limit);
  }

  function start(program: string, { file, args, ids }: Launch, limit: TimeLimit): Promise<ScriptOutcome> {
    return new Promise((resolve) => {
      const options = {
        detached: true,
        stdio: "ignore",
        cwd: "/",
        env: scriptEnvironment(),
        ...ids,
      } as const;
      let child: ChildProcess;
      try {
        child = spawn(file, args, options);
      } catch (error) {
        resolve({ kind: "cannot-start", reason: String(error) });
        return;
      }
      active.add(child);
      let timedOut = false;
      let cancelKill = () => {};
      const end = () => {
        if (timedOut) return;
        timedOut = true;
        killGroup(child, "SIGTERM");
        cancelKill = clock.at(clock.now() + KILL_AFTER_MS, () => killGroup(child, "SIGKILL"));
        limit.overdue();
      };
      const cancelLimit = limit.ms === Number.POSITIVE_INFINITY ? () => {} : clock.at(clock.now() + limit.ms, end);
      limit.end?.addEventListener("abort", end);
      const done = (outcome: ScriptOutcome) => {
        cancelLimit();
        limit.end?.removeEventListener("abort", end);
        // The leader may be gone while its children go on: the group gets no second life.
        if (timedOut || stopped) killGroup(child, "SIGKILL");
        cancelKill();
        active.delete(child);
        if (active.size === 0) allGone();
        resolve(timedOut ? { kind: "timeout", limitMs: limit.ms } : outcome);
      };
      child.once("error", (error) => {
        const reason = file === program ? whyNotStarted(program, error) : `${file}: ${error.message}`;
        done({ kind: "cannot-start", reason });
      });
      child.once("exit", (status, signal) =>
        done(signal === null ? { kind: "exit", status: status ?? 0 } : { kind: "signal", signal }),
      );
    });
  }

  return {
    run,
    running: () => active.size,
    stop() {
      stopped = true;
      places.letAllIn();
      for (const child of active) killGroup(child, "SIGTERM");
      return new Promise<void>((resolve) => {
        if (active.size === 0) return resolve();
        const cancel = clock.at(clock.now() + STOP_GRACE_MS, () => {
          for (const child of active) killGroup(child, "SIGKILL");
          resolve();
        });
        allGone = () => {
          cancel();
          resolve();
        };
      });
    },
    setSecurity(next) {
      security = next;
    },
  };
}

/** Account and resolved program of a command, or why it may not run. Judged anew before each run: files change. */
export function prepare(
  command: Command,
  security: ScriptSecurity,
): { program: string; account: Account } | { reason: string } {
  const user = command.user ?? security.user;
  const found =
    user === undefined ? defaultAccount(security) : findAccount(user, command.user ? command.group : security.group);
  if (!found.ok) return { reason: found.reason };
  const program = command.argv[0] ?? "";
  const verdict = judgeScript(program, found.account.uid, security);
  switch (verdict.kind) {
    case "safe":
      return { program: verdict.resolved, account: found.account };
    case "missing":
      return { reason: verdict.reason };
    case "unsafe":
      if (!security.enabled) return { program: verdict.resolved, account: found.account };
      return { reason: `enable_script_security: ${verdict.reason}; ${verdict.mend}` };
  }
}

/** What is spawned, and as whom. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/** A runtime sets no group but the first: with `set_supplementary_groups` setpriv(1) takes on the account. */
export function launchOf(
  program: string,
  args: readonly string[],
  { uid, gid, groups }: Account,
  { supplementaryGroups }: ScriptSecurity,
): Launch {
  if (!supplementaryGroups || groups.length < 2) return { file: program, args, ids: { uid, gid } };
  const account = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(",")}`];
  return { file: "setpriv", args: [...account, "--", program, ...args], ids: {} };
}

/** `keepalived_script`, else root; with security on there is no falling back to root. */
function defaultAccount(security: ScriptSecurity): ReturnType<typeof findAccount> {
  const own = findAccount(DEFAULT_ACCOUNT);
  if (own.ok) return own;
  if (security.enabled)
    return {
      ok: false,
      reason: `no script_user is set and there is no user ${DEFAULT_ACCOUNT}: set script_user in global_defs`,
    };
  return findAccount("0");
}

function scriptEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !SCRUBBED.test(name)) env[name] = value;
  return env;
}

/** The file is there and may be run, or `prepare` would have said so: what is missing is what it names in its first line. */
function whyNotStarted(program: string, error: Error): string {
  const missing = "code" in error && error.code === "ENOENT";
  return missing ? `${program}: the interpreter that its first line names is missing (ENOENT)` : error.message;
}

function killGroup(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the whole group is gone already.
  }
}
