// Tables with names of all scripts: the state beside a name stands in its column.
import { expect, test } from "bun:test";
import { cutName, writer } from "../../../src/status/writer.ts";

test("names whose characters take two columns, or none, leave the columns as they are", () => {
  const out = writer({ columns: 80, nowWallMs: 0 });
  out.table(
    ["instance", "state"],
    [
      ["\u65e5\u672c\u8a9e", "MASTER"],
      ["e\u0301t\u00e9", "BACKUP"],
      ["plain", "FAULT"],
    ],
  );
  expect(out.text().split("\n").slice(0, 4)).toEqual([
    "  instance  state",
    "  \u65e5\u672c\u8a9e    MASTER",
    "  e\u0301t\u00e9       BACKUP",
    "  plain     FAULT",
  ]);
});

test("a wide name is cut to the columns that there are", () => {
  expect(cutName("\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e", 8)).toBe("\u65e5\u672c\u8a9e\u65e5");
});
