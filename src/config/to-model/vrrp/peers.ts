// Config core: whom an instance speaks to and from where: multicast group, unicast peers, source address.
import { type Family, familyOf, type IpText } from "../../../base/ip.ts";
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import type { VrrpInstance } from "../../model/vrrp.ts";
import { valueSpan } from "../../text/tree.ts";
import { type BoundInstance, type InstanceContext, lines } from "./bound.ts";
import { laterOf } from "./pairs.ts";

const MULTICAST_4: IpText = "224.0.0.18";

const MULTICAST_6: IpText = "ff02::12";

export function multicastOf(bound: BoundInstance, family: Family, context: InstanceContext): IpText {
  const own = bound.block.mcast_dst_ip;
  if (own && familyOf(own.value) === family) return own.value;
  if (own)
    context.findings.add("error", valueSpan(own.statement), {
      code: "mixed-families",
      message: `mcast_dst_ip ${own.value} is of another family than the addresses: it is ignored`,
    });
  if (family === 6) return context.global.vrrp_mcast_group6?.value ?? MULTICAST_6;
  return context.global.vrrp_mcast_group4?.value ?? MULTICAST_4;
}

/** A source of another family can't be sent from: the address of the interface is taken. */
export function sourceOf({ block }: BoundInstance, family: Family, findings: Findings): Entry<IpText> | undefined {
  const source = laterOf(block.unicast_src_ip, block.mcast_src_ip);
  if (!source || familyOf(source.value) === family) return source;
  findings.add("error", valueSpan(source.statement), {
    code: "mixed-families",
    message: `${source.statement.words[0].text} ${source.value} is of another family than the addresses (IPv${family}): it is ignored`,
  });
  return undefined;
}

export function unicastOf(bound: BoundInstance, family: Family, context: InstanceContext): VrrpInstance["unicast"] {
  const { block } = bound;
  const { findings } = context;
  const faultWithoutPeer = block.unicast_fault_no_peer?.value ?? false;
  const asked = block.unicast_peer !== undefined || block.unicast_src_ip !== undefined;
  const peers = [];
  const seen = new Set<IpText>();
  for (const { value: peer, word } of lines(block.unicast_peer)) {
    if (familyOf(peer.ip) !== family)
      findings.add("error", word.span, {
        code: "mixed-families",
        message: `the peer ${peer.ip} is of another family than the addresses: it is left out`,
      });
    else if (seen.has(peer.ip))
      findings.add("warning", word.span, { code: "duplicate-peer", message: `the peer ${peer.ip} stands here twice` });
    else {
      seen.add(peer.ip);
      peers.push(peer);
    }
  }
  if (peers.length === 0) {
    if (!block.unicast_peer) reportWithoutPeers(bound, asked && faultWithoutPeer, findings);
    else reportEmptyPeers(block.unicast_peer, faultWithoutPeer, findings);
    if (!(asked && faultWithoutPeer)) return undefined;
  }
  reportUnicastSource(bound, peers, findings);
  const checksum = block.old_unicast_checksum?.value;
  return {
    peers: peers.map(({ ip, minTtl, maxTtl }) => ({ ip, minTtl, maxTtl })),
    ...(block.unicast_ttl && { ttl: block.unicast_ttl.value }),
    checkSource:
      (block.check_unicast_src?.value ?? context.global.vrrp_check_unicast_src?.value ?? false) ||
      peers.some((peer) => peer.ttlGiven),
    faultWithoutPeer,
    oldChecksum: checksum === undefined ? "auto" : checksum === "never" ? "never" : "always",
  };
}

/** The interface of the instance itself is tracked without being asked for, or not at all with dont_track_primary. */
export function withoutOwnInterface(block: BoundInstance["block"]): BoundInstance["block"] {
  const { interface: own, track_interface: tracked } = block;
  if (!own || !tracked) return block;
  const others = tracked.map((entry) => ({
    ...entry,
    lines: entry.lines.filter((line) => line.value.name !== own.value),
  }));
  return { ...block, track_interface: others };
}

/** keepalived: both take the link-local address, so peers that name each other's global ones are both master. */
function reportUnicastSource(
  { block }: BoundInstance,
  peers: readonly { readonly ip: IpText }[],
  findings: Findings,
): void {
  const [line] = block.unicast_peer ?? [];
  if (!line || block.unicast_src_ip || block.mcast_src_ip) return;
  const far = peers.find(({ ip }) => familyOf(ip) === 6 && !/^fe[89ab]/.test(ip));
  if (!far) return;
  findings.add("warning", line.statement.words[0].span, {
    code: "unicast-source",
    message: `without unicast_src_ip this instance speaks from its link-local address and hears nothing that ${far.ip} sends to another one`,
    hint: "add unicast_src_ip with the address that the peers name in their unicast_peer",
  });
}

/** keepalived: losing it is a fault anyway, or not at all with dont_track_primary. */
export function reportOwnInterface({ block }: BoundInstance, findings: Findings): void {
  for (const { value: use, word } of lines(block.track_interface)) {
    if (use.name !== block.interface?.value) continue;
    const untracked = block.dont_track_primary?.value ?? false;
    findings.add("warning", word.span, {
      code: "without-effect",
      message: `${use.name} is the interface of the instance itself: this line is ignored`,
      hint: untracked ? "dont_track_primary says that losing it is no fault" : "losing it is a fault without this line",
    });
  }
}

function reportEmptyPeers(
  entries: NonNullable<BoundInstance["block"]["unicast_peer"]>,
  faulty: boolean,
  findings: Findings,
): void {
  const [first] = entries;
  // A peer with a mistake has its finding already.
  if (!first || entries.some(({ statement }) => (statement.block?.statements.length ?? 0) > 0)) return;
  findings.add("warning", first.statement.words[0].span, {
    code: "without-effect",
    message: `unicast_peer names no peer: the instance ${faulty ? "is in FAULT" : "speaks multicast"}`,
    hint: "write the addresses of the other directors, or take the block out",
  });
}

/** keepalived: such an instance speaks multicast, and that is reported once. */
function reportWithoutPeers({ block }: BoundInstance, faulty: boolean, findings: Findings): void {
  const needy = [block.unicast_ttl, block.check_unicast_src, block.old_unicast_checksum];
  for (const entry of needy) {
    if (!entry || entry.value === false) continue;
    const keyword = entry.statement.words[0];
    findings.add("warning", keyword.span, {
      code: "without-effect",
      message: `${keyword.text} needs a unicast_peer: it is ignored`,
    });
  }
  if (block.unicast_src_ip && !faulty)
    findings.add("warning", block.unicast_src_ip.statement.words[0].span, {
      code: "without-effect",
      message: "without a unicast_peer the instance speaks multicast, from this address",
      hint: "add unicast_peer, or write mcast_src_ip",
    });
}
