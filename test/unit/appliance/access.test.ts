// Who may ask over the network: tokens, roles, certificates, how often a wrong token may come, and what the audit keeps.
import { describe, expect, test } from "bun:test";
import { auditText, createAudit, MAX_ENTRIES } from "../../../src/appliance/access/audit.ts";
import { bearerOf, certificateOwner, hashOf, mayDo, ownerOf, tokenOf } from "../../../src/appliance/access/permits.ts";
import { createTries, MAX_ADDRESSES, MAX_TRIES, REFILL_MS } from "../../../src/appliance/access/tries.ts";

describe("a token", () => {
  const token = tokenOf(new Uint8Array(32).fill(7));
  const tokens = [
    { name: "watch", role: "read", sha256: hashOf("other") },
    { name: "ops", role: "operate", sha256: hashOf(token) },
  ] as const;

  test("is 256 bits that a header and a shell take as they are", () => {
    expect(token).toMatch(/^lbd_[\w-]{43}$/);
    expect(() => tokenOf(new Uint8Array(31))).toThrow("32 bytes");
  });

  test("has the hash that sha256sum prints", () =>
    expect(hashOf("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));

  test("is found by its hash, and nothing else is", () => {
    expect(ownerOf(tokens, token)?.name).toBe("ops");
    expect(ownerOf(tokens, hashOf(token))).toBeUndefined();
    expect(ownerOf(tokens, "")).toBeUndefined();
    expect(ownerOf([], token)).toBeUndefined();
  });

  test.each([
    ["Bearer abc", "abc"],
    ["bearer  abc ", "abc"],
    ["Basic abc", undefined],
    ["Bearer", undefined],
    ["Bearer a b", undefined],
    [`Bearer ${"a".repeat(257)}`, undefined],
    [undefined, undefined],
  ])("of %p is %p", (header, expected) => expect(bearerOf(header)).toBe(expected));
});

test.each([
  ["read", "read", true],
  ["read", "operate", false],
  ["operate", "admin", false],
  ["operate", "read", true],
  ["admin", "operate", true],
] as const)("%s may do what needs %s: %p", (role, needed, expected) => expect(mayDo(role, needed)).toBe(expected));

test.each([
  [
    { CN: "anna", OU: "operate" },
    { name: "anna", role: "operate" },
  ],
  [{ CN: "anna", OU: "root" }, undefined],
  [{ CN: "anna" }, undefined],
  [{ OU: "admin" }, undefined],
  [{ CN: "", OU: "admin" }, undefined],
  // Which of two counts is not for us to choose.
  [{ CN: "anna", OU: ["read", "admin"] }, undefined],
  [
    { CN: ["anna", "b"], OU: ["read"] },
    { name: "anna", role: "read" },
  ],
] as const)("a certificate of %p is %p", (subject, expected) =>
  expect(certificateOwner(subject)).toEqual(expected as ReturnType<typeof certificateOwner>),
);

describe("wrong tokens", () => {
  test("may come a few times, then one at a time", () => {
    const tries = createTries();
    for (let i = 0; i < MAX_TRIES; i++) {
      expect(tries.waitMs("192.0.2.1", 0)).toBe(0);
      tries.failed("192.0.2.1", 0);
    }
    expect(tries.waitMs("192.0.2.1", 0)).toBe(REFILL_MS);
    expect(tries.waitMs("192.0.2.1", REFILL_MS)).toBe(0);
    tries.failed("192.0.2.1", REFILL_MS);
    expect(tries.waitMs("192.0.2.1", REFILL_MS)).toBe(REFILL_MS);
    expect(tries.waitMs("192.0.2.1", REFILL_MS * 100)).toBe(0);
  });

  test.each([
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["2001:db8::1", "2001:db8::ffff", true],
    ["2001:db8::1", "2001:db8:0:1::1", false],
  ])("of %s hold up %s: %p", (first, second, isSame) => {
    const tries = createTries();
    for (let i = 0; i < MAX_TRIES; i++) tries.failed(first, 0);
    expect(tries.waitMs(second, 0) > 0).toBe(isSame);
  });

  test("from ever new addresses take no more memory, and forget the oldest", () => {
    const tries = createTries();
    for (let i = 0; i < MAX_TRIES; i++) tries.failed("192.0.2.1", 0);
    for (let i = 0; i < MAX_ADDRESSES - 1; i++) tries.failed(`198.51.${i >> 8}.${i & 255}`, 0);
    expect(tries.waitMs("192.0.2.1", 0)).toBeGreaterThan(0);
    tries.failed("203.0.113.1", 0);
    expect(tries.waitMs("192.0.2.1", 0)).toBe(0);
  });
});

describe("the audit", () => {
  const entry = {
    at: "2026-12-01T08:00:00.000Z",
    who: "ops",
    role: "operate",
    from: "192.0.2.7",
    call: "POST /v1/reload",
    status: 202,
    outcome: "",
  } as const;

  test("keeps the newest, each with a number of its own", () => {
    const audit = createAudit();
    for (let i = 0; i < MAX_ENTRIES + 5; i++) audit.add(entry);
    expect(audit.after(0)).toHaveLength(MAX_ENTRIES);
    expect(audit.after(0)[0]?.id).toBe(6);
    expect(audit.after(MAX_ENTRIES + 4)).toEqual([{ ...entry, id: MAX_ENTRIES + 5 }]);
  });

  test("keeps what was done, however often others are refused", () => {
    const audit = createAudit();
    audit.add(entry);
    for (let i = 0; i < MAX_ENTRIES + 5; i++) {
      audit.add({ ...entry, who: null, role: null, status: 401 });
      audit.add({ ...entry, role: "read", status: 403 });
    }
    expect(audit.after(0)[0]).toEqual({ ...entry, id: 1 });
    expect(audit.after(0)).toHaveLength(2 * MAX_ENTRIES + 1);
    const ids = audit.after(0).map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("has no control characters and no endless texts of clients", () => {
    const { who, call } = createAudit().add({ ...entry, who: "a\u001b[2J", call: "x".repeat(5000) });
    expect(who).toBe("a\\x1b[2J");
    expect(call).toHaveLength(200);
  });

  test.each([
    [entry, "audit: ops (operate) from 192.0.2.7: POST /v1/reload: 202"],
    [
      { ...entry, who: null, role: null, status: 401, outcome: "no token of this machine" },
      "audit: somebody unknown from 192.0.2.7: POST /v1/reload: 401, no token of this machine",
    ],
  ])("is a line of the log", (of, line) => expect(auditText(of)).toBe(line));
});
