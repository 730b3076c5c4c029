// The boot loader's environment: what GRUB reads, what survives damage, and that a slot can't be tried for ever.
import { describe, expect, test } from "bun:test";
import {
  FIRST_ENVIRONMENT,
  isOnTrial,
  markedForTrial,
  markedGood,
  markedUnusable,
  readBoot,
  readEnvironment,
  writeEnvironment,
} from "../../../src/appliance/boot.ts";
import { connectionTableBits, DIRECTOR_SETTINGS } from "../../../src/appliance/sysctls.ts";

test.each([
  ["console=tty0 lbd.slot=A lbd.left=2 quiet", { slot: "A", left: 2, rescue: false }],
  ["lbd.slot=B lbd.left=none", { slot: "B", rescue: false }],
  ["lbd.slot=C lbd.rescue", { rescue: true }],
  ["", { rescue: false }],
] as const)("«%s»", (line, expected) => expect(readBoot(line)).toEqual(expected));

describe("the environment block", () => {
  test("has 1024 bytes, and what was written is read", () => {
    const values = new Map([...FIRST_ENVIRONMENT, ["lbd_args", "a=b \\ c\nd é"]]);
    const block = writeEnvironment(values);
    expect(Buffer.byteLength(block)).toBe(1024);
    expect(readEnvironment(block)).toEqual(values);
  });

  test("is as grub-editenv writes it", () =>
    expect(writeEnvironment(new Map([["order", "AB"]]))).toBe(
      `# GRUB Environment Block\norder=AB\n${"#".repeat(1024 - 34)}`,
    ));

  test.each([
    ["zeros", "\0".repeat(1024)],
    ["nothing", ""],
    ["another file", "order=AB\n"],
  ])("of %s holds nothing", (_, block) => expect(readEnvironment(block).size).toBe(0));

  test("that is cut short keeps its whole lines", () =>
    expect([...readEnvironment("# GRUB Environment Block\norder=BA\nA_left=")]).toEqual([["order", "BA"]]));

  test("never grows beyond its bytes", () =>
    expect(() => writeEnvironment(new Map([["a", "x".repeat(1024)]]))).toThrow("1024 bytes"));
});

describe("a slot", () => {
  const asText = (environment: ReadonlyMap<string, string>) =>
    [...environment].map(([name, value]) => `${name}=${value}`).join(" ");

  test("of a new disk is A, with three starts", () =>
    expect(asText(FIRST_ENVIRONMENT)).toBe("order=AB A_left=3 A_ok=0 B_left=0 B_ok=0"));

  test("that is written can't be started, until it was read back: then it is the first, on trial", () => {
    const running = markedGood(FIRST_ENVIRONMENT, "A");
    const writing = markedUnusable(running, "B");
    expect(asText(writing)).toBe("order=AB A_left=3 A_ok=1 B_left=0 B_ok=0");
    expect(asText(markedForTrial(writing, "B"))).toBe("order=BA A_left=3 A_ok=1 B_left=3 B_ok=0");
  });

  test("that was good once and is written again counts as never good", () => {
    const both = markedGood(markedGood(FIRST_ENVIRONMENT, "A"), "B");
    expect(asText(markedForTrial(both, "A"))).toBe("order=AB A_left=3 A_ok=0 B_left=3 B_ok=1");
  });

  test("is marked good in a block that was damaged", () =>
    expect(asText(markedGood(new Map(), "B"))).toBe("order=BA A_left=3 A_ok=0 B_left=3 B_ok=1"));

  test("keeps what others wrote", () =>
    expect(markedGood(new Map([["lbd_args", "x"]]), "A").get("lbd_args")).toBe("x"));
});

test("settings are set once each, with a reason", () => {
  expect(new Set(DIRECTOR_SETTINGS.map(({ path }) => path)).size).toBe(DIRECTOR_SETTINGS.length);
  for (const { path, reason } of DIRECTOR_SETTINGS) {
    expect(path).toMatch(/^(net|kernel)\//);
    expect(reason.length).toBeGreaterThan(5);
  }
});

test.each([
  [384, 15],
  [512, 15],
  [1024, 18],
  [2048, 20],
  [65_536, 20],
])("%d MB of memory: 2^%d buckets", (mib, bits) => expect(connectionTableBits(mib * 1024 ** 2 * 0.95)).toBe(bits));

test.each([
  ["a new disk", FIRST_ENVIRONMENT, "A", false],
  ["a new slot beside a good one", markedForTrial(markedGood(FIRST_ENVIRONMENT, "A"), "B"), "B", true],
  ["the good one", markedForTrial(markedGood(FIRST_ENVIRONMENT, "A"), "B"), "A", false],
  ["one that has shown that it works", markedGood(markedGood(FIRST_ENVIRONMENT, "A"), "B"), "B", false],
  ["an environment that is damaged", new Map<string, string>(), "B", false],
] as const)("on trial: %s", (_, environment, slot, trial) => expect(isOnTrial(environment, slot)).toBe(trial));
