// Whatever bytes come, the decoders answer; they never throw. Seeds are printed by fast-check.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { listAttributes, readAttributes } from "../../../src/net/attribute-tree.ts";
import { plan } from "../../../src/net/plan.ts";
import { decodeProcessEvent, encodeProcessSubscription } from "../../../src/net/proc-connector.ts";
import { decodeNetMessage } from "../../../src/net/rtnetlink.ts";
import { applyMessage, emptyState } from "../../../src/net/seen.ts";
import { recordedMessages } from "./vectors.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 20_000);
const TYPES = [16, 17, 20, 21, 24, 25, 32, 33, 99];
const OWNED = { marks: true, keys: new Set<string>() };

/** Decoded or not, the picture and the plan bear it. */
function survive(type: number, payload: Uint8Array): void {
  const message = decodeNetMessage(type, payload, payload[0] ?? 0);
  if (!message) return;
  const state = emptyState();
  applyMessage(state, message, () => true, false);
  plan({ addresses: [], routes: [], rules: [] }, state, OWNED);
}

describe("decoders of what the kernel sends", () => {
  test("random bytes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 300 }), (type, bytes) => {
        survive(type, bytes);
        readAttributes(bytes);
        listAttributes(bytes, 4);
        decodeProcessEvent(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  test("recorded messages with bytes changed and ends cut", () => {
    const recorded = ["routes-rules", "vmac-v6", "no-accept"].flatMap(recordedMessages);
    const change = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...recorded), change, fc.nat(200), ({ type, payload }, changes, cut) => {
        const bytes = payload.slice(0, Math.max(0, payload.byteLength - (cut % (payload.byteLength + 1))));
        for (const [at, value] of changes) if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = value;
        survive(type, bytes);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("process events", () => {
  const event = (what: number, ...numbers: number[]) => {
    const bytes = new Uint8Array(60);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 1, true);
    view.setUint32(4, 1, true);
    view.setUint32(20, what, true);
    for (const [i, number] of numbers.entries()) view.setInt32(36 + 4 * i, number, true);
    return bytes;
  };

  test.each([
    ["fork of a process", event(1, 10, 10, 20, 20), { kind: "fork", pid: 20, parentPid: 10 }],
    ["fork of a thread", event(1, 10, 10, 21, 20), undefined],
    ["exec", event(2, 20, 20), { kind: "exec", pid: 20 }],
    ["exec by another thread is of its process", event(2, 21, 20), { kind: "exec", pid: 20 }],
    ["end of a process", event(0x8000_0000, 20, 20, 0), { kind: "exit", pid: 20 }],
    ["end of a thread", event(0x8000_0000, 21, 20, 0), undefined],
    ["change of user", event(4, 20, 20), undefined],
  ] as const)("%s", (_why, bytes, expected) => expect(decodeProcessEvent(bytes)).toEqual(expected as never));

  test("a new name", () => {
    const bytes = event(0x200, 20, 20);
    bytes.set(new TextEncoder().encode("nginx"), 44);
    expect(decodeProcessEvent(bytes)).toEqual({ kind: "comm", pid: 20, comm: "nginx" });
  });

  test("the subscription is a connector message of four bytes", () => {
    const bytes = encodeProcessSubscription(true);
    expect([bytes.byteLength, bytes[16], bytes[20]]).toEqual([24, 4, 1]);
  });
});
