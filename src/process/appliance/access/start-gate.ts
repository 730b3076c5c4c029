// Process layer, appliance: the gate as a child: it is ordered by its standard input, and ends when that does.
import { spawn } from "node:child_process";
import * as v from "valibot";
import { keptEnvironment } from "../../../base/environment.ts";
import { GATE_STEP_VARIABLE, GATE_WORD } from "../../options.ts";
import { MAX_LINE_CHARS, readLines } from "../../read-lines.ts";
import { ownArguments } from "../../runtime.ts";
import type { DaemonProcess } from "../daemon.ts";
import { type GateOrder, GateReport } from "./gate-protocol.ts";

/** The same program even if the file was replaced meanwhile. */
const SELF = "/proc/self/exe";

/** `heard` with each report, `ended` once with words for how. Its reports are a few words: one that says a longer line is ended. */
export function startGate(
  order: GateOrder,
  heard: (report: GateReport) => void,
  ended: (how: string) => void,
  [program = SELF, ...words]: readonly string[] = [SELF, ...ownArguments()],
): DaemonProcess {
  const child = spawn(program, [...words, GATE_WORD], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    cwd: "/",
    env: { ...keptEnvironment(process.env), [GATE_STEP_VARIABLE]: "1" },
  });
  child.on("error", (error) => ended(error.message));
  let fault: string | undefined;
  child.on("exit", (status, signal) => ended(fault ?? signal ?? `status ${status}`));
  // It may end before it has read its order.
  child.stdin.on("error", () => {});
  child.stdin.write(`${JSON.stringify(order)}\n`);
  void readLines(child.stdout, (line, cut) => {
    if (cut) {
      fault = `a report of more than ${MAX_LINE_CHARS} characters`;
      child.kill("SIGKILL");
      return;
    }
    const report = readReport(line);
    if (report) heard(report);
  });
  // Last words of the runtime.
  void readLines(child.stderr, (message) => heard({ kind: "note", message }));
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
