// Process layer, appliance: the gate as a child: it is ordered by its standard input, and ends when that does.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as v from "valibot";
import { keptEnvironment } from "../../../base/environment.ts";
import { GATE_WORD } from "../../options.ts";
import { ownArguments } from "../../runtime.ts";
import type { DaemonProcess } from "../daemon.ts";
import { type GateOrder, GateReport } from "./gate-protocol.ts";

/** Its reports are a few words; a longer line is none. */
const MAX_REPORT_CHARS = 4096;

/** The same program even if the file was replaced meanwhile. */
const SELF = "/proc/self/exe";

/** `heard` with each report, `ended` once with words for how. */
export function startGate(
  order: GateOrder,
  heard: (report: GateReport) => void,
  ended: (how: string) => void,
  [program = SELF, ...words]: readonly string[] = [SELF, ...ownArguments()],
): DaemonProcess {
  const child = spawn(program, [...words, GATE_WORD], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
    cwd: "/",
    env: keptEnvironment(process.env),
  });
  child.on("error", (error) => ended(error.message));
  child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
  // It may end before it has read its order.
  child.stdin.on("error", () => {});
  child.stdin.write(`${JSON.stringify(order)}\n`);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const report = line.length > MAX_REPORT_CHARS ? undefined : readReport(line);
    if (report) heard(report);
  });
  return { pid: child.pid ?? 0, signal: (name) => child.kill(name) };
}

function readReport(line: string): GateReport | undefined {
  try {
    const read = v.safeParse(GateReport, JSON.parse(line));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}
