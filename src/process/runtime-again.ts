// Process layer: variables that the JavaScript engine acts on before the first line of this program runs (a debugger's port, code to
// load first, its collector). A program that finds one starts itself again without it, under the same process id.
import { execFile } from "node:child_process";
import { readlinkSync } from "node:fs";
import { execve, ignoreSignal } from "../../ffi/process.ts";
import { ENGINE_VARIABLE } from "../base/environment.ts";
import { ownArguments } from "./runtime.ts";

const SIGHUP = 1;
const SIGIO = 29;
/** These make it run what somebody else wrote: a director does not start under them at all. */
const FOREIGN_CODE = /^(BUN_OPTIONS|BUN_BE_BUN|BUN_INSPECT.*|BUN_CONFIG_.*|NODE_OPTIONS|NODE_PATH)$/;
/** Names that were taken away by the process that had this id before, with commas between. */
const CLEARED = "LBD_CLEARED";

/** Names in an environment that the engine would act on; none after the program was started again without them. */
export function engineVariables(environment: NodeJS.ProcessEnv): string[] {
  if (environment[CLEARED] !== undefined) return [];
  return Object.keys(environment).filter((name) => ENGINE_VARIABLE.test(name));
}

/** Replaces this process by one with the same arguments and without these variables. Comes back only when that fails. */
export function startAgain(without: readonly string[]): void {
  const environment: Record<string, string> = { [CLEARED]: without.join(",") };
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !without.includes(name)) environment[name] = value;
  try {
    become("/proc/self/exe", environment);
  } catch {
    // Where there is no /proc: a director then refuses what is still set, a command goes on.
  }
}

/**
 * Replaces this process by the program that now has its path, which an upgrade may have put there, with the same arguments.
 * @param environment the one that this process was given @throws Error when it can't be run
 */
export function becomeInstalled(environment: NodeJS.ProcessEnv): void {
  const given = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  become(installedProgram(process.pid), Object.fromEntries(given));
}

/** Statuses of `-t` with which a director runs: no errors, or such that keepalived runs with, too. */
const USABLE = new Set([0, 2, 5, 6]);
const TRIAL_MS = 10_000;

/**
 * Has the program that now has this one's path judge this process' own words and configuration, while this one still runs.
 * @returns why it can't go on in this one's place; undefined when it can
 */
export function tryInstalled(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const program = installedProgram(process.pid);
  const words = [...ownArguments(), ...process.argv.slice(2), "-t"];
  return new Promise((resolve) => {
    execFile(program, words, { env: environment, timeout: TRIAL_MS }, (error, _, said) => {
      const status = error === null ? 0 : (error.code ?? "none");
      const isUsable = typeof status === "number" && USABLE.has(status);
      const first = said.trim().split("\n")[0] ?? "";
      resolve(
        isUsable
          ? undefined
          : `${program} … -t ended with ${error?.signal ?? status}${first === "" ? "" : `: ${first}`}`,
      );
    });
  });
}

/** Path of the program of a process; what stands there now may be a newer one. @throws Error ENOENT when there is no such process */
export function installedProgram(pid: number): string {
  // kernel: what was replaced under a running process is named so.
  return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
}

function become(program: string, environment: Readonly<Record<string, string>>): void {
  // Handlers end with this image. Ignored lives on until the next one has its own, and a reload before the first reading asks for nothing.
  ignoreSignal(SIGHUP);
  // A socket that was ready a moment ago.
  ignoreSignal(SIGIO);
  execve(program, [process.argv0, ...ownArguments(), ...process.argv.slice(2)], environment);
}

export interface Cleared {
  /** Of these a director does not start. */
  readonly refused: readonly string[];
  /** These are gone, and worth a line in the log. */
  readonly removed: readonly string[];
}

/** What was, or still is, in the environment of this process. Takes the mark away. */
export function clearedVariables(environment: NodeJS.ProcessEnv): Cleared {
  const before = (environment[CLEARED] ?? "").split(",").filter((name) => ENGINE_VARIABLE.test(name));
  delete environment[CLEARED];
  const still = Object.keys(environment).filter((name) => ENGINE_VARIABLE.test(name));
  const isForeign = (name: string) => FOREIGN_CODE.test(name);
  return {
    refused: [...before, ...still].filter((name) => isForeign(name) || still.includes(name)),
    removed: before.filter((name) => !isForeign(name)),
  };
}
