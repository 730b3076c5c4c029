// Adapter: runs the operator's programs (notify, track, MISC_CHECK, FIFO readers): own process group, no terminal, no inherited
// loader variables, a hard time limit for the whole group, and a bound on how many run at once (reliability.md, requirement 15).
import { realpathSync } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "../base/clock.ts";
import { keptEnvironment } from "../base/environment.ts";
import type { Command } from "../config/model/command.ts";
import type { ScriptSecurity } from "../config/model/global.ts";
import type { Unusable } from "../config/semantics/programs.ts";
import { type Account, findAccount } from "./accounts.ts";
import { createScriptPlaces, MAX_WAITING } from "./script-places.ts";
import { judgeScript } from "./script-security.ts";

/** The last lines that a program wrote which failed; absent: none. They are for the log: whatever it says may stand in them. */
export interface LastWords {
  readonly output?: string;
}

export type ScriptOutcome =
  /** `note`: what to know of this status, in words. */
  | ({ readonly kind: "exit"; readonly status: number; readonly note?: string } & LastWords)
  | ({ readonly kind: "signal"; readonly signal: string } & LastWords)
  | ({ readonly kind: "timeout"; readonly limitMs: number } & LastWords)
  /** `transient`: for want of processes, memory, descriptors or a place here; it says nothing about the program. */
  | { readonly kind: "cannot-start"; readonly reason: string; readonly transient?: true };

/** What fork(2) and what goes before it answer when this machine has no room. */
const NO_ROOM: ReadonlySet<string> = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

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
const SHELL = "/bin/sh";
const SETPRIV = "/usr/bin/setpriv";
/** kernel and glibc: the first real-time signal that a program may use. */
const SIGRTMIN = 34;

/** How a program ended: one of the two is null; a signal without a name comes as its number. */
export interface RawEnd {
  readonly status: number | null;
  readonly signal: string | number | null;
  /** The end of what it wrote. */
  readonly output?: string;
}

/**
 * Starts a program in a session of its own, with nothing to read, and gives its pid; `ended` is called once,
 * later. @throws Error with a `code` when it can't be started
 */
export type SpawnProgram = (launch: Launch, ended: (end: RawEnd) => void) => number;

interface TimeLimit {
  readonly ms: number;
  readonly end?: AbortSignal | undefined;
  overdue(): void;
}

export function createScriptRunner(
  clock: Clock,
  initial: ScriptSecurity,
  spawn: SpawnProgram,
  places = createScriptPlaces(),
): ScriptRunner {
  let security = initial;
  /** Groups of the programs that run: the leader's pid. */
  const active = new Set<number>();
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
    if (!(await places.enter(isSlow)))
      return { kind: "cannot-start", reason: `${MAX_WAITING} programs wait already`, transient: true };
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
    if (stopped) return { kind: "cannot-start", reason: "stopping", transient: true };
    const ready = prepare(command, security);
    if ("reason" in ready) return { kind: "cannot-start", reason: ready.reason };
    const args = [...command.argv.slice(1), ...extraArgs];
    const launch = launchOf(ready.program, args, ready.account, security);
    if ("reason" in launch) return { kind: "cannot-start", reason: launch.reason };
    return start(ready.program, launch, limit);
  }

  function start(program: string, launch: Launch, limit: TimeLimit): Promise<ScriptOutcome> {
    return new Promise((resolve) => {
      let timedOut = false;
      let cancelLimit = () => {};
      let cancelKill = () => {};
      let pid: number;
      const end = () => {
        if (timedOut) return;
        timedOut = true;
        killGroup(pid, "SIGTERM");
        cancelKill = clock.at(clock.now() + KILL_AFTER_MS, () => killGroup(pid, "SIGKILL"));
        limit.overdue();
      };
      const ended = (how: RawEnd) => {
        cancelLimit();
        limit.end?.removeEventListener("abort", end);
        // The leader may be gone while its children go on: the group gets no second life.
        if (timedOut || stopped) killGroup(pid, "SIGKILL");
        cancelKill();
        active.delete(pid);
        if (active.size === 0) allGone();
        resolve(withLastWords(timedOut ? { kind: "timeout", limitMs: limit.ms } : outcomeOf(program, how), how));
      };
      try {
        pid = spawn(launch, ended);
      } catch (error) {
        const reason = whyNotStarted(launch.file, error);
        resolve({ kind: "cannot-start", reason, ...(isNoRoom(error) && { transient: true }) });
        return;
      }
      active.add(pid);
      limit.end?.addEventListener("abort", end);
      if (limit.ms !== Number.POSITIVE_INFINITY) cancelLimit = clock.at(clock.now() + limit.ms, end);
    });
  }

  return {
    run,
    running: () => active.size,
    stop() {
      stopped = true;
      places.letAllIn();
      for (const pid of active) killGroup(pid, "SIGTERM");
      return new Promise<void>((resolve) => {
        if (active.size === 0) return resolve();
        const cancel = clock.at(clock.now() + STOP_GRACE_MS, () => {
          for (const pid of active) killGroup(pid, "SIGKILL");
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
  command: Pick<Command, "argv" | "user" | "group">,
  security: ScriptSecurity,
): { program: string; account: Account } | Unusable {
  const user = command.user ?? security.user;
  const found =
    user === undefined ? defaultAccount(security) : findAccount(user, command.user ? command.group : security.group);
  if (!found.ok) return { kind: "user", reason: found.reason };
  const program = command.argv[0] ?? "";
  if (isRedirection(program)) return { program, account: found.account };
  const verdict = judgeScript(program, found.account.uid, security);
  switch (verdict.kind) {
    case "safe":
      return { program: verdict.resolved, account: found.account };
    case "missing":
      return { kind: missingKind(verdict.isThere), reason: verdict.reason };
    case "unsafe":
      if (!security.enabled) return { program: verdict.resolved, account: found.account };
      return { kind: "unsafe", reason: `enable_script_security: ${verdict.reason}; ${verdict.mend}` };
  }
}

function missingKind(isThere: boolean | "directory"): Unusable["kind"] {
  if (isThere === "directory") return "directory";
  return isThere ? "not-executable" : "absent";
}

/** keepalived: a script that begins with `</` is for the shell: it succeeds when the file or connection can be opened. */
function isRedirection(program: string): boolean {
  return /^<[ \t]*\//.test(program);
}

/** What is spawned, and as whom. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
  readonly environment: Readonly<Record<string, string>>;
}

/** A runtime sets no group but the first: with `set_supplementary_groups` setpriv(1) takes on the account. */
export function launchOf(
  program: string,
  args: readonly string[],
  { uid, gid, groups, name, home }: Account,
  { supplementaryGroups }: ScriptSecurity,
): Launch | { readonly reason: string } {
  const environment = { ...keptEnvironment(process.env), HOME: home, USER: name, LOGNAME: name };
  const [file, ...words] = isRedirection(program)
    ? [SHELL, "-c", [program, ...args.map(shellWord)].join(" ")]
    : [program, ...args];
  if (!supplementaryGroups || groups.length < 2) return { file, args: words, ids: { uid, gid }, environment };
  // It runs as root before it is somebody else, whatever enable_script_security says.
  const setpriv = judgeScript(SETPRIV, 0, { enabled: true, useSymlinkPaths: false, supplementaryGroups });
  if (setpriv.kind !== "safe")
    return { reason: `set_supplementary_groups needs setpriv of util-linux: ${setpriv.reason}` };
  const account = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(",")}`];
  return { file: setpriv.resolved, args: [...account, "--", file, ...words], ids: {}, environment };
}

/** A word as the shell takes it apart to itself. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
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

function withLastWords(outcome: ScriptOutcome, { output = "" }: RawEnd): ScriptOutcome {
  if (output === "" || outcome.kind === "cannot-start") return outcome;
  return outcome.kind === "exit" && outcome.status === 0 ? outcome : { ...outcome, output };
}

function outcomeOf(program: string, { status, signal }: RawEnd): ScriptOutcome {
  if (signal !== null) return { kind: "signal", signal: signalName(signal) };
  // The runtime has never said neither; if it does, that is no success.
  if (status === null) return { kind: "signal", signal: "an unknown signal" };
  const note = status === 0 ? undefined : aboutShell(program);
  return note === undefined ? { kind: "exit", status } : { kind: "exit", status, note };
}

/** `SIGTERM`; a real-time signal as glibc counts them: 36 is `SIGRTMIN+2`. */
function signalName(signal: string | number): string {
  const number = Number(signal);
  if (Number.isNaN(number)) return String(signal);
  return number >= SIGRTMIN ? `SIGRTMIN+${number - SIGRTMIN} (${number})` : `signal ${number}`;
}

/** keepalived: `</dev/tcp/…` is the same there; it works where sh is bash. */
function aboutShell(program: string): string | undefined {
  if (!/^<[ \t]*\/dev\/(tcp|udp)\//.test(program)) return undefined;
  const shell = basename(realpathSync(SHELL));
  if (shell === "bash") return undefined;
  return `${SHELL} is ${shell} here, which has no /dev/tcp: write bash -c '${program}'`;
}

/** The file is there and may be run, or `prepare` would have said so: what is missing is what it names in its first line. */
function whyNotStarted(file: string, error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const missing = "code" in error && error.code === "ENOENT";
  return missing ? `${file}: the interpreter that its first line names is missing (ENOENT)` : error.message;
}

function killGroup(leader: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // ESRCH: the whole group is gone already.
  }
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && NO_ROOM.has(error.code);
}
