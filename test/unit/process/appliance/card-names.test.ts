// Names of cards that the next process of the appliance needs.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepCardNames, readCardNames } from "../../../../src/process/appliance/card-names.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-cards-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("what was kept is there again", () => {
  const path = join(dir, "kept.json");
  keepCardNames(
    path,
    new Map([
      ["lan0", "eth1"],
      ["lan1", "eth0"],
    ]),
  );
  expect([...readCardNames(path)]).toEqual([
    ["lan0", "eth1"],
    ["lan1", "eth0"],
  ]);
});

test.each([
  ["nothing", undefined, []],
  ["half a file", '[["lan0","et', []],
  ["another shape", '{"lan0":"eth1"}', []],
  ["one wrong pair among good ones", '[["lan0",1],["lan1","eth0"],["x"]]', [["lan1", "eth0"]]],
])("of %s is taken what is whole", (name, content, expected) => {
  const path = join(dir, name);
  if (content !== undefined) writeFileSync(path, content);
  expect([...readCardNames(path)]).toEqual(expected as [string, string][]);
});
