// Process layer, appliance: the director as a child of the appliance. When it ends by itself it is started again, later each time, and takes
// over what the kernel has; the machine goes on forwarding meanwhile and is never restarted for it. The other children are kept the same way.
import { type ChildProcess, spawn } from "node:child_process";
import { readLogLine } from "../../appliance/log-book.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { readLines } from "../read-lines.ts";
import { CALM_RUNTIME } from "../role-variables.ts";

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;
/** A line of the director's log is JSON: cut, it is none. Its writer must not wait, and bounds itself. */
const DIRECTOR_LINES = { maxChars: 65_536, bytesPerMs: Number.POSITIVE_INFINITY };
/** One that ran so long was well: the next failure is a first one. */
const STEADY_MS = 60_000;

export interface DaemonPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** In words for the log; absent: the director. */
  readonly name?: string;
  /** Starts it; `ended` is called once, with words for how. */
  start(ended: (how: string) => void): DaemonProcess;
}

export interface DaemonProcess {
  readonly pid: number;
  signal(name: "SIGHUP" | "SIGTERM" | "SIGKILL"): void;
}

export interface Daemon {
  start(): void;
  /** Reads its configuration again. */
  reload(): void;
  /** Ends it by force, as one that hangs: it is started again. */
  kill(): void;
  /** Ends it in order, by force after `limitMs`; resolves when it is gone. */
  stop(limitMs: number): Promise<void>;
  /** Ends that nobody asked for. */
  readonly failures: number;
  readonly pid: number | undefined;
}

export function createDaemon({ clock, log, name = "the director", start }: DaemonPorts): Daemon {
  let running: { readonly process: DaemonProcess; readonly since: number } | undefined;
  let stopping: (() => void) | undefined;
  let waitMs = FIRST_WAIT_MS;
  let failures = 0;
  let cancelWait: Cancel = () => {};

  const begin = () => {
    cancelWait = () => {};
    const since = clock.now();
    const process = start((how) => {
      running = undefined;
      if (stopping) return stopping();
      failures++;
      if (clock.now() - since >= STEADY_MS) waitMs = FIRST_WAIT_MS;
      log({ level: "error", area: "appliance", message: `${name} ended (${how}), again in ${waitMs} ms` });
      cancelWait = clock.at(clock.now() + waitMs, begin);
      waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
    });
    running = { process, since };
  };

  return {
    get failures() {
      return failures;
    },
    get pid() {
      return running?.process.pid;
    },
    start: begin,
    reload: () => running?.process.signal("SIGHUP"),
    kill: () => running?.process.signal("SIGKILL"),
    stop(limitMs) {
      cancelWait();
      const { process } = running ?? {};
      if (!process) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.at(clock.now() + limitMs, () => process.signal("SIGKILL"));
        stopping = () => {
          cancel();
          resolve();
        };
        process.signal("SIGTERM");
      });
    },
  };
}

export interface DirectorStart {
  readonly words: readonly string[];
  /** Beside the appliance's own. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** This program as a director; what it logs comes here line by line. */
export function spawnDirector({ words, environment, log }: DirectorStart, ended: (how: string) => void): DaemonProcess {
  const child: ChildProcess = spawn("/proc/self/exe", ["--log-format", "json", ...words], {
    stdio: ["ignore", "inherit", "pipe"],
    detached: true,
    cwd: "/",
    env: { ...process.env, ...CALM_RUNTIME, ...environment },
  });
  if (child.stderr) void readLines(child.stderr, (line) => log(readLogLine(line)), DIRECTOR_LINES);
  child.on("error", (error) => ended(error.message));
  child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
  return { pid: child.pid ?? 0, signal: (name) => child.kill(name) };
}
