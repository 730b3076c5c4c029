// Process layer, appliance: keeps the network as network.yaml and DHCP want it: what came late or was taken away is put right, what is no
// longer wanted goes, name servers follow. Each fault is told once.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLeases } from "../../appliance/network/lease.ts";
import type { Network } from "../../appliance/network/model.ts";
import { resolverOf } from "../../appliance/network/resolver.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import { sameValue } from "../../base/same-value.ts";
import { linkByName } from "../../net/model.ts";
import type { DhcpClients } from "./dhcp.ts";
import { bringUp, type NetworkPorts } from "./network.ts";
import { retire } from "./network-retire.ts";

/** Cards whose drivers come late, links that somebody took away. */
const LOOK_MS = 2000;
/** While a DHCP server is waited for. */
const LOOK_SOON_MS = 250;

export interface NetworkKeeperPorts extends NetworkPorts {
  readonly clock: Clock;
  say(level: Level, message: string): void;
  readonly dhcp: DhcpClients;
  /** Before each look: hardware that came. */
  lookForHardware(): void;
  /** After names were given to cards. */
  keepNames(): void;
  /** Puts another text into resolv.conf. @throws Error */
  resolve(text: string): void;
  /** Servers of time that DHCP named; called when they change. */
  timeServers(servers: readonly string[]): void;
}

export interface NetworkKeeper {
  /** This network is wanted from now on. */
  apply(network: Network): void;
  /** What is wrong at this moment. */
  faults(): readonly string[];
  stop(): Promise<void>;
}

export function createNetworkKeeper(ports: NetworkKeeperPorts): NetworkKeeper {
  const { clock, say, dhcp } = ports;
  let wished: Network = { links: [] };
  /** With what DHCP said: what was brought up last. */
  let current: Network = wished;
  let told: readonly string[] = [];
  let resolver = "";
  let served = "";
  let cancel: Cancel = () => {};

  function look(): void {
    cancel();
    try {
      ports.lookForHardware();
      const { leases, faults: unanswered } = dhcp.look();
      const next = withLeases(wished, leases);
      const faults: string[] = [...unanswered];
      if (next !== current && !sameValue(next, current)) faults.push(...retire(current, next, ports.rtnetlink));
      current = next;
      const known = ports.firstNames.size;
      faults.push(...bringUp(next, ports));
      if (ports.firstNames.size !== known) ports.keepNames();
      askServers();
      faults.push(...resolve(next));
      const times = [...leases.values()].flatMap(({ timeServers }) => timeServers);
      if (times.join() !== served) ports.timeServers(times);
      served = times.join();
      for (const fault of faults) if (!told.includes(fault)) say("error", `network: ${fault}`);
      for (const fault of told) if (!faults.includes(fault)) say("info", `network: no longer: ${fault}`);
      told = faults;
    } catch (error) {
      say("error", `network: ${messageOf(error)}`);
    }
    cancel = clock.at(clock.now() + (dhcp.isWaiting() ? LOOK_SOON_MS : LOOK_MS), look);
  }

  /** A client needs a link that is there; one that went and came again has another. */
  function askServers(): void {
    const asking = wished.links.filter(({ dhcp4 }) => dhcp4);
    const seen = asking.length > 0 ? ports.rtnetlink.read({ routeProtocols: [], rules: false }) : undefined;
    dhcp.want(asking.filter(({ name }) => seen && linkByName(seen, name) !== undefined));
  }

  function resolve(network: Network): readonly string[] {
    const { text, faults } = resolverOf(network);
    if (text === resolver) return faults;
    try {
      ports.resolve(text);
      resolver = text;
      return faults;
    } catch (error) {
      return [...faults, `resolv.conf: ${messageOf(error)}`];
    }
  }

  return {
    apply(network) {
      wished = network;
      look();
    },
    faults: () => told,
    stop() {
      cancel();
      return dhcp.stop();
    },
  };
}

/** A setting of a link below /proc/sys/net. @throws Error ENOENT */
export function setLinkSetting(path: string, value: string): void {
  writeFileSync(join("/proc/sys/net", path), value);
}
