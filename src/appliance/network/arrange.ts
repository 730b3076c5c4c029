// Appliance core: links against each other: names that are there, one owner for a member, no circle, no address twice; and the order in
// which they can be made.
import type { Findings } from "../../config/findings/findings.ts";
import { didYouMean } from "../../config/findings/suggest.ts";
import type { Span } from "../../config/text/span.ts";
import type { NetworkLink } from "./model.ts";

/** A link as it was read, with the places of the words that others look at. */
export interface ReadLink {
  readonly link: NetworkLink;
  readonly span: Span;
  /** Where it names other links. */
  readonly references: readonly { readonly id: string; readonly span: Span }[];
}

/** What can be made, the lower ones first. What lies on a link that is not there is left out, and said. */
export function arrangeLinks(read: readonly ReadLink[], findings: Findings): readonly NetworkLink[] {
  const byId = new Map<string, ReadLink>();
  const names = new Map<string, ReadLink>();
  for (const one of read) {
    const { id, name } = one.link;
    const before = byId.get(id) ?? names.get(name);
    if (before) {
      findings.add("error", one.span, {
        code: "duplicate-name",
        message: `${name} is the name of two links: the first one counts`,
        related: [{ span: before.span, message: "the first one" }],
      });
      continue;
    }
    byId.set(id, one);
    names.set(name, one);
  }
  reportSharedMembers(byId, findings);
  reportSharedAddresses([...byId.values()], findings);
  return inOrder(byId, findings);
}

/** A link that is a member belongs to one bond or bridge, and has no addresses of its own that anybody could reach. */
function reportSharedMembers(byId: ReadonlyMap<string, ReadLink>, findings: Findings): void {
  const owners = new Map<string, ReadLink>();
  for (const one of byId.values()) {
    if (one.link.kind !== "bond" && one.link.kind !== "bridge") continue;
    for (const { id, span } of one.references) {
      const owner = owners.get(id);
      if (owner)
        findings.add("error", span, {
          code: "duplicate-member",
          message: `${id} is a member of ${owner.link.id} already`,
          related: [{ span: owner.span, message: "where it is one" }],
        });
      else owners.set(id, one);
      const member = byId.get(id);
      if (member && (member.link.addresses.length > 0 || member.link.dhcp4))
        findings.add("warning", member.span, {
          code: "without-effect",
          message: `${id} is a member of ${one.link.id}: addresses belong there`,
        });
    }
  }
}

function reportSharedAddresses(links: readonly ReadLink[], findings: Findings): void {
  const owners = new Map<string, ReadLink>();
  for (const one of links)
    for (const { ip } of one.link.addresses) {
      const owner = owners.get(ip);
      if (owner)
        findings.add("error", one.span, {
          code: "duplicate-address",
          message: `${ip} stands twice`,
          related: [{ span: owner.span, message: `${owner.link.id} has it` }],
        });
      else owners.set(ip, one);
    }
}

function inOrder(byId: ReadonlyMap<string, ReadLink>, findings: Findings): NetworkLink[] {
  const done = new Map<string, boolean>();
  const ordered: NetworkLink[] = [];
  /** Whether the link can be made. */
  const visit = (one: ReadLink, above: readonly string[]): boolean => {
    const { id } = one.link;
    const known = done.get(id);
    if (known !== undefined) return known;
    const usable = one.references.map((reference) => {
      const lower = byId.get(reference.id);
      if (!lower) {
        findings.add("error", reference.span, {
          code: "undefined-reference",
          message: `${id} lies on ${reference.id}, which is not there`,
          hint: didYouMean(reference.id, [...byId.keys()]) ?? "describe it under ethernets",
        });
        return false;
      }
      if (reference.id === id || above.includes(reference.id)) {
        findings.add("error", reference.span, {
          code: "link-circle",
          message: `${id} lies on itself: ${[...above, id, reference.id].join(" on ")}`,
        });
        return false;
      }
      return visit(lower, [...above, id]);
    });
    // A bond or a bridge works without one of its members; a VLAN does not without what it lies on.
    const can = one.link.kind !== "vlan" || usable.every(Boolean);
    done.set(id, can);
    if (can)
      ordered.push(
        withoutMembers(
          one.link,
          one.references.filter((_, n) => !usable[n]).map((reference) => reference.id),
        ),
      );
    return can;
  };
  for (const one of byId.values()) visit(one, []);
  return ordered;
}

function withoutMembers(link: NetworkLink, gone: readonly string[]): NetworkLink {
  if (gone.length === 0 || (link.kind !== "bond" && link.kind !== "bridge")) return link;
  return { ...link, members: link.members.filter((member) => !gone.includes(member)) };
}
