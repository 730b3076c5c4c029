// Core: nf_tables as netlink messages (linux/netfilter/nf_tables.h). Tables, chains, sets, rules and elements are values here and
// become one transaction: all of it takes effect at once, or nothing. Numbers inside attributes are in network order.
import { type Attribute, encodeAttributes } from "./attribute-tree.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST } from "./request.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

export const NFPROTO_IPV4 = 2;
export const NFPROTO_IPV6 = 10;
export type NftFamily = typeof NFPROTO_IPV4 | typeof NFPROTO_IPV6;

const MSG = {
  newTable: 0,
  getTable: 1,
  delTable: 2,
  newChain: 3,
  newRule: 6,
  newSet: 9,
  newElement: 12,
  delElement: 14,
};

/** Frames a transaction: BATCH_BEGIN, the messages, BATCH_END. */
export function transaction(messages: readonly NetlinkRequest[]): readonly NetlinkRequest[] {
  return [batch(NFNL_MSG_BATCH_BEGIN, "begin"), ...messages, batch(NFNL_MSG_BATCH_END, "end")];
}

function batch(type: number, what: string): NetlinkRequest {
  return { type, flags: NLM_F_REQUEST, payload: genericHeader(0, NFNL_SUBSYS_NFTABLES), what: `batch ${what}` };
}

function genericHeader(family: number, resource: number): Uint8Array {
  return Uint8Array.of(family, 0, resource >> 8, resource & 0xff);
}

function message(
  operation: number,
  flags: number,
  family: NftFamily,
  attributes: readonly Attribute[],
  what: string,
): NetlinkRequest {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | operation,
    flags: NLM_F_REQUEST | NLM_F_ACK | flags,
    payload: encodeAttributes(attributes, genericHeader(family, 0)),
    what: `${what} (${family === NFPROTO_IPV4 ? "ip" : "ip6"})`,
  };
}

export interface TableRef {
  readonly family: NftFamily;
  readonly table: string;
}

export function newTable({ family, table }: TableRef): NetlinkRequest {
  return message(MSG.newTable, NLM_F_CREATE, family, [{ type: 1, value: text(table) }], `table ${table}`);
}

export function deleteTable({ family, table }: TableRef): NetlinkRequest {
  return message(MSG.delTable, 0, family, [{ type: 1, value: text(table) }], `delete table ${table}`);
}

/** Asks for a table; not part of a transaction. ENOENT says that there is none. */
export function getTable({ family, table }: TableRef): NetlinkRequest {
  return message(MSG.getTable, 0, family, [{ type: 1, value: text(table) }], `get table ${table}`);
}

export const HOOK_INPUT = 1;
export const HOOK_OUTPUT = 3;

export interface ChainHook {
  readonly hook: number;
  readonly priority: number;
}

/** A base chain of type filter and policy accept, or without a hook one to jump to. */
export function newChain(ref: TableRef, name: string, hook?: ChainHook): NetlinkRequest {
  const base: readonly Attribute[] = hook
    ? [
        {
          type: 4,
          nested: [
            { type: 1, value: be32(hook.hook) },
            { type: 2, value: be32(hook.priority) },
          ],
        },
        { type: 5, value: be32(1) },
        { type: 7, value: text("filter") },
      ]
    : [];
  const attributes = [{ type: 1, value: text(ref.table) }, { type: 3, value: text(name) }, ...base];
  return message(MSG.newChain, NLM_F_CREATE, ref.family, attributes, `chain ${name}`);
}

/** Data types as nft(8) numbers them; a concatenation shifts each by six bits. */
export const TYPE = {
  ipv4Addr: 7,
  ipv6Addr: 8,
  inetProto: 12,
  inetService: 13,
  icmpType: 14,
  mark: 19,
  ifaceIndex: 20,
  icmpv6Type: 29,
  ifname: 41,
} as const;

export function concatType(...types: readonly number[]): number {
  return types.reduce((sum, type) => (sum << 6) | type, 0);
}

const NFT_SET_CONSTANT = 0x2;
const NFT_SET_INTERVAL = 0x4;
const NFT_SET_MAP = 0x8;
const NFT_SET_CONCAT = 0x80;
const BYTEORDER_HOST = 1;
const BYTEORDER_BIG = 2;

export interface SetSpec {
  readonly name: string;
  readonly keyType: number;
  readonly keyBytes: number;
  /** How nft(8) reads the keys back: marks and interface numbers are in host order. */
  readonly hostOrder?: boolean;
  readonly constant?: boolean;
  /** Elements are ranges: bytes of each field of the concatenated key. */
  readonly ranges?: readonly number[];
  /** A map: type and size of what keys lead to, in host order. */
  readonly data?: { readonly type: number; readonly bytes: number };
}

/** `id` is unique in the transaction. */
export function newSet(ref: TableRef, set: SetSpec, id: number): NetlinkRequest {
  const kind = set.ranges ? NFT_SET_INTERVAL | NFT_SET_CONCAT : 0;
  const flags = (set.constant ? NFT_SET_CONSTANT : 0) | (set.data ? NFT_SET_MAP : 0) | kind;
  const keyOrder = userData(0, set.hostOrder ? BYTEORDER_HOST : BYTEORDER_BIG);
  const attributes: Attribute[] = [
    { type: 1, value: text(ref.table) },
    { type: 2, value: text(set.name) },
    ...(flags === 0 ? [] : [{ type: 3, value: be32(flags) }]),
    { type: 4, value: be32(set.keyType) },
    { type: 5, value: be32(set.keyBytes) },
    ...(set.data
      ? [
          { type: 6, value: be32(set.data.type) },
          { type: 7, value: be32(set.data.bytes) },
        ]
      : []),
    { type: 10, value: be32(id) },
    ...(set.ranges ? [{ type: 9, nested: [{ type: 2, nested: set.ranges.map(fieldOf) }] }] : []),
    { type: 13, value: set.data ? Uint8Array.of(...keyOrder, ...userData(1, BYTEORDER_HOST)) : keyOrder },
  ];
  return message(MSG.newSet, NLM_F_CREATE, ref.family, attributes, `set ${set.name}`);
}

function fieldOf(bytes: number): Attribute {
  return { type: 1, nested: [{ type: 1, value: be32(bytes) }] };
}

/** What only nft(8) reads: a type-length-value with a number in host order. */
function userData(type: number, value: number): Uint8Array {
  return Uint8Array.of(type, 4, ...le32(value));
}

export interface SetElement {
  readonly key: Uint8Array;
  /** Last key of a range. */
  readonly keyEnd?: Uint8Array;
  readonly data?: Uint8Array;
}

/** Elements of one message: an attribute holds 64 KiB at most. */
const MAX_ELEMENTS_PER_MESSAGE = 500;

export function addElements(ref: TableRef, set: string, elements: readonly SetElement[]): readonly NetlinkRequest[] {
  return elementMessages(MSG.newElement, NLM_F_CREATE, ref, set, elements, "add to set");
}

export function deleteElements(ref: TableRef, set: string, elements: readonly SetElement[]): readonly NetlinkRequest[] {
  return elementMessages(MSG.delElement, 0, ref, set, elements, "delete from set");
}

function elementMessages(
  operation: number,
  flags: number,
  ref: TableRef,
  set: string,
  elements: readonly SetElement[],
  what: string,
): readonly NetlinkRequest[] {
  const messages: NetlinkRequest[] = [];
  for (let at = 0; at < elements.length; at += MAX_ELEMENTS_PER_MESSAGE) {
    const list = elements.slice(at, at + MAX_ELEMENTS_PER_MESSAGE).map(({ key, keyEnd, data }) => ({
      type: 1,
      nested: [
        { type: 1, nested: [{ type: 1, value: key }] },
        ...(keyEnd ? [{ type: 10, nested: [{ type: 1, value: keyEnd }] }] : []),
        ...(data ? [{ type: 2, nested: [{ type: 1, value: data }] }] : []),
      ],
    }));
    const attributes = [
      { type: 2, value: text(set) },
      { type: 1, value: text(ref.table) },
      { type: 3, nested: list },
    ];
    messages.push(message(operation, flags, ref.family, attributes, `${what} ${set}`));
  }
  return messages;
}

export interface Expression {
  readonly name: string;
  readonly data: readonly Attribute[];
}

/** Appends a rule to a chain. */
export function newRule(
  ref: TableRef,
  chain: string,
  expressions: readonly Expression[],
  what: string,
): NetlinkRequest {
  const list = expressions.map(({ name, data }) => ({
    type: 1,
    nested: [
      { type: 1, value: text(name) },
      { type: 2, nested: data },
    ],
  }));
  const attributes = [
    { type: 1, value: text(ref.table) },
    { type: 2, value: text(chain) },
    { type: 4, nested: list },
  ];
  return message(MSG.newRule, NLM_F_CREATE | NLM_F_APPEND, ref.family, attributes, `rule in ${chain}: ${what}`);
}

/** Registers: 1 to 4 hold 16 bytes each; 8 and on are their quarters (8 to 11 are register 1). */
export const REG_1 = 1;
export const REG_2 = 2;
export const REG32_01 = 9;
export const REG32_02 = 10;
export const REG32_05 = 13;

export const PAYLOAD_NETWORK = 1;
export const PAYLOAD_TRANSPORT = 2;

export function payload(register: number, base: number, offset: number, length: number): Expression {
  return { name: "payload", data: numbers([1, register], [2, base], [3, offset], [4, length]) };
}

export const META_MARK = 3;
export const META_IIF = 4;
export const META_OIF = 5;
export const META_OIFNAME = 7;
export const META_L4PROTO = 16;
export const META_OIFKIND = 27;

export function meta(register: number, key: number): Expression {
  return { name: "meta", data: numbers([2, key], [1, register]) };
}

export function setMeta(key: number, register: number): Expression {
  return { name: "meta", data: numbers([2, key], [3, register]) };
}

/** The register must equal the value. */
export function equals(register: number, value: Uint8Array): Expression {
  return { name: "cmp", data: [...numbers([1, register], [2, 0]), { type: 3, nested: [{ type: 1, value }] }] };
}

/** The register must be in the set; with `into`, a map's answer is put there. `setId` when the set is made in the same transaction. */
export function lookup(register: number, set: string, options: { into?: number; setId?: number } = {}): Expression {
  return {
    name: "lookup",
    data: [
      ...numbers([2, register]),
      ...(options.into === undefined ? [] : numbers([3, options.into])),
      { type: 1, value: text(set) },
      ...(options.setId === undefined ? [] : numbers([4, options.setId])),
    ],
  };
}

/** register & mask, back into the register. */
export function mask(register: number, bits: Uint8Array): Expression {
  return {
    name: "bitwise",
    data: [
      ...numbers([1, register], [2, register], [3, bits.byteLength]),
      { type: 4, nested: [{ type: 1, value: bits }] },
      { type: 5, nested: [{ type: 1, value: new Uint8Array(bits.byteLength) }] },
    ],
  };
}

export const DROP: Expression = verdict(0);
export const ACCEPT: Expression = verdict(1);
export const RETURN: Expression = verdict(-5);
export const COUNTER: Expression = { name: "counter", data: [] };

export function goTo(chain: string): Expression {
  return verdict(-4, chain);
}

function verdict(code: number, chain?: string): Expression {
  const inner = [...numbers([1, code]), ...(chain === undefined ? [] : [{ type: 2, value: text(chain) }])];
  return { name: "immediate", data: [...numbers([1, 0]), { type: 2, nested: [{ type: 2, nested: inner }] }] };
}

/** Sends a copy of the packet to the address in one register by the device in the other. */
export function duplicate(addressRegister: number, deviceRegister: number): Expression {
  return { name: "dup", data: numbers([1, addressRegister], [2, deviceRegister]) };
}

function numbers(...pairs: readonly (readonly [number, number])[]): Attribute[] {
  return pairs.map(([type, value]) => ({ type, value: be32(value) }));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function be32(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Machine order: every machine we run on is little endian. */
export function le32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff);
}
