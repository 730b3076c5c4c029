// Role vrrp: what keepalived's dumps are made of (src/dump), as everything stands now.
import type { Address } from "../../config/model/net.ts";
import type { AddressPlace } from "../../dump/addresses.ts";
import { jsonDump } from "../../dump/json.ts";
import { statisticsDump } from "../../dump/statistics.ts";
import { vrrpDump } from "../../dump/vrrp.ts";
import type { BfdShown, FileShown, InstanceShown, LinkShown, SocketShown, VrrpSource } from "../../dump/vrrp-source.ts";
import { accountText } from "../../kernel/accounts.ts";
import type { Link } from "../../net/model.ts";
import { deviceOf } from "../../net/placement.ts";
import { ipProtocol, isUnicast } from "../../vrrp/wire.ts";
import type { DumpKind } from "../role.ts";
import { isServed } from "../served.ts";
import type { VrrpState } from "./state.ts";
import type { Station } from "./station-record.ts";
import { uses } from "./tracked.ts";

export function dumpOf(role: VrrpState, kind: DumpKind): Iterable<string> | undefined {
  if (role.phase === "stopped") return undefined;
  switch (kind) {
    case "data":
      return vrrpDump(sourceOf(role));
    case "json":
      // keepalived: no file without instances.
      return role.config.vrrp.instances.length > 0 ? jsonDump(sourceOf(role)) : undefined;
    case "stats":
      return statisticsDump(role.router.instances());
    case "stats-clear":
      return clearedBehind(role);
  }
}

/** Each begins at zero from where it was read. */
function* clearedBehind({ router }: VrrpState): Generator<string> {
  for (const { name } of router.instances()) {
    const view = router.instance(name);
    if (!view) continue;
    yield* statisticsDump([view]);
    router.clearCounters(name);
  }
}

function sourceOf(role: VrrpState): VrrpSource {
  const { config, router, trackers } = role;
  const { now, wallMs } = role.now();
  const scripts = config.global.scripts;
  const links = linkIndex(role);
  const { scripts: tracked, processes } = trackers.shown();
  return {
    config,
    wallMs: (mono) => wallMs + (mono - now),
    accountOf: (command) => accountText(command, scripts),
    hasServices: isServed(config) && config.served.length > 0,
    instances: router.instances().flatMap((view) => {
      const station = role.stations.get(view.name);
      return station ? [instanceOf(role, view, station, links)] : [];
    }),
    groups: config.vrrp.syncGroups.flatMap(({ name }) => router.groupStatus(name, role.now()) ?? []),
    scripts: tracked,
    files: filesOf(role),
    processes,
    bfd: sessionsOf(role),
    sockets: socketsOf(role),
    links: linksOf(role, links),
    placeOf: (address) =>
      placeOf(role, links, address.device ?? config.vrrp.global.defaultInterface ?? "eth0", address, false),
  };
}

/** By index. */
type Links = ReadonlyMap<number, Link>;

function linkIndex({ reflector }: VrrpState): Links {
  return reflector.seen.links;
}

function named(links: Links, name: string): Link | undefined {
  return links.values().find((link) => link.name === name);
}

function instanceOf(role: VrrpState, view: InstanceShown["view"], station: Station, links: Links): InstanceShown {
  const { vmac, socket } = station;
  const own = view.config.interface;
  const link = vmac ? named(links, vmac.name) : own === undefined ? undefined : named(links, own);
  return {
    view,
    link,
    below: vmac && named(links, vmac.parent),
    vmacName: vmac?.name ?? "",
    sockets: socket?.fds,
    placeOf(address) {
      return placeOf(role, links, deviceOf(station, address), address, !view.config.accept);
    },
  };
}

function placeOf(
  role: VrrpState,
  links: Links,
  device: string | undefined,
  address: Address,
  isBlocked: boolean,
): AddressPlace {
  const link = device === undefined ? undefined : named(links, device);
  const isSet = device !== undefined && role.tables.has({ ...address, device });
  if (!link) return { isSet, isFiltered: false };
  const below = isVirtual(link) && link.parent !== undefined ? links.get(link.parent) : undefined;
  return {
    link: link.name,
    ...(below && { below: below.name }),
    isSet,
    isFiltered: isSet && isBlocked,
  };
}

function isVirtual({ kind }: Link): boolean {
  return kind === "macvlan" || kind === "ipvlan";
}

function filesOf({ config, trackers }: VrrpState): readonly FileShown[] {
  const values = new Map(
    trackers.facts().flatMap((fact) => (fact.kind === "file" ? [[fact.name, fact.value ?? 0]] : [])),
  );
  const used = uses(config, "files");
  return config.vrrp.files
    .filter(({ name }) => used.has(name))
    .map((file) => ({ file, value: values.get(file.name) ?? 0 }));
}

function sessionsOf({ config, trackers }: VrrpState): readonly BfdShown[] {
  const up = new Set(trackers.facts().flatMap((fact) => (fact.kind === "bfd" && fact.up ? [fact.name] : [])));
  const shown = config.bfd.filter(({ forVrrp }) => forVrrp);
  return shown.map(({ name, weight, reverse }) => ({ name, weight, reverse, isUp: up.has(name) }));
}

/** One for each pair, with those who share it. */
function socketsOf({ router, stations }: VrrpState): readonly SocketShown[] {
  const pairs = new Map<string, SocketShown & { readonly instances: { name: string; vrid: number }[] }>();
  for (const { config, source } of router.instances()) {
    const station = stations.get(config.name);
    const socket = station?.socket;
    if (!socket) continue;
    const { name, vrid } = config;
    const known = pairs.get(socket.key);
    if (known) known.instances.push({ name, vrid });
    else
      pairs.set(socket.key, {
        ...socket.fds,
        interface: station.link?.name ?? config.interface ?? "",
        vrf: config.vrf,
        family: config.family,
        protocol: ipProtocol(config) === 51 ? 51 : 112,
        source: isUnicast(config) ? source : undefined,
        receiveBufferBytes: socket.receiveBufferBytes ?? 0,
        instances: [{ name, vrid }],
      });
  }
  return [...pairs.values()];
}

function linksOf({ reflector, config, stations }: VrrpState, links: Links): readonly LinkShown[] {
  const ours = new Set(
    [...stations.values()].flatMap(({ vmac, addressVmacs }) => [
      vmac?.name,
      ...[...addressVmacs.values()].map(({ name }) => name),
    ]),
  );
  const polled = new Set(config.vrrp.instances.flatMap((one) => (one.linkbeatUsePolling ? [one.interface] : [])));
  for (const one of config.vrrp.linkbeat) polled.add(one.interface);
  const { instances, staticAddresses } = config.vrrp;
  const addressesOfAll = instances.flatMap((one) => [...one.virtualAddresses, ...one.excludedAddresses]);
  const virtual = new Set([...addressesOfAll, ...staticAddresses].map(({ ip }) => ip));
  const addresses = Map.groupBy(reflector.seen.addresses.values(), ({ index }) => index);
  return [...links.values()]
    .sort((a, b) => a.index - b.index)
    .map((link) => ({
      link,
      below: isVirtual(link) && link.parent !== undefined ? links.get(link.parent) : undefined,
      // keepalived: its own ones are not an interface's.
      addresses: (addresses.get(link.index) ?? []).filter(({ ip }) => !virtual.has(ip)),
      isOurs: ours.has(link.name),
      isPolled: config.vrrp.linkbeatUsePolling || polled.has(link.name),
      vrf: link.master === undefined ? undefined : vrfName(links.get(link.master)),
    }));
}

function vrfName(link: Link | undefined): string | undefined {
  return link?.vrfTable === undefined ? undefined : link.name;
}
