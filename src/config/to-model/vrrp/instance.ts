// Config core: from bound vrrp_instance blocks to the model: what the global defaults, strict mode and the protocol
// version make of the keywords.
import { OWNER_PRIORITY } from "../../../base/priority.ts";
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { GLOBAL_DEFS } from "../../keywords/global.ts";
import { VRRP_INSTANCE } from "../../keywords/vrrp/instance.ts";
import type { Address } from "../../model/net.ts";
import type { VrrpInstance } from "../../model/vrrp.ts";
import { defaultInterface } from "../global.ts";
import { toRules } from "../rules.ts";
import { addressesOf } from "./addresses.ts";
import { announceOf, notifyOf, vrrpAlert } from "./announce.ts";
import { authenticationOf, hmacOf } from "./authentication.ts";
import { type BoundInstance, type InstanceContext, lines } from "./bound.ts";
import { vmacOf } from "./links.ts";
import { multicastOf, reportOwnInterface, sourceOf, unicastOf, withoutOwnInterface } from "./peers.ts";
import {
  acceptOf,
  advertOf,
  initialStateOf,
  preemptDelayOf,
  preemptOf,
  reportClash,
  stateOf,
  versionOf,
} from "./protocol.ts";
import { toTracking } from "./tracking.ts";

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

function hasEssentials(bound: BoundInstance, findings: Findings): boolean {
  const { block, attempted } = bound;
  const span = bound.statement.words[0].span;
  let complete = true;
  const need = (keyword: string, present: boolean, why: string, or?: string) => {
    if (present) return;
    complete = false;
    if (attempted.has(keyword)) return;
    findings.add("error", span, {
      code: "missing-keyword",
      message: `vrrp_instance ${bound.value} lacks ${keyword}: it is left out`,
      hint: why,
      about: { kind: "lacks", keywords: or === undefined ? [keyword] : [keyword, or] },
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
    "unicast_src_ip",
  );
  return complete;
}

/** Of the keywords that two routers have to agree on, and that a machine has to have, for what is said when they don't. */
function originsOf(block: BoundInstance["block"]): NonNullable<VrrpInstance["origins"]> {
  const { virtual_router_id, version, advert_int } = block;
  const { check_unicast_src, v3_checksum_as_v2, old_unicast_checksum } = block;
  const [unicast_peer] = block.unicast_peer ?? [];
  const [authentication] = block.authentication ?? [];
  const [auth_hmac] = block.auth_hmac ?? [];
  const { interface: link, unicast_src_ip, mcast_src_ip } = block;
  const here = { interface: link, unicast_src_ip, mcast_src_ip };
  const single = { ...here, virtual_router_id, version, advert_int, authentication, auth_hmac };
  const entries = { ...single, unicast_peer, check_unicast_src, v3_checksum_as_v2, old_unicast_checksum };
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, entry]) => (entry ? [[name, entry.statement.origin] as const] : [])),
  );
}
