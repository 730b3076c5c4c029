// Role vrrp: the one writer of the packet filter. What is wanted is one wish, made of the configuration (services, families that may be
// blocked), of what instances own (addresses that accept nothing) and of the virtual MACs there are; the plan is net/nft-vrrp.ts.
import { SyscallError } from "../../../ffi/errno.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpFirewall } from "../../kernel/nftables.ts";
import {
  type BlockedAddress,
  type FirewallSettings,
  type FirewallWish,
  firewallSettings,
  NO_FIREWALL,
  type VirtualMac,
} from "../../net/firewall-wish.ts";
import { addressesOf } from "../../net/placement.ts";
import { needsFirewall, servedOf } from "../served.ts";

export interface PacketFilter {
  /** Takes another configuration. What nothing needs any more stays until close(). */
  configure(config: Config): void;
  /** The virtual interfaces there are. */
  setVirtualMacs(vmacs: readonly VirtualMac[]): void;
  /** Before addresses are added: these are blocked from now on, beside those that are. */
  widen(blocked: readonly BlockedAddress[]): void;
  /** After others are removed: these are blocked, and no more. */
  narrow(blocked: readonly BlockedAddress[]): void;
  /** Does all of widen() but the transaction. */
  rehearse(blocked: readonly BlockedAddress[]): void;
  /** True when somebody else had changed it, and it was made anew. */
  audit(): boolean;
  /** Takes it away when the configuration needs none. `leftBehind`: a process that died may have left one, and what it blocks is unreachable. */
  tidy(leftBehind: boolean): void;
  /** Takes it away. */
  remove(): void;
  /** Lets go of it; what is in the kernel stays. */
  close(): void;
}

/** `open` is called only when the configuration needs a packet filter. @throws SyscallError when the kernel has none */
export function createPacketFilter(open: (settings: FirewallSettings) => VrrpFirewall, log: Log): PacketFilter {
  let firewall: VrrpFirewall | undefined;
  let settings = firewallSettings({ nftables: { priority: -1, counters: false, ifindex: false } });
  let isNeeded = false;
  let wish: FirewallWish = NO_FIREWALL;

  function told(failure: { readonly message: string } | undefined): void {
    if (failure) log({ level: "error", area: "vrrp", message: `packet filter: ${failure.message}` });
  }

  function want(change: Partial<FirewallWish>): void {
    wish = { ...wish, ...change };
    told(firewall?.apply(wish));
  }

  function openAnew(next: FirewallSettings): void {
    const old = { firewall, table: settings.table };
    settings = next;
    try {
      firewall = open(settings);
    } catch (error) {
      firewall = undefined;
      const reason = messageOf(error);
      const message = `no packet filter here, so no_accept and virtual MACs go without: ${reason}`;
      log({ level: "error", area: "vrrp", message });
    }
    // The next one first: what is blocked stays so throughout. One of the same name takes the place of the old one by itself.
    if (firewall) want({});
    if (!old.firewall) return;
    if (old.table !== settings.table) told(old.firewall.remove());
    old.firewall[Symbol.dispose]();
  }

  return {
    configure(config) {
      const { instances, global } = config.vrrp;
      const next = firewallSettings(global);
      isNeeded = needsFirewall(config);
      if (firewall ? !sameSettings(settings, next) : isNeeded) openAnew(next);
      else if (!firewall) settings = next;
      if (!firewall) return;
      const blockable = instances.filter((instance) => !instance.accept).flatMap(addressesOf);
      const services = servedOf(config);
      const ready = [...new Set(blockable.map(({ family }) => family))];
      if (JSON.stringify({ services, ready }) !== JSON.stringify({ services: wish.services, ready: wish.ready }))
        want({ services, ready });
    },
    setVirtualMacs(vmacs) {
      if (vmacs.length > 0 || wish.vmacs.length > 0) want({ vmacs });
    },
    widen(blocked) {
      const more = without(blocked, wish.blocked);
      if (more.length > 0) want({ blocked: [...wish.blocked, ...more] });
    },
    narrow(blocked) {
      if (without(wish.blocked, blocked).length > 0) want({ blocked });
    },
    rehearse(blocked) {
      const more = without(blocked, wish.blocked);
      if (more.length > 0) firewall?.rehearse({ ...wish, blocked: [...wish.blocked, ...more] });
    },
    audit() {
      if (!firewall?.audit()) return false;
      log({ level: "warning", area: "vrrp", message: "the packet filter was changed by somebody else, made anew" });
      return true;
    },
    tidy(leftBehind) {
      if (isNeeded || !(firewall || leftBehind)) return;
      try {
        firewall ??= open(settings);
        told(firewall.remove());
        firewall[Symbol.dispose]();
      } catch (error) {
        // Without a packet filter in the kernel there is none of ours.
        if (!(error instanceof SyscallError)) throw error;
      }
      firewall = undefined;
    },
    remove() {
      wish = NO_FIREWALL;
      told(firewall?.remove());
    },
    close: () => firewall?.[Symbol.dispose](),
  };
}

function sameSettings(a: FirewallSettings, b: FirewallSettings): boolean {
  return a.table === b.table && a.priority === b.priority && a.counters === b.counters && a.ifindex === b.ifindex;
}

/** Those of `list` that are not in `others`. */
function without(list: readonly BlockedAddress[], others: readonly BlockedAddress[]): readonly BlockedAddress[] {
  const keys = new Set(others.map(({ ip, index }) => `${ip} ${index}`));
  return list.filter(({ ip, index }) => !keys.has(`${ip} ${index}`));
}
