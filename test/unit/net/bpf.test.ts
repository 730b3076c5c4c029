import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../../src/base/bytes.ts";
import { type BpfInstruction, DROP_ALL, vridFilter } from "../../../src/net/bpf.ts";

/** linux/filter.h: SKF_LL_OFF, as an unsigned number. */
const LINK_LAYER = 0xffe0_0000;

/** Runs a classic BPF program as the kernel does: reading outside the packet ends it with 0. `frame`: the header of the link layer. */
function run(program: readonly BpfInstruction[], packet: Uint8Array, frame: Uint8Array = new Uint8Array(0)): number {
  let a = 0;
  let x = 0;
  const memory = new Uint32Array(16);
  for (let pc = 0; pc < program.length; pc++) {
    const { code, ifTrue, ifFalse, value } = program[pc] ?? DROP_ALL[0]!;
    const at = (offset: number): number | undefined => packet[offset];
    switch (code) {
      case 0x20:
      case 0x28: {
        const start = value - LINK_LAYER;
        const bytes = frame.subarray(start, start + (code === 0x20 ? 4 : 2));
        if (bytes.byteLength < (code === 0x20 ? 4 : 2)) return 0;
        a = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
        break;
      }
      case 0x30:
      case 0x50: {
        const byte = at(code === 0x30 ? value : x + value);
        if (byte === undefined) return 0;
        a = byte;
        break;
      }
      case 0xb1: {
        const byte = at(value);
        if (byte === undefined) return 0;
        x = 4 * (byte & 15);
        break;
      }
      case 0x00:
        a = value;
        break;
      case 0x60:
        a = memory[value] ?? 0;
        break;
      case 0x02:
        memory[value] = a;
        break;
      case 0x54:
        a = (a & value) >>> 0;
        break;
      case 0x74:
        a >>>= value;
        break;
      case 0x6c:
        a = (a << x) >>> 0;
        break;
      case 0x07:
        x = a;
        break;
      case 0x87:
        a = x;
        break;
      case 0x15:
        pc += a === value ? ifTrue : ifFalse;
        break;
      case 0x45:
        pc += (a & value) >>> 0 !== 0 ? ifTrue : ifFalse;
        break;
      case 0x06:
        return value;
      default:
        throw new Error(`instruction ${code.toString(16)}`);
    }
  }
  throw new Error("fell off the end");
}

const header = (words: number) => Uint8Array.of(0x40 | words, ...new Array(4 * words - 1).fill(0));
const vrrp = (vrid: number) => Uint8Array.of(0x31, vrid, 100, 0, 0, 100, 0, 0);

describe("filter by VRID", () => {
  test.each<[string, number[]]>([
    ["one", [51]],
    ["the corners of the words", [1, 31, 32, 63, 64, 255]],
    ["none", []],
    ["all", Array.from({ length: 255 }, (_, i) => i + 1)],
  ])("%s: exactly those pass, in every form of packet", (_why, vrids) => {
    const wanted = new Set(vrids);
    const forms = [
      [vridFilter({ family: 4, protocol: 112, vrids }), (v: number) => concatBytes(header(5), vrrp(v))],
      [vridFilter({ family: 4, protocol: 112, vrids }), (v: number) => concatBytes(header(15), vrrp(v))],
      [
        vridFilter({ family: 4, protocol: 51, vrids }),
        (v: number) => concatBytes(header(5), new Uint8Array(24), vrrp(v)),
      ],
      [vridFilter({ family: 6, protocol: 112, vrids }), vrrp],
    ] as const;
    for (const [program, packet] of forms)
      for (let vrid = 0; vrid < 256; vrid++) expect(run(program, packet(vrid)) > 0).toBe(wanted.has(vrid));
  });

  test("packets cut short are dropped, and no jump leaves the program", () => {
    const program = vridFilter({ family: 4, protocol: 112, vrids: [1, 200] });
    const whole = concatBytes(header(5), vrrp(200));
    for (let length = 0; length < 22; length++) expect(run(program, whole.subarray(0, length))).toBe(0);
    for (const [pc, { ifTrue, ifFalse }] of program.entries())
      for (const jump of [ifTrue, ifFalse]) expect(pc + 1 + jump).toBeLessThanOrEqual(program.length);
    expect(
      vridFilter({ family: 4, protocol: 112, vrids: Array.from({ length: 256 }, (_, i) => i) }).length,
    ).toBeLessThan(64);
  });

  test("with a source MAC only frames from it pass", () => {
    const mac = Uint8Array.of(0, 0, 0x5e, 0, 1, 51);
    const program = vridFilter({ family: 4, protocol: 112, vrids: [51], sourceMac: mac });
    const packet = (vrid: number) => concatBytes(header(5), vrrp(vrid));
    const from = (source: Uint8Array) => concatBytes(new Uint8Array(6), source, Uint8Array.of(8, 0));
    expect(run(program, packet(51), from(mac)) > 0).toBe(true);
    expect(run(program, packet(52), from(mac))).toBe(0);
    for (let i = 0; i < 6; i++) {
      const other = mac.slice();
      other[i] = (other[i] ?? 0) ^ 1;
      expect(run(program, packet(51), from(other))).toBe(0);
    }
  });

  test("the one for senders drops everything", () => expect(run(DROP_ALL, new Uint8Array(100))).toBe(0));
});
