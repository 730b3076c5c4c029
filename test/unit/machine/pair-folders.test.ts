// The folders of the pair that `make run-appliance` boots, and the pair of docs/appliance.md, as `lbd check --appliance` judges them.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { judgeFolder } from "../../../src/process/appliance/judge-folder.ts";
import { writeFolder } from "../../machine/pair-folders.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-pair-folders-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const judged = () => judgeFolder(dir, { named: false }).loaded;

test.each([1, 2] as const)("director %d's has no finding", (director) => {
  writeFolder(dir, { director, token: "x", updateKey: "RWQ=", moreServers: ["10.99.0.1"] });
  const { diagnostics } = judged();
  // The key is none.
  expect(diagnostics.map(({ code, span }) => `${span?.file.name}: ${code}`)).toEqual(["appliance.yaml: bad-value"]);
  writeFolder(dir, { director, token: "x" });
  const { diagnostics: without, config } = judged();
  expect(without).toEqual([]);
  expect(config.vrrp.instances.map(({ priority }) => priority)).toEqual(director === 1 ? [150, 150] : [100, 100]);
  expect(config.virtualServers.map(({ realServers }) => realServers.length)).toEqual([2, 2]);
});

test("the one of docs/appliance.md has none either", () => {
  writeFolder(dir, { director: 1, token: "x" });
  const text = readFileSync(resolve(import.meta.dirname, "../../../docs/appliance.md"), "utf8");
  const [, example = ""] = /`keepalived\.conf` of both:\n\n((?: {7}.*\n|\n)+)/.exec(text) ?? [];
  expect(example).toContain("lvs_sync_daemon");
  writeFileSync(join(dir, "keepalived.conf"), example);
  expect(judged().diagnostics).toEqual([]);
});
