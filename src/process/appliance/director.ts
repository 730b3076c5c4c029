// Process layer, appliance: the director as a child, and as one that a life before of this process had started. A crash of the appliance is
// none of the director: it goes on, with its addresses, its table and its state, and the next appliance takes it over. So its log goes
// through a FIFO that both hold open, and who it is stands in a file beside that.
import { spawn } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readLogLine } from "../../appliance/log-book.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { openLineFifo, openLineWriter } from "../../kernel/line-fifo.ts";
import type { Readiness } from "../../kernel/readiness.ts";
import { startedAtTicks } from "../host/process-facts.ts";
import { replaceFile } from "../host/replace-file.ts";
import { CALM_RUNTIME } from "../role-variables.ts";
import type { DaemonProcess } from "./daemon.ts";

/** A line of the director's log is JSON: cut, it is none. */
const MAX_LINE_CHARS = 65_536;
/** How soon the end of one that is not our child is seen. */
const LOOK_MS = 250;

export interface DirectorPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly readiness: Readiness;
  /** For the FIFOs of its log and its input, and the file that says which process it is; in memory. */
  readonly folder: string;
  /** Of its command line. */
  words(): readonly string[];
  /** Beside the appliance's own variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** The program and its first words; absent: this one. */
  readonly program?: readonly [string, ...string[]];
}

export interface Director {
  /** This program as a director. */
  start(ended: (how: string) => void): DaemonProcess;
  /** The one that was started by an appliance that is gone; undefined: none runs. */
  adopt(ended: (how: string) => void): DaemonProcess | undefined;
  /** A line for the standard input of whichever runs, or comes next; one that does not read loses some. */
  tell(line: string): void;
}

/** @throws SyscallError or Error when the FIFOs can't be made */
export function createDirector(ports: DirectorPorts): Director {
  const { clock, log, folder } = ports;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lines = join(folder, "director.log");
  const record = join(folder, "director.pid");
  const told = join(folder, "director.told");
  const input = openLineWriter(told);
  openLineFifo(ports.readiness, lines, MAX_LINE_CHARS, (line) => log(readLogLine(line)));

  function note(pid: number): void {
    try {
      replaceFile(record, `${pid} ${startedAtTicks(pid) ?? ""}\n`, 0o600);
    } catch (error) {
      const message = `${record}: ${messageOf(error)}: a crash of this process would be one of the director`;
      log({ level: "warning", area: "appliance", message });
    }
  }

  return {
    start(ended) {
      const [program, ...first] = ports.program ?? ["/proc/self/exe"];
      // For reading, too: so it has a reader as long as the director lives, and what is said while no appliance runs is kept.
      const fifo = openSync(lines, constants.O_RDWR | constants.O_NONBLOCK);
      // So the other way round: a life of the appliance that ends is no end of its input.
      const own = openSync(told, constants.O_RDWR);
      try {
        const child = spawn(program, [...first, "--log-format", "json", "--events-on-stdin", ...ports.words()], {
          stdio: [own, "inherit", fifo],
          detached: true,
          cwd: "/",
          env: { ...process.env, ...CALM_RUNTIME, ...ports.environment },
        });
        child.on("error", (error) => ended(error.message));
        child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
        if (child.pid !== undefined) note(child.pid);
        return { pid: child.pid ?? 0, signal: (name) => child.kill(name) };
      } finally {
        closeSync(fifo);
        closeSync(own);
      }
    },
    adopt(ended) {
      const found = readRecord(record);
      if (!found) return undefined;
      const { pid, ticks } = found;
      const runs = () => startedAtTicks(pid) === ticks;
      if (!runs()) return undefined;
      log({ level: "warning", area: "appliance", message: `the director (pid ${pid}) runs: it is taken over` });
      const look = () => {
        if (runs()) clock.at(clock.now() + LOOK_MS, look);
        else ended("it is gone");
      };
      clock.at(clock.now() + LOOK_MS, look);
      const signal: DaemonProcess["signal"] = (name) => {
        // Numbers are given out again.
        if (runs()) process.kill(pid, name);
      };
      // It says once more that it is ready, and takes what the appliance had not told it yet.
      signal("SIGHUP");
      return { pid, signal };
    },
    tell: (line) => void input.write(line),
  };
}

function readRecord(path: string): { readonly pid: number; readonly ticks: number } | undefined {
  try {
    const found = /^(\d+) (\d+)$/.exec(readFileSync(path, "utf8").trim());
    return found ? { pid: Number(found[1]), ticks: Number(found[2]) } : undefined;
  } catch {
    return undefined;
  }
}
