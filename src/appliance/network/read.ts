// Appliance core: network.yaml, the netplan subset that a director needs, into a Network. Keys that netplan has and this machine does
// nothing for are errors with the reason: a network that is half of what was meant is found out at the worst moment.
import { isScalar } from "yaml";
import type { Findings } from "../../config/findings/findings.ts";
import type { SourceFile, Span } from "../../config/text/span.ts";
import {
  type Block,
  block,
  flag,
  listOf,
  namedBlocks,
  oneOf,
  openYaml,
  type Reader,
  text,
  type Value,
  whole,
} from "../yaml.ts";
import { arrangeLinks, type ReadLink } from "./arrange.ts";
import { bondParameters, bridgeParameters, toBond, toBridge } from "./bond.ts";
import type { LinkSettings, Match, Network, NetworkLink } from "./model.ts";
import { UNSUPPORTED_CARD, UNSUPPORTED_LINK, UNSUPPORTED_TOP } from "./unsupported.ts";
import { address, given, ip, isLinkName, linkName, mac, missing, originOf, route, rule, texts } from "./values.ts";

/** The network of a file; what is wrong is left out of it and said. */
export function readNetwork(source: SourceFile, findings: Findings): Network {
  const value = openYaml(source, findings);
  const file = value && block({ network: networkBlock })(value);
  return { links: arrangeLinks(file?.network?.value ?? [], findings) };
}

/** netplan: one for all, for a kind of link, or for a link. What networkd does lbd does itself. */
const renderer = oneOf(["networkd"]);

/** Links by their names, with the renderer that netplan takes among them. */
function links(item: (id: string, value: Value, span: Span) => ReadLink | undefined): Reader<readonly ReadLink[]> {
  return namedBlocks((id, value, span) => {
    if (id !== "renderer" || !isScalar(value.node)) return item(id, value, span);
    renderer(value);
    return undefined;
  });
}

const networkBlock: Reader<readonly ReadLink[]> = (value) => {
  const read = block(
    {
      version: whole(2, 2),
      renderer,
      ethernets: links(ethernet),
      bonds: links(bond),
      bridges: links(bridge),
      vlans: links(vlan),
      "dummy-devices": links(dummy),
    },
    UNSUPPORTED_TOP,
  )(value);
  if (!read) return undefined;
  if (!read.version)
    value.file.report("warning", value.span, { code: "missing-key", message: "network has no version: 2 is taken" });
  return [read.ethernets, read.bonds, read.bridges, read.vlans, read["dummy-devices"]].flatMap(
    (part) => part?.value ?? [],
  );
};

/** `dhcp6: false` stands in many files, and asks for nothing. */
function notSpoken(value: Value): boolean | undefined {
  const asked = flag(value);
  if (asked !== true) return asked;
  value.file.report("error", value.span, {
    code: "unsupported-key",
    message: "DHCPv6 is not spoken here",
    hint: "write accept-ra: true for addresses that routers announce, or addresses",
  });
  return false;
}

/** What every kind of link has. */
const COMMON = {
  mtu: whole(68, 65536),
  macaddress: mac,
  addresses: listOf(address),
  routes: listOf(route),
  "routing-policy": listOf(rule),
  nameservers: block({ addresses: listOf(ip), search: listOf(text) }),
  dhcp4: flag,
  dhcp6: notSpoken,
  "accept-ra": flag,
  optional: flag,
  renderer,
} as const;
const MATCH = { macaddress: mac, name: text, driver: texts, path: text } as const;

function ethernet(id: string, value: Value, span: Span): ReadLink | undefined {
  const read = block({ ...COMMON, match: block(MATCH), "set-name": linkName }, UNSUPPORTED_CARD)(value);
  const name = read?.["set-name"]?.value ?? nameOf(id, value, span);
  if (!read || name === undefined) return undefined;
  const match = read.match && toMatch(read.match.value);
  if (read["set-name"] && match?.mac === undefined && match?.path === undefined && match?.name === undefined)
    return missing(
      { ...value, span: read["set-name"].span },
      "set-name needs a match that finds one card",
      "write match: with macaddress: or path:, which the machine's console shows for each card",
    );
  return {
    link: { ...settings(id, name, span, read), kind: "ethernet", ...(match && { match }) },
    span,
    references: [],
  };
}

function bond(id: string, value: Value, span: Span): ReadLink | undefined {
  const read = block({ ...COMMON, interfaces: listOf(text), parameters: bondParameters }, UNSUPPORTED_LINK)(value);
  const name = nameOf(id, value, span);
  if (!read || name === undefined) return undefined;
  const members = read.interfaces?.value ?? [];
  if (members.length === 0)
    value.file.report("warning", span, {
      code: "empty-list",
      message: `bond ${id} has no interfaces: nothing can be sent over it`,
      hint: "write interfaces: [eth0, eth1]",
    });
  const parameters = toBond(read.parameters?.value);
  const link: NetworkLink = { ...settings(id, name, span, read), kind: "bond", members, bond: parameters };
  return { link, span, references: members.map((member) => ({ id: member, span: read.interfaces?.span ?? span })) };
}

function bridge(id: string, value: Value, span: Span): ReadLink | undefined {
  const read = block({ ...COMMON, interfaces: listOf(text), parameters: bridgeParameters }, UNSUPPORTED_LINK)(value);
  const name = nameOf(id, value, span);
  if (!read || name === undefined) return undefined;
  const members = read.interfaces?.value ?? [];
  const parameters = toBridge(read.parameters?.value);
  const link: NetworkLink = { ...settings(id, name, span, read), kind: "bridge", members, bridge: parameters };
  return { link, span, references: members.map((member) => ({ id: member, span: read.interfaces?.span ?? span })) };
}

function vlan(id: string, value: Value, span: Span): ReadLink | undefined {
  const read = block({ ...COMMON, id: whole(0, 4094), link: text }, UNSUPPORTED_LINK)(value);
  const name = nameOf(id, value, span);
  if (!read || name === undefined) return undefined;
  if (!read.id || !read.link)
    return missing({ ...value, span }, `vlan ${id} needs ${read.id ? "link" : "id"}`, "write id: 10 and link: NAME");
  const link: NetworkLink = {
    ...settings(id, name, span, read),
    kind: "vlan",
    vlanId: read.id.value,
    lower: read.link.value,
  };
  return { link, span, references: [{ id: read.link.value, span: read.link.span }] };
}

function dummy(id: string, value: Value, span: Span): ReadLink | undefined {
  const read = block(COMMON, UNSUPPORTED_LINK)(value);
  const name = nameOf(id, value, span);
  if (!read || name === undefined) return undefined;
  return { link: { ...settings(id, name, span, read), kind: "dummy" }, span, references: [] };
}

function nameOf(id: string, value: Value, span: Span): string | undefined {
  if (isLinkName(id)) return id;
  value.file.report("error", span, {
    code: "bad-value",
    message: `expected a name of 1 to 15 bytes without / : and blanks (got ${id})`,
  });
  return undefined;
}

function settings(id: string, name: string, span: Span, read: Block<typeof COMMON>): LinkSettings {
  return {
    id,
    name,
    origin: originOf(span),
    ...given("mtu", read.mtu),
    ...given("mac", read.macaddress),
    ...given("acceptRa", read["accept-ra"]),
    addresses: read.addresses?.value ?? [],
    routes: read.routes?.value ?? [],
    rules: read["routing-policy"]?.value ?? [],
    nameservers: read.nameservers?.value.addresses?.value ?? [],
    searchDomains: read.nameservers?.value.search?.value ?? [],
    dhcp4: read.dhcp4?.value ?? false,
    optional: read.optional?.value ?? false,
  };
}

function toMatch(read: Block<typeof MATCH>): Match {
  return {
    ...given("mac", read.macaddress),
    ...given("name", read.name),
    ...given("drivers", read.driver),
    ...given("path", read.path),
  };
}
