// Config core: values of the macros that nobody defines (language.md §7).
import { readInteger } from "./loops.ts";
import type { Reference } from "./macros.ts";
import type { PredefinedValue } from "./replace.ts";

/** Where the values come from. */
export interface PredefinedSources {
  /** `_INSTANCE`, and what `@ID` lines are compared with. */
  readonly configId: string;
  /** Variables for `${_ENV NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A number from 0 to below 1, for `${_RANDOM}`. */
  readonly random: () => number;
}

const MAX_RANDOM = 32767;

/** Value of a predefined macro, undefined for any other name. @param directory of the file being read, absolute */
export function predefinedValue(
  reference: Reference,
  sources: PredefinedSources,
  directory: () => string,
): PredefinedValue | undefined {
  const { name, args } = reference;
  switch (name) {
    case "_HASH":
      return { text: "#" };
    case "_BANG":
      return { text: "!" };
    case "_INSTANCE":
      return { text: sources.configId };
    case "_PWD":
      return { text: directory() };
    case "_ENV":
      return environmentText(args, sources.env);
    case "_RANDOM":
      return randomText(args, sources.random);
    default:
      return undefined;
  }
}

/** Numbers from 0 to below 1 that a seed decides (`random_seed`): the same file gives the same configuration each time. Mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function environmentText(args: readonly string[], env: PredefinedSources["env"]): PredefinedValue {
  const name = args.length === 1 ? args[0] : undefined;
  const value = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined;
  // A line end in the value would end the statement.
  return value === undefined ? { text: "", problem: "unset" } : { text: value.replaceAll(/[\r\n\0]+/g, " ") };
}

function randomText(args: readonly string[], random: () => number): PredefinedValue {
  const min = args.length > 0 ? readInteger(args[0] ?? "") : 0;
  const max = args.length > 1 ? readInteger(args[1] ?? "") : Math.max(MAX_RANDOM, min ?? 0);
  if (min === undefined || max === undefined || args.length > 2) return { text: "0", problem: "random" };
  if (min > max) return { text: String(min), problem: "random" };
  return { text: String(min + Math.floor(random() * (max - min + 1))) };
}
