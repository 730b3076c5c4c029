// Process layer, appliance: brings the network of network.yaml up, and puts it right again when something of it comes late or is taken
// away. Links first, from below, then addresses, routes and rules as the difference between wanted and seen (net/plan.ts).
import type { Network, NetworkLink } from "../../appliance/network/model.ts";
import { assignCards, type Card, formOf, RTPROT_STATIC, wantedTables } from "../../appliance/network/wanted.ts";
import { messageOf } from "../../base/errors.ts";
import type { Rtnetlink } from "../../kernel/rtnetlink.ts";
import { parseMac, setLinkUp } from "../../net/links.ts";
import { type Link, linkByName } from "../../net/model.ts";
import { ownedKeys, plan } from "../../net/plan.ts";
import type { NetlinkRequest } from "../../net/request.ts";
import {
  createStackedLink,
  renameLink,
  setBondPrimary,
  setLinkAddress,
  setLinkDown,
  setLinkMaster,
  setLinkMtu,
} from "../../net/stacked-links.ts";

const IFF_UP = 1;

type StackedKind = Exclude<NetworkLink["kind"], "ethernet">;

/** Module and parameters of each kind of link. kernel: bonding and dummy make links of their own unless they are told not to. */
export const LINK_DRIVERS: Readonly<Record<StackedKind, readonly [module: string, parameters: string]>> = {
  bond: ["bonding", "max_bonds=0"],
  vlan: ["8021q", ""],
  bridge: ["bridge", ""],
  dummy: ["dummy", "numdummies=0"],
};

export interface NetworkPorts {
  readonly rtnetlink: Pick<Rtnetlink, "read" | "request" | "apply">;
  cards(): readonly Card[];
  /** Loads the driver of a kind of link: this kernel has no modprobe that it could ask. Why it is not there; undefined: it is. */
  driver(kind: StackedKind): string | undefined;
  /** Sets what is below /proc/sys/net. @throws Error ENOENT */
  setting(path: string, value: string): void;
  /** Keeps what a card was called before it got its name, by the new name, for as long as the machine runs. */
  readonly firstNames: Map<string, string>;
}

/** What is not as it was asked for, one line each; empty: all of it is there. */
export type NetworkFaults = readonly string[];

/** Does what is still to be done. Called again it does nothing that is done; nothing that somebody else made is taken away. */
export function bringUp(network: Network, ports: NetworkPorts): NetworkFaults {
  const faults: string[] = [];
  const attempt = (what: string, request: NetlinkRequest) => {
    try {
      ports.rtnetlink.request(request);
      return true;
    } catch (error) {
      faults.push(`${what}: ${messageOf(error)}`);
      return false;
    }
  };
  const seen = () => ports.rtnetlink.read({ routeProtocols: [], rules: false });
  const byName = (name: string) => linkByName(seen(), name);

  const loopback = byName("lo");
  if (loopback && (loopback.flags & IFF_UP) === 0) attempt("lo", setLinkUp(loopback.index));

  const cards = ports.cards().map((card): Card => {
    const firstName = ports.firstNames.get(card.name);
    // kernel: 5.6 and later say what the card itself has; what it was given (a bond's, macaddress:) is another matter.
    const mac = byName(card.name)?.permanentMac ?? card.mac;
    return { ...card, mac, ...(firstName !== undefined && { firstName }) };
  });
  const { assignments, absent, doubts } = assignCards(network, cards);
  faults.push(...doubts);
  for (const link of absent) if (!link.optional) faults.push(`${link.id}: no network card fits${describeMatch(link)}`);
  nameCards(assignments, ports.firstNames, byName, attempt);

  const indexes = new Map<string, number>();
  for (const link of network.links) {
    if (absent.some(({ id }) => id === link.id)) continue;
    const missing = link.kind === "ethernet" || byName(link.name) ? undefined : ports.driver(link.kind);
    if (missing !== undefined) faults.push(`${link.id}: ${missing}`);
    const there = byName(link.name) ?? make(link, indexes, byName, attempt);
    if (!there) {
      if (link.kind !== "ethernet" && !faults.some((fault) => fault.startsWith(`${link.id}:`)))
        faults.push(`${link.id}: can't be made`);
      continue;
    }
    indexes.set(link.id, there.index);
    settle(link, there, indexes, (index) => seen().links.get(index)?.master, attempt);
    if (link.acceptRa !== undefined) acceptRouters(link.name, link.acceptRa, ports, faults);
  }
  applyTables(network, indexes, ports, faults);
  return faults;
}

/** kernel (ip-sysctl): a machine that forwards, as a director does, takes advertisements of routers only with 2. */
function acceptRouters(name: string, accept: boolean, ports: NetworkPorts, faults: string[]): void {
  try {
    ports.setting(`ipv6/conf/${name}/accept_ra`, accept ? "2" : "0");
  } catch (error) {
    faults.push(`${name}: accept-ra: ${messageOf(error)}`);
  }
}

type Attempt = (what: string, request: NetlinkRequest) => boolean;
type ByName = (name: string) => Link | undefined;

/** Two cards may have each other's names: who is in the way steps aside first. By index, which a name does not change. */
function nameCards(
  assignments: readonly { readonly link: NetworkLink; readonly card: Card }[],
  firstNames: Map<string, string>,
  byName: ByName,
  attempt: Attempt,
): void {
  const renamed = assignments.flatMap(({ link, card }) => {
    const index = byName(card.name)?.index;
    return link.name === card.name || index === undefined ? [] : [{ link, card, index }];
  });
  for (const { link } of renamed) {
    const inTheWay = byName(link.name)?.index;
    if (inTheWay === undefined) continue;
    attempt(`${link.id}: ${link.name} down`, setLinkDown(inTheWay));
    attempt(`${link.id}: ${link.name} is another card's name`, renameLink(inTheWay, `aside${inTheWay}`));
  }
  for (const { link, card, index } of renamed) {
    attempt(`${link.id}: down`, setLinkDown(index));
    if (attempt(`${link.id}: name`, renameLink(index, link.name)))
      firstNames.set(link.name, card.firstName ?? card.name);
  }
}

function make(
  link: NetworkLink,
  indexes: ReadonlyMap<string, number>,
  byName: ByName,
  attempt: Attempt,
): Link | undefined {
  const form = formOf(link, (id) => indexes.get(id));
  if (!form) return undefined;
  attempt(`${link.id}: ${form.kind}`, createStackedLink(link.name, form));
  return byName(link.name);
}

/** MTU, address and members; then it is switched on. */
function settle(
  link: NetworkLink,
  there: Link,
  indexes: ReadonlyMap<string, number>,
  masterOf: (index: number) => number | undefined,
  attempt: Attempt,
): void {
  if (link.mac !== undefined && link.mac !== there.mac) {
    const mac = parseMac(link.mac);
    if (mac) attempt(`${link.id}: macaddress`, setLinkAddress(there.index, mac));
  }
  if (link.kind === "bond" || link.kind === "bridge")
    for (const member of link.members) {
      const index = indexes.get(member);
      if (index === undefined || masterOf(index) === there.index) continue;
      // A bond takes a member only while that is down; it switches it on itself.
      if (link.kind === "bond") attempt(`${link.id}: ${member} down`, setLinkDown(index));
      attempt(`${link.id}: member ${member}`, setLinkMaster(index, there.index));
      attempt(`${link.id}: ${member} up`, setLinkUp(index));
    }
  if (link.kind === "bond" && link.bond.primary !== undefined) {
    const primary = indexes.get(link.bond.primary);
    if (primary !== undefined) attempt(`${link.id}: primary`, setBondPrimary(there.index, primary));
  }
  if (link.mtu !== undefined && link.mtu !== there.mtu) attempt(`${link.id}: mtu`, setLinkMtu(there.index, link.mtu));
  if ((there.flags & IFF_UP) === 0) attempt(`${link.id}: up`, setLinkUp(there.index));
}

function applyTables(
  network: Network,
  indexes: ReadonlyMap<string, number>,
  { rtnetlink }: NetworkPorts,
  faults: string[],
): void {
  const wanted = wantedTables(network, (id) => indexes.get(id));
  const seen = rtnetlink.read({ routeProtocols: [RTPROT_STATIC], rules: wanted.rules.length > 0 });
  const commands = plan(wanted, seen, { marks: false, keys: ownedKeys(wanted) });
  for (const { meaning, message } of rtnetlink.apply(commands))
    if (meaning !== "done" && message !== undefined) faults.push(message);
}

function describeMatch(link: NetworkLink): string {
  if (link.kind !== "ethernet" || !link.match) return ` its name ${link.name}`;
  const { mac, path, name, drivers } = link.match;
  return ` ${[mac && `address ${mac}`, path && `place ${path}`, name && `name ${name}`, drivers && `driver ${drivers.join(" or ")}`].filter(Boolean).join(", ")}`;
}
