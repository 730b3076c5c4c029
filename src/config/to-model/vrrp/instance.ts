// Config core: from bound vrrp_instance blocks to the model: what the global defaults, strict mode and the protocol
// version make of the keywords.
import { canonicalIp, type Family, familyOf, type IpText, ipBytes } from "../../../base/ip.ts";
import type { BlockEntry, Entry, Line, LinesEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { GLOBAL_DEFS } from "../../keywords/global.ts";
import { IFA_F_MCAUTOJOIN } from "../../keywords/routing/address.ts";
import { VRRP_INSTANCE } from "../../keywords/vrrp/instance.ts";
import type { Address } from "../../model/net.ts";
import type { AnnounceSettings, NotifyCommands, VrrpInstance } from "../../model/vrrp.ts";
import type { Span } from "../../text/span.ts";
import { type BoundGlobal, defaultInterface } from "../global.ts";
import { wordSpan } from "../lvs/virtual-server.ts";
import { type RuleNumbers, toRules } from "../rules.ts";
import { type TrackerDefinitions, toTracking } from "./tracking.ts";

export type BoundInstance = BlockEntry<string, typeof VRRP_INSTANCE>;

export interface InstanceContext {
  readonly global: BoundGlobal;
  readonly trackers: TrackerDefinitions;
  /** Instances whose sync group does not allow weights. */
  readonly weightless: ReadonlySet<string>;
  /** `notify_priority_changes` of the group an instance is in, where the group says so. */
  readonly groupPriorityChanges: ReadonlyMap<string, boolean>;
  readonly ruleNumbers: RuleNumbers;
  readonly findings: Findings;
  /** What runs is asked for, and not what was meant: a line that was refused says nothing (config/literal.ts). */
  readonly literal: boolean;
}

/** The packet counts its addresses in one byte; what fits the interface's MTU is known only when it runs. */
const MAX_ADDRESSES = 255;
/** Of a director that owns the addresses (RFC 9568 §6.1). */
export const OWNER_PRIORITY = 255;
const DEFAULT_PRIORITY = 100;

/** The model of one instance; undefined when it can't run, and a finding says why. */
export function toInstance(bound: BoundInstance, context: InstanceContext): VrrpInstance | undefined {
  const { block } = bound;
  const { global, findings } = context;
  if (!hasEssentials(bound, findings)) return undefined;
  const { family, ...read } = addressesOf(bound, context);
  // What an instance without interface advertises goes to the default one.
  const device = block.interface ? undefined : defaultInterface(global);
  const placed = (address: Address) => (device === undefined ? address : { device, ...address });
  const listed = read.listed.map(placed);
  const excluded = read.excluded.map(placed);
  const strict = block.strict_mode?.value ?? global.vrrp_strict?.value ?? false;
  const version = versionOf(bound, family, strict, context);
  const said = stateOf(bound, findings);
  // A priority that can't be read counts as given: the default is taken, not that of an owner.
  const unsaid = said === "MASTER" && !bound.attempted.has("priority") ? OWNER_PRIORITY : DEFAULT_PRIORITY;
  const priority = block.priority?.value ?? unsaid;
  const owner = priority === OWNER_PRIORITY;
  const authentication = authenticationOf(bound, version, strict, findings);
  const state = initialStateOf(bound, said, { owner, strict, ah: authentication?.type === "AH" }, findings);
  const preempt = preemptOf(bound, state, owner, findings);
  /** keepalived: strict mode takes one value only, and says so of any other that is written. */
  const strictly = <T>(entry: Entry<T> | undefined, only: T, otherwise: T): T => {
    if (!strict) return entry?.value ?? otherwise;
    if (entry && entry.value !== only) reportClash(entry, "strict mode", findings);
    return only;
  };
  const unicast = unicastOf(bound, family, context);
  const advertMs = advertOf(bound, version, findings);
  const source = sourceOf(bound, family, findings);
  const hmac = hmacOf(bound, advertMs, findings);
  const xmitBase = strictly(block.vmac_xmit_base, false, false) || unicast !== undefined;
  reportOwnInterface(bound, findings);
  const vmac = vmacOf(bound, family, xmitBase, findings);
  return {
    name: bound.value,
    origin: bound.statement.origin,
    origins: originsOf(block),
    family,
    version,
    vrid: block.virtual_router_id?.value ?? 0,
    ...(block.interface && { interface: block.interface.value }),
    ...(block.vrf && { vrf: block.vrf.value }),
    ...(state && { initialState: state }),
    priority,
    advertMs,
    downTimerAdverts: strictly(
      block.down_timer_adverts,
      GLOBAL_DEFS.vrrp_down_timer_adverts.initial,
      global.vrrp_down_timer_adverts?.value ?? GLOBAL_DEFS.vrrp_down_timer_adverts.initial,
    ),
    preempt,
    preemptDelayMs: preemptDelayOf(bound, state, preempt, strict, findings),
    accept: acceptOf(bound, version, strict && !owner, findings),
    strict,
    virtualAddresses: listed,
    excludedAddresses: excluded,
    routes: lines(block.virtual_routes).map((line) => line.value),
    rules: toRules(lines(block.virtual_rules), context.ruleNumbers, findings),
    promoteSecondaries: block.promote_secondaries?.value ?? false,
    noVirtualAddresses: block.no_virtual_ipaddress?.value ?? false,
    ...(source && { sourceIp: source.value }),
    trackSourceIp: block.track_src_ip?.value ?? false,
    multicastGroup: multicastOf(bound, family, context),
    ...(unicast && { unicast }),
    ...(authentication && { authentication }),
    ...(hmac && { hmac }),
    v3ChecksumAsV2: block.v3_checksum_as_v2?.value ?? global.v3_checksum_as_v2?.value ?? false,
    skipCheckAdvertAddresses: block.skip_check_adv_addr?.value ?? global.vrrp_skip_check_adv_addr?.value ?? false,
    ...(vmac && { vmac }),
    vmacForAddresses: block.use_vmac_addr?.value ?? false,
    dontTrackPrimary: block.dont_track_primary?.value ?? false,
    linkbeatUsePolling: block.linkbeat_use_polling?.value ?? false,
    tracking: toTracking(
      withoutOwnInterface(block),
      context.trackers,
      // With a mistake in its priority nobody knows whether it is one.
      owner && !bound.attempted.has("priority")
        ? "owner"
        : context.weightless.has(bound.value)
          ? "group-member"
          : undefined,
      findings,
    ),
    notify: notifyOf(block),
    notifyPriorityChanges:
      block.notify_priority_changes?.value ??
      context.groupPriorityChanges.get(bound.value) ??
      global.vrrp_notify_priority_changes?.value ??
      false,
    smtpAlert: block.smtp_alert?.value ?? vrrpAlert(global),
    announce: announceOf(bound, strictly, context),
    lowerPrioNoAdvert: strictly(block.lower_prio_no_advert, true, global.vrrp_lower_prio_no_advert?.value ?? false),
    higherPrioSendAdvert: strictly(
      block.higher_prio_send_advert,
      false,
      global.vrrp_higher_prio_send_advert?.value ?? false,
    ),
    ownerIgnoreAdverts:
      owner && (block.owner_ignore_adverts?.value ?? global.vrrp_owner_ignore_adverts?.value ?? strict),
    ...(block.timer_expired_backup && { timerExpiredBackup: block.timer_expired_backup.value }),
    ...(block.lvs_sync_daemon_interface && { lvsSyncInterface: block.lvs_sync_daemon_interface.value }),
    ...(block.kernel_rx_buf_size && { kernelRxBufBytes: block.kernel_rx_buf_size.value }),
    debug: block.debug?.value ?? VRRP_INSTANCE.debug.initial,
  };
}

/** Default of smtp_alert for instances and groups. */
export function vrrpAlert(global: BoundGlobal): boolean {
  return global.smtp_alert_vrrp?.value ?? global.smtp_alert?.value ?? false;
}

function lines<L>(entries: readonly LinesEntry<true, L>[] | undefined): readonly Line<L>[] {
  return entries?.flatMap((entry) => entry.lines) ?? [];
}

/** Of two entries the one that stands later in the configuration. */
function laterOf<E extends { readonly order: number }>(one: E | undefined, other: E | undefined): E | undefined {
  if (!one || !other) return one ?? other;
  return one.order > other.order ? one : other;
}

/** A pair of flags that undo each other: true for the first, false for the second, undefined for neither. */
function opposite(
  yes: Entry<boolean> | undefined,
  no: Entry<boolean> | undefined,
  findings: Findings,
): boolean | undefined {
  const later = laterOf(yes, no);
  if (!later) return undefined;
  if (yes && no) {
    const keyword = later.statement.words[0];
    const before = (later === yes ? no : yes).statement.words[0];
    findings.add("warning", keyword.span, {
      code: "duplicate-keyword",
      message: `${keyword.text} undoes ${before.text} of the same block`,
      related: [{ span: before.span, message: "given here" }],
    });
  }
  return later === yes ? later.value : !later.value;
}

function hasEssentials(bound: BoundInstance, findings: Findings): boolean {
  const { block, attempted } = bound;
  const span = bound.statement.words[0].span;
  let complete = true;
  const need = (keyword: string, present: boolean, why: string) => {
    if (present) return;
    complete = false;
    if (attempted.has(keyword)) return;
    findings.add("error", span, {
      code: "missing-keyword",
      message: `vrrp_instance ${bound.value} lacks ${keyword}: it is left out`,
      hint: why,
    });
  };
  need(
    "virtual_router_id",
    block.virtual_router_id !== undefined,
    "write virtual_router_id 1 … 255, the same on all directors of the group",
  );
  need(
    "interface",
    block.interface !== undefined || block.unicast_src_ip !== undefined,
    "write interface NAME; only unicast with unicast_src_ip goes without",
  );
  return complete;
}

// --- addresses

interface Addresses {
  readonly listed: readonly Address[];
  readonly excluded: readonly Address[];
  readonly family: Family;
}

/** One family per instance: the first address decides. What no packet can hold moves to the excluded list. */
function addressesOf(bound: BoundInstance, { findings, literal }: InstanceContext): Addresses {
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
function reportUnusable({ ip, flags }: Address, span: Span, findings: Findings): void {
  const kind = unusableKind(ip);
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

// --- protocol

function versionOf(bound: BoundInstance, family: Family, strict: boolean, context: InstanceContext): 2 | 3 {
  const own = bound.block.version;
  if (family === 6 && (strict || !own)) {
    if (own?.value === 2)
      context.findings.add("error", wordSpan(own), {
        code: "version-conflict",
        message: "strict mode has no version 2 for IPv6: version 3 is taken",
      });
    return 3;
  }
  return own?.value ?? context.global.vrrp_version?.value ?? 2;
}

/** MASTER sticks: once said, a later BACKUP does not undo it. */
function stateOf(bound: BoundInstance, findings: Findings): "MASTER" | "BACKUP" | undefined {
  const [first, ...more] = bound.block.state ?? [];
  let state = first?.value;
  for (const entry of more) {
    findings.add(state === "MASTER" && entry.value === "BACKUP" ? "error" : "warning", entry.statement.words[0].span, {
      code: "duplicate-keyword",
      message: `state is given twice in this block: ${state === "MASTER" ? "MASTER stays" : `${entry.value} counts`}`,
    });
    if (entry.value === "MASTER") state = "MASTER";
  }
  return state;
}

/**
 * An address owner begins as master unless it says otherwise. Strict mode has nobody else do so (RFC 9568 §6.4.1), and with AH a
 * director must hear the others' sequence numbers first (keepalived).
 */
function initialStateOf(
  bound: BoundInstance,
  said: "MASTER" | "BACKUP" | undefined,
  { owner, strict, ah }: { readonly owner: boolean; readonly strict: boolean; readonly ah: boolean },
  findings: Findings,
): "MASTER" | "BACKUP" | undefined {
  if (said === undefined) return owner ? "MASTER" : undefined;
  const due = owner ? "MASTER" : "BACKUP";
  if (said === due || !(strict || (ah && !owner))) return said;
  const entry = bound.block.state?.at(-1);
  const clash = strict ? `strict mode and ${owner ? "" : "no "}priority 255` : "auth_type AH";
  if (entry) reportClash(entry, clash, findings);
  return due;
}

const MAX_ADVERT_V3_MS = 40_950;

/** Whole seconds in version 2, hundredths up to 40.95 s in version 3 (RFC 3768 §5.3.7, RFC 9568 §5.2.7). */
function advertOf(bound: BoundInstance, version: 2 | 3, findings: Findings): number {
  const entry = bound.block.advert_int;
  const wishedMs = entry?.value ?? VRRP_INSTANCE.advert_int.initial;
  const stepMs = version === 2 ? 1000 : 10;
  const rounded = Math.max(stepMs, Math.round(wishedMs / stepMs) * stepMs);
  const advertMs = version === 3 ? Math.min(rounded, MAX_ADVERT_V3_MS) : rounded;
  if (entry && advertMs !== wishedMs)
    findings.add("warning", wordSpan(entry), {
      code: "rounded",
      message: `advert_int ${wishedMs / 1000} can't be said in version ${version}: ${advertMs / 1000} is taken`,
      hint:
        version === 2
          ? "version 2 has whole seconds; version 3 has hundredths"
          : "version 3 has hundredths up to 40.95",
    });
  return advertMs;
}

/** keepalived: nopreempt is cleared where the instance begins as master or owns the addresses. */
function preemptOf(
  bound: BoundInstance,
  state: "MASTER" | "BACKUP" | undefined,
  owner: boolean,
  findings: Findings,
): boolean {
  const { block } = bound;
  const preempt = opposite(block.preempt, block.nopreempt, findings) ?? true;
  if (preempt || !block.nopreempt || (state !== "MASTER" && !owner)) return preempt;
  findings.add("warning", block.nopreempt.statement.words[0].span, {
    code: "without-effect",
    message: `nopreempt has no effect with ${owner && block.priority ? "priority 255" : "state MASTER"}: it is ignored`,
    hint: "write state BACKUP on both directors, and priorities below 255",
  });
  return true;
}

/** RFC 3768 knows no accept mode; RFC 5798 and 9568 do, and there strict mode only turns it off as the default. */
function acceptOf(bound: BoundInstance, version: 2 | 3, restricted: boolean, findings: Findings): boolean {
  const { accept, no_accept: noAccept } = bound.block;
  const said = opposite(accept, noAccept, findings);
  if (!said || !restricted || version === 3 || !accept) return said ?? !restricted;
  reportClash(accept, "strict mode of version 2", findings);
  return false;
}

function reportClash(entry: Entry<unknown>, clash: string, findings: Findings): void {
  const text = entry.statement.words.map((word) => word.text).join(" ");
  findings.add("warning", entry.statement.words[0].span, {
    code: "without-effect",
    message: `${text} has no effect with ${clash}: it is ignored`,
  });
}

function preemptDelayOf(
  bound: BoundInstance,
  state: "MASTER" | "BACKUP" | undefined,
  preempt: boolean,
  strict: boolean,
  findings: Findings,
): number {
  const entry = bound.block.preempt_delay;
  if (!entry || entry.value === 0) return 0;
  const clash = state === "MASTER" ? "state MASTER" : !preempt ? "nopreempt" : strict ? "strict mode" : undefined;
  if (clash === undefined) return entry.value;
  reportClash(entry, clash, findings);
  return 0;
}

const MULTICAST_4: IpText = "224.0.0.18";
const MULTICAST_6: IpText = "ff02::12";

function multicastOf(bound: BoundInstance, family: Family, context: InstanceContext): IpText {
  const own = bound.block.mcast_dst_ip;
  if (own && familyOf(own.value) === family) return own.value;
  if (own)
    context.findings.add("error", wordSpan(own), {
      code: "mixed-families",
      message: `mcast_dst_ip ${own.value} is of another family than the addresses: it is ignored`,
    });
  if (family === 6) return context.global.vrrp_mcast_group6?.value ?? MULTICAST_6;
  return context.global.vrrp_mcast_group4?.value ?? MULTICAST_4;
}

/** Of the keywords that two routers have to agree on, for what is said when they don't. */
function originsOf(block: BoundInstance["block"]): NonNullable<VrrpInstance["origins"]> {
  const { virtual_router_id, version, advert_int, authentication } = block;
  const { check_unicast_src, v3_checksum_as_v2, old_unicast_checksum } = block;
  const [unicast_peer] = block.unicast_peer ?? [];
  const [auth_hmac] = block.auth_hmac ?? [];
  const single = { virtual_router_id, version, advert_int, authentication, auth_hmac };
  const entries = { ...single, unicast_peer, check_unicast_src, v3_checksum_as_v2, old_unicast_checksum };
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, entry]) => (entry ? [[name, entry.statement.origin] as const] : [])),
  );
}

/** A source of another family can't be sent from: the address of the interface is taken. */
function sourceOf({ block }: BoundInstance, family: Family, findings: Findings): Entry<IpText> | undefined {
  const source = laterOf(block.unicast_src_ip, block.mcast_src_ip);
  if (!source || familyOf(source.value) === family) return source;
  findings.add("error", wordSpan(source), {
    code: "mixed-families",
    message: `${source.statement.words[0].text} ${source.value} is of another family than the addresses (IPv${family}): it is ignored`,
  });
  return undefined;
}

function unicastOf(bound: BoundInstance, family: Family, context: InstanceContext): VrrpInstance["unicast"] {
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
function withoutOwnInterface(block: BoundInstance["block"]): BoundInstance["block"] {
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
function reportOwnInterface({ block }: BoundInstance, findings: Findings): void {
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

function authenticationOf(
  bound: BoundInstance,
  version: 2 | 3,
  strict: boolean,
  findings: Findings,
): VrrpInstance["authentication"] {
  const entry = bound.block.authentication;
  if (!entry) return undefined;
  const keyword = entry.statement.words[0].span;
  const { auth_type: type, auth_pass: pass } = entry.block;
  const clash = version === 3 ? "version 3" : strict ? "strict mode" : bound.block.auth_hmac ? "auth_hmac" : undefined;
  if (clash !== undefined) {
    const hint = clash === "version 3" ? { hint: "auth_hmac protects version 3 as well" } : {};
    findings.add("warning", keyword, {
      code: "without-effect",
      message: `authentication is ignored with ${clash}`,
      ...hint,
    });
    return undefined;
  }
  if (type && pass) return { type: type.value, password: pass.value };
  const missing = type ? "auth_pass" : "auth_type";
  if (!entry.attempted.has(missing))
    // keepalived: a password without a type is passed in silence.
    findings.add(type ? "error" : "warning", keyword, {
      code: "missing-keyword",
      message: `authentication lacks ${missing}: it is ignored`,
      hint: "write auth_type PASS and auth_pass, each on a line of its own",
    });
  return undefined;
}

const MIN_TIME_WINDOW_S = 5;

type HmacEntry = NonNullable<BoundInstance["block"]["auth_hmac"]>[number];

function hmacOf(bound: BoundInstance, advertMs: number, findings: Findings): VrrpInstance["hmac"] {
  const entries = bound.block.auth_hmac;
  const first = entries?.[0];
  if (!entries || !first) return undefined;
  const keys = new Map<number, string>();
  for (const key of entries.flatMap((entry) => entry.block.key ?? [])) {
    if (keys.has(key.value.id))
      findings.add("error", wordSpan(key), {
        code: "duplicate-key",
        message: `key ${key.value.id} is given twice: the first counts`,
      });
    else keys.set(key.value.id, key.value.keyHex);
  }
  const last = <T>(pick: (entry: HmacEntry) => T | undefined) =>
    entries.reduce<T | undefined>((found, entry) => pick(entry) ?? found, undefined);
  const active = last((entry) => entry.block.active_key);
  if (!active || !keys.has(active.value)) {
    const attempted = entries.some((entry) => entry.attempted.has("active_key") || entry.attempted.has("key"));
    if (!attempted)
      findings.add("error", active ? wordSpan(active) : first.statement.words[0].span, {
        code: active ? "undefined-reference" : "missing-keyword",
        message: active ? `there is no key ${active.value}: auth_hmac is off` : "auth_hmac lacks active_key: it is off",
      });
    return undefined;
  }
  const window = last((entry) => entry.block.time_window);
  return {
    keys: Array.from(keys, ([id, keyHex]) => ({ id, keyHex })),
    activeKey: active.value,
    timeWindowS: window?.value ?? Math.max(Math.ceil((3 * advertMs) / 1000), MIN_TIME_WINDOW_S),
    antiReplay: last((entry) => entry.block.anti_replay)?.value ?? "time",
    mode: last((entry) => entry.block.mode)?.value ?? "enforce",
  };
}

// --- virtual MAC

function vmacOf(bound: BoundInstance, family: Family, xmitBase: boolean, findings: Findings): VrrpInstance["vmac"] {
  const { block } = bound;
  const vrid = block.virtual_router_id?.value ?? 0;
  if (block.vmac_xmit_base?.value && xmitBase && !block.use_vmac && !block.use_ipvlan)
    findings.add("warning", block.vmac_xmit_base.statement.words[0].span, {
      code: "without-effect",
      message: "vmac_xmit_base needs use_vmac: it is ignored",
    });
  if (block.use_vmac && block.use_ipvlan)
    findings.add("warning", block.use_ipvlan.statement.words[0].span, {
      code: "without-effect",
      message: "use_ipvlan is ignored beside use_vmac",
      related: [{ span: block.use_vmac.statement.words[0].span, message: "given here" }],
    });
  if (block.use_vmac) {
    const { interface: name, mac, group, notify } = block.use_vmac.value;
    const octets = mac?.split(":").length === 5 ? `${mac}:${vrid.toString(16).padStart(2, "0")}` : mac;
    return {
      kind: "macvlan",
      ...(name !== undefined && { interface: name }),
      ...(octets !== undefined && { mac: octets }),
      ...(group !== undefined && { group }),
      ...(notify && { netlinkNotify: true }),
      xmitBase,
    };
  }
  if (!block.use_ipvlan) return undefined;
  const { interface: name, address, mode, group } = block.use_ipvlan.value;
  if (!address && family === 4)
    findings.add("error", block.use_ipvlan.statement.words[0].span, {
      code: "missing-value",
      message: "an IPv4 ipvlan lacks its address: the instance can't send",
      hint: "write use_ipvlan NAME ADDRESS",
    });
  return {
    kind: "ipvlan",
    ...(name !== undefined && { interface: name }),
    ...(group !== undefined && { group }),
    ipvlanMode: mode ?? "bridge",
    ...(address && { ipvlanAddress: address }),
    xmitBase,
  };
}

// --- notify and announcements

export interface NotifyKeywords {
  readonly notify?: Entry<NonNullable<NotifyCommands["any"]>>;
  readonly notify_master?: Entry<NonNullable<NotifyCommands["master"]>>;
  readonly notify_backup?: Entry<NonNullable<NotifyCommands["backup"]>>;
  readonly notify_fault?: Entry<NonNullable<NotifyCommands["fault"]>>;
  readonly notify_stop?: Entry<NonNullable<NotifyCommands["stop"]>>;
  readonly notify_deleted?: Entry<NonNullable<NotifyCommands["deleted"]>>;
  readonly notify_master_rx_lower_pri?: Entry<NonNullable<NotifyCommands["masterRxLowerPri"]>>;
}

export function notifyOf(block: NotifyKeywords): NotifyCommands {
  return {
    ...(block.notify_master && { master: block.notify_master.value }),
    ...(block.notify_backup && { backup: block.notify_backup.value }),
    ...(block.notify_fault && { fault: block.notify_fault.value }),
    ...(block.notify_stop && { stop: block.notify_stop.value }),
    ...(block.notify_deleted && { deleted: block.notify_deleted.value }),
    ...(block.notify && { any: block.notify.value }),
    ...(block.notify_master_rx_lower_pri && { masterRxLowerPri: block.notify_master_rx_lower_pri.value }),
  };
}

/** `vrrp_min_garp` turns every value that nobody set into a single packet without repeat. */
function announceOf(
  bound: BoundInstance,
  strictly: (entry: Entry<number> | undefined, only: number, otherwise: number) => number,
  context: InstanceContext,
): AnnounceSettings {
  const { block } = bound;
  const { global, findings } = context;
  const least = global.vrrp_min_garp?.value ?? false;
  // keepalived: what a lower-priority advert sets off takes the global values, not those of the instance.
  const globalDelayMs =
    global.vrrp_garp_master_delay?.value ?? (least ? 0 : GLOBAL_DEFS.vrrp_garp_master_delay.initial);
  const globalRepeat = atLeastOne(
    global.vrrp_garp_master_repeat,
    least ? 1 : GLOBAL_DEFS.vrrp_garp_master_repeat.initial,
    findings,
  );
  const extra = block.garp_extra_if?.value ?? global.vrrp_garp_extra_if?.value;
  return {
    delayMs: block.garp_master_delay?.value ?? globalDelayMs,
    repeat: atLeastOne(block.garp_master_repeat, globalRepeat, findings),
    refreshMs:
      block.garp_master_refresh?.value ??
      global.vrrp_garp_master_refresh?.value ??
      GLOBAL_DEFS.vrrp_garp_master_refresh.initial,
    refreshRepeat: atLeastOne(
      block.garp_master_refresh_repeat ?? global.vrrp_garp_master_refresh_repeat,
      GLOBAL_DEFS.vrrp_garp_master_refresh_repeat.initial,
      findings,
    ),
    lowerPrioDelayMs: strictly(
      block.garp_lower_prio_delay,
      0,
      global.vrrp_garp_lower_prio_delay?.value ?? globalDelayMs,
    ),
    lowerPrioRepeat: strictly(
      block.garp_lower_prio_repeat,
      0,
      global.vrrp_garp_lower_prio_repeat?.value ?? globalRepeat,
    ),
    ...(extra && extra.everyMs > 0 && { extraIf: extra }),
  };
}

/** keepalived: 0 is reported and becomes 1. */
function atLeastOne(entry: Entry<number> | undefined, absent: number, findings: Findings): number {
  if (!entry) return absent;
  if (entry.value > 0) return entry.value;
  findings.add("warning", wordSpan(entry), {
    code: "clamped",
    message: `${entry.statement.words[0].text} 0 is too few: 1 is taken`,
  });
  return 1;
}
