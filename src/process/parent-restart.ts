// Process layer, parent: the director goes on as another program under the same process id (`lbd restart`, an upgrade). Addresses and table stay
// in the kernel, masters are not missed: nothing is taken away, and what starts next finds it all.
import { escapeControls } from "../base/log.ts";
import { isStopping, type ParentState } from "./parent-state.ts";

/** Once its roles are gone, and with them whoever would change the kernel, `replace` of the ports becomes the other program. */
export async function restartInPlace(parent: ParentState): Promise<void> {
  const { callers, readings, reloads, log, replace } = parent.ports;
  // While there is a way back.
  const unfit = await parent.ports.tryNext?.();
  if (isStopping(parent)) return;
  if (unfit !== undefined) {
    log({ level: "error", area: "process", message: `not restarting, this program goes on: ${escapeControls(unfit)}` });
    parent.relay.event("process", "restart", "asked", "refused", unfit);
    return;
  }
  parent.phase = { kind: "stopping" };
  log({ level: "info", area: "process", message: "restarting in place: addresses and table stay, masters go on" });
  callers?.stop();
  reloads?.stop();
  const handover = await parent.workers.handOver();
  readings.stop();
  replace?.(handover);
}
