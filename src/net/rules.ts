// Core: RTM_NEWRULE, RTM_DELRULE and their dump (linux/fib_rules.h).
import { formatIp, ipBytes } from "../base/ip.ts";
import { AF_INET, AF_INET6 } from "./addresses.ts";
import { be64, encodeAttributes, readAttributes, readBe64, readNumber, readText, u32 } from "./attribute-tree.ts";
import type { NetRule, RuleAction } from "./model.ts";
import { buffer, ruleBody } from "./package-codec.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST } from "./request.ts";

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

const HEADER_BYTES = 12;
const FIB_RULE_INVERT = 0x2;
const FR_ACT_TO_TBL = 1;
const FR_ACT_GOTO = 2;
const ACTIONS = { nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
const NO_LIMIT = 0xffff_ffff;

const FRA = {
  dst: 1,
  src: 2,
  iifname: 3,
  goto: 4,
  priority: 6,
  fwmark: 10,
  flow: 11,
  tunId: 12,
  suppressIfgroup: 13,
  suppressPrefixlen: 14,
  table: 15,
  fwmask: 16,
  oifname: 17,
  l3mdev: 19,
  uidRange: 20,
  protocol: 21,
  ipProto: 22,
  sportRange: 23,
  dportRange: 24,
} as const;

export function addRule(rule: NetRule): NetlinkRequest {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return { type: RTM_NEWRULE, flags, payload: body(rule), what: describeRule(rule) };
}

export function deleteRule(rule: NetRule): NetlinkRequest {
  return { type: RTM_DELRULE, flags: NLM_F_REQUEST | NLM_F_ACK, payload: body(rule), what: describeRule(rule) };
}

/** All rules of a family. */
export function dumpRules(family: 4 | 6): NetlinkRequest {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = family === 4 ? AF_INET : AF_INET6;
  return {
    type: RTM_GETRULE,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    payload: encodeAttributes([], header),
    what: `IPv${family} rules`,
  };
}

function body(rule: NetRule): Uint8Array {
  const table = rule.action.kind === "table" ? rule.action.table : 0;
  const mark = rule.fwmark;
  const group = rule.suppressGroup;
  const length = rule.suppressPrefixLength;
  const header = {
    family: rule.family === 4 ? AF_INET : AF_INET6,
    dstLen: rule.to?.prefix ?? 0,
    srcLen: rule.from?.prefix ?? 0,
    tos: rule.tos,
    // The byte holds tables up to 255; FRA_TABLE the others.
    table: table < 256 ? table : 0,
    action: actionNumber(rule.action),
    ...(rule.invert && { flags: { __unknown: FIB_RULE_INVERT } }),
  };
  const attrs = {
    ...(rule.from && { src: buffer(ipBytes(rule.from.ip)) }),
    ...(rule.to && { dst: buffer(ipBytes(rule.to.ip)) }),
    priority: rule.priority,
    ...(mark && { fwmark: mark.mark }),
    ...(mark && mark.mask !== NO_LIMIT && { fwmask: mark.mask }),
    ...(rule.realms !== undefined && { flow: rule.realms }),
    ...(table > 255 && { table }),
    ...(rule.action.kind === "goto" && { goto: rule.action.priority }),
    ...(rule.iif !== undefined && { iifname: rule.iif }),
    ...(rule.oif !== undefined && { oifname: rule.oif }),
    ...(length !== undefined && { suppressPrefixlen: buffer(u32(length)) }),
    ...(group !== undefined && { suppressIfgroup: buffer(u32(group)) }),
    ...(rule.tunnelId !== undefined && { tunId: buffer(be64(rule.tunnelId)) }),
    ...(rule.uidRange && { uidRange: range(rule.uidRange) }),
    ...(rule.l3mdev && { l3Mdev: 1 }),
    ...(rule.ipProto !== undefined && { ipProto: rule.ipProto }),
    ...(rule.sport && { sportRange: range(rule.sport) }),
    ...(rule.dport && { dportRange: range(rule.dport) }),
    ...(rule.protocol !== undefined && { protocol: rule.protocol }),
  };
  return ruleBody(header, attrs, []);
}

function actionNumber(action: RuleAction): number {
  switch (action.kind) {
    case "table":
      return FR_ACT_TO_TBL;
    case "goto":
      return FR_ACT_GOTO;
    case "other":
      return action.action;
    default:
      return ACTIONS[action.kind];
  }
}

/** Body of RTM_NEWRULE or RTM_DELRULE; undefined for other families. Never throws. */
export function decodeRule(payload: Uint8Array): NetRule | undefined {
  if (payload.byteLength < HEADER_BYTES) return undefined;
  const version = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined;
  if (version === undefined) return undefined;
  const attributes = readAttributes(payload, HEADER_BYTES);
  const number = (type: number) => readNumber(attributes.get(type));
  const limit = (type: number) => {
    const value = number(type);
    return value === NO_LIMIT ? undefined : value;
  };
  const from = prefixOf(attributes.get(FRA.src), payload[2] ?? 0, version);
  const to = prefixOf(attributes.get(FRA.dst), payload[1] ?? 0, version);
  const iif = readText(attributes.get(FRA.iifname));
  const oif = readText(attributes.get(FRA.oifname));
  const fwmark = markOf(number(FRA.fwmark), number(FRA.fwmask));
  const realms = number(FRA.flow);
  const tunnelId = readBe64(attributes.get(FRA.tunId));
  const uidRange = pairOf(attributes.get(FRA.uidRange), 4);
  const ipProto = number(FRA.ipProto);
  const sport = pairOf(attributes.get(FRA.sportRange), 2);
  const dport = pairOf(attributes.get(FRA.dportRange), 2);
  const suppressPrefixLength = limit(FRA.suppressPrefixlen);
  const suppressGroup = limit(FRA.suppressIfgroup);
  const protocol = number(FRA.protocol);
  const table = number(FRA.table) ?? payload[4] ?? 0;
  return {
    family: version,
    priority: number(FRA.priority) ?? 0,
    invert: ((readNumber(payload.subarray(8, 12)) ?? 0) & FIB_RULE_INVERT) !== 0,
    ...(from && { from }),
    ...(to && { to }),
    ...(iif !== undefined && { iif }),
    ...(oif !== undefined && { oif }),
    ...(fwmark && { fwmark }),
    tos: payload[3] ?? 0,
    ...(realms !== undefined && { realms }),
    ...(tunnelId !== undefined && tunnelId !== 0n && { tunnelId }),
    ...(uidRange && { uidRange }),
    l3mdev: number(FRA.l3mdev) === 1,
    ...(ipProto !== undefined && { ipProto }),
    ...(sport && { sport }),
    ...(dport && { dport }),
    ...(suppressPrefixLength !== undefined && { suppressPrefixLength }),
    ...(suppressGroup !== undefined && { suppressGroup }),
    action: decodeAction(payload[7] ?? 0, table, number(FRA.goto) ?? 0),
    ...(protocol !== undefined && { protocol }),
  };
}

function decodeAction(action: number, table: number, priority: number): RuleAction {
  if (action === FR_ACT_TO_TBL) return { kind: "table", table };
  if (action === FR_ACT_GOTO) return { kind: "goto", priority };
  for (const kind of ["nop", "blackhole", "unreachable", "prohibit"] as const)
    if (ACTIONS[kind] === action) return { kind };
  return { kind: "other", action };
}

/** kernel: shows a mask whenever there is a mark or a mask. */
function markOf(mark: number | undefined, mask: number | undefined): NetRule["fwmark"] {
  if (mark === undefined && (mask === undefined || mask === 0)) return undefined;
  return { mark: mark ?? 0, mask: mask ?? NO_LIMIT };
}

function prefixOf(address: Uint8Array | undefined, prefix: number, version: 4 | 6) {
  if (prefix === 0 || address?.byteLength !== (version === 4 ? 4 : 16)) return undefined;
  return { ip: formatIp(address), prefix };
}

function pairOf(value: Uint8Array | undefined, size: 2 | 4): readonly [number, number] | undefined {
  if (value?.byteLength !== 2 * size) return undefined;
  return [readNumber(value.subarray(0, size)) ?? 0, readNumber(value.subarray(size)) ?? 0];
}

function range([start, end]: readonly [number, number]): { start: number; end: number } {
  return { start, end };
}

function describeRule(rule: NetRule): string {
  return `IPv${rule.family} rule with preference ${rule.priority}`;
}
