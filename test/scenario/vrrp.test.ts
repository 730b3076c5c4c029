// Plays every vrrp-*.jsonl of this folder. See vrrp.ts for the lines.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { play } from "./vrrp.ts";

const files = readdirSync(import.meta.dir).filter((name) => name.startsWith("vrrp-") && name.endsWith(".jsonl"));

test.each(files.map((file) => [file] as const))("%s", (file) => {
  const path = join(import.meta.dir, file);
  const { wanted, got } = play(readFileSync(path, "utf8"));
  if (process.env.LBD_SCENARIO_REWRITE === "1") writeFileSync(path, got);
  else expect(got).toBe(wanted);
});

/** Every change of state that there is, with each cause that it can have. */
const CHANGES = [
  "INIT>BACKUP start",
  "INIT>MASTER owner",
  "INIT>FAULT fault",
  "INIT>FAULT group",
  "INIT>STOP stop",
  "INIT>STOP deleted",
  "BACKUP>MASTER no-master",
  "BACKUP>MASTER master-down",
  "BACKUP>MASTER master-resigned",
  "BACKUP>MASTER preempt",
  "BACKUP>MASTER owner",
  "BACKUP>MASTER group",
  "BACKUP>FAULT fault",
  "BACKUP>FAULT group",
  "BACKUP>STOP stop",
  "BACKUP>STOP deleted",
  "MASTER>BACKUP higher-priority",
  "MASTER>BACKUP higher-address",
  "MASTER>BACKUP duplicate-owner",
  "MASTER>BACKUP late",
  "MASTER>BACKUP group",
  "MASTER>FAULT fault",
  "MASTER>FAULT group",
  "MASTER>STOP stop",
  "MASTER>STOP deleted",
  "FAULT>BACKUP fault-cleared",
  "FAULT>STOP stop",
  "FAULT>STOP deleted",
] as const;

test("each change of state is in a scenario with each of its causes, and no other is", () => {
  const shown = files.flatMap((file) =>
    [...readFileSync(join(import.meta.dir, file), "utf8").matchAll(/"out":\[[^"]*"(\S+) ([A-Z]+>[A-Z]+ [a-z-]+): /g)]
      // A group has its member's.
      .flatMap(([, name, change]) => (name === "G" ? [] : [change ?? ""])),
  );
  expect([...new Set(shown)].toSorted()).toEqual([...CHANGES].toSorted());
});

test("there are scenarios", () => {
  expect(files.length).toBeGreaterThan(8);
});
