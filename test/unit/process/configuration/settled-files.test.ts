import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFiles, stampOf } from "../../../../src/process/configuration/files.ts";
import { readConfiguration } from "../../../../src/process/configuration/read-config.ts";
import {
  type FileStamp,
  lookAt,
  type Stamps,
  stampsOf,
  stampTexts,
  unsettled,
} from "../../../../src/process/configuration/settled-files.ts";
import { thisWorld } from "../../../../src/process/configuration/this-world.ts";

const NOW = 1_800_000_000_000;
const ns = (ms: number) => BigInt(ms) * 1_000_000n;

function stamp(writtenMsAgo: number, change: Partial<FileStamp> = {}): FileStamp {
  const at = ns(NOW - writtenMsAgo);
  return { device: 1n, inode: 7n, bytes: 100n, modifiedNs: at, changedNs: at, ...change };
}
const files = (one: FileStamp | undefined): Stamps => new Map([["/k.conf", one]]);
const OLD = stamp(10_000);

describe("one file", () => {
  test.each([
    ["old", OLD, OLD, OLD, undefined],
    ["written 300 ms ago", stamp(300), stamp(300), OLD, undefined],
    ["written in place 299 ms ago", stamp(299), stamp(299), OLD, 1],
    ["written in place just now", stamp(0), stamp(0), OLD, 300],
    ["a time to come", stamp(-5000), stamp(-5000), OLD, undefined],
    ["renamed into place", renamed(8n), renamed(8n), OLD, undefined],
    ["another one that was written where it is", stamp(100, { inode: 8n }), stamp(100, { inode: 8n }), OLD, 200],
    ["the same, and its mode was changed after", renamed(7n), renamed(7n), OLD, 200],
    ["never seen before, renamed into place", renamed(8n), renamed(8n), undefined, undefined],
    ["another size after than before", OLD, { ...OLD, bytes: 99n }, OLD, 50],
    ["another time after than before", OLD, { ...OLD, modifiedNs: OLD.modifiedNs + 1n }, OLD, 50],
    ["another file after than before", OLD, { ...OLD, inode: 9n }, OLD, 50],
    ["gone meanwhile", OLD, undefined, OLD, 50],
    ["come meanwhile", undefined, OLD, OLD, 50],
    ["not there", undefined, undefined, OLD, undefined],
  ] as const)("%s", (_what, before, after, known, waitMs) => {
    const found = unsettled(files(before), files(after), files(known), NOW);
    expect(found?.waitMs).toBe(waitMs as number);
    if (waitMs) expect(found?.reason).toStartWith("/k.conf: it ");
  });

  function renamed(inode: bigint): FileStamp {
    return stamp(100, { inode, changedNs: ns(NOW - 50) });
  }
});

test("every file counts, and the one that moves is named", () => {
  const both = (second: FileStamp): Stamps =>
    new Map([
      ["/k.conf", OLD],
      ["/part.conf", second],
    ]);
  expect(unsettled(both(OLD), both(OLD), both(OLD), NOW)).toBeUndefined();
  expect(unsettled(both(stamp(10)), both(stamp(10)), both(OLD), NOW)?.reason).toStartWith("/part.conf: ");
});

describe("files of this machine", () => {
  let dir = "";
  let reads = 0;
  /** Long ago, so that only what a test writes is new. */
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    utimesSync(join(dir, name), 1000, 1000);
  };
  /** Reads again and again, and knows the files of the last time that it took what it read. */
  const reader = (during: () => void = () => {}) => {
    const mainFile = join(dir, "k.conf");
    let known: Stamps | undefined;
    return () => {
      const look = lookAt(
        mainFile,
        configFiles,
        known,
        (files) => {
          reads++;
          const options = { configFile: mainFile, allConfig: false, strict: false };
          const reading = readConfiguration(options, { ...thisWorld(), ...files });
          during();
          return reading;
        },
        { stamp: stampOf, wallMs: Date.now },
      );
      if (!look.unsettled) known = look.stamps;
      return look;
    };
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "lbd-settled-"));
    reads = 0;
    write("k.conf", "include part.inc\n");
    write("part.inc", "global_defs {\n router_id a\n}\n");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("that stand still are read once", () => {
    const { reading, unsettled } = reader()();
    expect(reading).toMatchObject({ errors: [], content: "blocks" });
    expect(unsettled).toBeUndefined();
  });

  test("an included file that changes while the rest is read", () => {
    const found = reader(() => writeFileSync(join(dir, "part.inc"), "global_defs {\n"))().unsettled;
    expect(found).toMatchObject({
      changed: true,
      reason: expect.stringContaining("part.inc: it changed while it was read"),
    });
  });

  test("an included file that was written a moment ago is not even read", () => {
    const read = reader();
    read();
    writeFileSync(join(dir, "part.inc"), "global_defs {\n router_id b\n}\n");
    const found = read();
    expect(found.unsettled?.reason).toContain("part.inc: it was written ");
    expect(found.reading).toBeUndefined();
    expect(reads).toBe(1);
  });

  test("an included file that was renamed into its place is read at once", () => {
    const read = reader();
    read();
    const fresh = join(dir, "new");
    writeFileSync(fresh, "global_defs {\n router_id b\n}\n");
    const moment = (Date.now() - 100) / 1000;
    utimesSync(fresh, moment, moment);
    renameSync(fresh, join(dir, "part.inc"));
    expect(read().unsettled).toBeUndefined();
    expect(reads).toBe(2);
  });

  test("a name that is gone for a moment", () => {
    const read = reader();
    read();
    rmSync(join(dir, "k.conf"));
    expect(read().unsettled?.reason).toContain("k.conf: no such file");
  });
});

test.each([
  ["", "nothing"],
  ["# only a comment\n\n", "nothing"],
  ["no_such_block {\n}\n", "nothing-known"],
  ["global_defs {\n router_id a\n}\n", "blocks"],
  ["vrrp_instance x {\n interface lo\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n", "blocks"],
])("%j holds %s", (text, content) => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-content-"));
  writeFileSync(join(dir, "k.conf"), text);
  const options = { configFile: join(dir, "k.conf"), allConfig: false, strict: false };
  expect(readConfiguration(options, thisWorld()).content).toBe(content as "blocks");
  rmSync(dir, { recursive: true });
});

test("stamps are the same after they were text", () => {
  const stamps: Stamps = new Map([
    ["/k.conf", OLD],
    ["/gone.conf", undefined],
  ]);
  expect(stampsOf(JSON.parse(JSON.stringify(stampTexts(stamps))))).toEqual(stamps);
});
