// Test of the appliance: updates of a machine that runs, over the network as an operator does it: what is refused, what is tried and stays, and
// what ends on the slot before, with the reason in the API. `make test-appliance` builds the image.
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { FIRST_ENVIRONMENT, markedGood, markedUnusable, writeEnvironment } from "../../src/appliance/boot.ts";
import { until } from "../support/until.ts";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, SHIPPED } from "./appliance-machine.ts";
import { updateFile, type VariantName } from "./update-variants.ts";

const MIB = 1024 * 1024;
/** Places at which the power is cut during an update; `LBD_CUTS=20` for more. */
const CUTS = Number(process.env.LBD_CUTS ?? 3);
const SEED = Number(process.env.LBD_SEED ?? Date.now() % 1_000_000);
const NO_WORD = /^it ended without a word: the power was cut/;
const NEVER_BEGAN = /^none of its starts came so far that lbd ran/;

let machine: ApplianceMachine;
afterEach(() => machine.cutPower());

/** Sends an update that is well, and has the machine start with it. */
async function updateTo(name: VariantName): Promise<void> {
  expect(await machine.send(updateFile(name))).toEqual([200, expect.stringContaining(`"version":"${name}"`)]);
  await machine.restart();
}

async function shipped(): Promise<string> {
  machine.newDisk();
  machine.powerOn();
  const { version, slot } = await machine.runs(SHIPPED);
  expect(slot).toBe("A");
  return version;
}

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

  test(
    "a good update is tried and stays",
    async () => {
      const version = await shipped();
      await updateTo("good");
      const after = await machine.runs("good");
      expect(after.slot).toBe("B");
      expect(after.image.history.failure).toBeUndefined();
      expect(after.image.history.starts.map((start) => start.version)).toEqual([version, "good"]);
      // And it is the one that starts from now on.
      await machine.cutPower();
      machine.powerOn();
      const again = await machine.runs("good");
      expect(again.image.start.trial).toBeFalse();
      expect(again.image.history.starts.at(-2)?.end).toBe("lost");
    },
    LIMIT_MS,
  );

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
      const version = await shipped();
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
      await shipped();
      await updateTo("good");
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
      const version = await shipped();
      await updateTo("good");
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

test(
  "what is no good update is refused",
  async () => {
    machine = await applianceMachine({ name: "update-bios" });
    await shipped();
    const good = Buffer.from(updateFile("panics"));
    const changed = Buffer.from(good);
    changed[good.byteLength - 5_000_000] = (changed[good.byteLength - 5_000_000] ?? 0) ^ 1;
    const unsigned = Buffer.from(good);
    unsigned[300] = (unsigned[300] ?? 0) ^ 1;
    for (const [content, status, code] of [
      [Buffer.alloc(100_000, 65), 400, "not-an-update"],
      [unsigned, 403, "bad-signature"],
      [changed, 422, "damaged"],
      [good.subarray(0, good.byteLength / 2), 422, "truncated"],
    ] as const) {
      const [was, text] = await machine.send(content);
      expect([was, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    }
  },
  LIMIT_MS,
);

test.each([
  ["is damaged", "\0".repeat(1024), true],
  [
    "has no tries left",
    writeEnvironment(markedUnusable(new Map([...markedGood(FIRST_ENVIRONMENT, "A"), ["A_left", "0"]]), "B")),
    false,
  ],
] as const)(
  "a boot environment that %s starts the slot that is good",
  async (_, environment, damaged) => {
    machine = await applianceMachine({ name: "update-bios" });
    machine.newDisk();
    machine.put("lbd-esp", "grub/grubenv", environment);
    machine.powerOn();
    const seen = await machine.runs(SHIPPED);
    expect(seen.slot).toBe("A");
    expect(seen.image.start.damage !== undefined).toBe(damaged);
  },
  LIMIT_MS,
);

async function endsBefore(name: VariantName, reason: RegExp): Promise<void> {
  const version = await shipped();
  await updateTo(name);
  const after = await machine.runs(version);
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
