import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileWatches, readSmallFile } from "../../../src/probe/file.ts";
import { until } from "../../support/until.ts";

const directory = mkdtempSync(join(tmpdir(), "lbd-file-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a change, a replacement and a removal are told; other files are not", async () => {
  const path = join(directory, "weight");
  const told: string[] = [];
  const watches = createFileWatches((changed) => told.push(changed));
  watches.set([path, join(directory, "nowhere", "missing")]);
  const next = async (what: string, change: () => void) => {
    told.length = 0;
    change();
    await until(what, () => told.length > 0);
    expect(new Set(told)).toEqual(new Set([path]));
  };
  await next("it was made", () => writeFileSync(path, "5"));
  expect(readSmallFile(path)).toBe("5");
  await next("it was replaced", () => {
    writeFileSync(join(directory, "new"), "7");
    renameSync(join(directory, "new"), path);
  });
  await next("it was removed", () => rmSync(path));
  expect(readSmallFile(path)).toBeUndefined();
  watches.set([]);
  writeFileSync(path, "1");
  watches.close();
});

test("what is no small regular file counts as missing", () => {
  const long = join(directory, "long");
  writeFileSync(long, "1".repeat(10_000));
  expect([readSmallFile(long), readSmallFile(directory), readSmallFile("/dev/zero")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
