// Role vrrp: watches what instances track and keeps the facts: interfaces (with up and down delays and linkbeat), scripts,
// files, processes, BFD sessions. Only what some instance or group uses is watched.
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { sameItems } from "../../base/same-items.ts";
import type { Config } from "../../config/model/config.ts";
import type { Tracking, TrackProcess, TrackScript } from "../../config/model/vrrp.ts";
import type { FileWatches } from "../../kernel/file-watch.ts";
import type { LinkMonitor, PolledInterface } from "../../kernel/link-monitor.ts";
import type { ProcessMonitor, ProcessMonitorOptions, RunningProcess } from "../../kernel/process-monitor.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import { writeRegular } from "../../kernel/regular-file.ts";
import { type Link, linkByName, linkWorks, type SeenTables } from "../../net/model.ts";
import {
  type ScriptRunResult,
  type ScriptTracker,
  type ScriptTrackerState,
  trackScript,
} from "../../probe/track-script.ts";
import type { Fact, TrackKind } from "../../vrrp/track.ts";
import { trackedDevices } from "../../vrrp/track-devices.ts";
import {
  describeProcess,
  initialProcessState,
  looksAtArguments,
  type ProcessTrackState,
  processMatches,
  settleProcess,
  stepProcess,
} from "../../vrrp/track-process.ts";
import { trackFileValue } from "../../vrrp/track-value.ts";

export interface TrackerPorts {
  readonly clock: Clock;
  readonly log: Log;
  runScript(script: TrackScript, overdue: (result: ScriptRunResult) => void): Promise<ScriptRunResult>;
  openFiles(): FileWatches;
  openLinks(polled: readonly PolledInterface[], changed: (name: string) => void): LinkMonitor;
  openProcesses(
    options: ProcessMonitorOptions,
    changed: (pid: number, process: RunningProcess | undefined) => void,
  ): ProcessMonitor;
}

export type NamedFact = Fact & { readonly kind: TrackKind; readonly name: string };

export interface Trackers {
  /** Everything that is known now. */
  facts(): readonly NamedFact[];
  /** Watches what this configuration tracks; what stays the same keeps its state. */
  configure(config: Config): void;
  /** The scripts that are watched, and whether each runs right now. */
  scripts(): ReadonlyMap<string, boolean>;
  /** The links have changed. */
  linksChanged(seen: SeenTables): void;
  /** States of BFD sessions by name, whole. */
  setBfd(sessions: Readonly<Record<string, boolean>>): void;
  stop(): void;
}

interface InterfaceState {
  up: boolean;
  detail: string;
  since: MonoMs;
  pending?: { readonly up: boolean; readonly cancel: Cancel } | undefined;
}

/** `changed` is called after facts have changed. */
export function createTrackers(ports: TrackerPorts, changed: () => void): Trackers {
  const { clock, log } = ports;
  const interfaces = new Map<string, InterfaceState>();
  const scripts = new Map<string, { readonly script: TrackScript; readonly tracker: ScriptTracker }>();
  const files = new Map<string, { readonly path: string; fact: Fact; close(): void }>();
  const processes = new Map<string, { readonly tracker: TrackProcess; state: ProcessTrackState; cancel: Cancel }>();
  const bfd = new Map<string, Fact>();
  let seen: SeenTables | undefined;
  let delays: Config["vrrp"]["upDownDelays"] = [];
  let watches: FileWatches | undefined;
  let monitor: ProcessMonitor | undefined;
  /** What the monitor looks for. */
  let watched: readonly TrackProcess[] = [];
  let linkMonitor: LinkMonitor | undefined;

  // --- interfaces

  function look(name: string): { up: boolean; detail: string } {
    const link: Link | undefined = seen && linkByName(seen, name);
    if (!link) return { up: false, detail: "does not exist" };
    if (!linkWorks(link)) return { up: false, detail: (link.flags & 1) === 0 ? "is set down" : "no carrier" };
    if (linkMonitor?.carrier(name) === false) return { up: false, detail: "no carrier, by polling" };
    return { up: true, detail: "up" };
  }

  function observe(name: string): boolean {
    const { up, detail } = look(name);
    const state = interfaces.get(name);
    if (!state) {
      interfaces.set(name, { up, detail, since: clock.now() });
      return true;
    }
    if (state.pending && state.pending.up !== up) {
      state.pending.cancel();
      state.pending = undefined;
    }
    if (state.up === up) {
      const news = state.detail !== detail;
      state.detail = detail;
      return news;
    }
    if (state.pending) return false;
    const delay = delays.find((one) => one.interface === name);
    const waitMs = (up ? delay?.upMs : delay?.downMs) ?? 0;
    if (waitMs === 0) {
      settle(state, up, detail);
      return true;
    }
    const cancel = clock.at(clock.now() + waitMs, () => {
      state.pending = undefined;
      settle(state, up, look(name).detail);
      changed();
    });
    state.pending = { up, cancel };
    return false;
  }

  function settle(state: InterfaceState, up: boolean, detail: string): void {
    state.up = up;
    state.detail = detail;
    state.since = clock.now();
  }

  function configureInterfaces(config: Config): void {
    const { vrrp } = config;
    delays = vrrp.upDownDelays;
    const own = vrrp.instances.flatMap((instance) => (instance.interface === undefined ? [] : [instance.interface]));
    const beneath = [...trackedDevices(vrrp).values()].flatMap((names) => [...names]);
    const wanted = new Set([...own, ...uses(config, "interfaces"), ...beneath]);
    for (const [name, state] of interfaces) {
      if (wanted.has(name)) continue;
      state.pending?.cancel();
      interfaces.delete(name);
    }
    const polling = vrrp.linkbeatUsePolling
      ? wanted
      : new Set(vrrp.instances.flatMap((i) => (i.linkbeatUsePolling && i.interface ? [i.interface] : [])));
    const methods = new Map<string, PolledInterface>([...polling].map((name) => [name, { interface: name }]));
    for (const one of vrrp.linkbeat) methods.set(one.interface, one);
    const polled = [...methods.values()];
    if (linkMonitor) linkMonitor.setInterfaces(polled);
    else if (polled.length > 0) linkMonitor = ports.openLinks(polled, (name) => observe(name) && changed());
    for (const name of wanted) observe(name);
  }

  // --- scripts

  function configureScripts(config: Config): void {
    const used = uses(config, "scripts");
    const wanted = new Map(
      config.vrrp.scripts.filter((script) => used.has(script.name)).map((script) => [script.name, script]),
    );
    // keepalived: what is known of a script stays, also when it is run in another way from now on.
    const known = new Map<string, ScriptTrackerState>();
    for (const [name, running] of scripts) {
      const next = wanted.get(name);
      if (next && sameScript(next, running.script)) continue;
      known.set(name, { ...running.tracker.state(), contrary: 0 });
      running.tracker.stop();
      scripts.delete(name);
    }
    for (const script of wanted.values()) {
      if (scripts.has(script.name)) continue;
      const onChange = (before: ScriptTrackerState, after: ScriptTrackerState) => {
        if (before.up !== after.up) {
          const level = after.up ? "info" : "warning";
          log({
            level,
            area: "vrrp",
            message: `script ${script.name} ${after.up ? "succeeded" : "failed"}: ${after.detail}`,
          });
        }
        changed();
      };
      const tracker = trackScript(script, clock, ports.runScript, onChange, known.get(script.name));
      scripts.set(script.name, { script, tracker });
    }
  }

  // --- files

  function configureFiles(config: Config): void {
    const used = uses(config, "files");
    const wanted = new Map(config.vrrp.files.filter((file) => used.has(file.name)).map((file) => [file.name, file]));
    for (const [name, watched] of files) {
      if (wanted.get(name)?.path === watched.path) continue;
      watched.close();
      files.delete(name);
    }
    for (const file of wanted.values()) {
      if (files.has(file.name)) continue;
      if (file.initFile) initFile(file.path, file.initFile);
      watches ??= ports.openFiles();
      const entry = {
        path: file.path,
        fact: { up: true, value: 0, detail: "not read yet", since: clock.now() } as Fact,
        close: () => {},
      };
      files.set(file.name, entry);
      let first = true;
      const watch = watches.watch(file.path, (text) => {
        const value = text === undefined ? 0 : trackFileValue(text);
        entry.fact = { up: true, value, detail: text === undefined ? "does not exist" : "", since: clock.now() };
        if (!first) changed();
      });
      first = false;
      entry.close = () => watch.close();
    }
  }

  function initFile(path: string, init: { readonly value: number; readonly overwrite: boolean }): void {
    try {
      writeRegular(path, `${init.value}\n`, { overwrite: init.overwrite, mode: 0o644 });
    } catch (error) {
      const code = error instanceof Error ? ("code" in error ? String(error.code) : error.message) : String(error);
      if (code !== "EEXIST")
        log({ level: "warning", area: "vrrp", message: `init_file: ${path} can't be written: ${code}` });
    }
  }

  // --- processes

  function configureProcesses(config: Config): void {
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
    scripts: () => new Map([...scripts].map(([name, { tracker }]) => [name, tracker.running])),
    facts: () => [
      ...[...interfaces].map(([name, { up, detail, since }]) =>
        named("interface", name, { up, detail: up ? "" : detail, since }),
      ),
      ...[...scripts].map(([name, { tracker }]) => named("script", name, scriptFact(tracker))),
      ...[...files].map(([name, { fact }]) => named("file", name, fact)),
      ...[...processes].map(([name, { tracker, state }]) =>
        named("process", name, { up: state.up, detail: describeProcess(tracker, state), since: state.sinceMs }),
      ),
      ...[...bfd].map(([name, fact]) => named("bfd", name, fact)),
    ],
    configure(config) {
      configureInterfaces(config);
      configureScripts(config);
      configureFiles(config);
      configureProcesses(config);
    },
    linksChanged(tables) {
      seen = tables;
      let news = false;
      for (const name of interfaces.keys()) news = observe(name) || news;
      if (news) changed();
    },
    setBfd(sessions) {
      for (const [name, up] of Object.entries(sessions)) {
        if (bfd.get(name)?.up === up) continue;
        bfd.set(name, { up, detail: up ? "session up" : "session down", since: clock.now() });
      }
      changed();
    },
    stop() {
      for (const state of interfaces.values()) state.pending?.cancel();
      for (const { tracker } of scripts.values()) tracker.stop();
      for (const entry of files.values()) entry.close();
      for (const entry of processes.values()) entry.cancel();
      watches?.[Symbol.dispose]();
      monitor?.[Symbol.dispose]();
      linkMonitor?.[Symbol.dispose]();
    },
  };
}

function named(kind: TrackKind, name: string, fact: Fact): NamedFact {
  return { kind, name, ...fact };
}

function scriptFact(tracker: ScriptTracker): Fact {
  const { up, detail, sinceMs } = tracker.state();
  return { up, detail, since: sinceMs };
}

/** Names that some instance or group tracks. */
function uses(config: Config, kind: keyof Tracking): ReadonlySet<string> {
  const all = [...config.vrrp.instances, ...config.vrrp.syncGroups].flatMap((one) => one.tracking[kind]);
  return new Set(all.map((use) => use.name));
}

/** Does a tracker count the same in the same way? Weights are the core's matter. */
function sameProcess(a: TrackProcess, b: TrackProcess): boolean {
  const essence = ({ origin: _, weight: __, reverse: ___, ...counted }: TrackProcess) => JSON.stringify(counted);
  return essence(a) === essence(b);
}

function sameScript(a: TrackScript, b: TrackScript): boolean {
  const essence = ({ command, intervalMs, timeoutMs, rise, fall }: TrackScript) =>
    JSON.stringify([command.argv, command.user, command.group, intervalMs, timeoutMs, rise, fall]);
  return essence(a) === essence(b);
}
