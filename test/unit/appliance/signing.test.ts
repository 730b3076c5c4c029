import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  createSecretKey,
  DIGEST,
  publicKeyWord,
  readSecretKey,
  signDigest,
  writePublicKey,
  writeSecretKey,
} from "../../../appliance/signing.ts";

// Made by Debian's minisign 0.11 for this test (minisign -G -W; minisign -S -t "lbd 1.2.3") over the bytes "lbd\n".
const PUBLIC = `untrusted comment: minisign public key B6EB0433432687C
RWR8aDI0Q7BuC4M8I1XMhpVhDQh3X4fxHkURf5nE4wUbQMUE/dP2nykg
`;
const SECRET = `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAfGgyNEOwbgtmUmq0APUFN4TDp41LXJs1MrF4RjTk6VNI3P1XygCegIM8I1XMhpVhDQh3X4fxHkURf5nE4wUbQMUE/dP2nykgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`;
const SIGNED = `untrusted comment: signature from minisign secret key
RUR8aDI0Q7BuCxh/7BLKXwWloY2NhacNwGjFbujX6qUrfPlCYnH5KCoxOVW7sQ35JapMJfB/aNu0QOxRACB630oRINcACbExsA8=
trusted comment: lbd 1.2.3
eVxdqCMBjxKoBF78/5rkPw9viDmz6ImV44/XQBS5P9WmjsVIgon0vHdOmCx1qM5/sOq/mGUg9dAR4LAD0N4gBA==
`;
const FILE = "lbd\n";

const digest = (text: string) => createHash(DIGEST).update(text).digest();

test("minisign's secret key gives the signature that minisign gives", () => {
  const secret = readSecretKey(SECRET);
  if (!secret.ok) throw new Error(secret.error);
  const [, signature, , whole] = signDigest(secret.value, digest(FILE), "lbd 1.2.3").split("\n");
  expect([signature, whole]).toEqual([SIGNED.split("\n")[1], SIGNED.split("\n")[3]]);
});

test("keys are written as minisign writes them", () => {
  const given = readSecretKey(SECRET);
  if (!given.ok) throw new Error(given.error);
  expect(writePublicKey(given.value.publicKey)).toBe(PUBLIC);
  expect(publicKeyWord(given.value.publicKey)).toBe(PUBLIC.split("\n")[1] ?? "");
  expect(writeSecretKey(given.value).split("\n")[1]).toBe(SECRET.split("\n")[1]);
  const fresh = createSecretKey();
  expect(readSecretKey(writeSecretKey(fresh))).toEqual({ ok: true, value: fresh });
});

describe("a secret key", () => {
  const changed = (at: number, to: number) => {
    const [comment = "", word = ""] = SECRET.split("\n");
    const body = Buffer.from(word, "base64");
    body[at] = to;
    return `${comment}\n${body.toString("base64")}\n`;
  };
  test.each([
    ["with a password", changed(2, 0x53), "has a password"],
    ["with a changed half", changed(70, 0), "halves do not belong together"],
    ["that is a public one", PUBLIC, "no secret key"],
    ["that is empty", "", "no secret key"],
  ])("%s is refused", (_what, text, error) => {
    expect(readSecretKey(text)).toEqual({ ok: false, error: expect.stringContaining(error) });
  });
});

test("what can't be signed is an error, not a signature", () => {
  const key = createSecretKey();
  expect(() => signDigest(key, new Uint8Array(32), "x")).toThrow("64 bytes");
  expect(() => signDigest(key, digest(FILE), "x\ny")).toThrow("one line");
});
