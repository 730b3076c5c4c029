// Test of the appliance: updates that don't come through, and power that is cut on their way: the machine ends on a good slot by itself, and its
// API names the reason. `make test-appliance` builds the image; everyday.test.ts has the update that is well.
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { FIRST_ENVIRONMENT, markedGood, markedUnusable, writeEnvironment } from "../../src/appliance/boot.ts";
import { until } from "../support/until.ts";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, SHIPPED } from "./appliance-machine.ts";
import { slotOf, updateFile, type VariantName } from "./update-variants.ts";

const MIB = 1024 * 1024;
/** Places at which the power is cut during an update; `LBD_CUTS=20` for more. */
const CUTS = Number(process.env.LBD_CUTS ?? 3);
const SEED = Number(process.env.LBD_SEED ?? Date.now() % 1_000_000);
const NO_WORD = /^it ended without a word: the power was cut/;
const NEVER_BEGAN = /^none of its starts came so far that lbd ran/;

let machine: ApplianceMachine;
afterEach(() => machine.cutPower());

/** How far an update is written; Infinity: it is being read back. */
async function writtenBytes(): Promise<number | undefined> {
  const body = await (await machine.call("/v1/appliance")).text();
  const found = /"update":\{"phase":"(writing|reading-back)".*?"bytes":(\d+)/.exec(body);
  return found?.[1] === "writing" ? Number(found[2]) : found ? Number.POSITIVE_INFINITY : undefined;
}

describe.each(["bios", "uefi"] as const)("%s:", (firmware) => {
  beforeAll(async () => {
    machine = await applianceMachine({ name: `update-${firmware}`, firmware });
  });

  test.each([
    ["its root panics", "panics", NEVER_BEGAN],
    [
      "its kernel crashes later",
      "crashes",
      /^each of its 3 starts failed: the kernel crashed: .*sysrq triggered crash/,
    ],
  ] as const)(
    "an update ends on the slot before, with the reason, when %s",
    (_, name, reason) => endsBefore(name, reason),
    LIMIT_MS,
  );

  test(
    `the power is cut at ${CUTS} places of an update (seed ${SEED}): the slot before starts each time`,
    async () => {
      const { version } = await machine.fresh();
      // Small, and never to be started: what matters is that it is not.
      const update = updateFile("panics");
      for (let n = 0; n < CUTS; n++) {
        const place = Math.floor(((n + chance(SEED + n)) / CUTS) * update.byteLength);
        const sending = machine.send(update).catch(() => undefined);
        await until(`${place} bytes are written`, async () => ((await writtenBytes()) ?? 0) >= place - MIB, LIMIT_MS);
        await machine.cutPower();
        await sending;
        machine.powerOn();
        const seen = await machine.runs(version);
        expect([seen.slot, seen.image.history.starts.at(-2)?.reason]).toEqual(["A", expect.stringMatching(NO_WORD)]);
      }
    },
    LIMIT_MS,
  );

  test(
    "the power is cut during starts on trial: the third one passes",
    async () => {
      await machine.fresh();
      await machine.updateTo("good", updateFile("good"));
      await cutAt(/Linux version/);
      await cutAt(/appliance: watchdog/);
      const after = await machine.runs("good");
      expect(after.slot).toBe("B");
      const starts = after.image.history.starts.filter((start) => start.version === "good");
      expect(starts.length).toBeGreaterThanOrEqual(2);
      expect(starts.at(-2)?.reason).toMatch(NO_WORD);
    },
    LIMIT_MS,
  );
});

describe("bios: an update ends on the slot before, with the reason, when", () => {
  beforeAll(async () => {
    machine = await applianceMachine({ name: "update-bios" });
  });

  test.each([
    ["its kernel can't be read", "unreadable", NEVER_BEGAN],
    ["its lbd hangs", "hangs", NEVER_BEGAN],
    ["its director hangs", "stalls", /^each of its 3 starts failed: after \d+ s: director: /],
  ] as const)("%s", (_, name, reason) => endsBefore(name, reason), LIMIT_MS);

  test(
    "the power is cut in each of its three starts",
    async () => {
      const { version } = await machine.fresh();
      await machine.updateTo("good", updateFile("good"));
      for (let n = 0; n < 3; n++) await cutAt(/appliance: watchdog/);
      const after = await machine.runs(version);
      expect(after.slot).toBe("A");
      expect(after.image.history.failure).toMatchObject({
        version: "good",
        reason: expect.stringMatching(/^each of its 3 starts failed: it ended without a word/),
      });
    },
    LIMIT_MS,
  );
});

test.each([
  ["is damaged", "\0".repeat(1024), /^the boot environment was damaged: the loader took its copy/],
  [
    "has no tries left",
    writeEnvironment(markedUnusable(new Map([...markedGood(FIRST_ENVIRONMENT, "A"), ["A_left", "0"]]), "B")),
    /^no slot had starts left: the loader took one that was good before/,
  ],
] as const)(
  "a boot environment that %s starts the slot that is good, and the API says so",
  async (_, environment, damage) => {
    machine = await applianceMachine({ name: "update-bios" });
    machine.newDisk();
    machine.put("lbd-esp", "grub/grubenv", environment);
    machine.powerOn();
    const seen = await machine.runs(SHIPPED);
    expect(seen.slot).toBe("A");
    expect(seen.image.start.damage).toMatch(damage);
  },
  LIMIT_MS,
);

async function endsBefore(name: VariantName, reason: RegExp): Promise<void> {
  machine.newDisk();
  machine.written(name, slotOf(updateFile(name)));
  machine.powerOn();
  const after = await machine.runs(SHIPPED);
  expect(after.slot).toBe("A");
  expect(after.image.history.failure).toMatchObject({ version: name, reason: expect.stringMatching(reason) });
}

/** The power goes when the console of the start under way says so, and comes back. */
async function cutAt(line: RegExp): Promise<void> {
  await machine.says(line);
  await machine.cutPower();
  machine.powerOn();
}

/** 0 ≤ n < 1, the same for the same seed. */
function chance(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}
