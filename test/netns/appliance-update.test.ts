// Ring netns: a laptop's `lbd update` against the way in to an appliance, whose slot is a file: what goes through the gate is what is written,
// what is refused is said, and a restart is waited for.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecretKey, DIGEST, type SecretKey, signDigest, writePublicKey } from "../../appliance/signing.ts";
import { readMinisignKeyFile } from "../../src/appliance/minisign.ts";
import { describeSlot, updateHead } from "../../src/appliance/update-file.ts";
import { type ApplianceRoute, sendJson } from "../../src/process/appliance/api.ts";
import { openStorage } from "../../src/process/appliance/slot-storage.ts";
import { createUpdates, updateRoute } from "../../src/process/appliance/update.ts";
import { type AccessLab, accessLab } from "../support/access-lab.ts";
import { netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const home = mkdtempSync(join(tmpdir(), "lbd-update-"));
const slotFile = join(home, "slot-b");
const SLOT_BYTES = 32 * 1024 * 1024;
const key = createSecretKey();
const trusted = readMinisignKeyFile(writePublicKey(key.publicKey));
const content = new Uint8Array(20 * 1024 * 1024 + 5).map((_, n) => (n * 2654435761) >>> 24);
/** What the machine says of itself. */
const shown = { version: "v1", good: true, failure: undefined as { version: string; reason: string } | undefined };
let lab: AccessLab;

const machine: ApplianceRoute = {
  method: "GET",
  path: "/v1/appliance",
  role: "read",
  summary: "as the machine's own",
  answer(_, response) {
    const { version, good, failure } = shown;
    sendJson(response, {
      hostname: "director1",
      version,
      slot: "A",
      image: { start: { good }, history: { starts: [], ...(failure && { failure }) } },
    });
  },
};

const updates = createUpdates({
  slot: "A",
  architecture: "amd64",
  get runs() {
    return { version: shown.version };
  },
  say() {},
  keys: () => (trusted ? [trusted] : []),
  isGood: () => shown.good,
  open: () => openStorage(slotFile, SLOT_BYTES, () => {}),
  changeEnvironment() {},
  written() {},
});

function fileOf(version: string, by: SecretKey = key, body: Uint8Array = content): string {
  const list = describeSlot(content, { version, architecture: "amd64" });
  const signature = signDigest(by, createHash(DIGEST).update(list).digest(), `lbd ${version}`);
  const path = join(home, `lbd-${version}.update`);
  writeFileSync(path, Buffer.concat([updateHead(list, signature), body]));
  return path;
}

beforeAll(async () => {
  if (reason) return;
  writeFileSync(slotFile, Buffer.alloc(SLOT_BYTES));
  lab = await accessLab([machine, updateRoute(updates)]);
});

afterAll(async () => {
  await lab?.end();
  rmSync(home, { recursive: true });
});

function lbd(token: string, ...words: readonly string[]) {
  const words2 = ["--host", `127.0.0.1:${lab.port}`, "--fingerprint", lab.access.status().fingerprint ?? ""];
  return lab.lab.runWith({ XDG_CONFIG_HOME: home, LBD_TOKEN: token }, ...words2, ...words);
}

describe.skipIf(reason !== undefined)("lbd update", () => {
  test("brings a file to the other slot, byte for byte, with its progress", async () => {
    const { status, out, err } = await lbd("lbd_admin", "update", fileOf("v2"));
    expect([status, out]).toEqual([0, "director1: slot B holds v2, v1 runs\nthe next start tries it: lbd reboot\n"]);
    expect(err).toMatch(/sent +21\.0 of 21\.0 MB +100 %/);
    expect(readFileSync(slotFile).subarray(0, content.byteLength).equals(content)).toBeTrue();
    expect(updates.status()).toMatchObject({ phase: "done", version: "v2" });
    expect(lab.audit.after(0).at(-1)).toMatchObject({ who: "adminer", call: "PUT /v1/appliance/update", status: 200 });
    expect(lab.done).toEqual([]);
  });

  const damaged = Buffer.from(content);
  damaged[15_000_000] = (damaged[15_000_000] ?? 0) ^ 1;
  test.each([
    [
      "signed by a stranger",
      () => fileOf("v3", createSecretKey()),
      1,
      /director1: the update is refused: it is signed with key [0-9A-F]+/,
    ],
    ["damaged on the way", () => fileOf("v4", key, damaged), 1, /director1: the update is damaged between byte \d+/],
    [
      "cut short",
      () => fileOf("v5", key, content.subarray(0, 9_000_000)),
      1,
      /director1: the update ends \d+ bytes too early/,
    ],
    ["no update", () => slotFile, 2, /this is no update of lbd/],
    ["not there", () => join(home, "nothing"), 2, /ENOENT/],
  ] as const)("says why a file is refused that is %s", async (_, file, status, message) => {
    const ended = await lbd("lbd_admin", "update", file());
    expect(ended.err).toMatch(message);
    expect([ended.status, ended.out]).toEqual([status, ""]);
  });

  test("says both versions of one that is older than what runs, and takes it when that is asked for", async () => {
    shown.version = "v9";
    const before = readFileSync(slotFile);
    const refused = await lbd("lbd_admin", "update", fileOf("v8.3"));
    expect([refused.status, refused.out]).toEqual([1, ""]);
    expect(refused.err).toContain(
      "lbd: director1: the update is v8.3, which is older than v9 that runs: nothing was written; lbd update --allow-downgrade takes it\n",
    );
    expect(readFileSync(slotFile).equals(before)).toBeTrue();
    expect(lab.audit.after(0).at(-1)).toMatchObject({ call: "PUT /v1/appliance/update", status: 409 });
    const taken = await lbd("lbd_admin", "update", "--allow-downgrade", fileOf("v8.3"));
    expect([taken.status, taken.out]).toEqual([0, expect.stringContaining("slot B holds v8.3, v9 runs")]);
    shown.version = "v1";
  });

  test("is an admin's, and takes nothing while the start is on trial", async () => {
    const file = fileOf("v6");
    const refused = await lbd("lbd_operate", "update", file);
    expect([refused.status, refused.out, refused.err]).toEqual([1, "", expect.stringContaining("admin")]);
    shown.good = false;
    const early = await lbd("lbd_admin", "update", file);
    expect([early.status, early.err]).toEqual([1, expect.stringContaining("still on trial")]);
    shown.good = true;
  });

  test.each([
    ["works", () => Object.assign(shown, { version: "v7" }), 0, "director1: runs v7\n", ""],
    [
      "was given up",
      () => Object.assign(shown, { version: "v1", failure: { version: "v7", reason: "its root panicked" } }),
      ...([1, "", "director1: v7 was given up: its root panicked\n"] as const),
    ],
  ] as const)("--restart waits until the version %s", async (_, outcome, status, out, err) => {
    Object.assign(shown, { version: "v1", good: true, failure: undefined });
    const before = lab.done.length;
    const running = lbd("lbd_admin", "update", "--restart", fileOf("v7"));
    await until("it is started again", () => lab.done.length > before);
    expect(lab.done.at(-1)).toBe("restart");
    outcome();
    const ended = await running;
    expect([ended.status, ended.out]).toEqual([
      status,
      `director1: slot B holds v7, v1 runs\ndirector1: starts again\n${out}`,
    ]);
    expect(ended.err).toContain(err);
  });

  test("--pair does nothing to two that could not stand in for each other", async () => {
    Object.assign(shown, { version: "v1", good: true, failure: undefined });
    const before = lab.done.length;
    const ended = await lbd("lbd_admin", "update", fileOf("v8"), "--pair", `127.0.0.1:${lab.port}`);
    expect([ended.status, ended.out]).toEqual([1, ""]);
    expect(ended.err).toContain("nothing was done: director1 has no VRRP instance");
    expect(lab.done.length).toBe(before);
  });
});
