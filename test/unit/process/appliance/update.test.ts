// An update on a disk of two files: whatever goes wrong, and at whatever byte the power is cut, the loader never starts a slot that is not whole.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecretKey, DIGEST, signDigest, writePublicKey } from "../../../../appliance/signing.ts";
import { FIRST_ENVIRONMENT, markedGood, readEnvironment, writeEnvironment } from "../../../../src/appliance/boot.ts";
import { readMinisignKeyFile } from "../../../../src/appliance/minisign.ts";
import { describeSlot, PIECE_BYTES, updateHead } from "../../../../src/appliance/update-file.ts";
import { openStorage } from "../../../../src/process/appliance/slot-storage.ts";
import { beginStart, type StartPorts, type Starts } from "../../../../src/process/appliance/starts.ts";
import { createUpdates, type SlotStorage, type UpdatePorts } from "../../../../src/process/appliance/update.ts";

const folder = mkdtempSync(join(tmpdir(), "appliance-update-"));
afterAll(() => rmSync(folder, { recursive: true }));
const esp = join(folder, "esp");
const slotB = join(folder, "slot-b");
const SLOT_BYTES = 4 * PIECE_BYTES;

const key = createSecretKey();
const trusted = readMinisignKeyFile(writePublicKey(key.publicKey));
if (!trusted) throw new Error("no key");
const content = new Uint8Array(2 * PIECE_BYTES + 5000).map((_, n) => (n * 17) >> 2);
const list = describeSlot(content, { version: "v2", architecture: "amd64" });
const signature = signDigest(key, createHash(DIGEST).update(list).digest(), "lbd v2");
const head = updateHead(list, signature);
const file = Buffer.concat([head, content]);

const environment = () => readEnvironment(readFileSync(join(esp, "grub/grubenv"), "latin1"));
const tries = () => ["order", "A_left", "A_ok", "B_left", "B_ok"].map((name) => environment().get(name)).join(" ");

function begin(slot: "A" | "B", version: string, more: Partial<StartPorts> = {}): Starts {
  return beginStart({
    boot: { slot, left: 2, rescue: false },
    version,
    now: () => "2026-12-01T00:00:00.000Z",
    byWatchdog: false,
    again: false,
    withFiles: (act) => act(esp),
    ...more,
  });
}

async function* chunks(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size);
}

function updatesOf(starts: Starts, more: Partial<UpdatePorts> = {}) {
  return createUpdates({
    slot: "A",
    architecture: "amd64",
    runs: { version: "v1" },
    say() {},
    keys: () => [trusted ?? { id: "", bytes: new Uint8Array() }],
    isGood: starts.isGood,
    open: () => openStorage(slotB, SLOT_BYTES, () => {}),
    changeEnvironment: starts.changeEnvironment,
    written: (slot, version) => starts.written(slot, version, ["network: x"]),
    ...more,
  });
}

/** A machine that runs v1 from slot A. */
let starts: Starts;
beforeEach(() => {
  rmSync(esp, { recursive: true, force: true });
  mkdirSync(join(esp, "grub"), { recursive: true });
  writeFileSync(join(esp, "grub/grubenv"), writeEnvironment(FIRST_ENVIRONMENT));
  writeFileSync(slotB, Buffer.alloc(SLOT_BYTES, 0xaa));
  starts = begin("A", "v1");
  starts.good();
});

describe("an update", () => {
  test("goes to the other slot, which is tried first from then on", async () => {
    const updates = updatesOf(starts);
    expect(await updates.take(chunks(file))).toEqual({ ok: true, value: { slot: "B", version: "v2" } });
    expect(readFileSync(slotB).subarray(0, content.byteLength).equals(content)).toBeTrue();
    expect(tries()).toBe("BA 3 1 3 0");
    expect(updates.status()).toMatchObject({ phase: "done", slot: "B", version: "v2", bytes: content.byteLength });
    const next = begin("B", "v2");
    expect(next.trial).toBeTrue();
    expect(next.history().pending).toMatchObject({ version: "v2", faults: ["network: x"] });
    next.good();
    expect(tries()).toBe("BA 3 1 3 1");
    expect(next.history().pending).toBeUndefined();
  });

  const changed = (at: number) => {
    const copy = Buffer.from(file);
    copy[at] = (copy[at] ?? 0) ^ 0x10;
    return copy;
  };
  test.each([
    ["is none", Buffer.alloc(100_000, 7), "not-an-update", "AB 3 1 0 0"],
    ["was signed by somebody else", changed(head.byteLength - 100), "bad-signature", "AB 3 1 0 0"],
    ["was changed in its slot", changed(head.byteLength + PIECE_BYTES + 7), "damaged", "AB 3 1 0 0"],
    ["ends too early", file.subarray(0, file.byteLength - 1), "truncated", "AB 3 1 0 0"],
  ] as const)("that %s leaves the slot that runs as the one that starts", async (_, bytes, code, left) => {
    const updates = updatesOf(starts);
    const taken = await updates.take(chunks(bytes));
    expect(taken.ok ? "taken" : taken.error.code).toBe(code);
    expect(tries()).toBe(left);
    expect(updates.status()?.phase).toBe("failed");
    // Nothing that was not judged came to the disk.
    const disk = readFileSync(slotB);
    for (let at = 0; at < content.byteLength; at += PIECE_BYTES) {
      const [is, was] = [disk.subarray(at, at + 10), Buffer.alloc(10, 0xaa)];
      expect(is.equals(was) || is.equals(content.subarray(at, at + 10))).toBeTrue();
    }
    // And the next one is taken.
    expect((await updates.take(chunks(file))).ok).toBeTrue();
  });

  test("that is older than what runs is refused before a byte is written, unless it is allowed", async () => {
    const updates = updatesOf(starts, { runs: { version: "v2.0.1" } });
    const taken = await updates.take(chunks(file));
    expect(taken).toEqual({
      ok: false,
      error: {
        code: "downgrade",
        message:
          "the update is v2, which is older than v2.0.1 that runs: nothing was written; lbd update --allow-downgrade takes it",
      },
    });
    expect(readFileSync(slotB).every((byte) => byte === 0xaa)).toBeTrue();
    // Slot B stays what it was: also one that the loader may start.
    expect(tries()).toBe("AB 3 1 0 0");
    expect(updates.status()).toMatchObject({ phase: "failed", error: expect.stringContaining("older than v2.0.1") });
    expect((await updates.take(chunks(file), { allowDowngrade: true })).ok).toBeTrue();
    expect(tries()).toBe("BA 3 1 3 0");
  });

  test("whose sender goes away is broken off", async () => {
    async function* breaking() {
      yield* chunks(file.subarray(0, head.byteLength + 1_500_000));
      throw new Error("aborted");
    }
    const taken = await updatesOf(starts).take(breaking());
    expect(taken).toEqual({ ok: false, error: { code: "truncated", message: "the update broke off: aborted" } });
    expect(tries()).toBe("AB 3 1 0 0");
  });

  test.each([
    ["the disk refuses to write", { write: () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) }],
    ["the disk refuses to settle", { settle: () => Promise.reject(new Error("EIO")) }],
    [
      "the disk gives something else back",
      { read: (_: number, count: number) => Promise.resolve(new Uint8Array(count)) },
    ],
    ["the disk is shorter than it says", { read: () => Promise.resolve(new Uint8Array()) }],
  ] as const)("is not tried when %s", async (_, broken) => {
    const open = async (): Promise<SlotStorage> => ({ ...(await openStorage(slotB, SLOT_BYTES, () => {})), ...broken });
    const taken = await updatesOf(starts, { open }).take(chunks(file));
    expect(taken.ok ? "taken" : taken.error.code).toBe("storage");
    expect(tries()).toBe("AB 3 1 0 0");
  });

  test("is refused while the start that runs is on trial, another one is written, or there is no slot", async () => {
    const code = async (more: Partial<UpdatePorts>) => {
      const taken = await updatesOf(starts, more).take(chunks(file));
      return taken.ok ? "taken" : taken.error.code;
    };
    expect(await code({ isGood: () => false })).toBe("on-trial");
    expect(await code({ slot: undefined })).toBe("no-slot");
    const updates = updatesOf(starts);
    const [first, second] = await Promise.all([updates.take(chunks(file)), updates.take(chunks(file))]);
    expect(first.ok).toBeTrue();
    expect(second.ok ? "taken" : second.error.code).toBe("busy");
    expect(updates.status()?.phase).toBe("done");
  });

  test("never lets a slot be tried that is not whole, wherever the power is cut", async () => {
    /** What the loader would start from slot B, at each moment at which something was written. */
    const seen: string[] = [];
    const look = () => {
      const startable = environment().get("B_left") !== "0";
      const whole = readFileSync(slotB).subarray(0, content.byteLength).equals(content);
      seen.push(`${startable ? "tried" : "left"} ${whole ? "whole" : "broken"}`);
    };
    const open = async (): Promise<SlotStorage> => {
      const storage = await openStorage(slotB, SLOT_BYTES, () => {});
      return {
        ...storage,
        async write(offset, bytes) {
          look();
          // In small steps, as a disk would.
          for (let at = 0; at < bytes.byteLength; at += 300_000) {
            await storage.write(offset + at, bytes.subarray(at, at + 300_000));
            look();
          }
        },
        async settle() {
          await storage.settle();
          look();
        },
      };
    };
    // Slot B holds an update from before, that could be started.
    starts.changeEnvironment((before) => markedGood(before, "B"));
    await updatesOf(starts, { open }).take(chunks(file));
    look();
    expect(new Set(seen.slice(0, -2))).toEqual(new Set(["left broken", "left whole"]));
    expect(seen.at(-1)).toBe("tried whole");
    expect(seen).not.toContain("tried broken");
  });
});

describe("the boot environment", () => {
  test("that is damaged is taken from its copy, and written anew", async () => {
    await updatesOf(starts).take(chunks(file.subarray(0, file.byteLength - 1)));
    writeFileSync(join(esp, "grub/grubenv"), Buffer.alloc(1024));
    const next = begin("A", "v1");
    expect(next.damage).toContain("damaged");
    next.good();
    expect(tries()).toBe("AB 3 1 0 0");
  });

  test("and its copy that are damaged hold what a new disk has", () => {
    for (const name of ["grubenv", "grubenv.2"]) writeFileSync(join(esp, "grub", name), "noise");
    begin("B", "v1").good();
    expect(tries()).toBe("BA 3 0 3 1");
  });

  test("without starts left is said, and a good start gives them back", () => {
    expect(starts.damage).toBeUndefined();
    const uncounted = begin("A", "v1", { boot: { slot: "A", rescue: false } });
    expect(uncounted.damage).toMatch(/^no slot had starts left: /);
    uncounted.good();
    expect(tries()).toBe("AB 3 1 0 0");
  });

  test("gives a slot no more tries that was on trial and is not the one that runs", async () => {
    await updatesOf(starts).take(chunks(file));
    const back = begin("A", "v1");
    expect(back.history().failure).toMatchObject({ slot: "B", version: "v2" });
    back.good();
    expect(tries()).toBe("AB 3 1 0 0");
  });
});

test("a process of the appliance that comes after one that crashed goes on with its start", () => {
  const again = begin("A", "v1", { again: true });
  expect(again.isGood()).toBeTrue();
  expect(again.history().starts.length).toBe(1);
});
