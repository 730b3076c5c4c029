import { describe, expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import {
  openSysctlKeeper,
  parseSysctlJournal,
  type SysctlJournal,
  type SysctlJournalContent,
} from "../../../src/kernel/sysctl.ts";

const PATH = "net/ipv4/conf/eth0/arp_ignore";

function world(values: Record<string, string>, content?: SysctlJournalContent) {
  const journal: SysctlJournal & { content: SysctlJournalContent | undefined } = {
    content,
    read() {
      return this.content;
    },
    write(next) {
      this.content = next;
    },
    clear() {
      this.content = undefined;
    },
  };
  const lines: LogLine[] = [];
  const io = {
    read: (path: string) => values[path],
    write: (path: string, value: string) => {
      if (value === "refused") return false;
      values[path] = value;
      return true;
    },
    list: () => [],
  };
  return { values, journal, lines, keeper: openSysctlKeeper(journal, (line) => lines.push(line), io, "boot") };
}

describe("settings that are changed for a time", () => {
  test("the journal says what was found before the setting is changed", () => {
    const { keeper, values, journal } = world({ [PATH]: "0" });
    keeper.set("a", PATH, "1");
    expect([values[PATH], journal.content]).toEqual([
      "1",
      { world: "boot", records: [{ path: PATH, found: "0", set: "1" }] },
    ]);
  });

  test("put back when the last owner lets go", () => {
    const { keeper, values, journal } = world({ [PATH]: "0" });
    keeper.set("a", PATH, "1");
    keeper.set("b", PATH, "1");
    keeper.release("a");
    expect(values[PATH]).toBe("1");
    keeper.release("b");
    expect([values[PATH], journal.content]).toEqual(["0", undefined]);
  });

  test("what is right already is not ours to put back; raise() leaves a stricter value alone", () => {
    const { keeper, values, journal } = world({ [PATH]: "1" });
    keeper.set("a", PATH, "1");
    expect(journal.content).toBeUndefined();
    values[PATH] = "2";
    expect(keeper.raise("a", PATH, 1)).toBe(true);
    expect([values[PATH], journal.content]).toEqual(["2", undefined]);
  });

  test("a predecessor's finding is kept, not its setting (trap R3)", () => {
    const records = [{ path: PATH, found: "0", set: "1" }];
    const { keeper, values } = world({ [PATH]: "1" }, { world: "boot", records });
    keeper.raise("a", PATH, 1);
    keeper.releaseLeftOver();
    expect(values[PATH]).toBe("1");
    keeper.release("a");
    expect(values[PATH]).toBe("0");
  });

  test("what nobody claims goes back at once; another boot's findings mean nothing", () => {
    const records = [{ path: PATH, found: "0", set: "1" }];
    const left = world({ [PATH]: "1" }, { world: "boot", records });
    left.keeper.releaseLeftOver();
    expect(left.values[PATH]).toBe("0");
    const other = world({ [PATH]: "1" }, { world: "earlier", records });
    other.keeper.releaseLeftOver();
    expect(other.values[PATH]).toBe("1");
  });

  test("an interface that came back has a new value to restore; one that is gone has none", () => {
    const { keeper, values, lines } = world({ [PATH]: "0" });
    keeper.set("a", PATH, "1");
    values[PATH] = "2";
    keeper.set("a", PATH, "1");
    keeper.release("a");
    expect(values[PATH]).toBe("2");
    keeper.set("a", PATH, "1");
    delete values[PATH];
    keeper.releaseAll();
    expect(values[PATH]).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test("what can't be set is said, and not remembered", () => {
    const { keeper, journal, lines } = world({ [PATH]: "0" });
    expect(keeper.set("a", PATH, "refused")).toBe(false);
    expect(keeper.set("a", "net/none", "1")).toBe(false);
    expect(journal.content).toBeUndefined();
    expect(lines).toHaveLength(1);
  });

  test.each([
    ["not an object", 7],
    ["no records", { world: "x" }],
    ["a path that climbs", { world: "x", records: [{ path: "net/../kernel/core_pattern", found: "|/x", set: "1" }] }],
    ["a path elsewhere", { world: "x", records: [{ path: "kernel/core_pattern", found: "|/x", set: "1" }] }],
    ["a value that is no text", { world: "x", records: [{ path: PATH, found: 0, set: "1" }] }],
  ])("a journal with %s is none", (_why, raw) => expect(parseSysctlJournal(raw)).toBeUndefined());
});
