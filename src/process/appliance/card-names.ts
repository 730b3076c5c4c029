// Process layer, appliance: what cards were called before they got their names, kept for as long as the machine runs: the next process of
// the appliance finds a card by `match: {name: …}` under the name it has now.
import { readFileSync } from "node:fs";
import { replaceFile } from "../host/replace-file.ts";

/** First name by today's name; empty when nothing was kept, or what was kept is damaged. */
export function readCardNames(path: string): Map<string, string> {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!Array.isArray(kept)) return new Map();
    return new Map(kept.filter((pair): pair is [string, string] => isPair(pair)));
  } catch {
    return new Map();
  }
}

/** @throws Error when it can't be written */
export function keepCardNames(path: string, names: ReadonlyMap<string, string>): void {
  replaceFile(path, JSON.stringify([...names]), 0o600);
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((word) => typeof word === "string");
}
