// Role vrrp: scripts that instances track. One that is run in another way from now on keeps what is known of it.
import { whatItWrote } from "../../base/last-words.ts";
import type { Config } from "../../config/model/config.ts";
import type { TrackScript } from "../../config/model/vrrp.ts";
import type { ScriptShown } from "../../dump/vrrp-source.ts";
import {
  type ScriptRunResult,
  type ScriptTracker,
  type ScriptTrackerState,
  trackScript,
} from "../../probe/track-script.ts";
import type { Fact } from "../../vrrp/track.ts";
import { named, type TrackedKind, type TrackerPorts, uses } from "./tracked.ts";

export interface TrackedScripts extends TrackedKind {
  /** The scripts that are watched, and whether each runs right now. */
  running(): ReadonlyMap<string, boolean>;
  /** How each stands. */
  shown(): readonly ScriptShown[];
}

export function trackScripts(ports: TrackerPorts, changed: () => void): TrackedScripts {
  const { clock, log } = ports;
  const scripts = new Map<string, { readonly script: TrackScript; readonly tracker: ScriptTracker }>();

  function configure(config: Config): void {
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
      const onChange = (before: ScriptTrackerState, after: ScriptTrackerState, { output }: ScriptRunResult) => {
        if (before.up !== after.up) {
          const level = after.up ? "info" : "warning";
          log({
            level,
            area: "vrrp",
            message: `script ${script.name} ${after.up ? "succeeded" : "failed"}: ${after.detail}${whatItWrote(output)}`,
          });
        }
        changed();
      };
      const tracker = trackScript(script, clock, ports.runScript, onChange, known.get(script.name));
      scripts.set(script.name, { script, tracker });
    }
  }

  return {
    facts: () => [...scripts].map(([name, { tracker }]) => named("script", name, scriptFact(tracker))),
    running: () => new Map([...scripts].map(([name, { tracker }]) => [name, tracker.running])),
    shown: () =>
      [...scripts.values()].map(({ script, tracker }) => {
        const { up, contrary } = tracker.state();
        return { script, up, contrary, isRunning: tracker.running };
      }),
    configure,
    stop() {
      for (const { tracker } of scripts.values()) tracker.stop();
    },
  };
}

function scriptFact(tracker: ScriptTracker): Fact {
  const { up, detail, sinceMs } = tracker.state();
  return { up, detail, since: sinceMs };
}

function sameScript(a: TrackScript, b: TrackScript): boolean {
  const essence = ({ command, intervalMs, timeoutMs, rise, fall }: TrackScript) =>
    JSON.stringify([command.argv, command.user, command.group, intervalMs, timeoutMs, rise, fall]);
  return essence(a) === essence(b);
}
