// startup_script and shutdown_script as the starter runs them: which program, how long, and what is said of it.
import { describe, expect, test } from "bun:test";
import type { LogLine } from "../../../../src/base/log.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import { KILL_AFTER_MS, type Launch, type RawEnd } from "../../../../src/kernel/script-runner.ts";
import { createOwnScripts } from "../../../../src/roles/starter/own-scripts.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { settle } from "../../../support/parent-lab.ts";
import { configOf, expectWord, globalText } from "../../../support/words.ts";

type Which = "startup" | "shutdown";

/** Beyond what the kernel gives: a group with this number is nobody's. */
const NOBODY = 2 ** 22 + 1;
const GOOD: RawEnd = { status: 0, signal: null };

function lab({ global }: Config) {
  const clock = manualClock();
  const logs: LogLine[] = [];
  const started: string[] = [];
  let end: (how: RawEnd) => void = () => {};
  const scripts = createOwnScripts(
    clock,
    (line) => void logs.push(line),
    ({ file, args, ids }: Launch, ended) => {
      started.push([file, ...args, `uid ${ids.uid}`].join(" "));
      end = ended;
      return NOBODY;
    },
  );
  scripts.configure(global);
  return {
    clock,
    started,
    end: (how: RawEnd) => end(how),
    said: () => logs.map(({ level, message }) => `${level}: ${message}`),
    /** Whether it is over, at the time of asking. */
    run(which: Which) {
      let isOver = false;
      void scripts.run(which).then(() => {
        isOver = true;
      });
      return async () => {
        await settle();
        return isOver;
      };
    },
  };
}

describe.each([
  ["startup", "startup_script", "startup_script_timeout"],
  ["shutdown", "shutdown_script", "shutdown_script_timeout"],
] as const)("global_defs, %s", (which, word, timeout) => {
  const text = (more = "") => globalText(`script_user root\n${word} "/usr/bin/true a b"\n${more}`);

  test("it runs as the user of scripts, with its own words; without one nothing does", () =>
    expectWord(
      globalText(`script_user root\n«${word} "/usr/bin/true a b"»`),
      async (config) => {
        const { run, started } = lab(config);
        const isOver = run(which);
        return [await isOver(), ...started];
      },
      [false, "/usr/bin/true a b uid 0"],
      [true],
    ));

  test(`${timeout}: 10 s unless it says something else`, () =>
    expectWord(
      text(`«${timeout} 3»`),
      async (config) => {
        const { run, clock } = lab(config);
        run(which);
        await settle();
        return clock.nextAt();
      },
      3000,
      10_000,
    ));

  test.each<readonly [how: string, end: RawEnd, said: string | undefined]>([
    ["well", GOOD, undefined],
    ["with a status", { status: 3, signal: null, output: "no disk" }, "ended with status 3; it wrote: no disk"],
    ["by a signal", { status: null, signal: "SIGSEGV" }, "ended by SIGSEGV"],
  ])("it ends %s, and what waits for it goes on", async (_how, end, said) => {
    const one = lab(configOf(text()));
    const isOver = one.run(which);
    expect(await isOver()).toBe(false);
    one.end(end);
    expect(await isOver()).toBe(true);
    const what = `${word} /usr/bin/true a b`;
    expect(one.said()).toEqual([`info: running ${what}`, ...(said === undefined ? [] : [`warning: ${what} ${said}`])]);
  });

  test("one that hangs is ended at its time, and waited for until it is gone", async () => {
    const { run, clock, end, said } = lab(configOf(text()));
    const isOver = run(which);
    await settle();
    clock.advance(10_000 + KILL_AFTER_MS);
    expect(await isOver()).toBe(false);
    end({ status: null, signal: "SIGKILL" });
    expect(await isOver()).toBe(true);
    expect(said().at(-1)).toEndWith("took longer than 10000 ms and was ended");
  });

  test("one that can't be run is told, and nothing waits", async () => {
    const { run, said } = lab(configOf(globalText(`script_user root\n${word} /nowhere/at/all`)));
    expect(await run(which)()).toBe(true);
    expect(said().at(-1)).toContain("warning: ");
    expect(said().at(-1)).toContain("can't be run: ");
  });
});
