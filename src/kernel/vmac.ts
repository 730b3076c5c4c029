// Adapter: virtual interfaces (macvlan, ipvlan) for use_vmac and use_ipvlan: made, taken over or put right as the core plans it
// (net/vmac-plan.ts), and removed with the settings of the parent put back as they were found (trap R3).
import { SyscallError } from "../../ffi/errno.ts";
import type { Log } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import { addAddress } from "../net/addresses.ts";
import {
  createLink,
  deleteLink,
  retellLink,
  setIpv4Settings,
  setLinkUp,
  setNoAddressGeneration,
} from "../net/links.ts";
import type { Link, SeenTables } from "../net/model.ts";
import { looseReversePath, parentSettings } from "../net/sysctls.ts";
import { lowerIndex, type VirtualInterface } from "../net/vmac.ts";
import { describeDrift, planVirtual, type VirtualStep } from "../net/vmac-plan.ts";
import type { Rtnetlink } from "./rtnetlink.ts";
import type { SysctlKeeper } from "./sysctl.ts";

export type VmacResult =
  | {
      readonly ok: true;
      readonly link: Link;
      readonly parent: Link;
      /** It was there, with whatever is on it. */
      readonly adopted: boolean;
      /** One that was set up before was not as wanted any more: what was put right. */
      readonly putRight?: string;
    }
  /** In words: `no interface eth7`, `vrrp.51 is a bridge, not a macvlan`. */
  | { readonly ok: false; readonly reason: string };

export interface VirtualInterfaces {
  /**
   * Makes it, takes over the one that is there, or puts it right, whatever of that is needed; of one that is as wanted the kernel is not
   * asked. `seen` may be older than what this itself changed; the result's link is current.
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
  /** Those of them that were set up to the end, with the index of the parent: on another one of that name they are made for the first time. */
  const ready = new Map<string, number>();
  /** What could not be set, with why: said once. */
  const troubles = new Map<string, string>();

  function ensure(wish: VirtualInterface, seen: SeenTables): VmacResult {
    const heard = planVirtual(wish, seen, isReady(wish, seen));
    if (isReady(wish, seen) && heard.ok && heard.link && heard.steps.length === 0)
      return { ok: true, link: heard.link, parent: heard.parent, adopted: true };
    const tables = current(wish, seen);
    const plan = planVirtual(wish, tables, isReady(wish, tables));
    if (!plan.ok) return plan;
    const putRight = isReady(wish, tables) ? describeDrift(plan.steps) : "";
    if (putRight !== "")
      log({ level: "warning", area: "vrrp", message: `${wish.name} was not as wanted, put right: ${putRight}` });
    ready.delete(wish.name);
    if (plan.link) made.set(wish.name, wish);
    let { link } = plan;
    for (const step of plan.steps) link = take(wish, step, link);
    const there = commands.link(wish.name);
    if (!there) return { ok: false, reason: `${wish.name} vanished while it was made` };
    wantSettings(wish, plan.parent, seen);
    ready.set(wish.name, plan.parent.index);
    return {
      ok: true,
      link: there,
      parent: plan.parent,
      adopted: plan.link !== undefined,
      ...(putRight !== "" && { putRight }),
    };
  }

  function isReady({ name, parent }: VirtualInterface, { links }: Pick<SeenTables, "links">): boolean {
    const index = ready.get(name);
    return index !== undefined && links.get(index)?.name === parent;
  }

  /** `seen` may be older than what this itself changed. */
  function current(
    { name, parent }: VirtualInterface,
    { links, addresses }: SeenTables,
  ): Pick<SeenTables, "links" | "addresses"> {
    const others = [...links.values()].filter((link) => link.name !== name && link.name !== parent);
    const asked = [commands.link(parent), commands.link(name)].filter((link) => link !== undefined);
    return { links: new Map([...others, ...asked].map((link) => [link.index, link])), addresses };
  }

  /** `link`: the one that it is about; what there is of it now is given back. */
  function take(wish: VirtualInterface, step: VirtualStep, link: Link | undefined): Link | undefined {
    switch (step.kind) {
      case "delete":
        commands.request(deleteLink(step.link.index));
        return undefined;
      case "create":
        commands.request(createLink(step.link));
        made.set(wish.name, wish);
        return commands.link(wish.name);
      case "retell":
        retell(wish, step.parent);
        return link;
      case "disable-ipv6":
        sysctl.write(`net/ipv6/conf/${wish.name}/disable_ipv6`, "1");
        return link;
      default:
        if (link) takeOn(wish, step, link.index);
        return link;
    }
  }

  function takeOn(wish: VirtualInterface, step: LinkStep, index: number): void {
    switch (step.kind) {
      case "settings":
        commands.request(setIpv4Settings(index, step.values));
        return;
      case "no-address-generation":
        attempt(`addr_gen_mode of ${wish.name}`, () => commands.request(setNoAddressGeneration(index)));
        return;
      case "up":
        commands.request(setLinkUp(index));
        return;
      case "address":
        attempt(step.what, () => commands.request(addAddress({ ...step.address, index })));
        return;
      default:
        unreachable(step);
    }
  }

  /** kernel: a parent without unicast filtering (a bridge) becomes promiscuous and says nothing of it. */
  function retell(wish: VirtualInterface, parent: Link): void {
    if (wish.notifyParent) attempt(`news of ${wish.parent}`, () => commands.request(retellLink(parent)));
  }

  /** Of those below, as long as this one is there. Audited as all settings are. */
  function wantSettings(wish: VirtualInterface, parent: Link, seen: SeenTables): void {
    if (wish.family !== 4) return;
    const lower = seen.links.get(lowerIndex(wish.form, parent) ?? parent.index) ?? parent;
    // Another virtual interface may have moved a strict `all` already: it is needed as long as any of them is there.
    const others = sysctl.list("net/ipv4/conf").filter((name) => !made.has(name));
    sysctl.want(ownerOf(wish.name), [
      ...parentSettings(new Set([parent.name, lower.name])),
      ...looseReversePath(sysctl.original("net/ipv4/conf/all/rp_filter"), others),
    ]);
  }

  function attempt(what: string, run: () => void): void {
    try {
      run();
      troubles.delete(what);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.code === "EEXIST" || troubles.get(what) === error.code) return;
      troubles.set(what, error.code);
      log({ level: "warning", area: "vrrp", message: `${what} can't be set: ${error.message}` });
    }
  }

  function forget(name: string): void {
    made.delete(name);
    ready.delete(name);
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

type LinkStep = Exclude<VirtualStep, { readonly kind: "delete" | "create" | "retell" | "disable-ipv6" }>;
