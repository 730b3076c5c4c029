// Classic BPF socket filters (linux/filter.h) as data: what the kernel throws away before it wakes us. Pure bytecode, run by an
// interpreter in the tests; the adapters attach it.
import type { Family } from "../base/ip.ts";

/** struct sock_filter: `ifTrue` and `ifFalse` are instructions to skip. */
export interface BpfInstruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

const BPF_LD_B_ABS = 0x30;
const BPF_LD_W_ABS = 0x20;
const BPF_LD_H_ABS = 0x28;
const BPF_LD_B_IND = 0x50;
const BPF_LDX_MSH = 0xb1;
const BPF_LD_IMM = 0x00;
const BPF_LD_MEM = 0x60;
const BPF_ST = 0x02;
const BPF_AND_K = 0x54;
const BPF_RSH_K = 0x74;
const BPF_LSH_X = 0x6c;
const BPF_JEQ_K = 0x15;
const BPF_JSET_K = 0x45;
const BPF_RET_K = 0x06;
const BPF_TAX = 0x07;
const BPF_TXA = 0x87;

/** linux/filter.h: behind this offset is the link layer's header. */
const SKF_LL_OFF = -0x200000;
const ETHERNET_SOURCE = 6;

const WHOLE_PACKET = 0xffff_ffff;

/** For sockets that only send: nothing is ever queued on them. */
export const DROP_ALL: readonly BpfInstruction[] = [op(BPF_RET_K, 0)];

/** Bytes of an AH header as VRRPv2 has it (spec/vrrp.md §1.5). */
const AH_BYTES = 24;

export interface VrrpFilter {
  readonly family: Family;
  /** 112, or 51 with AH (IPv4 only). */
  readonly protocol: 112 | 51;
  /** 1..255. */
  readonly vrids: Iterable<number>;
  /** Six bytes: only frames from this MAC. */
  readonly sourceMac?: Uint8Array | undefined;
}

/**
 * Lets only packets with one of our VRIDs through. Everything else about a packet is judged in user space, where a refusal is
 * counted and shown. An IPv4 raw socket sees the packet from its IP header on, an IPv6 one from the VRRP header on.
 */
export function vridFilter(filter: VrrpFilter): readonly BpfInstruction[] {
  const words = bitWords(filter.vrids);
  const load =
    filter.family === 6
      ? [op(BPF_LD_B_ABS, 1)]
      : [op(BPF_LDX_MSH, 0), op(BPF_LD_B_IND, 1 + (filter.protocol === 51 ? AH_BYTES : 0))];
  // M[0] = 1 << (vrid & 31); then the word of the bit map that (vrid >> 5) names decides.
  const bit = [op(BPF_ST, 1), op(BPF_AND_K, 31), op(BPF_TAX), op(BPF_LD_IMM, 1), op(BPF_LSH_X), op(BPF_ST, 0)];
  const which = [op(BPF_LD_MEM, 1), op(BPF_RSH_K, 5), op(BPF_TAX)];
  const tests = words.flatMap(([index, mask]) => [
    op(BPF_TXA),
    // Not this word: past the three instructions that look at it.
    op(BPF_JEQ_K, index, 0, 3),
    op(BPF_LD_MEM, 0),
    op(BPF_JSET_K, mask, 0, 1),
    op(BPF_RET_K, WHOLE_PACKET),
  ]);
  const from = filter.sourceMac ? sourceIs(filter.sourceMac) : [];
  return [...from, ...load, ...bit, ...which, ...tests, op(BPF_RET_K, 0)];
}

/** Drops what comes from another MAC; the Ethernet header is reached by an offset of its own (SKF_LL_OFF). */
function sourceIs(mac: Uint8Array): readonly BpfInstruction[] {
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  return [
    op(BPF_LD_W_ABS, SKF_LL_OFF + ETHERNET_SOURCE),
    // Past the other half and to the end of these.
    op(BPF_JEQ_K, view.getUint32(0), 0, 2),
    op(BPF_LD_H_ABS, SKF_LL_OFF + ETHERNET_SOURCE + 4),
    op(BPF_JEQ_K, view.getUint16(4), 1, 0),
    op(BPF_RET_K, 0),
  ];
}

/** The 256 bits as the words that are not zero. */
function bitWords(vrids: Iterable<number>): (readonly [number, number])[] {
  const words = new Map<number, number>();
  for (const vrid of vrids) words.set(vrid >> 5, ((words.get(vrid >> 5) ?? 0) | (1 << (vrid & 31))) >>> 0);
  return [...words].sort(([a], [b]) => a - b);
}

function op(code: number, value = 0, ifTrue = 0, ifFalse = 0): BpfInstruction {
  return { code, ifTrue, ifFalse, value: value >>> 0 };
}
