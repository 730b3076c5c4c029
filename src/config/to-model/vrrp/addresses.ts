// Config core: the addresses of an instance: which of them can be used, and the family that they give it.
import { canonicalIp, type Family, familyOf, type IpText, ipBytes } from "../../../base/ip.ts";
import type { Findings } from "../../findings/findings.ts";
import { IFA_F_MCAUTOJOIN } from "../../keywords/routing/address.ts";
import type { Address } from "../../model/net.ts";
import type { Span } from "../../text/span.ts";
import { type BoundInstance, type InstanceContext, lines } from "./bound.ts";

/** The packet counts its addresses in one byte; what fits the interface's MTU is known only when it runs. */
const MAX_ADDRESSES = 255;

// --- addresses

interface Addresses {
  readonly listed: readonly Address[];
  readonly excluded: readonly Address[];
  readonly family: Family;
}

/** One family per instance: the first address decides. What no packet can hold moves to the excluded list. */
export function addressesOf(bound: BoundInstance, { findings, literal }: InstanceContext): Addresses {
  const { block } = bound;
  const wished = lines(block.virtual_ipaddress);
  const excludedLines = lines(block.virtual_ipaddress_excluded);
  const written = literal ? undefined : firstWritten(bound);
  const family = written ? familyOf(written) : familyOfInstance(bound, wished[0]?.value);
  const seen = new Map<string, Span>();
  const listed: Address[] = [];
  for (const { value: address, word } of wished) {
    if (address.trackGroup !== undefined)
      findings.add("error", word.span, {
        code: "unknown-word",
        message: "track_group is for static addresses: it is ignored",
      });
    if (address.family !== family) {
      findings.add("error", word.span, {
        code: "mixed-families",
        message: `${address.ip} is IPv${address.family} in an IPv${family} instance: it is left out`,
        hint: "put it into virtual_ipaddress_excluded, or into an instance of its own",
      });
    } else if (isNew(address, word.span, seen, findings)) listed.push(address);
  }
  const excluded = excludedLines.flatMap(({ value: address, word }) =>
    isNew(address, word.span, seen, findings) ? [address] : [],
  );
  const surplus = listed.splice(MAX_ADDRESSES);
  if (surplus.length > 0)
    findings.add("warning", bound.statement.words[0].span, {
      code: "too-many-addresses",
      message: `an advertisement holds ${MAX_ADDRESSES} addresses: ${surplus.length} move to virtual_ipaddress_excluded`,
    });
  return { listed, excluded: [...surplus, ...excluded], family };
}

/** The address that was meant to be the first, also when its line has a mistake. */
function firstWritten({ block }: BoundInstance): IpText | undefined {
  if (block.native_ipv6?.value) return undefined;
  const text = block.virtual_ipaddress?.[0]?.statement.block?.statements[0]?.text(0);
  return text === undefined ? undefined : canonicalIp(text.replace(/\/.*$/, ""));
}

function familyOfInstance(bound: BoundInstance, first: Address | undefined): Family {
  if (bound.block.native_ipv6?.value) return 6;
  if (first) return first.family;
  const source = bound.block.unicast_src_ip ?? bound.block.mcast_src_ip;
  return source ? familyOf(source.value) : 4;
}

function addressKey(address: Address): string {
  return `${address.ip}|${address.device ?? ""}`;
}

/** What no host can own, or what is on every one of them; keepalived says nothing. Groups with autojoin are meant. */
function reportUnusable({ ip, prefix, flags, peer }: Address, span: Span, findings: Findings): void {
  const kind = unusableKind(ip) ?? (peer ? undefined : endOfNetwork(ip, prefix));
  if (kind === undefined || (kind === MULTICAST && (flags & IFA_F_MCAUTOJOIN) !== 0)) return;
  findings.add("warning", span, {
    code: "unusable-address",
    message: `${ip} is ${kind}: it can't be moved from one director to another`,
    hint: "write the address that clients use",
  });
}

const MULTICAST = "a multicast address";

function unusableKind(ip: IpText): string | undefined {
  const [first = 0] = ipBytes(ip);
  const four = familyOf(ip) === 4;
  if (ip === "0.0.0.0" || ip === "::") return "the unspecified address";
  if (ip === "255.255.255.255") return "the broadcast address";
  if (ip === "::1" || (four && first === 127)) return "a loopback address, which every host has";
  return (four ? first >= 224 && first < 240 : first === 0xff) ? MULTICAST : undefined;
}

/** Longer prefixes have no addresses but those of hosts (RFC 3021). */
const LONGEST_WITH_ENDS = 30;

function endOfNetwork(ip: IpText, prefix: number): string | undefined {
  if (familyOf(ip) !== 4 || prefix > LONGEST_WITH_ENDS || prefix === 0) return undefined;
  const address = new DataView(ipBytes(ip).buffer).getUint32(0);
  const hosts = 2 ** (32 - prefix) - 1;
  const host = (address & hosts) >>> 0;
  return host === 0
    ? `the network of /${prefix} itself`
    : host === hosts
      ? `the broadcast address of /${prefix}`
      : undefined;
}

/** keepalived 2.2.7 passes an address that stands twice, as in a sample of its own; 2.4.3 reports some. Nothing is lost. */
function isNew(address: Address, span: Span, seen: Map<string, Span>, findings: Findings): boolean {
  const key = addressKey(address);
  const before = seen.get(key);
  if (!before) {
    reportUnusable(address, span, findings);
    seen.set(key, span);
    return true;
  }
  findings.add("warning", span, {
    code: "duplicate-address",
    message: `${address.ip} stands twice in this instance: the second one is left out`,
    related: [{ span: before, message: "given here first" }],
  });
  return false;
}
