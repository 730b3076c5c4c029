// Role vrrp: processes that instances track, by number; one monitor serves them all, and only as long as there are any.
import type { Cancel } from "../../base/clock.ts";
import { sameItems } from "../../base/same-items.ts";
import type { Config } from "../../config/model/config.ts";
import type { TrackProcess } from "../../config/model/vrrp.ts";
import type { ProcessMonitor, RunningProcess } from "../../kernel/process-monitor.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import {
  describeProcess,
  initialProcessState,
  looksAtArguments,
  type ProcessTrackState,
  processMatches,
  settleProcess,
  stepProcess,
} from "../../vrrp/track-process.ts";
import { named, type TrackedKind, type TrackerPorts, uses } from "./tracked.ts";

export function trackProcesses(ports: TrackerPorts, changed: () => void): TrackedKind {
  const { clock, log } = ports;
  const processes = new Map<string, { readonly tracker: TrackProcess; state: ProcessTrackState; cancel: Cancel }>();
  let monitor: ProcessMonitor | undefined;
  /** What the monitor looks for. */
  let watched: readonly TrackProcess[] = [];

  function configure(config: Config): void {
    const used = uses(config, "processes");
    const wanted = config.vrrp.processes.filter((process) => used.has(process.name));
    for (const [name, entry] of processes) {
      if (wanted.some((next) => next.name === name && sameProcess(next, entry.tracker))) continue;
      entry.cancel();
      processes.delete(name);
    }
    if (wanted.length === 0) {
      monitor?.[Symbol.dispose]();
      monitor = undefined;
      return;
    }
    const interest = {
      interesting: (process: RunningProcess) => wanted.some((tracker) => processMatches(tracker, process)),
      byArguments: wanted.some(looksAtArguments),
    };
    const { processMonitorRcvBufBytes, processMonitorRcvBufForce } = config.vrrp.global;
    const receiveBuffer = wishedBuffer(processMonitorRcvBufBytes, processMonitorRcvBufForce);
    if (monitor) {
      monitor.setReceiveBuffer(receiveBuffer);
      // It looks at every process there is.
      if (!sameItems(wanted, watched)) monitor.setInterest(interest);
    } else monitor = ports.openProcesses({ ...interest, ...(receiveBuffer && { receiveBuffer }) }, onProcess);
    watched = wanted;
    for (const tracker of wanted) {
      if (processes.has(tracker.name)) continue;
      const pids = [...monitor.running()].filter(([, process]) => processMatches(tracker, process)).map(([pid]) => pid);
      processes.set(tracker.name, {
        tracker,
        state: initialProcessState(tracker, pids, clock.now()),
        cancel: () => {},
      });
    }
    if (monitor.source === "polling")
      log({
        level: "info",
        area: "vrrp",
        message: "track_process: the kernel's process events are not to be had here, looking at /proc each second",
      });
  }

  function onProcess(pid: number, process: RunningProcess | undefined): void {
    let news = false;
    for (const entry of processes.values()) {
      const matches = process !== undefined && processMatches(entry.tracker, process);
      const before = entry.state;
      entry.state = stepProcess(entry.tracker, before, { pid, matches }, clock.now());
      if (entry.state !== before) news = true;
      armProcess(entry);
    }
    if (news) changed();
  }

  function armProcess(entry: { state: ProcessTrackState; cancel: Cancel }): void {
    entry.cancel();
    if (entry.state.changeAt === undefined) return;
    entry.cancel = clock.at(entry.state.changeAt, () => {
      entry.state = settleProcess(entry.state, clock.now());
      changed();
    });
  }

  return {
    facts: () =>
      [...processes].map(([name, { tracker, state }]) =>
        named("process", name, { up: state.up, detail: describeProcess(tracker, state), since: state.sinceMs }),
      ),
    configure,
    stop() {
      for (const entry of processes.values()) entry.cancel();
      monitor?.[Symbol.dispose]();
    },
  };
}

/** Does a tracker count the same in the same way? Weights are the core's matter. */
function sameProcess(a: TrackProcess, b: TrackProcess): boolean {
  const essence = ({ origin: _, weight: __, reverse: ___, ...counted }: TrackProcess) => JSON.stringify(counted);
  return essence(a) === essence(b);
}
