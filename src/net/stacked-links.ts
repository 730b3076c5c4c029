// Core: RTM_NEWLINK for links that lie on others or on nothing: bonds, VLANs, bridges, dummies (linux/if_link.h, if_bonding.h), and what
// is changed of a link that is there: name, MTU, address, the bond or bridge above it.
import { type IpText, ipBytes } from "../base/ip.ts";
import { type Attribute, encodeAttributes } from "./attribute-tree.ts";
import {
  changeLink,
  header,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  nameBytes,
  RTM_NEWLINK,
  u16,
} from "./links.ts";
import { le32 } from "./nft.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from "./request.ts";

const IFF_UP = 1;
const ETH_P_8021Q = 0x8100;
/** The kernel counts a bridge's times in hundredths of a second (USER_HZ). */
const USER_HZ = 100;

/** Numbers as the kernel has them; absent: its default. */
export type StackedForm =
  | { readonly kind: "dummy" }
  | { readonly kind: "vlan"; readonly lower: number; readonly id: number }
  | { readonly kind: "bridge"; readonly options: BridgeOptions }
  | { readonly kind: "bond"; readonly options: BondOptions };

export interface BridgeOptions {
  readonly stp?: boolean;
  readonly ageingS?: number;
  readonly forwardDelayS?: number;
  readonly helloS?: number;
  readonly maxAgeS?: number;
  readonly priority?: number;
}

/** IFLA_BOND_* by name; words are indexes of the lists in appliance/network/wanted.ts. */
export interface BondOptions {
  readonly mode?: number;
  readonly miimon?: number;
  readonly updelay?: number;
  readonly downdelay?: number;
  readonly arpInterval?: number;
  readonly arpTargets?: readonly IpText[];
  readonly arpValidate?: number;
  readonly arpAllTargets?: number;
  readonly primaryReselect?: number;
  readonly failOverMac?: number;
  readonly xmitHashPolicy?: number;
  readonly resendIgmp?: number;
  readonly numPeerNotif?: number;
  readonly allSlavesActive?: number;
  readonly minLinks?: number;
  readonly lpInterval?: number;
  readonly packetsPerSlave?: number;
  readonly adLacpRate?: number;
  readonly adSelect?: number;
}

/** linux/if_link.h: attribute and width in bytes. */
const BOND_ATTRIBUTES: Readonly<Record<Exclude<keyof BondOptions, "arpTargets">, readonly [number, 1 | 4]>> = {
  mode: [1, 1],
  miimon: [3, 4],
  updelay: [4, 4],
  downdelay: [5, 4],
  arpInterval: [7, 4],
  arpValidate: [9, 4],
  arpAllTargets: [10, 4],
  primaryReselect: [12, 1],
  failOverMac: [13, 1],
  xmitHashPolicy: [14, 1],
  resendIgmp: [15, 4],
  numPeerNotif: [16, 1],
  allSlavesActive: [17, 1],
  minLinks: [18, 4],
  lpInterval: [19, 4],
  packetsPerSlave: [20, 4],
  adLacpRate: [21, 1],
  adSelect: [22, 1],
};
const IFLA_BOND_ARP_IP_TARGET = 8;
const IFLA_BOND_PRIMARY = 11;

/** Makes a link that is down. EEXIST when the name is taken. */
export function createStackedLink(name: string, form: StackedForm): NetlinkRequest {
  const data = dataOf(form);
  const info: Attribute = {
    type: IFLA_LINKINFO,
    plain: true,
    nested: [
      { type: IFLA_INFO_KIND, value: nameBytes(form.kind) },
      ...(data.length > 0 ? [{ type: IFLA_INFO_DATA, plain: true as const, nested: data }] : []),
    ],
  };
  const attributes: Attribute[] = [
    { type: IFLA_IFNAME, value: nameBytes(name) },
    info,
    ...(form.kind === "vlan" ? [{ type: IFLA_LINK, value: le32(form.lower) }] : []),
  ];
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return {
    type: RTM_NEWLINK,
    flags,
    payload: encodeAttributes(attributes, header(0, 0)),
    what: `${form.kind} ${name}`,
  };
}

function dataOf(form: StackedForm): readonly Attribute[] {
  switch (form.kind) {
    case "dummy":
      return [];
    case "vlan":
      return [
        { type: 1, value: u16(form.id) },
        { type: 5, value: Uint8Array.of(ETH_P_8021Q >> 8, ETH_P_8021Q & 0xff) },
      ];
    case "bridge":
      return bridgeData(form.options);
    case "bond":
      return bondData(form.options);
  }
}

function bridgeData({ stp, ageingS, forwardDelayS, helloS, maxAgeS, priority }: BridgeOptions): readonly Attribute[] {
  const time = (type: number, s: number | undefined) =>
    s === undefined ? [] : [{ type, value: le32(Math.round(s * USER_HZ)) }];
  return [
    ...time(1, forwardDelayS),
    ...time(2, helloS),
    ...time(3, maxAgeS),
    ...time(4, ageingS),
    ...(stp === undefined ? [] : [{ type: 5, value: le32(stp ? 1 : 0) }]),
    ...(priority === undefined ? [] : [{ type: 6, value: u16(priority) }]),
  ];
}

function bondData(options: BondOptions): readonly Attribute[] {
  const attributes: Attribute[] = [];
  // The kernel takes them one after the other, and some only in a mode that was set before: the order of the table.
  for (const [name, [type, width]] of Object.entries(BOND_ATTRIBUTES) as [
    keyof typeof BOND_ATTRIBUTES,
    readonly [number, 1 | 4],
  ][]) {
    const value = options[name];
    if (value !== undefined) attributes.push({ type, value: width === 1 ? Uint8Array.of(value) : le32(value) });
    if (name === "arpInterval" && options.arpTargets && options.arpTargets.length > 0)
      attributes.push({
        type: IFLA_BOND_ARP_IP_TARGET,
        plain: true,
        nested: options.arpTargets.map((target, n) => ({ type: n, value: ipBytes(target) })),
      });
  }
  return attributes;
}

/** The member that a bond prefers; it is one already. */
export function setBondPrimary(bond: number, member: number): NetlinkRequest {
  return changeBond(bond, { type: IFLA_BOND_PRIMARY, value: le32(member) }, `primary of bond ${bond}`);
}

function changeBond(index: number, option: Attribute, what: string): NetlinkRequest {
  const info: Attribute = {
    type: IFLA_LINKINFO,
    plain: true,
    nested: [
      { type: IFLA_INFO_KIND, value: nameBytes("bond") },
      { type: IFLA_INFO_DATA, plain: true, nested: [option] },
    ],
  };
  return changeLink(index, [info], what);
}

/** The link must be down. EEXIST when the name is taken. */
export function renameLink(index: number, name: string): NetlinkRequest {
  return changeLink(
    index,
    [{ type: IFLA_IFNAME, value: nameBytes(`${name}\0`) }],
    `name ${name} of interface ${index}`,
  );
}

export function setLinkMtu(index: number, mtu: number): NetlinkRequest {
  return changeLink(index, [{ type: IFLA_MTU, value: le32(mtu) }], `mtu ${mtu} of interface ${index}`);
}

/** @param mac six octets */
export function setLinkAddress(index: number, mac: Uint8Array): NetlinkRequest {
  return changeLink(index, [{ type: IFLA_ADDRESS, value: mac }], `address of interface ${index}`);
}

/** Puts a link, which a bond wants to be down, into a bond or a bridge; 0 takes it out. */
export function setLinkMaster(index: number, master: number): NetlinkRequest {
  return changeLink(index, [{ type: IFLA_MASTER, value: le32(master) }], `master ${master} of interface ${index}`);
}

export function setLinkDown(index: number): NetlinkRequest {
  const head = header(0, index);
  // The change mask says that the flag counts; that it is absent says down.
  new DataView(head.buffer).setUint32(12, IFF_UP, true);
  return { type: RTM_NEWLINK, flags: NLM_F_REQUEST | NLM_F_ACK, payload: head, what: `down of interface ${index}` };
}
