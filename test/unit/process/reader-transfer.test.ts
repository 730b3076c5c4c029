import { expect, test } from "bun:test";
import type { Taken } from "../../../src/process/reader-messages.ts";
import { createTransfer, type KeptShare, sizeOf } from "../../../src/process/reader-transfer.ts";

const TAKEN: Taken = {
  kind: "taken",
  tookMs: 1,
  findings: { errors: [], errorCount: 0, warnings: [], warningCount: 0 },
  outline: {
    needs: ["checker"],
    instances: 0,
    virtualServers: 1,
    modules: [],
    fifos: [],
    parentName: "lbd",
    childWaitMs: 1,
    usePidDir: false,
    reload: { checkConfig: false, repeat: false },
    dumps: { useInstance: false },
    umask: 0o177,
  },
  rights: {},
  stamps: [],
};
const BEFORE: KeptShare = { whole: 3, wholePieces: 1, pieces: [Uint8Array.of(1)] };

test("nothing is in force before «done», nor without the record that it can be read from again", () => {
  const transfer = createTransfer(new Map());
  transfer.take(TAKEN);
  transfer.take({ kind: "record" });
  transfer.takeBytes(Uint8Array.of(9));
  expect(transfer.whole()).toBeUndefined();
  expect(transfer.take({ kind: "done" })).toEqual(TAKEN);
  expect(transfer.whole()?.record).toEqual(Uint8Array.of(9));

  const recordless = createTransfer(new Map());
  recordless.take(TAKEN);
  recordless.take({ kind: "done" });
  expect(recordless.whole()).toBeUndefined();
});

test.each([
  ["what changed comes behind what was there", false, { whole: 3, wholePieces: 1, pieces: [1, 2, 3] }],
  ["a whole replaces it, with a number of its own", true, { whole: 4, wholePieces: 2, pieces: [2, 3] }],
])("%s", (_what, whole, expected) => {
  const before = new Map([["checker", BEFORE] as const]);
  const transfer = createTransfer(before);
  transfer.take(TAKEN);
  transfer.take({ kind: "share", role: "checker", whole });
  for (const byte of [2, 3]) transfer.takeBytes(Uint8Array.of(byte));
  transfer.take({ kind: "record" });
  transfer.takeBytes(Uint8Array.of(9));
  transfer.take({ kind: "done" });
  const pieces = expected.pieces.map((byte) => Uint8Array.of(byte));
  expect(transfer.whole()?.shares.get("checker")).toEqual({ ...expected, pieces });
  // A reader that fails now leaves what is in force as it is.
  expect(before.get("checker")).toBe(BEFORE);
});

test("a role's size is that of its whole and of what has changed it since", () => {
  const pieces = [3, 5, 7].map((bytes) => new Uint8Array(bytes));
  expect(sizeOf({ whole: 1, wholePieces: 2, pieces })).toEqual({ wholeBytes: 8, changedBytes: 7 });
  expect(sizeOf(undefined)).toEqual({ wholeBytes: 0, changedBytes: 0 });
});
