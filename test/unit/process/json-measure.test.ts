import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FROM_CHILD_JSON } from "../../../src/process/conduct.ts";
import { beyondBounds, type JsonBounds } from "../../../src/process/json-measure.ts";
import { virtualServer, vrrpInstance } from "../../support/status-samples.ts";

const bytes = (text: string) => Buffer.from(text);
const WIDE: JsonBounds = {
  ...{ maxDepth: 1e9, freeContainers: 1e9, bytesPerContainer: 1, freeValues: 1e9, bytesPerValue: 1 },
};

/** What a parsed value has, counted on the value. */
function countOf(value: unknown): { readonly depth: number; readonly containers: number; readonly values: number } {
  if (typeof value !== "object" || value === null) return { depth: 0, containers: 0, values: 0 };
  const parts = Object.values(value).map(countOf);
  const sum = (of: "containers" | "values") => parts.reduce((total, part) => total + part[of], 0);
  return {
    depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
    containers: 1 + sum("containers"),
    // An empty one counts as one that has a value.
    values: Math.max(1, parts.length) + sum("values"),
  };
}

test("of any JSON exactly what it has is within bounds, and one less is not", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1), (value, indent) => {
      const text = bytes(JSON.stringify(value, null, indent));
      // What is parsed, so that -0 and a key that comes twice count as they are read.
      const { depth, containers, values } = countOf(JSON.parse(text.toString()));
      const none = { bytesPerContainer: Number.POSITIVE_INFINITY, bytesPerValue: Number.POSITIVE_INFINITY };
      const exact: JsonBounds = { maxDepth: depth, freeContainers: containers, freeValues: values, ...none };
      expect(beyondBounds(text, exact)).toBeUndefined();
      if (depth === 0) return;
      expect(beyondBounds(text, { ...exact, maxDepth: depth - 1 })).toBe(`JSON more than ${depth - 1} levels deep`);
      expect(beyondBounds(text, { ...exact, freeContainers: containers - 1 })).toEndWith(
        `${containers} arrays and objects`,
      );
      expect(beyondBounds(text, { ...exact, freeValues: values - 1 })).toEndWith(`${values} values`);
    }),
  );
});

test.each([
  ["brackets in a text", '"[[[[{{{{,,,,"'],
  ["behind a quote in a text", '"\\"[[[["'],
  ["behind a backslash that ends a text", '["\\\\",1]'],
  ["a text that never ends", '"[[[['],
  ["a text that ends in a backslash", '"[[\\'],
  ["nothing", ""],
  ["ends without a beginning", "]]}}"],
])("%s counts for nothing", (_what, text) => {
  const bounds = { ...WIDE, maxDepth: 1, freeContainers: 1, bytesPerContainer: Number.POSITIVE_INFINITY };
  expect(beyondBounds(bytes(text), bounds)).toBeUndefined();
});

test("bytes that are no JSON are looked at to their end", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (noise) => {
      expect(beyondBounds(noise, WIDE)).toBeUndefined();
    }),
  );
});

describe("of what a child says", () => {
  const many = (text: string, count: number) => `[${Array.from({ length: count }, () => text).join(",")}]`;

  test.each([
    ["two hundred thousand arrays in each other", "[".repeat(200_000) + "]".repeat(200_000), "levels deep"],
    ["the same with objects", '{"a":'.repeat(50_000), "levels deep"],
    ["33 levels", "[".repeat(33) + "]".repeat(33), "JSON more than 32 levels deep"],
    ["empty arrays", many("[]", 100_000), "300001 bytes of JSON with 100001 arrays and objects"],
    ["a megabyte of them in an object of their own each", many('{"a":[]}', 120_000), "arrays and objects"],
    ["empty objects with a name each", many('{"a":0}', 100_000), "arrays and objects"],
    ["numbers", many("1", 300_000), "600001 bytes of JSON with 300000 values"],
    ["short texts", many('"a"', 400_000), "values"],
  ])("%s is too much", (_what, text, reason) => {
    expect(beyondBounds(bytes(text), FROM_CHILD_JSON)).toEndWith(reason);
  });

  const named = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at}`, value]));
  const batch = (updates: readonly unknown[], topics = {}) => ({ kind: "batch", logs: [], updates, topics });
  const tracker = { kind: "bfd", name: "b", up: true, share: 0, since: "", detail: "" };

  // The honest ones that hold most in their bytes.
  test.each<[string, unknown]>([
    [
      "200 instances with nothing to tell",
      batch(Array.from({ length: 200 }, () => ({ kind: "vrrp", value: vrrpInstance("a") }))),
    ],
    [
      "2,000 services with nothing in them",
      batch(
        Array.from({ length: 2000 }, (_, at) => ({
          kind: "virtual-server",
          value: { ...virtualServer(`${at}`), realServers: [] },
        })),
      ),
    ],
    [
      "names of 20,000 objects that are gone",
      batch(Array.from({ length: 20_000 }, () => ({ kind: "vrrp-gone", name: "a" }))),
    ],
    [
      "an instance with 20,000 trackers",
      batch([{ kind: "vrrp", value: { name: "a", trackers: named(20_000, tracker) } }]),
    ],
    [
      "counters of 20,000 instances",
      batch([{ kind: "vrrp-traffic", values: named(20_000, { lastAdvertAt: null, counters: { sent: 1 } }) }]),
    ],
    ["20,000 BFD sessions", batch([], { bfd: named(20_000, { up: true, detail: "" }) })],
    ["20,000 masters", batch([], { handover: { masters: Object.keys(named(20_000, 0)), spokeAtMs: 0 } })],
    [
      "1,000 log lines with facts",
      {
        kind: "batch",
        logs: Array.from({ length: 1000 }, () => ({ level: "info", area: "v", message: "", fields: { a: 1, b: 2 } })),
        updates: [],
        topics: {},
      },
    ],
  ])("%s is not", (_what, message) => {
    expect(beyondBounds(bytes(JSON.stringify(message)), FROM_CHILD_JSON)).toBeUndefined();
  });
});
