// Adapter: loads the drivers of the hardware that is there. What each device calls itself (modalias) is looked up in the patterns that
// depmod made of what the modules say they are for. A driver brings new devices up (a USB hub, a SCSI bus), so one looks until
// nothing is new.
import { join } from "node:path";
import { type KernelModules, moduleName } from "./modules.ts";
import { namesIn, readQuietly } from "./quiet-files.ts";

export interface Coldplug {
  /** Loads what new devices need; how many devices were new. */
  look(): number;
  /** Drivers that could not be loaded, in words. */
  readonly failures: readonly string[];
}

export interface ColdplugPlaces {
  /** `/sys/bus`. */
  readonly bus: string;
  /** `/lib/modules/6.12.0`. */
  readonly directory: string;
}

/** Never throws: hardware without a driver is no fault. */
export function createColdplug(modules: KernelModules, places: ColdplugPlaces): Coldplug {
  const patterns = parseAliases(readQuietly(join(places.directory, "modules.alias")));
  const seen = new Set<string>();
  const failures: string[] = [];
  return {
    failures,
    look() {
      let found = 0;
      for (const alias of deviceAliases(places.bus)) {
        if (seen.has(alias)) continue;
        seen.add(alias);
        found++;
        for (const module of patterns.modulesFor(alias)) {
          const outcome = modules.load(module);
          if (outcome.kind === "failed") failures.push(`${alias}: ${outcome.reason}`);
        }
      }
      return found;
    },
  };
}

export interface Aliases {
  /** Modules whose pattern fits, in the order of the file, each once. */
  modulesFor(alias: string): readonly string[];
}

/** Reads modules.alias; patterns are tried only for devices of their bus, the word before the first colon. */
function parseAliases(text: string): Aliases {
  const byBus = new Map<string, (readonly [pattern: string, module: string])[]>();
  for (const line of text.split("\n")) {
    const [word, pattern, module] = line.split(" ");
    if (word !== "alias" || pattern === undefined || module === undefined || !pattern.includes(":")) continue;
    const bus = pattern.slice(0, pattern.indexOf(":"));
    const list = byBus.get(bus);
    if (list) list.push([pattern, moduleName(module)]);
    else byBus.set(bus, [[pattern, moduleName(module)]]);
  }
  return {
    modulesFor(alias) {
      const candidates = byBus.get(alias.slice(0, alias.indexOf(":"))) ?? [];
      return [...new Set(candidates.filter(([pattern]) => fits(pattern, alias)).map(([, module]) => module))];
    },
  };
}

/** fnmatch(3) with `*`, `?` and `[…]`: what is between stars is looked for from left to right. */
function fits(pattern: string, text: string): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    const step = pattern[p] === "*" ? 0 : one(pattern, p, text[t] ?? "");
    if (pattern[p] === "*") [star, mark, p] = [p, t, p + 1];
    else if (step > 0) [p, t] = [p + step, t + 1];
    else if (star >= 0) [p, mark, t] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** How many characters of the pattern at `at` stand for this character; 0: they don't. */
function one(pattern: string, at: number, character: string): number {
  if (pattern[at] === "?") return 1;
  if (pattern[at] !== "[") return pattern[at] === character ? 1 : 0;
  const end = pattern.indexOf("]", at + 1);
  if (end < 0) return 0;
  const set = pattern.slice(at + 1, end);
  const range = /^(.)-(.)$/.exec(set);
  const isIn = range ? character >= (range[1] ?? "") && character <= (range[2] ?? "") : set.includes(character);
  return isIn ? end + 1 - at : 0;
}

function deviceAliases(bus: string): string[] {
  return namesIn(bus).flatMap((name) =>
    namesIn(join(bus, name, "devices"))
      .map((device) => readQuietly(join(bus, name, "devices", device, "modalias")).trim())
      .filter((alias) => alias !== ""),
  );
}
