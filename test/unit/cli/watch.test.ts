import { expect, test } from "bun:test";
import { fit, keyStep } from "../../../src/cli/watch.ts";

const text = `${Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n")}\n`;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, "g");
const shown = (output: string) => output.replace(ESCAPES, "").split("\r\n");

test.each([
  [0, "line 0", "line 8", "21 below (j), q quits"],
  [5, "line 5", "line 13", "5 above (k), 16 below (j), q quits"],
  [99, "line 21", "line 29", "21 above (k), q quits"],
  [-3, "line 0", "line 8", "21 below (j), q quits"],
])("from line %d on as many lines as fit, never one more", (top, first, last, foot) => {
  const { output } = fit(text, 10, top);
  const lines = shown(output);
  expect(lines).toHaveLength(10);
  expect([lines[0], lines[8], lines[9]]).toEqual([first, last, foot]);
  // One line feed more would scroll what is above out of the screen.
  expect(output.match(/\n/g)).toHaveLength(9);
});

test("a short text leaves nothing of what was there before", () => {
  const { output, top } = fit("one\n", 10, 7);
  expect(shown(output)).toEqual(["one", "q quits"]);
  expect(top).toBe(0);
  expect(output).toEndWith("\u001b[J");
});

test.each([
  ["q", "quit"],
  ["\u0003", "quit"],
  ["j", 1],
  ["\u001b[A", -1],
  [" ", 8],
  ["x", 0],
])("the key %j", (key, step) => expect(keyStep(key, 8)).toBe(step as number | "quit"));
