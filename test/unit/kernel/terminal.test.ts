// The console's terminal: no key holds up what is written to it.
import { expect, test } from "bun:test";
import { openTerminal } from "../../../src/kernel/terminal.ts";
import { openPseudoTerminal } from "../../support/pseudo-terminal.ts";
import { until } from "../../support/until.ts";

const STOP = "\u0013";

test("control-S is a key like others", async () => {
  const line = openPseudoTerminal(24, 80);
  const terminal = openTerminal(line.path);
  let typed = "";
  line.type(`${STOP}a`);
  await until("the keys came", () => {
    typed += terminal.keys();
    return typed.endsWith("a");
  });
  expect(typed).toBe(`${STOP}a`);
  terminal.write("still here");
  await until("it is on the screen", () => line.screen()[0] === "still here");
  terminal.close();
  line.close();
});
