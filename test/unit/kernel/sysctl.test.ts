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
  const written: string[] = [];
  /** What the journal said of a setting at the moment when it was written. */
  const named: (string | undefined)[] = [];
  const io = {
    read: (path: string) => values[path],
    write: (path: string, value: string) => {
      named.push(journal.content?.records.find((record) => record.path === path)?.found);
      if (value === "refused") return false;
      values[path] = value;
      written.push(`${path}=${value}`);
      return true;
    },
    list: () => [],
  };
  return {
    values,
    journal,
    lines,
    written,
    named,
    keeper: openSysctlKeeper(journal, (line) => lines.push(line), io, "boot"),
  };
}

describe("settings that are changed for a time", () => {
  test("the journal says what was found before the setting is changed", () => {
    const { keeper, values, journal, named } = world({ [PATH]: "0" });
    keeper.want("a", [{ path: PATH, value: "1" }]);
    expect([values[PATH], journal.content]).toEqual([
      "1",
      { world: "boot", records: [{ path: PATH, found: "0", set: "1" }] },
    ]);
    // A crash between the two must not leave a setting that nobody knows of; nor is it forgotten before it is back.
    expect(named).toEqual(["0"]);
    keeper.want("a", []);
    expect([named, journal.content]).toEqual([["0", "0"], undefined]);
  });

  test("what can't be set is not had; what can't be put back is said, and keeps nobody from what is wanted", () => {
    const one = world({ [PATH]: "0" });
    expect(one.keeper.want("a", [{ path: PATH, value: "refused" }])).toBe(false);
    expect(one.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      `warning ${PATH} can't be set to refused (is 0)`,
    ]);
    expect(one.journal.content).toBeUndefined();
    const other = world({ [PATH]: "refused" });
    expect(other.keeper.want("a", [{ path: PATH, value: "1" }])).toBe(true);
    expect(other.keeper.want("a", [])).toBe(true);
    expect([other.values[PATH], other.lines.at(-1)?.message]).toEqual(["1", `${PATH} can't be put back to refused`]);
  });

  test("put back when the last owner lets go", () => {
    const { keeper, values, journal } = world({ [PATH]: "0" });
    keeper.want("a", [{ path: PATH, value: "1" }]);
    keeper.want("b", [{ path: PATH, value: "1" }]);
    keeper.want("a", []);
    expect(values[PATH]).toBe("1");
    keeper.want("b", []);
    expect([values[PATH], journal.content]).toEqual(["0", undefined]);
  });

  test("what is right already is not ours to put back; a stricter value does too", () => {
    const { keeper, values, journal } = world({ [PATH]: "1" });
    keeper.want("a", [{ path: PATH, value: "1" }]);
    expect(journal.content).toBeUndefined();
    values[PATH] = "2";
    expect(keeper.want("a", [{ path: PATH, value: "1", atLeast: true }])).toBe(true);
    expect([values[PATH], journal.content]).toEqual(["2", undefined]);
  });

  test("a predecessor's finding is kept, not its setting (trap R3)", () => {
    const records = [{ path: PATH, found: "0", set: "1" }];
    const { keeper, values } = world({ [PATH]: "1" }, { world: "boot", records });
    keeper.want("a", [{ path: PATH, value: "1", atLeast: true }]);
    keeper.releaseLeftOver();
    expect(values[PATH]).toBe("1");
    keeper.want("a", []);
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
    keeper.want("a", [{ path: PATH, value: "1" }]);
    values[PATH] = "2";
    keeper.want("a", [{ path: PATH, value: "1" }]);
    keeper.want("a", []);
    expect(values[PATH]).toBe("2");
    keeper.want("a", [{ path: PATH, value: "1" }]);
    delete values[PATH];
    keeper.releaseAll();
    expect(values[PATH]).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test("what can't be set is said, and not remembered", () => {
    const { keeper, journal, lines } = world({ [PATH]: "0" });
    expect(keeper.want("a", [{ path: PATH, value: "refused" }])).toBe(false);
    expect(keeper.want("b", [{ path: "net/none", value: "1" }])).toBe(false);
    expect(journal.content).toBeUndefined();
    expect(lines).toHaveLength(1);
  });

  test("another wish of an owner: what stays is not touched, and there is no moment without it", () => {
    const other = "net/ipv4/conf/eth1/arp_ignore";
    const { keeper, values, written } = world({ [PATH]: "0", [other]: "0" });
    keeper.want("a", [{ path: PATH, value: "1" }]);
    keeper.want("a", [{ path: PATH, value: "1" }]);
    keeper.want("a", [
      { path: other, value: "1" },
      { path: PATH, value: "1" },
    ]);
    keeper.want("a", [{ path: other, value: "1" }]);
    expect(written).toEqual([`${PATH}=1`, `${other}=1`, `${PATH}=0`]);
    expect([values[PATH], values[other]]).toEqual(["0", "1"]);
  });

  test("an audit sets again what somebody else has changed, says so once, and gives that back at the end", () => {
    const { keeper, values, lines } = world({ [PATH]: "0" });
    keeper.want("a", [{ path: PATH, value: "1" }]);
    expect(keeper.audit()).toBe(0);
    for (let times = 0; times < 3; times++) {
      values[PATH] = "2";
      expect(keeper.audit()).toBe(1);
      expect(values[PATH]).toBe("1");
    }
    expect(lines.map(({ message }) => message)).toEqual([`${PATH} was changed to 2 by somebody else, set to 1 again`]);
    keeper.want("a", []);
    expect(values[PATH]).toBe("2");
  });

  test("an audit looks at some, the next ones each time", () => {
    const paths = Array.from({ length: 100 }, (_, i) => `net/ipv4/conf/e${i}/arp_ignore`);
    const { keeper, values } = world(Object.fromEntries(paths.map((path) => [path, "0"])));
    keeper.want(
      "a",
      paths.map((path) => ({ path, value: "1" })),
    );
    for (const path of paths) values[path] = "0";
    const found = [keeper.audit(), keeper.audit(), keeper.audit(), keeper.audit(), keeper.audit()];
    expect(found).toEqual([32, 32, 32, 4, 0]);
  });

  test.each([
    ["not an object", 7],
    ["no records", { world: "x" }],
    ["a path that climbs", { world: "x", records: [{ path: "net/../kernel/core_pattern", found: "|/x", set: "1" }] }],
    ["a path elsewhere", { world: "x", records: [{ path: "kernel/core_pattern", found: "|/x", set: "1" }] }],
    ["a value that is no text", { world: "x", records: [{ path: PATH, found: 0, set: "1" }] }],
  ])("a journal with %s is none", (_why, raw) => expect(parseSysctlJournal(raw)).toBeUndefined());
});
