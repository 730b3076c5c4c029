// Adapter: virtual interfaces (macvlan, ipvlan) for use_vmac and use_ipvlan: made or taken over, with the settings that make ARP and
// routing behave, and removed with the settings of the parent put back as they were found (trap R3).
import { SyscallError } from "../../ffi/errno.ts";
import { familyOf } from "../base/ip.ts";
import type { Log } from "../base/log.ts";
import { addAddress } from "../net/addresses.ts";
import {
  createLink,
  deleteLink,
  retellLink,
  setIpv4Settings,
  setLinkUp,
  setNoAddressGeneration,
} from "../net/links.ts";
import { IFA_F_NODAD, IFF_UP, type Link, type SeenTables } from "../net/model.ts";
import { looseReversePath, parentSettings } from "../net/sysctls.ts";
import { linkLocalOf, lowerIndex, newLinkOf, presenceOf, type VirtualInterface } from "../net/vmac.ts";
import type { Rtnetlink } from "./rtnetlink.ts";
import type { SysctlKeeper } from "./sysctl.ts";

export type VmacResult =
  | {
      readonly ok: true;
      readonly link: Link;
      readonly parent: Link;
      /** It was there, with whatever is on it. */
      readonly adopted: boolean;
      /** IPv6: the parent's link-local address, now on the virtual interface too. */
      readonly linkLocal?: string;
    }
  /** In words: `no interface eth7`, `vrrp.51 is a bridge, not a macvlan`. */
  | { readonly ok: false; readonly reason: string };

export interface VirtualInterfaces {
  /**
   * Makes it, or takes over the one that is there, and brings it up. To be called again when the parent has come back. `seen` may
   * be older than what this itself changed; the result's link is current.
   */
  ensure(wish: VirtualInterface, seen: SeenTables): VmacResult;
  /** Removes it, and puts the parent's settings back when no other needs them. Gone already is fine. */
  remove(name: string): void;
  /** Settings of the parent back, but the interface stays (`--dont-release-vrrp`). */
  forget(name: string): void;
  /** Those that there are. */
  names(): readonly string[];
}

export function openVirtualInterfaces(commands: Rtnetlink, sysctl: SysctlKeeper, log: Log): VirtualInterfaces {
  const made = new Map<string, VirtualInterface>();

  function ensure(wish: VirtualInterface, seen: SeenTables): VmacResult {
    const parent = commands.link(wish.parent);
    if (!parent) return { ok: false, reason: `no interface ${wish.parent}` };
    const there = commands.link(wish.name);
    const links = new Map([parent, ...(there ? [there] : [])].map((link) => [link.index, link]));
    const presence = presenceOf(wish, { links });
    if (presence.kind === "stranger")
      return { ok: false, reason: `${wish.name} is a ${presence.link.kind ?? "device"}, not a ${wish.form.kind}` };
    if (presence.kind === "replace") commands.request(deleteLink(presence.link.index));
    if (presence.kind !== "adopt") commands.request(createLink(newLinkOf(wish, parent, isVrf(parent, seen))));
    const link = commands.link(wish.name);
    if (!link) return { ok: false, reason: `${wish.name} vanished while it was made` };
    made.set(wish.name, wish);
    if (presence.kind !== "adopt") retell(wish, parent);
    configure(wish, link, parent, seen);
    if ((link.flags & IFF_UP) === 0) commands.request(setLinkUp(link.index));
    const linkLocal =
      wish.family === 6 && wish.form.kind === "macvlan" ? copyLinkLocal(wish, link, parent, seen) : undefined;
    // Like the link-local address without our mark: both go with the link, and what is marked and nobody wants is taken away.
    const own = wish.address;
    if (own) {
      const family = familyOf(own.ip);
      const flags = family === 6 ? IFA_F_NODAD : 0;
      const address = { family, index: link.index, ...own, flags };
      attempt(`address of ${wish.name}`, () => commands.request(addAddress(address)));
    }
    const current = commands.link(wish.name) ?? link;
    return {
      ok: true,
      link: current,
      parent,
      adopted: presence.kind === "adopt",
      ...(linkLocal !== undefined && { linkLocal }),
    };
  }

  /** kernel: a parent without unicast filtering (a bridge) becomes promiscuous and says nothing of it. */
  function retell(wish: VirtualInterface, parent: Link): void {
    if (wish.notifyParent) attempt(`news of ${wish.parent}`, () => commands.request(retellLink(parent)));
  }

  /** Why each: rtnl.md §4. */
  function configure(wish: VirtualInterface, link: Link, parent: Link, seen: SeenTables): void {
    const owner = ownerOf(wish.name);
    const lower = seen.links.get(lowerIndex(wish.form, parent) ?? parent.index) ?? parent;
    if (wish.family === 4) {
      commands.request(
        setIpv4Settings(link.index, [
          ["arp_ignore", 1],
          ["accept_local", 1],
          ["rp_filter", 0],
          ["promote_secondaries", 1],
        ]),
      );
      // Another virtual interface may have moved a strict `all` already: it is needed as long as any of them is there.
      const others = sysctl.list("net/ipv4/conf").filter((name) => name !== link.name && !made.has(name));
      sysctl.want(owner, [
        ...parentSettings(new Set([parent.name, lower.name])),
        ...looseReversePath(sysctl.original("net/ipv4/conf/all/rp_filter"), others),
      ]);
      if (wish.form.kind === "macvlan") sysctl.write(`net/ipv6/conf/${link.name}/disable_ipv6`, "1");
    } else commands.request(setIpv4Settings(link.index, [["arp_ignore", 1]]));
    attempt(`addr_gen_mode of ${link.name}`, () => commands.request(setNoAddressGeneration(link.index)));
  }

  /** Adverts must come from a link-local address (RFC 9568 §5.1.2.1), and this interface makes none of its own. */
  function copyLinkLocal(wish: VirtualInterface, link: Link, parent: Link, seen: SeenTables): string | undefined {
    const found = linkLocalOf(seen, parent.index);
    if (!found) {
      log({ level: "warning", area: "vrrp", message: `${wish.parent} has no link-local address for ${wish.name}` });
      return undefined;
    }
    const address = { family: 6 as const, index: link.index, ...found, flags: IFA_F_NODAD };
    attempt(`link-local address of ${wish.name}`, () => commands.request(addAddress({ ...address, preferredS: 0 })));
    return found.ip;
  }

  function attempt(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.code === "EEXIST") return;
      log({ level: "warning", area: "vrrp", message: `${what} can't be set: ${error.message}` });
    }
  }

  function forget(name: string): void {
    made.delete(name);
    sysctl.want(ownerOf(name), []);
  }

  return {
    ensure(wish, seen) {
      try {
        return ensure(wish, seen);
      } catch (error) {
        if (error instanceof SyscallError) return { ok: false, reason: error.message };
        throw error;
      }
    },
    remove(name) {
      const wish = made.get(name);
      if (!wish) return;
      attempt(`removal of ${name}`, () => {
        const link = commands.link(name);
        if (link) commands.request(deleteLink(link.index));
        const parent = commands.link(wish.parent);
        if (parent) retell(wish, parent);
      });
      forget(name);
    },
    forget,
    names: () => [...made.keys()],
  };
}

function ownerOf(name: string): string {
  return `vmac ${name}`;
}

function isVrf(link: Link, seen: SeenTables): boolean {
  const master = link.master === undefined ? undefined : seen.links.get(link.master);
  return master?.kind === "vrf";
}
