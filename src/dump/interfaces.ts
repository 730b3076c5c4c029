// Dump core: interfaces in keepalived's shape: all that the kernel showed, with those who depend on each.
import { type Link, speaksVrrp } from "../net/model.ts";
import { trackedDevices } from "../vrrp/track-devices.ts";
import { weightOf, weightText } from "./vrrp-instance.ts";
import type { LinkShown, VrrpSource } from "./vrrp-source.ts";

const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const IFF_LOOPBACK = 0x8;
const IFF_POINTOPOINT = 0x10;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_MULTICAST = 0x1000;

/** Of the loopback. */
const NO_MAC = "00:00:00:00:00:00";
/** keepalived's weight of an interface that is none of an instance's business. */
const NOT_TRACKED = 255;
const ARPHRD_ETHER = 1;
const ARPHRD_INFINIBAND = 32;
const ARPHRD_LOOPBACK = 772;

const MACVLAN_MODES: Readonly<Record<number, string>> = {
  1: "private",
  2: "vepa",
  4: "bridge",
  8: "passthru",
  16: "source",
};
const IPVLAN_MODES: Readonly<Record<number, string>> = { 0: "L2 ", 1: "L3 ", 2: "L3S " };

export function* interfaceLines(shown: LinkShown, source: VrrpSource): Generator<string> {
  const { link, below } = shown;
  yield ` Name = ${link.name}`;
  yield `   index = ${link.index}`;
  yield* addressLines(shown);
  if (link.mac !== undefined && link.mac !== NO_MAC) {
    yield `   MAC = ${link.mac}`;
    yield "   MAC broadcast = ff:ff:ff:ff:ff:ff";
  }
  yield `   State = ${stateText(link)}${flagTexts(link)}${below && !(below.flags & IFF_UP) ? ", master down" : ""}`;
  yield `   Seen up = ${link.flags & IFF_UP && link.flags & IFF_RUNNING ? 1 : 0}`;
  yield "   Delayed state change running = false";
  const delays = source.config.vrrp.upDownDelays.find((one) => one.interface === link.name);
  yield `   Up debounce timer = ${(delays?.upMs ?? 0) * 1000}us`;
  yield `   Down debounce timer = ${(delays?.downMs ?? 0) * 1000}us`;
  if (below && (link.kind === "macvlan" || link.kind === "ipvlan"))
    yield `   ${kindText(link)}, underlying interface = ${below.name}, state = ${stateText(below)}`;
  if (shown.isOurs) yield "   I/f created by keepalived";
  else if (source.config.vrrp.global.dynamicInterfaces === "allow-if-changes" && link.kind !== undefined)
    yield "   Interface type/base can be changed";
  yield `   MTU = ${link.mtu}`;
  yield* hardwareLines(link);
  yield shown.isPolled ? "   NIC support ETHTOOL GLINK interface" : "   NIC netlink status update";
  if (link.vrfTable !== undefined) yield `   VRF master table ${link.vrfTable}`;
  else if (shown.vrf !== undefined) yield `   VRF slave of ${shown.vrf}`;
  yield* paceLines(link.name, source);
  yield "   Reset ARP config counter 0";
  yield "   Original arp_ignore 0";
  yield "   Original arp_filter 0";
  yield "   Original promote_secondaries 0";
  yield "   Reset promote_secondaries counter 0";
  yield* userLines(link.name, source);
}

function* paceLines(name: string, { config, instances }: VrrpSource): Generator<string> {
  const { garpGroups, global } = config.vrrp;
  const at = garpGroups.findIndex(({ interfaces }) => interfaces.includes(name));
  const isUsed = instances.some(({ view }) => view.config.interface === name);
  if (at < 0 && !isUsed) return;
  const group = garpGroups[at] ?? { garpIntervalMs: global.garpIntervalMs, gnaIntervalMs: global.gnaIntervalMs };
  if (group.garpIntervalMs) yield `   Gratuitous ARP interval ${Math.floor(group.garpIntervalMs)}ms`;
  if (group.gnaIntervalMs) yield `   Gratuitous NA interval ${Math.floor(group.gnaIntervalMs)}ms`;
  if (at >= 0) yield `   Gratuitous ARP aggregation group ${at + 1}`;
}

function* addressLines({ addresses }: LinkShown): Generator<string> {
  const [first4, ...more4] = addresses.filter(({ family }) => family === 4);
  // keepalived keeps those that adverts come from.
  const [first6, ...more6] = addresses.filter((address) => address.family === 6 && speaksVrrp(address));
  yield `   IPv4 address = ${first4?.ip ?? "(none)"}`;
  if (more4.length > 0) yield "   Additional IPv4 addresses :";
  for (const { ip } of more4) yield `     ${ip}`;
  yield `   IPv6 address = ${first6?.ip ?? "(none)"}`;
  if (more6.length > 0) yield "   Additional IPv6 addresses :";
  for (const { ip } of more6) yield `     ${ip}`;
}

function stateText({ flags }: Link): string {
  return `${flags & IFF_UP ? "" : "not "}UP, ${flags & IFF_RUNNING ? "" : "not "}RUNNING`;
}

function flagTexts({ flags }: Link): string {
  return [
    flags & IFF_BROADCAST ? "" : ", no broadcast",
    flags & IFF_LOOPBACK ? ", loopback" : "",
    flags & IFF_POINTOPOINT ? ", point to point" : "",
    flags & IFF_NOARP ? ", no arp" : "",
    flags & IFF_MULTICAST ? "" : ", no multicast",
  ].join("");
}

function kindText({ kind, mode = 0 }: Link): string {
  return kind === "ipvlan"
    ? `IPVLAN type ${IPVLAN_MODES[mode] ?? "unknown mode "}bridge`
    : `VMAC type ${MACVLAN_MODES[mode] ?? "unknown"}`;
}

function* hardwareLines({ hardwareType }: Link): Generator<string> {
  if (hardwareType === ARPHRD_LOOPBACK) yield "   HW Type = LOOPBACK";
  else if (hardwareType === ARPHRD_ETHER) yield "   HW Type = ETHERNET";
  // keepalived: that one goes to the log.
  else if (hardwareType !== ARPHRD_INFINIBAND) yield `   HW Type = UNKNOWN (${hardwareType})`;
}

/** Instances that work on it, then those that track it. */
function* userLines(name: string, { config, instances }: VrrpSource): Generator<string> {
  const users: string[] = [];
  const beneath = trackedDevices(config.vrrp);
  for (const { view, link } of instances) {
    const own = view.config.interface === name || link?.name === name;
    if (own) users.push(`     ${view.name}, weight ${view.config.dontTrackPrimary ? NOT_TRACKED : 0}`);
    else if (beneath.get(view.name)?.has(name)) users.push(`     ${view.name}, weight 0`);
    for (const use of view.config.tracking.interfaces)
      if (use.name === name && !own) users.push(`     ${view.name}, weight ${weightText(weightOf(use, []))}`);
  }
  for (const group of config.vrrp.syncGroups)
    for (const use of group.tracking.interfaces)
      if (use.name === name)
        for (const member of group.instances) users.push(`     ${member}, weight ${weightText(weightOf(use, []))}`);
  if (users.length > 0) yield "   Tracking VRRP instances :";
  yield* users;
}
