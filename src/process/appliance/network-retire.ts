// Process layer, appliance: takes away what a network had and the next one has not: addresses, routes, rules, links that were made, members.
// What is made otherwise goes too, and is made anew by bringUp(). Cards keep their names and addresses.
import type { Network, NetworkLink } from "../../appliance/network/model.ts";
import { RTPROT_STATIC, wantedTables } from "../../appliance/network/wanted.ts";
import { messageOf } from "../../base/errors.ts";
import type { Rtnetlink } from "../../kernel/rtnetlink.ts";
import { deleteLink } from "../../net/links.ts";
import { linkByName } from "../../net/model.ts";
import { ownedKeys, plan } from "../../net/plan.ts";
import type { NetlinkRequest } from "../../net/request.ts";
import { setLinkMaster } from "../../net/stacked-links.ts";

/** @returns what could not be taken away, one line each */
export function retire(
  before: Network,
  next: Network,
  rtnetlink: Pick<Rtnetlink, "read" | "request" | "apply">,
): readonly string[] {
  const faults: string[] = [];
  const attempt = (what: string, request: NetlinkRequest) => {
    try {
      rtnetlink.request(request);
    } catch (error) {
      faults.push(`${what}: ${messageOf(error)}`);
    }
  };
  const indexByName = (name: string) => linkByName(rtnetlink.read({ routeProtocols: [], rules: false }), name)?.index;
  const indexById = (network: Network) => {
    const found = new Map(network.links.map(({ id, name }) => [id, indexByName(name)]));
    return (id: string) => found.get(id);
  };

  const had = wantedTables(before, indexById(before));
  const wanted = wantedTables(next, indexById(next));
  const rules = had.rules.length > 0 || wanted.rules.length > 0;
  const seen = rtnetlink.read({ routeProtocols: [RTPROT_STATIC], rules });
  const gone = plan(wanted, seen, { marks: false, keys: ownedKeys(had) }).filter(({ kind }) =>
    kind.startsWith("delete-"),
  );
  for (const { meaning, message } of rtnetlink.apply(gone))
    if (meaning !== "done" && message !== undefined) faults.push(message);

  const after = new Map(next.links.map((link) => [link.id, link]));
  // What lies on others comes behind them in a network, and goes first.
  for (const link of [...before.links].reverse()) {
    const wish = after.get(link.id);
    if (link.kind !== "ethernet" && formText(link, before) !== (wish && formText(wish, next))) {
      const index = indexByName(link.name);
      if (index !== undefined) attempt(`${link.id}: taken away`, deleteLink(index));
      continue;
    }
    if (link.kind !== "bond" && link.kind !== "bridge") continue;
    const members = wish?.kind === link.kind ? wish.members : [];
    for (const member of link.members.filter((id) => !members.includes(id))) {
      const index = indexById(before)(member);
      if (index !== undefined) attempt(`${link.id}: without ${member}`, setLinkMaster(index, 0));
    }
  }
  return faults;
}

/** What a link is made with: a difference in it takes a new link. */
function formText(link: NetworkLink, { links }: Network): string {
  const nameOf = (id: string) => links.find((other) => other.id === id)?.name;
  switch (link.kind) {
    case "ethernet":
      return link.name;
    case "vlan":
      return JSON.stringify([link.kind, link.name, link.vlanId, nameOf(link.lower)]);
    case "bond":
      return JSON.stringify([link.kind, link.name, { ...link.bond, primary: undefined }]);
    case "bridge":
      return JSON.stringify([link.kind, link.name, link.bridge]);
    case "dummy":
      return JSON.stringify([link.kind, link.name]);
  }
}
