// Dump core: a VRRP instance in keepalived's shape, line by line in its order.
import { unreachable } from "../base/never.ts";
import { OWNER_PRIORITY } from "../base/priority.ts";
import type { NotifyCommands, Tracking, TrackUse, VrrpInstance } from "../config/model/vrrp.ts";
import type { State } from "../vrrp/machine/state.ts";
import { masterDownMs } from "../vrrp/timers.ts";
import type { InstanceView } from "../vrrp/view.ts";
import { isUnicast } from "../vrrp/wire.ts";
import { addressText, routeText, ruleText } from "./addresses.ts";
import type { InstanceShown, VrrpSource } from "./vrrp-source.ts";
import { type AccountOf, commandText, enabled, general, stamp, trueFalse, wholeSeconds, yesNo } from "./words.ts";

export const STATE_NUMBERS = { INIT: 0, BACKUP: 1, MASTER: 2, FAULT: 3, STOP: 98 } as const;
export type StateWord = keyof typeof STATE_NUMBERS;

export function* instanceLines(shown: InstanceShown, source: VrrpSource): Generator<string> {
  const { view } = shown;
  const { config } = view;
  yield ` VRRP Instance = ${view.name}`;
  yield `   VRRP Version = ${config.version}`;
  if (view.group !== undefined) yield `   Sync group = ${view.group}`;
  if (config.family === 6) yield "   Using Native IPv6";
  yield* stateLines(view, source);
  yield* linkLines(shown);
  yield* settingLines(shown);
  yield* addressLines(shown);
  if (config.routes.length > 0) yield "   Virtual Routes :";
  for (const route of config.routes) yield `     ${routeText(route)}`;
  if (config.rules.length > 0) yield "   Virtual Rules :";
  for (const rule of config.rules) yield `     ${ruleText(rule)}`;
  yield* trackingLines(config.tracking, source, "Tracked processes");
  yield `   Using smtp notification = ${yesNo(config.smtpAlert)}`;
  yield `   Notify deleted = ${config.notify.deleted === undefined ? "Fault" : "Deleted"}`;
  yield* notifyLines(config.notify, source.accountOf);
  yield `   Notify priority changes = ${trueFalse(config.notifyPriorityChanges)}`;
}

export function stateWord(state: State): StateWord {
  switch (state.kind) {
    case "init":
      return "INIT";
    case "backup":
      return "BACKUP";
    case "master":
      return "MASTER";
    case "fault":
      return "FAULT";
    case "stopped":
      return "STOP";
    default:
      return unreachable(state);
  }
}

/** What it wants to be: as long as it is in the election, what it is or is about to be. */
export function wantedWord({ state, config }: InstanceView): StateWord {
  if (state.kind === "init") return config.priority === OWNER_PRIORITY ? "MASTER" : "BACKUP";
  if (state.kind === "backup" && state.wantsMaster) return "MASTER";
  return stateWord(state);
}

/** Of the router that it heard last as a backup; 0: none. */
export function masterPriority({ state }: InstanceView): number {
  return state.kind === "backup" ? ((state.preempting ?? state.master)?.priority ?? 0) : 0;
}

/** The interval that its timers go by. */
export function masterAdvertMs({ state, config }: InstanceView): number {
  return state.kind === "backup" ? state.masterAdvertMs : config.advertMs;
}

/** When it changed its state last; before that, when it was made. */
export function lastTransitionMs({ lastTransition, state }: InstanceView, { wallMs }: VrrpSource): number {
  return wallMs(lastTransition?.at ?? state.since);
}

export function effectivePriority({ state, evaluation }: InstanceView): number {
  return state.kind === "init" ? evaluation.priority : state.priority;
}

function* stateLines(view: InstanceView, source: VrrpSource): Generator<string> {
  const { config, state, evaluation } = view;
  yield `   State = ${stateWord(state)}`;
  if (state.kind === "backup") {
    const heard = state.preempting ?? state.master;
    yield `   Master router = ${heard?.address ?? (config.family === 6 ? "::" : "0.0.0.0")}`;
    yield `   Master priority = ${heard?.priority ?? 0}`;
    if (config.version === 3) yield `   Master advert int = ${(state.masterAdvertMs / 1000).toFixed(2)} sec`;
  }
  yield* flagLines(config);
  yield `   Wantstate = ${wantedWord(view)}`;
  const faults = "faults" in state ? state.faults : [];
  yield `   Number of config faults = ${faults.filter(({ code }) => code === "config" || code === "duplicate-vrid").length}`;
  yield `   Number of interface and track script faults = ${faults.length}`;
  if (faults.some(({ code }) => code === "duplicate-vrid")) yield "   Duplicate VRID";
  yield `   Number of track scripts init = ${evaluation.pending.length}`;
  yield `   Last transition = ${stamp(lastTransitionMs(view, source))}`;
  const dueAt = timerOf(state);
  yield `   Read timeout = ${dueAt === undefined ? "DISABLED" : stamp(source.wallMs(dueAt))}`;
  const downMs = masterDownMs(config, effectivePriority(view), masterAdvertMs(view));
  yield `   Master down timer = ${Math.floor(downMs * 1000)} usecs`;
}

function timerOf(state: State): number | undefined {
  if (state.kind === "master") return state.advertAt;
  if (state.kind !== "backup" || !Number.isFinite(state.masterDownAt)) return undefined;
  return state.masterDownAt;
}

/** Which of them there are is shown in other lines; here, that there are any, and what of unicast. */
function* flagLines(config: VrrpInstance): Generator<string> {
  const { unicast, vmac } = config;
  const isSaid = [
    unicast !== undefined,
    config.dontTrackPrimary,
    config.linkbeatUsePolling,
    config.skipCheckAdvertAddresses,
    config.sourceIp !== undefined,
    config.trackSourceIp,
    config.promoteSecondaries,
    !config.preempt,
    vmac !== undefined,
    config.vmacForAddresses,
    config.announce.extraIf?.all === true,
  ];
  if (!isSaid.includes(true)) {
    yield "   Flags: none";
    return;
  }
  yield "   Flags:";
  if (isUnicast(config)) yield "     Using unicast";
  else if (unicast) yield "     Unicast config option specified but using multicast";
  if (unicast?.faultWithoutPeer) yield "     If unicast go to fault state if no peers";
}

function* linkLines({ view: { config }, link, below, vmacName }: InstanceShown): Generator<string> {
  const { vmac } = config;
  const isUp = trueFalse(link !== undefined && below !== undefined);
  if (vmac?.kind === "macvlan") {
    yield `   Use VMAC, i/f name ${vmacName}, is_up = ${isUp}, xmit_base = ${trueFalse(vmac.xmitBase)}`;
    if (vmac.mac !== undefined) yield `     MAC = ${vmac.mac}`;
  }
  if (config.vmacForAddresses) yield "   Use VMAC for VIPs on other interfaces";
  else if (vmac?.kind === "ipvlan") {
    const { ipvlanAddress: own, ipvlanMode = "bridge" } = vmac;
    const address =
      own === undefined ? "" : `, i/f address = ${own.ip}${isWhole(own, config.family) ? "" : `/${own.prefix}`}`;
    yield `   Use IPVLAN, i/f ${vmacName}, is_up = ${isUp}${address}, type ${ipvlanMode}`;
  }
  if (vmac && link && below)
    yield `   Interface = ${link.name}, ${vmac.kind === "macvlan" ? "vmac" : "ipvlan"} on ${below.name}${vmac.xmitBase ? ", xmit base i/f" : ""}`;
  else yield `   Interface = ${link?.name ?? config.interface ?? "not configured"}`;
  if (config.vrf !== undefined) yield `   VRF = ${config.vrf}`;
}

function isWhole({ prefix }: { readonly prefix: number }, family: 4 | 6): boolean {
  return prefix === (family === 4 ? 32 : 128);
}

function* settingLines({ view, link }: InstanceShown): Generator<string> {
  const { config, evaluation } = view;
  const scope = config.family === 6 ? `, ifindex ${link?.index ?? 0}` : "";
  const { announce, version } = config;
  if (config.dontTrackPrimary) yield "   VRRP interface tracking disabled";
  if (config.skipCheckAdvertAddresses) yield "   Skip checking advert IP addresses";
  if (config.strict) yield "   Enforcing strict VRRP compliance";
  yield `   Using src_ip = ${view.source ?? config.sourceIp ?? "(none)"}${config.sourceIp === undefined ? "" : " (from configuration)"}`;
  if (!isUnicast(config)) yield `   Multicast address ${config.multicastGroup}${scope}`;
  yield `   Gratuitous ARP delay = ${wholeSeconds(announce.delayMs)}`;
  yield `   Gratuitous ARP repeat = ${announce.repeat}`;
  yield `   Gratuitous ARP refresh = ${wholeSeconds(announce.refreshMs)}`;
  yield `   Gratuitous ARP refresh repeat = ${announce.refreshRepeat}`;
  yield `   Gratuitous ARP lower priority delay = ${wholeSeconds(announce.lowerPrioDelayMs)}`;
  yield `   Gratuitous ARP lower priority repeat = ${announce.lowerPrioRepeat}`;
  yield `   Down timer adverts = ${config.downTimerAdverts}`;
  if (announce.extraIf)
    yield `   Gratuitous ARP for each secondary ${announce.extraIf.all ? "i/f" : "VMAC"} = ${wholeSeconds(announce.extraIf.everyMs)}`;
  yield `   Send advert after receive lower priority advert = ${trueFalse(!config.lowerPrioNoAdvert)}`;
  yield `   Send advert after receive higher priority advert = ${trueFalse(config.higherPrioSendAdvert)}`;
  yield `   Virtual Router ID = ${config.vrid}`;
  yield `   Priority = ${config.priority}`;
  yield `   Effective priority = ${effectivePriority(view)}`;
  const sum = evaluation.shares.reduce((total, { share }) => total + (share ?? 0), 0);
  yield `   Total priority = ${config.priority === OWNER_PRIORITY ? OWNER_PRIORITY : config.priority + sum}`;
  yield `   Advert interval = ${version === 2 ? `${wholeSeconds(config.advertMs)} sec` : `${config.advertMs} milli-sec`}`;
  if (version === 3 && view.state.kind === "backup")
    yield `   Master advert interval = ${masterAdvertMs(view)} milli-sec`;
  yield `   Accept = ${enabled(config.accept)}`;
  yield `   Preempt = ${enabled(config.preempt)}`;
  if (config.preemptDelayMs > 0) yield `   Preempt delay = ${general(config.preemptDelayMs / 1000)} secs`;
  yield `   Promote_secondaries = ${enabled(config.promoteSecondaries)}`;
  yield* authenticationLines(config);
  if (config.kernelRxBufBytes) yield `   Kernel rx buffer size = ${config.kernelRxBufBytes}`;
  if (config.debug) yield `   Debug level = ${config.debug}`;
}

function* authenticationLines({ authentication, version }: VrrpInstance): Generator<string> {
  if (authentication) {
    yield `   Authentication type = ${authentication.type === "AH" ? "IPSEC_AH" : "SIMPLE_PASSWORD"}`;
    if (authentication.type === "PASS") yield `   Password = ${authentication.password}`;
  } else if (version === 2) yield "   Authentication type = none";
}

function* addressLines({ view: { config }, sockets, placeOf }: InstanceShown): Generator<string> {
  const { virtualAddresses, excludedAddresses, unicast } = config;
  if (virtualAddresses.length > 0) yield `   Virtual IP (${virtualAddresses.length}):`;
  for (const address of virtualAddresses) yield `     ${addressText(address, placeOf(address))}`;
  if (excludedAddresses.length > 0) yield "   Virtual IP Excluded :";
  for (const address of excludedAddresses) yield `     ${addressText(address, placeOf(address))}`;
  if (unicast && isUnicast(config)) {
    yield `   Unicast TTL = ${unicast.ttl ?? VRRP_TTL}`;
    yield `   Check unicast src : ${yesNo(unicast.checkSource)}`;
    yield "   Unicast Peer :";
    for (const { ip, minTtl, maxTtl } of unicast.peers) yield `     ${ip} min_ttl ${minTtl} max_ttl ${maxTtl}`;
    yield `   Unicast checksum compatibility = ${CHECKSUMS[unicast.oldChecksum]}`;
  }
  yield sockets ? `   fd_in ${sockets.in}, fd_out ${sockets.out}` : "   No sockets allocated";
}

/** Of who says nothing else. */
const VRRP_TTL = 255;

const CHECKSUMS = { auto: "no", always: "config", never: "never" } as const;

/** The lists of what an instance or group tracks. */
export function* trackingLines(tracking: Tracking, { config }: VrrpSource, ofProcesses: string): Generator<string> {
  const { scripts, files, processes } = config.vrrp;
  const { bfd } = config;
  yield* useLines("Tracked interfaces", tracking.interfaces, [], " weight");
  yield* useLines("Tracked scripts", tracking.scripts, scripts, " weight");
  yield* useLines("Tracked files", tracking.files, files, ", weight");
  yield* useLines(ofProcesses, tracking.processes, processes, ", weight");
  yield* useLines("Tracked BFDs", tracking.bfd, bfd, ": weight");
}

interface Weighed {
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

function* useLines(
  heading: string,
  uses: readonly TrackUse[],
  known: readonly Weighed[],
  between: string,
): Generator<string> {
  if (uses.length > 0) yield `   ${heading} :`;
  for (const use of uses) yield `     ${use.name}${between} ${weightText(weightOf(use, known))}`;
}

/** Of a use that names none, the thing's own. */
export function weightOf(use: TrackUse, known: readonly Weighed[]): Omit<Weighed, "name"> {
  const { weight, reverse } = use;
  if (weight !== undefined) return { weight, reverse };
  return known.find(({ name }) => name === use.name) ?? { weight: 0, reverse };
}

export function weightText({ weight, reverse }: Omit<Weighed, "name">): string {
  return `${weight}${reverse ? " reverse" : ""}`;
}

const CHANGES = [
  ["backup", "Backup"],
  ["master", "Master"],
  ["fault", "Fault"],
  ["stop", "Stop"],
  ["deleted", "Deleted"],
  ["any", "Generic"],
  ["masterRxLowerPri", "Master rx lower pri"],
] as const;

export function* notifyLines(notify: NotifyCommands, accountOf: AccountOf): Generator<string> {
  for (const [key, word] of CHANGES) {
    const command = notify[key];
    if (command === undefined || command === true) continue;
    yield `   ${word} state transition script = ${commandText(command)}, uid:gid ${accountOf(command)}`;
  }
}
