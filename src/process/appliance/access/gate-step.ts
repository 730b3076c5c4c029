// Process layer, appliance: the first thing a gate does: it gives up what it does not need and starts itself again under the same process id,
// so that every thread is born without it (ffi/shed.ts). From then on the kernel (6.7, Landlock's fourth version) refuses it every TCP connection
// that is not a client's: a filter of system calls can't, because a gate connects to the door, and what it connects to lies in memory.
import { writeSync } from "node:fs";
import { shedInto } from "../../../../ffi/shed.ts";
import { messageOf } from "../../../base/errors.ts";
import { GATE_STEP_VARIABLE } from "../../options.ts";

const SETGID = 6;
const SETUID = 7;
const NET_BIND_SERVICE = 10;
/** Its port, and the account of its own, which comes when it has the port. */
const CAPABILITIES = [SETGID, SETUID, NET_BIND_SERVICE];
/** HUP, INT, USR1, USR2, as runGate() has them. */
const IGNORED = [1, 2, 10, 12];

/** Comes back only when it can't be done; then this process goes on as it is, and says so. @param words its command line */
export function takeGateStep(words: readonly string[]): void {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && name !== GATE_STEP_VARIABLE) environment[name] = value;
  delete process.env[GATE_STEP_VARIABLE];
  try {
    shedInto({
      path: "/proc/self/exe",
      args: [process.argv0, ...words],
      environment,
      capabilities: CAPABILITIES,
      places: { writable: ["/dev/null", "/proc/self"], noTcpConnections: true },
      descriptors: [],
      ignoredSignals: IGNORED,
    });
  } catch (error) {
    writeSync(2, `the gate keeps more rights than it needs: ${messageOf(error)}\n`);
  }
}
