// Process layer, parent: the director goes on as another program under the same process id (`lbd restart`, an upgrade). Addresses and table stay
// in the kernel, masters are not missed: nothing is taken away, and what starts next finds it all.
import { isStopping, type ParentState } from "./parent-state.ts";

/** Once its roles are gone, and with them whoever would change the kernel, `replace` of the ports becomes the other program. */
export async function restartInPlace(parent: ParentState): Promise<void> {
  if (isStopping(parent)) return;
  parent.phase = { kind: "stopping" };
  const { callers, readings, reloads, log, replace } = parent.ports;
  log({ level: "info", area: "process", message: "restarting in place: addresses and table stay, masters go on" });
  callers?.stop();
  reloads?.stop();
  const handover = await parent.workers.handOver();
  readings.stop();
  replace?.(handover);
}
