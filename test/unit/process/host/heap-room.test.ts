// Room for the heap while a large configuration is read: it is there for one turn of the event loop, and only for such files.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFiles } from "../../../../src/process/configuration/files.ts";
import { until } from "../../../support/until.ts";

const MIB = 1024 * 1024;
let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-room-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("reading a file", () => {
  test.each([
    ["a small one makes no room", MIB / 2, false],
    ["a large one makes room", 4 * MIB, true],
    ["a huge one leaves the collector alone", 20 * MIB, false],
  ])("%s", async (_, bytes, expected) => {
    const path = join(dir, "a.conf");
    writeFileSync(path, "\n".repeat(bytes));
    const before = heldBytes();
    const read = configFiles.read(path, 64 * MIB);
    const during = heldBytes();
    expect(read.ok && read.value.byteLength).toBe(bytes);
    expect(during - before - bytes > 10 * bytes).toBe(expected);
    // The collector takes what lies on the stack for a pointer: an old word there may hold it for some turns longer.
    await until("the room is let go", () => heldBytes() - before < 2 * bytes);
  });
});

/** Bytes of all array buffers that are reachable. */
function heldBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().arrayBuffers;
}
