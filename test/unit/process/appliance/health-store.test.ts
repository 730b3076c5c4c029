// Health of servers over a restart of the machine: written at the end, brought back once, whole or not at all.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bringHealthBack, takeHealthAway } from "../../../../src/process/appliance/health-store.ts";

let work: string;
const said: string[] = [];
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "lbd-health-"));
  said.length = 0;
});
afterEach(() => rmSync(work, { recursive: true }));

const kept = () => join(work, "esp/lbd/health");
const journal = (run: string) => join(work, run, "checker.d/health.journal");
function ports(run: string) {
  mkdirSync(join(work, "esp"), { recursive: true });
  return {
    withFolder: <T>(_how: "read" | "write", act: (folder: string) => T) => act(join(work, "esp")),
    runDir: join(work, run),
    say: (level: string, message: string) => said.push(`${level} ${message}`),
  };
}
function left(text: string): void {
  mkdirSync(join(work, "before/checker.d"), { recursive: true });
  writeFileSync(journal("before"), text);
  takeHealthAway(ports("before"));
}

test("it is there after the restart, for the role alone, and only once", () => {
  left('{"atMs":1,"checks":{}}');
  bringHealthBack(ports("after"));
  expect(readFileSync(journal("after"), "utf8")).toBe('{"atMs":1,"checks":{}}');
  expect([statSync(journal("after")).mode & 0o777, statSync(join(work, "after/checker.d")).mode & 0o777]).toEqual([
    0o600, 0o700,
  ]);
  expect(existsSync(kept())).toBeFalse();
  rmSync(join(work, "after"), { recursive: true });
  bringHealthBack(ports("after"));
  expect(existsSync(journal("after"))).toBeFalse();
  expect(said).toEqual([]);
});

test("a director that left nothing leaves nothing", () => {
  takeHealthAway(ports("before"));
  bringHealthBack(ports("after"));
  expect([existsSync(kept()), existsSync(join(work, "after")), said]).toEqual([false, false, []]);
});

test("what is damaged is passed over and gone, and what is too much is not kept", () => {
  left('{"atMs":1,"checks":{}}');
  writeFileSync(kept(), readFileSync(kept(), "utf8").slice(0, -2));
  bringHealthBack(ports("after"));
  expect([existsSync(journal("after")), existsSync(kept())]).toEqual([false, false]);
  left("x".repeat(2 * 1024 * 1024));
  expect(existsSync(kept())).toBeFalse();
  expect(said).toEqual([expect.stringContaining("damaged"), expect.stringContaining("longer than")]);
});

test("a partition that can't be used ends nothing", () => {
  const broken = {
    ...ports("before"),
    withFolder: () => {
      throw new Error("EIO");
    },
  };
  left("{}");
  takeHealthAway(broken);
  bringHealthBack(broken);
  expect(said).toEqual([expect.stringContaining("EIO"), expect.stringContaining("EIO")]);
});

test("what a role that was taken over put in its place holds the first process not up, and fills no memory", () => {
  const fifo = Bun.spawnSync(
    [process.execPath, join(import.meta.dir, "../../../support/health-child.ts"), join(work, "before")],
    { timeout: 10_000 },
  );
  expect(fifo.stdout.toString()).toContain("is not a regular file");
  mkdirSync(join(work, "large/checker.d"), { recursive: true });
  writeFileSync(journal("large"), "");
  // All of it a hole.
  truncateSync(journal("large"), 64 * 1024 ** 3);
  takeHealthAway(ports("large"));
  expect(said).toEqual([expect.stringContaining("longer than")]);
  expect(existsSync(kept())).toBeFalse();
});
