// Role vrrp: what the watchers of tracked things have in common: where they get it from, and what they are for.
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import type { Tracking, TrackScript } from "../../config/model/vrrp.ts";
import type { FileWatches } from "../../kernel/file-watch.ts";
import type { LinkMonitor, PolledInterface } from "../../kernel/link-monitor.ts";
import type { ProcessMonitor, ProcessMonitorOptions, RunningProcess } from "../../kernel/process-monitor.ts";
import type { ScriptRunResult } from "../../probe/track-script.ts";
import type { Fact, TrackKind } from "../../vrrp/track.ts";
import type { WantedFile } from "../programs/files.ts";

export interface TrackerPorts {
  readonly clock: Clock;
  readonly log: Log;
  runScript(script: TrackScript, overdue: (result: ScriptRunResult) => void): Promise<ScriptRunResult>;
  openFiles(): FileWatches;
  /** Has files read that are about to be watched; undefined when all is known. */
  prepareFiles(wanted: readonly WantedFile[]): Promise<void> | undefined;
  openLinks(polled: readonly PolledInterface[], changed: (name: string) => void): LinkMonitor;
  openProcesses(
    options: ProcessMonitorOptions,
    changed: (pid: number, process: RunningProcess | undefined) => void,
  ): ProcessMonitor;
}

export type NamedFact = Fact & { readonly kind: TrackKind; readonly name: string };

/** Watches one kind of what instances track. */
export interface TrackedKind {
  facts(): readonly NamedFact[];
  configure(config: Config): void;
  stop(): void;
}

export function named(kind: TrackKind, name: string, fact: Fact): NamedFact {
  return { kind, name, ...fact };
}

/** Names that some instance or group tracks. */
export function uses(config: Config, kind: keyof Tracking): ReadonlySet<string> {
  const names = new Set<string>();
  // Of a thousand instances most track nothing.
  for (const list of [config.vrrp.instances, config.vrrp.syncGroups])
    for (const one of list) for (const { name } of one.tracking[kind]) names.add(name);
  return names;
}
