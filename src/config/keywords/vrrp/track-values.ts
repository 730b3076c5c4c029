// Config core: values of tracking: what an instance or group tracks and with which weight, and what the trackers themselves ask for.
import type { Lines, Value } from "../../bind/keyword.ts";
import { interfaceSchema } from "../../bind/values/names.ts";
import { integerSchema, timeSchema } from "../../bind/values/numbers.ts";
import { didYouMean } from "../../findings/suggest.ts";
import type { Word } from "../../text/tree.ts";
import { TRACKER } from "../routing/small-lines.ts";

// --- trackers

/** One line of a track_* block. */
export interface TrackerUse {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: boolean;
  readonly word: Word;
}

type TrackerKind = "interface" | "script" | "bfd" | "file" | "process";

function tracker(kind: TrackerKind): Value<TrackerUse> {
  const limit = kind === "file" || kind === "process" ? 254 : 253;
  // ±254 is taken as ±253 with an error where 253 is the limit (language.md §14.2).
  const schema = integerSchema(-254, 254);
  return {
    grammar: "NAME [weight N [reverse | noreverse]]",
    read: (words) => {
      const word = words.next();
      if (!word) return undefined;
      if (word.text === "weight" && /^[+-]?\d+$/.test(words.peek()?.text ?? "")) {
        words.error(word, "missing-value", "this line says nothing that is tracked", "write a name in front of weight");
        return undefined;
      }
      if (kind === "interface" && words.convert(word, interfaceSchema, "track_interface") === undefined)
        return undefined;
      if (!words.take("weight")) {
        if (words.atEnd) return { name: word.text, word };
        // keepalived leaves the whole line out.
        words.refuseRest(`a line of track_${kind}`, didYouMean(words.peek()?.text ?? "", ["weight"]));
        return undefined;
      }
      const at = words.need(`an integer from -${limit} to ${limit}`, "weight");
      const given = at && words.convert(at, schema, "weight");
      if (!at) return undefined;
      const used = given === undefined ? weightInstead(at.text) : { weight: Math.min(Math.max(given, -limit), limit) };
      if (given !== undefined && used.weight !== given)
        words.warn(
          at,
          "clamped",
          `weight is out of range (${given}): ${used.weight} is taken`,
          `expected an integer from -${limit} to ${limit}`,
        );
      const reverse = words.take("reverse")
        ? true
        : kind !== "interface" && words.take("noreverse")
          ? false
          : undefined;
      const isWhole = words.atEnd;
      words.refuseRest("weight", `expected ${kind === "interface" ? "reverse" : "reverse or noreverse"}`);
      if (!isWhole && LEFT_OUT_WITH_REST.has(kind)) return undefined;
      return { name: word.text, ...used, ...(reverse !== undefined && { reverse }), word };
    },
  };
}

/** keepalived leaves a line of these out that has something strange behind its weight; of the others it counts so far. */
const LEFT_OUT_WITH_REST: ReadonlySet<TrackerKind> = new Set(["file", "bfd"]);

/** What counts in place of a wrong weight, as in keepalived: the number it begins with, else 0; that of the definition when it is too large. */
function weightInstead(text: string): Pick<TrackerUse, "weight"> {
  const weight = Number.parseInt(text, 10) || 0;
  return Math.abs(weight) > 254 ? {} : { weight };
}

function trackerLines(kind: TrackerKind): Lines<TrackerUse> {
  return { kind: "lines", entry: tracker(kind), options: TRACKER };
}

export const trackInterfaces = trackerLines("interface");

export const trackScripts = trackerLines("script");

export const trackBfd = trackerLines("bfd");

export const trackFiles = trackerLines("file");

export const trackProcesses = trackerLines("process");

export interface DelayEntry {
  readonly interface: string;
  readonly downMs: number;
  readonly upMs: number;
}

const delaySchema = timeSchema(0, 255, "s", 1000);

export const delayEntry: Value<DelayEntry> = {
  grammar: "IFNAME SECS [SECS]",
  read: (words) => {
    const name = words.value(interfaceSchema, "an interface", "interface_up_down_delays");
    const downMs = words.value(delaySchema, "seconds from 0 to 255", "the down delay");
    const word = words.next();
    const upMs = word ? words.convert(word, delaySchema, "the up delay") : 0;
    return name === undefined || downMs === undefined || upMs === undefined
      ? undefined
      : { interface: name, downMs, upMs };
  },
};

export interface TrackedProcess {
  readonly process: string;
  readonly params: readonly string[];
}

/** `process`: a name, or a command with its parameters. What stands in quotes is one of these, blanks and all. */
export const trackedProcess: Value<TrackedProcess> = {
  grammar: "STRING | QSTRING [PARAM ...]",
  read: (words) => {
    const word = words.need("the name of a process");
    if (!word) return undefined;
    if (word.text.trim() === "") {
      words.error(word, "bad-value", "process is empty", "expected the name of a process");
      return undefined;
    }
    return { process: word.text, params: words.takeAll().map((param) => param.text) };
  },
};

export interface InitFile {
  readonly value: number;
  readonly overwrite: boolean;
}

export const initFile: Value<InitFile> = {
  grammar: "[INT] [ENUM(overwrite)]",
  read: (words) => {
    let value = 0;
    const word = words.peek();
    if (word && word.text !== "overwrite") {
      words.next();
      const given = words.convert(word, integerSchema(-2_147_483_648, 2_147_483_647));
      if (given === undefined) return undefined;
      value = given;
    }
    return { value, overwrite: words.take("overwrite") };
  },
};
