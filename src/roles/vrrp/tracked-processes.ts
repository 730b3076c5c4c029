// Role vrrp: processes that instances track, by number; one monitor serves them all, and only as long as there are any.
import type { Cancel, MonoMs } from "../../base/clock.ts";
import { sameItems } from "../../base/same-items.ts";
import type { Steps } from "../../base/steps.ts";
import type { Config } from "../../config/model/config.ts";
import type { TrackProcess } from "../../config/model/vrrp.ts";
import type { ProcessShown } from "../../dump/vrrp-source.ts";
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

/**
 * Processes of every user count, so any of them decides how often their number changes, thousands of times a second if he likes: what
 * comes of it is told no more often than this, but for the first change of a tracker, which is told at once.
 */
export const TELL_EVERY_MS = 100;

interface Tracked {
  readonly tracker: TrackProcess;
  /** That match now. */
  readonly pids: Set<number>;
  state: ProcessTrackState;
  cancel: Cancel;
}

export interface TrackedProcesses extends Pick<TrackedKind, "facts" | "stop"> {
  /** Looks at every process there is, where others are tracked. What is tracked anew is known behind the last step. */
  configure(config: Config): Steps;
  /** How each stands. */
  shown(): readonly ProcessShown[];
}

export function trackProcesses(ports: TrackerPorts, changed: () => void): TrackedProcesses {
  const { clock, log } = ports;
  const processes = new Map<string, Tracked>();
  let monitor: ProcessMonitor | undefined;
  /** What the monitor looks for. */
  let watched: readonly TrackProcess[] = [];
  let toldAt: MonoMs = Number.NEGATIVE_INFINITY;
  let tellAt: MonoMs = Number.POSITIVE_INFINITY;
  let cancelTell: Cancel = () => {};

  function* configure(config: Config): Steps {
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
      watched = [];
      return;
    }
    const interest = {
      interesting: (process: RunningProcess) => wanted.some((tracker) => processMatches(tracker, process)),
      byArguments: wanted.some(looksAtArguments),
    };
    const { processMonitorRcvBufBytes, processMonitorRcvBufForce } = config.vrrp.global;
    const receiveBuffer = wishedBuffer(processMonitorRcvBufBytes, processMonitorRcvBufForce);
    if (monitor) monitor.setReceiveBuffer(receiveBuffer);
    else monitor = ports.openProcesses(receiveBuffer ? { receiveBuffer } : {}, onProcess);
    const current = monitor;
    if (!sameItems(wanted, watched)) yield* current.setInterest(interest);
    watched = wanted;
    for (const tracker of wanted) {
      if (processes.has(tracker.name)) continue;
      const pids = [...current.running()].filter(([, process]) => processMatches(tracker, process)).map(([pid]) => pid);
      processes.set(tracker.name, {
        tracker,
        pids: new Set(pids),
        state: initialProcessState(tracker, pids.length, clock.now()),
        cancel: () => {},
      });
    }
    if (current.source === "polling")
      log({
        level: "info",
        area: "vrrp",
        message: "track_process: the kernel's process events are not to be had here, looking at /proc each second",
      });
  }

  function onProcess(pid: number, process: RunningProcess | undefined): void {
    for (const entry of processes.values()) {
      const { tracker, pids, state: before } = entry;
      if (process !== undefined && processMatches(tracker, process)) pids.add(pid);
      else pids.delete(pid);
      entry.state = stepProcess(tracker, before, pids.size, clock.now());
      if (entry.state !== before) tell(entry.state.up !== before.up);
      if (entry.state.changeAt !== before.changeAt) armProcess(entry);
    }
  }

  function armProcess(entry: Tracked): void {
    entry.cancel();
    entry.cancel = () => {};
    if (entry.state.changeAt === undefined) return;
    entry.cancel = clock.at(entry.state.changeAt, () => {
      entry.state = settleProcess(entry.state, clock.now());
      tell(true);
    });
  }

  /** `isUrgent`: a tracker went up or down; else there is only another number to show. */
  function tell(isUrgent: boolean): void {
    const now = clock.now();
    const at = isUrgent ? Math.max(now, toldAt + TELL_EVERY_MS) : now + TELL_EVERY_MS;
    if (tellAt <= at) return;
    cancelTell();
    tellAt = at;
    if (at <= now) tellNow();
    else cancelTell = clock.at(at, tellNow);
  }

  function tellNow(): void {
    tellAt = Number.POSITIVE_INFINITY;
    toldAt = clock.now();
    changed();
  }

  return {
    facts: () =>
      [...processes].map(([name, { tracker, state }]) =>
        named("process", name, { up: state.up, detail: describeProcess(tracker, state), since: state.sinceMs }),
      ),
    shown: () => [...processes.values()].map(({ tracker, state }) => ({ process: tracker, state })),
    configure,
    stop() {
      for (const entry of processes.values()) entry.cancel();
      cancelTell();
      monitor?.[Symbol.dispose]();
    },
  };
}

/** Does a tracker count the same in the same way? Weights are the core's matter. */
function sameProcess(a: TrackProcess, b: TrackProcess): boolean {
  const essence = ({ origin: _, weight: __, reverse: ___, ...counted }: TrackProcess) => JSON.stringify(counted);
  return essence(a) === essence(b);
}
