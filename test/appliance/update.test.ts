// Test of the appliance: updates of a machine that runs, over the network as an operator does it: what is refused, what is tried and stays, and
// what ends on the slot before, with the reason in the API. `make test-appliance` builds the image.
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { startOf } from "../../appliance/disk.ts";
import { readSecretKey } from "../../appliance/signing.ts";
import { FIRST_ENVIRONMENT, markedGood, markedUnusable, writeEnvironment } from "../../src/appliance/boot.ts";
import { startMedium } from "../machine/medium.ts";
import { choosePort } from "../machine/port.ts";
import type { RunningMachine } from "../machine/qemu.ts";
import { until } from "../support/until.ts";
import { imageTools, makeUpdate, VARIANTS } from "./update-variants.ts";

const FOLDER = resolve(import.meta.dirname, "../../dist/test-appliance");
const IMAGES = join(FOLDER, "image");
const WORK = join(FOLDER, "update");
const TOKEN = "only-for-this-test";
const MIB = 1024 * 1024;
/** Four starts under emulation, beside whatever else this machine does, and three times two minutes. */
const LIMIT_MS = 40 * 60_000;
const LOOK_LIMIT_MS = 10_000;
/** Places at which the power is cut during an update; `LBD_CUTS=20` for more. */
const CUTS = Number(process.env.LBD_CUTS ?? 3);

const Appliance = v.object({
  slot: v.string(),
  version: v.string(),
  image: v.object({
    start: v.object({ good: v.boolean(), trial: v.boolean(), damage: v.exactOptional(v.string()) }),
    history: v.object({
      starts: v.array(v.object({ slot: v.string(), version: v.string(), end: v.exactOptional(v.string()) })),
      failure: v.exactOptional(v.object({ version: v.string(), reason: v.string() })),
    }),
  }),
});
type Appliance = v.InferOutput<typeof Appliance>;

let port: number;
let machine: RunningMachine | undefined;
const lines: string[] = [];
const disk = join(WORK, "disk.img");
const update = (name: string) => join(WORK, `${name}.update`);

beforeAll(async () => {
  mkdirSync(WORK, { recursive: true });
  const tools = imageTools();
  const read = readSecretKey(readFileSync(join(FOLDER, "development.key"), "utf8"));
  if (!read.ok) throw new Error(read.error);
  for (const variant of Object.values(VARIANTS))
    makeUpdate({ images: IMAGES, key: read.value, tools }, variant, update(variant.version));
  ({ port } = await choosePort(undefined, 18_443));
}, LIMIT_MS);

afterEach(cutPower);

/** A disk as it comes, with a director that is reached over the network and trusts the key of the test. */
function newDisk(): void {
  copyFileSync(join(IMAGES, "lbd.img"), disk);
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  const trusted = readFileSync(join(IMAGES, "update.pub"), "utf8").trim().split("\n").at(-1);
  const settings = [
    "hostname: director1",
    `api: {listen: 10.0.2.15, tokens: {test: {role: admin, sha256: ${sha256}}}}`,
    `update: {keys: ["${trusted}"]}`,
  ];
  put("lbd-conf", "appliance.yaml", `${settings.join("\n")}\n`);
}

/** Puts a file on a partition of the disk of a machine that is off. */
function put(partition: string, name: string, content: string): void {
  const from = join(WORK, "file");
  writeFileSync(from, content);
  const words = ["-o", "-i", `${disk}@@${startOf(partition) * MIB}`, from, `::/${name}`];
  execFileSync("mcopy", words, { env: { ...process.env, MTOOLS_SKIP_CHECK: "1" } });
  rmSync(from);
}

function powerOn(): void {
  machine = startMedium({
    ...{ firmware: "bios", memoryMb: 1024, cpus: 2, limitMs: LIMIT_MS },
    medium: { kind: "disk", file: disk, keep: true },
    forward: [{ host: port, guest: 8443 }],
    more: ["-device", "i6300esb", "-action", "watchdog=reset"],
    line: (text) => lines.push(text.trim()),
  });
}

async function cutPower(): Promise<void> {
  machine?.stop();
  await machine?.finished;
  machine = undefined;
}

function call(
  path: string,
  options: { readonly method?: string; readonly body?: Uint8Array; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`https://127.0.0.1:${port}${path}`, {
    ...options,
    headers: { authorization: `Bearer ${TOKEN}` },
    tls: { rejectUnauthorized: false },
  });
}

async function look(): Promise<Appliance | undefined> {
  try {
    // A machine that went away answers nothing, not even that.
    const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
    return v.parse(Appliance, await (await call("/v1/appliance", { signal })).json());
  } catch {
    return undefined;
  }
}

/** What the machine says once it runs a version and its start is a good one. */
async function runs(version: string | RegExp): Promise<Appliance> {
  const fits = (seen: string) => (typeof version === "string" ? seen === version : version.test(seen));
  try {
    return await until(
      `the machine runs ${version}`,
      async () => {
        const seen = await look();
        return seen?.image.start.good && fits(seen.version) ? seen : undefined;
      },
      LIMIT_MS,
    );
  } catch (error) {
    throw new Error(`${error}\n${lines.slice(-40).join("\n")}`);
  }
}

async function send(content: Uint8Array): Promise<readonly [number, string]> {
  const answer = await call("/v1/appliance/update", { method: "PUT", body: content });
  return [answer.status, await answer.text()];
}

async function reboot(): Promise<void> {
  const starts = async () => (await look())?.image.history.starts.length ?? 0;
  const before = await starts();
  expect((await call("/v1/appliance/reboot", { method: "POST" })).status).toBe(202);
  await until("the machine has started again", async () => (await starts()) > before, LIMIT_MS);
}

/** Bytes of an update that is being written or read back. */
async function writtenBytes(): Promise<number | undefined> {
  const body = await (await call("/v1/appliance")).text();
  const found = /"update":\{"phase":"(writing|reading-back)".*?"bytes":(\d+)/.exec(body);
  return found?.[1] === "writing" ? Number(found[2]) : found ? Number.POSITIVE_INFINITY : undefined;
}

const SHIPPED = /-|^[0-9a-f]/;

test(
  "what is no good update is refused, and a good one is tried and stays",
  async () => {
    newDisk();
    powerOn();
    const { version, slot } = await runs(SHIPPED);
    expect(slot).toBe("A");
    const good = readFileSync(update("good"));
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
      const [was, text] = await send(content);
      expect([was, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    }
    expect(await send(good)).toEqual([200, expect.stringContaining('"slot":"B"')]);
    await reboot();
    const after = await runs("good");
    expect(after.slot).toBe("B");
    expect(after.image.history.failure).toBeUndefined();
    expect(after.image.history.starts.map((start) => start.version)).toEqual([version, "good"]);
    // And it is the one that starts from now on.
    await cutPower();
    powerOn();
    const again = await runs("good");
    expect(again.image.start.trial).toBeFalse();
    expect(again.image.history.starts.at(-2)?.end).toBe("lost");
  },
  LIMIT_MS,
);

describe("an update ends on the slot before, with the reason, when", () => {
  test.each([
    ["its kernel can't be read", "unreadable", /none of its starts came so far that lbd ran/],
    ["its root panics", "panics", /none of its starts came so far that lbd ran/],
    ["its lbd hangs", "hangs", /none of its starts came so far that lbd ran/],
  ] as const)(
    "%s",
    async (_, name, reason) => {
      newDisk();
      powerOn();
      const { version } = await runs(SHIPPED);
      expect(await send(readFileSync(update(name)))).toEqual([200, expect.stringContaining(`"version":"${name}"`)]);
      await reboot();
      const after = await runs(version);
      expect(after.slot).toBe("A");
      expect(after.image.history.failure).toMatchObject({ version: name, reason: expect.stringMatching(reason) });
    },
    LIMIT_MS,
  );
});

test(
  `the power is cut at ${CUTS} places of an update: the slot before starts each time`,
  async () => {
    newDisk();
    const good = readFileSync(update("good"));
    powerOn();
    const { version } = await runs(SHIPPED);
    for (let n = 0; n < CUTS; n++) {
      const place = Math.floor(((n + 0.5) / CUTS) * good.byteLength);
      const sending = send(good).catch(() => undefined);
      await until(`${place} bytes are written`, async () => ((await writtenBytes()) ?? 0) >= place - 2 * MIB, LIMIT_MS);
      await cutPower();
      await sending;
      powerOn();
      expect((await runs(version)).slot).toBe("A");
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
    newDisk();
    put("lbd-esp", "grub/grubenv", environment);
    powerOn();
    const seen = await runs(SHIPPED);
    expect(seen.slot).toBe("A");
    expect(seen.image.start.damage !== undefined).toBe(damaged);
  },
  LIMIT_MS,
);
