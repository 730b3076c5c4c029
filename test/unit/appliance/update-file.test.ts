// Update files: signed as minisign signs, judged piece by piece, and what each kind of wrong file is refused for.
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSecretKey,
  DIGEST,
  publicKeyWord,
  type SecretKey,
  signDigest,
  writePublicKey,
} from "../../../appliance/signing.ts";
import { readMinisignKey, readMinisignKeyFile, verifyMinisign } from "../../../src/appliance/minisign.ts";
import {
  createUpdateReader,
  describeSlot,
  PIECE_BYTES,
  peekManifest,
  type UpdateLimits,
  type UpdateStep,
  updateHead,
} from "../../../src/appliance/update-file.ts";

const folder = mkdtempSync(join(tmpdir(), "update-file-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const key = createSecretKey();
const stranger = createSecretKey();
const trusted = readMinisignKeyFile(writePublicKey(key.publicKey));
if (!trusted) throw new Error("the key that was made can't be read");

const slot = new Uint8Array(2 * PIECE_BYTES + 1000).map((_, n) => (n * 31) >> 3);
const manifest = describeSlot(slot, { version: "v1.2-3-gabc", architecture: "amd64" });
const file = fileOf(manifest);
const limits: UpdateLimits = { keys: [trusted], architecture: "amd64", slotBytes: 4 * PIECE_BYTES };

function signFile(content: Uint8Array, by: SecretKey, comment: string): string {
  return signDigest(by, createHash(DIGEST).update(content).digest(), comment);
}

function fileOf(list: string, { by = key, signed = list, content = slot } = {}): Uint8Array {
  return Buffer.concat([updateHead(list, signFile(Buffer.from(signed), by, "lbd")), content]);
}

/** Takes a file in chunks. */
function read(bytes: Uint8Array, chunk = 65_536, over: Partial<UpdateLimits> = {}) {
  const reader = createUpdateReader({ ...limits, ...over });
  const steps: UpdateStep[] = [];
  for (let at = 0; at < bytes.byteLength; at += chunk) {
    const taken = reader.take(bytes.slice(at, at + chunk));
    if (!taken.ok) {
      expect(reader.take(bytes)).toEqual(taken);
      return { steps, error: taken.error };
    }
    steps.push(...taken.value);
  }
  return { steps, error: reader.end() };
}

describe("a signature", () => {
  const content = Buffer.from("what is signed");
  const signature = signFile(content, key, "lbd v1");

  test.each([
    ["over the digest", []],
    ["over the file itself", ["-l"]],
  ])("of minisign %s is taken by us, with its keys", (_, more) => {
    const at = (name: string) => join(folder, name);
    execFileSync("minisign", ["-G", "-f", "-W", "-p", at("m.pub"), "-s", at("m.key")]);
    writeFileSync(at("m"), content);
    execFileSync("minisign", ["-S", ...more, "-s", at("m.key"), "-m", at("m"), "-t", "by hand"]);
    const theirs = readMinisignKeyFile(readFileSync(at("m.pub"), "utf8"));
    expect(theirs).toBeDefined();
    expect(verifyMinisign(content, readFileSync(at("m.minisig"), "utf8"), theirs ? [theirs] : [])).toMatchObject({
      ok: true,
      value: { comment: "by hand", key: theirs?.id ?? "" },
    });
  });

  test("holds only for its content, its comment and its key", () => {
    const why = (bytes: Uint8Array, text: string, keys = [trusted]) => {
      const judged = verifyMinisign(bytes, text, keys);
      return judged.ok ? "taken" : judged.error;
    };
    expect(why(content, signature)).toBe("taken");
    expect(why(Buffer.from("what was signed"), signature)).toContain("it was changed");
    expect(why(content, signature.replace("lbd v1", "lbd v2"))).toContain("trusted comment");
    expect(why(content, signFile(content, stranger, "lbd v1"))).toMatch(/key [0-9A-F]+, which this machine does not/);
    expect(why(content, signature, [])).toContain("trusted: none");
    for (const broken of ["", "x", signature.slice(0, 80), signature.replace(/\n/g, " "), `${signature}more\n`])
      expect(why(content, broken)).toBe("it is no signature of minisign");
  });

  test("key that is none is refused", () => {
    for (const text of [
      "",
      "RW",
      "RWSsBMX",
      `${"A".repeat(56)}`,
      "RWSsBMX/tQPKuTFZuvnivgZnVOcnKFiY5mihzcydGlc/HhdlKOwSq9K",
    ])
      expect(readMinisignKey(text)).toBeUndefined();
    expect(readMinisignKey(publicKeyWord(key.publicKey))).toEqual(trusted);
  });
});

describe("an update", () => {
  test.each([1, 997, 65_536, 16 * PIECE_BYTES])("in chunks of %d bytes comes as pieces that make the slot", (chunk) => {
    // One byte at a time through the head only: the slot in small steps would take minutes.
    const head = chunk === 1 ? file.subarray(0, file.byteLength - slot.byteLength) : file;
    const { steps, error } = read(head, chunk);
    expect(error?.code).toBe(chunk === 1 ? "truncated" : undefined);
    expect(steps[0]).toMatchObject({ kind: "manifest", key: trusted.id, manifest: { version: "v1.2-3-gabc" } });
    if (chunk === 1) return;
    const pieces = steps.flatMap((step) => (step.kind === "piece" ? [step] : []));
    expect(pieces.map(({ offset }) => offset)).toEqual([0, PIECE_BYTES, 2 * PIECE_BYTES]);
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(slot)).toBeTrue();
  });

  const changed = (at: number) => {
    const copy = Buffer.from(file);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const headBytes = file.byteLength - slot.byteLength;

  test.each([
    ["an image in its place", Buffer.alloc(5000), "not-an-update"],
    ["nothing", Buffer.alloc(0), "truncated"],
    ["one of a later format", Buffer.from("LBD-UPDATE 2 10 10\n"), "not-an-update"],
    ["a first line without end", Buffer.from(`LBD-UPDATE 1 ${"1".repeat(100)}`), "not-an-update"],
    ["a list without bound", Buffer.from("LBD-UPDATE 1 9999999 10\n"), "not-an-update"],
    ["one that is signed by a stranger", fileOf(manifest, { by: stranger }), "bad-signature"],
    ["a list that was changed", fileOf(manifest.replace("v1.2", "v1.3"), { signed: manifest }), "bad-signature"],
    ["a list that can't be", fileOf(manifest.replace('"bytes":', '"bytes":1')), "not-an-update"],
    ["a signed list that is no JSON", fileOf("{"), "not-an-update"],
    ["one of another architecture", fileOf(manifest.replace("amd64", "arm64")), "wrong-architecture"],
    ["a bit of the list that flipped", changed(200), "bad-signature"],
    ["a bit of the first piece", changed(headBytes + 5), "damaged"],
    ["a bit of the last byte", changed(file.byteLength - 1), "damaged"],
    ["bytes behind it", Buffer.concat([file, Buffer.from("x")]), "damaged"],
    ["half of the head", file.subarray(0, 300), "truncated"],
    ["half of a piece", file.subarray(0, headBytes + 1000), "truncated"],
    ["all but its last byte", file.subarray(0, file.byteLength - 1), "truncated"],
  ] as const)("is refused: %s", (_, bytes, code) => {
    const { error, steps } = read(bytes);
    expect(error?.code).toBe(code);
    // Nothing that was changed came through.
    for (const step of steps)
      if (step.kind === "piece")
        expect(
          Buffer.from(step.bytes).equals(slot.subarray(step.offset, step.offset + step.bytes.byteLength)),
        ).toBeTrue();
  });

  test("is refused when the slot has no room for it", () =>
    expect(read(file, 65_536, { slotBytes: slot.byteLength - 1 }).error?.code).toBe("too-large"));

  test("is judged before a byte of the slot comes", () => {
    const { steps } = read(fileOf(manifest, { by: stranger }));
    expect(steps).toEqual([]);
  });

  test("of noise never throws", () => {
    for (let seed = 1; seed < 300; seed++) {
      const noise = Buffer.from(file.subarray(0, headBytes + 100));
      for (let n = 0; n < seed % 7; n++) noise[(seed * 7919 + n * 104_729) % headBytes] = (seed * 31 + n) & 255;
      const { error } = read(noise, 1 + (seed % 500));
      expect(error).toBeDefined();
    }
  });
});

test("what a file says of itself is read without a key, from its beginning", () => {
  expect(peekManifest(file.subarray(0, 100_000))).toMatchObject({ version: "v1.2-3-gabc", bytes: slot.byteLength });
  for (const other of [Buffer.alloc(0), Buffer.from("LBD-UPDATE 1 5 5"), file.subarray(0, 100), Buffer.alloc(1000, 65)])
    expect(peekManifest(other)).toBeUndefined();
});
