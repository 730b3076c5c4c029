// Scenarios of the VRRP core as recorded lines. A file starts with what runs; then each `in` line is followed by the `out` lines that it
// must cause, until the next `in`. LBD_SCENARIO_REWRITE=1 writes what came out into the files: look at the difference before committing.
import type { SyncGroup, VrrpGlobal, VrrpInstance } from "../../src/config/model/vrrp.ts";
import type { TrackKind } from "../../src/vrrp/track.ts";
import { address, NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../support/vrrp.ts";
import { type Lab, lab } from "../support/vrrp-lab.ts";
import { reloadAtOnce } from "../support/vrrp-reload.ts";

/** Settings of an instance in a scenario file: addresses as text, trackers as `kind name weight`. */
interface InstanceLine extends Omit<Partial<VrrpInstance>, "virtualAddresses" | "excludedAddresses" | "tracking"> {
  readonly virtualAddresses?: readonly string[];
  readonly excludedAddresses?: readonly string[];
  readonly track?: readonly string[];
}

interface Setup {
  readonly why: string;
  readonly instances: readonly InstanceLine[];
  readonly groups?: readonly (Partial<SyncGroup> & { readonly name: string; readonly instances: readonly string[] })[];
  readonly global?: Partial<VrrpGlobal>;
  readonly links?: readonly string[];
}

type Input =
  /** `late`: how many ms behind its time each timer runs. */
  | { readonly run: number; readonly late?: number }
  | {
      readonly hear: {
        readonly from: string;
        readonly priority: number;
        readonly as?: InstanceLine;
        readonly instance?: string;
      };
    }
  | {
      readonly fact: {
        readonly kind: TrackKind;
        readonly name: string;
        readonly up: boolean | null;
        readonly value?: number;
      };
    }
  | { readonly removed: { readonly instance: string; readonly what: string } }
  | { readonly reannounce: { readonly link: string; readonly why: "link" | "mac" } }
  | { readonly fault: { readonly instance: string; readonly code: string; readonly text?: string } }
  | { readonly reload: Omit<Setup, "why"> }
  | { readonly stop: true };

interface Line {
  readonly setup?: Setup;
  readonly in?: Input;
  /** Time since the start in ms, then what is done, in words. */
  readonly out?: readonly [number, string];
}

/** Plays the file's inputs; the lines as they should read. */
export function play(text: string): { readonly why: string; readonly wanted: string; readonly got: string } {
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): Line => JSON.parse(line));
  const setup = lines[0]?.setup;
  if (!setup) throw new Error("a scenario starts with a setup line");
  const bench = lab(configOf(setup), { hold: true });
  const start = bench.now;
  const out: Line[] = [{ setup }];
  const record = (from: number) => {
    for (const event of bench.log.slice(from))
      if (event.action.kind !== "log")
        out.push({ out: [Math.round((event.at - start) * 1000) / 1000, wordsOf(event)] });
  };
  for (const link of setup.links ?? ["eth0"]) bench.fact("interface", link, true);
  giveSources(bench, setup);
  bench.do((router, at) => router.start(at));
  record(0);
  for (const line of lines) {
    if (!line.in) continue;
    out.push({ in: line.in });
    const from = bench.log.length;
    feed(bench, line.in);
    record(from);
  }
  const render = (rows: readonly Line[]) => `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;
  return { why: setup.why, wanted: render(lines), got: render(out) };
}

/** Transitions come with their cause in words. */
function wordsOf(event: Lab["log"][number]): string {
  return event.action.kind === "transition" ? `${event.text}: ${event.action.cause.text}` : event.text;
}

function configOf(setup: Omit<Setup, "why">) {
  return vrrpConfig(setup.instances.map(instanceOf), {
    syncGroups: (setup.groups ?? []).map((group) => syncGroup(group.name, group.instances, group)),
    ...(setup.global ? { global: setup.global } : {}),
  });
}

function instanceOf(line: InstanceLine): VrrpInstance {
  const { virtualAddresses, excludedAddresses, track, ...settings } = line;
  const tracking = { ...NO_TRACKING };
  for (const entry of track ?? []) {
    const [kind = "", name = "", weight] = entry.split(" ");
    const tracked = use(name, weight === undefined ? undefined : Number(weight));
    const key = (
      { interface: "interfaces", script: "scripts", file: "files", process: "processes", bfd: "bfd" } as const
    )[kind as TrackKind];
    tracking[key] = [...tracking[key], tracked];
  }
  return vrrpInstance({
    ...settings,
    tracking,
    ...(virtualAddresses ? { virtualAddresses: virtualAddresses.map((ip) => address(ip)) } : {}),
    ...(excludedAddresses ? { excludedAddresses: excludedAddresses.map((ip) => address(ip)) } : {}),
  });
}

function giveSources(bench: Lab, setup: Omit<Setup, "why">): void {
  for (const { name = "VI_1", family, sourceIp } of setup.instances)
    bench.do((router, at) => router.setSource(name, sourceIp ?? (family === 6 ? "fe80::1" : "192.0.2.1"), at));
}

function feed(bench: Lab, input: Input): void {
  if ("run" in input) bench.run(input.run, input.late);
  else if ("hear" in input) {
    const { from, priority, as, instance } = input.hear;
    bench.hear(from, priority, as ? overridesOf(as) : {}, instance);
  } else if ("fact" in input) bench.fact(input.fact.kind, input.fact.name, input.fact.up, input.fact.value);
  else if ("removed" in input) bench.do((router, at) => router.removed(input.removed.instance, input.removed.what, at));
  else if ("reannounce" in input)
    bench.do((router, at) => router.reannounce(input.reannounce.link, input.reannounce.why, at));
  else if ("fault" in input)
    bench.do((router, at) => router.setFault(input.fault.instance, input.fault.code, input.fault.text, at));
  else if ("reload" in input) {
    bench.do((router, at) => reloadAtOnce(router, configOf(input.reload), at));
    giveSources(bench, input.reload);
  } else bench.do((router, at) => router.stop(at));
}

function overridesOf(line: InstanceLine): Partial<VrrpInstance> {
  const { virtualAddresses, excludedAddresses: _excluded, track: _track, ...settings } = line;
  return { ...settings, ...(virtualAddresses ? { virtualAddresses: virtualAddresses.map((ip) => address(ip)) } : {}) };
}
