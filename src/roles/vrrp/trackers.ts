// Role vrrp: watches what instances track and keeps the facts: interfaces (with up and down delays and linkbeat), scripts,
// files, processes, BFD sessions. Only what some instance or group uses is watched.
import type { Steps } from "../../base/steps.ts";
import type { Config } from "../../config/model/config.ts";
import type { ProcessShown, ScriptShown } from "../../dump/vrrp-source.ts";
import type { SeenTables } from "../../net/model.ts";
import type { Fact } from "../../vrrp/track.ts";
import type { SessionFacts } from "../sessions.ts";
import { type NamedFact, named, type TrackerPorts } from "./tracked.ts";
import { trackFiles } from "./tracked-files.ts";
import { trackInterfaces } from "./tracked-interfaces.ts";
import { trackProcesses } from "./tracked-processes.ts";
import { trackScripts } from "./tracked-scripts.ts";

export interface Trackers {
  /** Everything that is known now. */
  facts(): readonly NamedFact[];
  /** Before configure(): has read what it is going to need; undefined when all is known. */
  prepare(config: Config): Promise<void> | undefined;
  /** Watches what this configuration tracks; what stays the same keeps its state. */
  configure(config: Config): Steps;
  /** The scripts that are watched, and whether each runs right now. */
  scripts(): ReadonlyMap<string, boolean>;
  /** How scripts and processes stand. */
  shown(): { readonly scripts: readonly ScriptShown[]; readonly processes: readonly ProcessShown[] };
  /** The links have changed. */
  linksChanged(seen: SeenTables): void;
  /** States of BFD sessions by name, whole. */
  setBfd(sessions: SessionFacts): void;
  stop(): void;
}

/** `changed` is called after facts have changed. */
export function createTrackers(ports: TrackerPorts, changed: () => void): Trackers {
  const interfaces = trackInterfaces(ports, changed);
  const scripts = trackScripts(ports, changed);
  const files = trackFiles(ports, changed);
  const processes = trackProcesses(ports, changed);
  const kinds = [interfaces, scripts, files, processes];
  const bfd = new Map<string, Fact>();

  return {
    scripts: scripts.running,
    shown: () => ({ scripts: scripts.shown(), processes: processes.shown() }),
    prepare: files.prepare,
    facts: () => [
      ...kinds.flatMap((kind) => kind.facts()),
      ...[...bfd].map(([name, fact]) => named("bfd", name, fact)),
    ],
    *configure(config) {
      for (const kind of [interfaces, scripts, files]) {
        kind.configure(config);
        yield;
      }
      yield* processes.configure(config);
    },
    linksChanged: interfaces.linksChanged,
    setBfd(sessions) {
      for (const [name, { up, detail }] of Object.entries(sessions)) {
        const known = bfd.get(name);
        if (known?.up === up && known.detail === detail) continue;
        bfd.set(name, { up, detail, since: known?.up === up ? known.since : ports.clock.now() });
      }
      // Of a session that is no more nothing is known.
      for (const name of bfd.keys()) if (!Object.hasOwn(sessions, name)) bfd.delete(name);
      changed();
    },
    stop() {
      for (const kind of kinds) kind.stop();
    },
  };
}
