// Process layer: whether two values of configurations are alike. Pure.
import { PLACES, sameValue } from "../../base/same-value.ts";

/** Alike but for where it stands, and for `left`, keys of the outermost object. */
export function isSameBut(a: object, b: object, left: readonly string[] = []): boolean {
  return sameValue(without(a, left), without(b, left), PLACES);
}

function without(value: object, keys: readonly string[]): object {
  if (keys.length === 0) return value;
  return { ...value, ...Object.fromEntries(keys.map((key) => [key, undefined])) };
}
