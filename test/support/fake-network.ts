// The kernel's links, addresses, routes and rules in memory, behind the port of the reflector: what the role asks for is done and told
// as its own, what a test does is somebody else's.

import { formatIp, ipBytes } from "../../src/base/ip.ts";
import type { Reflector } from "../../src/kernel/reflector.ts";
import type { VirtualInterfaces } from "../../src/kernel/vmac.ts";
import { MACVLAN_MODE_PRIVATE } from "../../src/net/links.ts";
import { addressKey, IFF_RUNNING, IFF_UP, type InterfaceAddress, type Link, linkByName } from "../../src/net/model.ts";
import type { NetCommand } from "../../src/net/plan.ts";
import type { NetMessage } from "../../src/net/rtnetlink.ts";
import { applyMessage, differences, emptyState, type NetEvent } from "../../src/net/seen.ts";
import { describeDrift, planVirtual } from "../../src/net/vmac-plan.ts";

export interface FakeNetwork {
  /** A link that works, with this index. */
  addLink(name: string, index: number, more?: Partial<Link>): void;
  /** The link has no carrier any more, or has one again. */
  setCarrier(name: string, carrier: boolean): void;
  removeLink(name: string): void;
  addAddress(link: string, ip: string, prefix?: number, more?: Partial<InterfaceAddress>): void;
  removeAddress(link: string, ip: string, by?: number): void;
  /** As removeLink(), but nobody is told: only an audit finds it. */
  loseLink(name: string): void;
  /** As removeAddress(), but nobody is told: only an audit finds it. */
  loseAddress(link: string, ip: string): void;
  /** `192.0.2.100/32 eth0`, sorted. */
  addresses(): readonly string[];
  /** Every command, in order: `add-address 192.0.2.100`. */
  readonly commands: string[];
  /** Called after each of them: somebody else may act in between. */
  onCommand: (command: string) => void;
  /** What a rehearsal went through. */
  readonly rehearsed: string[];
  /** Times that all tables were read. */
  audits(): number;
  openReflector(onEvents: (events: readonly NetEvent[]) => void): Reflector;
  readonly virtuals: VirtualInterfaces;
}

export function fakeNetwork(): FakeNetwork {
  /** What there is, and what the role has heard of it. */
  const there = emptyState();
  const seen = emptyState();
  const commands: string[] = [];
  const rehearsed: string[] = [];
  const made = new Set<string>();
  let onEvents: (events: readonly NetEvent[]) => void = () => {};
  let echo: NetEvent[] = [];
  let revision = 0;
  let audits = 0;
  let nextIndex = 100;

  function change(message: NetMessage, ours: boolean): readonly NetEvent[] {
    applyMessage(there, message, () => true, ours);
    revision++;
    return applyMessage(seen, message, () => true, ours);
  }

  function stranger(message: NetMessage, by?: number): void {
    const events = change(message, false);
    onEvents(events.map((event) => (by === undefined ? event : { ...event, by })));
  }

  function link(name: string): Link {
    const found = linkByName(there, name);
    if (!found) throw new Error(`no link ${name}`);
    return found;
  }

  function addressOn(name: string, ip: string): InterfaceAddress {
    const { index } = link(name);
    for (const address of there.addresses.values())
      if (address.index === index && address.ip === formatIp(ipBytes(ip))) return address;
    throw new Error(`no address ${ip} on ${name}`);
  }

  function execute(command: NetCommand): void {
    commands.push(textOf(command));
    echo.push(...change(messageOf(command), true));
    network.onCommand(textOf(command));
  }

  function settle(): void {
    const events = echo;
    echo = [];
    if (events.length > 0) onEvents(events);
  }

  const network: FakeNetwork = {
    onCommand: () => {},
    addLink(name, index, more = {}) {
      const mac = `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`;
      const base = { index, name, flags: IFF_UP | IFF_RUNNING, mtu: 1500, hardwareType: 1, mac, group: 0 };
      stranger({ removed: false, object: { kind: "link", link: { ...base, ...more } } });
    },
    setCarrier(name, carrier) {
      const before = link(name);
      const flags = carrier ? before.flags | IFF_RUNNING : before.flags & ~IFF_RUNNING;
      stranger({ removed: false, object: { kind: "link", link: { ...before, flags } } });
    },
    removeLink: (name) => stranger({ removed: true, object: { kind: "link", link: link(name) } }),
    addAddress(name, ip, prefix = 24, more = {}) {
      const family = ip.includes(":") ? 6 : 4;
      const address = {
        family,
        index: link(name).index,
        ip: formatIp(ipBytes(ip)),
        prefix,
        flags: 0x80,
        ...more,
      } as const;
      stranger({ removed: false, object: { kind: "address", address } });
    },
    removeAddress: (name, ip, by) =>
      stranger({ removed: true, object: { kind: "address", address: addressOn(name, ip) } }, by),
    loseLink: (name) => void there.links.delete(link(name).index),
    loseAddress(name, ip) {
      there.addresses.delete(addressKey(addressOn(name, ip)));
    },
    addresses: () =>
      [...there.addresses.values()]
        .map(({ ip, prefix, index }) => `${ip}/${prefix} ${there.links.get(index)?.name}`)
        .toSorted(),
    commands,
    rehearsed,
    audits: () => audits,
    openReflector(heard) {
      onEvents = heard;
      return {
        seen,
        get revision() {
          return revision;
        },
        counters: () => ({ messages: revision, foreignRoutes: 0, strangers: 0, overruns: 0, resyncs: 0, missed: 0 }),
        drain() {},
        apply(list) {
          for (const command of list) execute(command);
          return list.map((command) => ({ command, meaning: "done" as const }));
        },
        settle,
        rehearse: (list) => void rehearsed.push(...list.map(textOf)),
        audit() {
          audits++;
          const missed = differences(seen, there);
          for (const table of ["links", "addresses", "routes", "rules"] as const) {
            const from: ReadonlyMap<unknown, unknown> = there[table];
            const to: Map<unknown, unknown> = seen[table];
            to.clear();
            for (const [key, value] of from) to.set(key, value);
          }
          if (missed.length > 0) {
            revision++;
            onEvents(missed);
          }
          return missed.length;
        },
        setScope() {},
        setReceiveBuffer() {},
        [Symbol.dispose]() {},
      };
    },
    virtuals: {
      ensure(wish) {
        const parent = linkByName(there, wish.parent);
        if (!parent) return { ok: false, reason: `no interface ${wish.parent}` };
        const before = linkByName(there, wish.name);
        const plan = planVirtual(wish, seen, made.has(wish.name));
        if (plan.ok && plan.link && plan.steps.length === 0)
          return { ok: true, link: plan.link, parent, adopted: true };
        const mac = wish.form.kind === "macvlan" ? wish.form.mac : (parent.mac ?? "");
        const putRight = made.has(wish.name) && plan.ok ? describeDrift(plan.steps) : undefined;
        const own: Link = before ?? {
          ...parent,
          index: nextIndex++,
          name: wish.name,
          kind: wish.form.kind,
          parent: parent.index,
          ...(wish.form.kind === "macvlan" ? { mode: MACVLAN_MODE_PRIVATE } : {}),
          mac,
        };
        commands.push(`ensure ${wish.name}`);
        made.add(wish.name);
        echo.push(...change({ removed: false, object: { kind: "link", link: { ...own, flags: parent.flags } } }, true));
        return {
          ...{ ok: true, link: own, parent, adopted: before !== undefined },
          ...(putRight !== undefined && { putRight }),
        };
      },
      remove(name) {
        made.delete(name);
        commands.push(`remove ${name}`);
        const own = linkByName(there, name);
        if (own) echo.push(...change({ removed: true, object: { kind: "link", link: own } }, true));
      },
      forget: (name) => void made.delete(name),
      names: () => [...made],
    },
  };
  return network;
}

function messageOf(command: NetCommand): NetMessage {
  const removed = command.kind.startsWith("delete-");
  if ("address" in command) return { removed, object: { kind: "address", address: command.address } };
  if ("route" in command) return { removed, object: { kind: "route", route: command.route } };
  return { removed, object: { kind: "rule", rule: command.rule } };
}

function textOf(command: NetCommand): string {
  if ("address" in command) return `${command.kind} ${command.address.ip}`;
  if ("route" in command) return `${command.kind} ${command.route.destination.ip}`;
  return `${command.kind} ${command.rule.priority}`;
}
