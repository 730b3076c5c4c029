// Cases of test/golden/bind: a configuration, three dashes, and what is to come of it: every finding as
// `LINE:COLUMN SEVERITY CODE`, and values of the model as `= path JSON`. A case begins with `=== why`.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { bindText, briefly } from "../../../support/config.ts";

const folder = `${import.meta.dirname}/../../../golden/bind`;

interface Case {
  readonly why: string;
  readonly input: string;
  readonly findings: readonly string[];
  readonly values: readonly (readonly [string, unknown])[];
}

function casesOf(file: string): readonly Case[] {
  const parts = readFileSync(`${folder}/${file}`, "utf8").split(/^=== /m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf("\n");
    const [input = "", expected = ""] = part.slice(end + 1).split(/^---\n/m);
    const lines = expected.split("\n").filter((line) => line !== "");
    return {
      why: part.slice(0, end),
      input,
      findings: lines.filter((line) => !line.startsWith("= ")),
      values: lines.filter((line) => line.startsWith("= ")).map(readValue),
    };
  });
}

function readValue(line: string): readonly [string, unknown] {
  const [, path = "", json = ""] = /^= (\S+) (.*)$/.exec(line) ?? [];
  return [path, json === "absent" ? undefined : JSON.parse(json)];
}

function valueAt(root: unknown, path: string): unknown {
  let value = root;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    if (key === "length" && Array.isArray(value)) return value.length;
    value = Object.entries(value).find(([name]) => name === key)?.[1];
  }
  return value;
}

function byPlace(findings: readonly string[]): readonly string[] {
  const key = (line: string) => line.split(/[: ]/).slice(0, 2).map(Number);
  return [...findings].sort((a, b) => (key(a)[0] ?? 0) - (key(b)[0] ?? 0) || (key(a)[1] ?? 0) - (key(b)[1] ?? 0));
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".case"))) {
  describe(file, () => {
    test.each(casesOf(file).map((one) => [one.why, one] as const))("%s", (_why, { input, findings, values }) => {
      const bound = bindText(input);
      expect(byPlace(briefly(bound.diagnostics))).toEqual(byPlace(findings));
      const seen = values.map(([path]) => [path, valueAt(bound.config, path)] as const);
      expect(seen).toEqual([...values]);
    });
  });
}
