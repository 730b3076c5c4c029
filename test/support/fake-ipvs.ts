// An IPVS table in memory behind the port of the real one, with the kernel's answers to impossible calls (ipvs.md §5).

import { unreachable } from "../../src/base/never.ts";
import type { CommandResult, IpvsTable, KernelFailure } from "../../src/kernel/ports.ts";
import { destinationKey, serviceKey } from "../../src/lvs/keys.ts";
import {
  type Destination,
  type IpvsCommand,
  type IpvsTimeouts,
  NOTHING_COUNTED,
  type SeenDestination,
  type SeenService,
  type Service,
  type ServiceEntry,
  type SyncDaemonState,
} from "../../src/lvs/model.ts";

const SCHEDULERS = new Set(["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]);

interface Entry {
  service: Service;
  destinations: Map<string, Destination>;
}

export interface FakeIpvs extends IpvsTable {
  /** Everything that was applied, in order. */
  readonly applied: IpvsCommand[];
  /** The table as `plan` wants it. */
  entries(): ServiceEntry[];
  /** Puts something there behind everybody's back. */
  put(entry: ServiceEntry): void;
  /** Takes a service away behind everybody's back. */
  drop(key: string): void;
  /** Called before each command; an errno name makes it fail. */
  failWith: (command: IpvsCommand) => string | undefined;
  /** Called after each command that was done. */
  onApplied: (command: IpvsCommand) => void;
  /** Connections that a service has counted, by its key. */
  readonly counted: Map<string, number>;
  /** How often the whole table was read, and how often one service. */
  reads: number;
  looks: number;
  /** Called before each reading of one service: it may take time, or throw. */
  onLook: () => void;
}

export function fakeIpvs(initial: readonly ServiceEntry[] = []): FakeIpvs {
  const table = new Map<string, Entry>();
  const daemons = new Map<SyncDaemonState["role"], SyncDaemonState>();
  let timeouts: IpvsTimeouts = { tcp: 900, tcpFin: 120, udp: 300 };
  const put = (entry: ServiceEntry) => {
    const destinations = new Map(entry.destinations.map((d) => [destinationKey(d), d]));
    table.set(serviceKey(entry.service), { service: entry.service, destinations });
  };
  for (const entry of initial) put(entry);

  /** The errno name of the kernel's refusal; undefined when it was done. */
  function applyOne(command: IpvsCommand): string | undefined {
    const key = serviceKey(command.service);
    const entry = table.get(key);
    switch (command.kind) {
      case "addService":
        if (entry) return "EEXIST";
        if (!SCHEDULERS.has(command.service.scheduler)) return "ENOENT";
        table.set(key, { service: command.service, destinations: new Map() });
        return undefined;
      case "editService":
        if (!entry || entry.service.protocol !== command.service.protocol) return "ESRCH";
        if (!SCHEDULERS.has(command.service.scheduler)) return "ENOENT";
        entry.service = command.service;
        return undefined;
      case "deleteService":
        if (!entry || entry.service.protocol !== command.service.protocol) return "ESRCH";
        table.delete(key);
        return undefined;
      case "addDestination":
      case "editDestination": {
        if (entry?.service.protocol !== command.service.protocol) return "ESRCH";
        const { destination } = command;
        const known = entry.destinations.has(destinationKey(destination));
        if (known === (command.kind === "addDestination")) return known ? "EEXIST" : "ENOENT";
        if (destination.weight < 0 || destination.lowerThreshold > destination.upperThreshold) return "ERANGE";
        entry.destinations.set(destinationKey(destination), destination);
        return undefined;
      }
      case "deleteDestination":
        if (entry?.service.protocol !== command.service.protocol) return "ESRCH";
        return entry.destinations.delete(destinationKey(command.destination)) ? undefined : "ENOENT";
      default:
        return unreachable(command);
    }
  }

  const fake: FakeIpvs = {
    transport: "netlink",
    version: "1.2.1",
    applied: [],
    reads: 0,
    looks: 0,
    counted: new Map(),
    onLook: () => {},
    failWith: () => undefined,
    onApplied: () => {},
    entries: () => [...table.values()].map((e) => ({ service: e.service, destinations: [...e.destinations.values()] })),
    put,
    drop: (key) => table.delete(key),
    read() {
      fake.reads++;
      return [...table.values()].map((entry) => seenOf(entry, fake.counted));
    },
    askService(service, last) {
      fake.looks++;
      fake.onLook();
      const entry = table.get(serviceKey(service));
      if (entry?.service.protocol !== service.protocol) return undefined;
      const text = JSON.stringify(seenOf(entry, fake.counted));
      return last && new TextDecoder().decode(last) === text ? last : new TextEncoder().encode(text);
    },
    decodeService: (answer) => JSON.parse(new TextDecoder().decode(answer)),
    apply: (commands) =>
      commands.map((command): CommandResult => {
        const code = fake.failWith(command) ?? applyOne(command);
        if (code === undefined || alreadySo(command, code)) {
          fake.applied.push(command);
          fake.onApplied(command);
          return code === undefined ? { command } : { command, alreadySo: true };
        }
        const failure: KernelFailure = { code, message: `${command.kind} ${serviceKey(command.service)}: ${code}` };
        return { command, failure };
      }),
    flush: () => table.clear(),
    timeouts: () => timeouts,
    setTimeouts(next) {
      timeouts = {
        tcp: next.tcp || timeouts.tcp,
        tcpFin: next.tcpFin || timeouts.tcpFin,
        udp: next.udp || timeouts.udp,
      };
    },
    daemons: () => [...daemons.values()],
    startDaemon(daemon) {
      if (daemons.has(daemon.role)) throw Object.assign(new Error("startDaemon: EEXIST"), { code: "EEXIST" });
      daemons.set(daemon.role, daemon);
    },
    stopDaemon: (role) => void daemons.delete(role),
    setReceiveBuffer() {},
    [Symbol.dispose]() {},
  };
  return fake;
}

function seenOf({ service, destinations }: Entry, counted: ReadonlyMap<string, number>): SeenService {
  const connections = counted.get(serviceKey(service));
  return {
    service: { ...service },
    statistics: connections === undefined ? NOTHING_COUNTED : { ...NOTHING_COUNTED, connections },
    destinations: [...destinations.values()].map(
      (d): SeenDestination => ({
        ...d,
        activeConnections: 0,
        inactiveConnections: 0,
        persistentConnections: 0,
        statistics: NOTHING_COUNTED,
      }),
    ),
  };
}

function alreadySo(command: IpvsCommand, code: string): boolean {
  if (command.kind.startsWith("add")) return code === "EEXIST";
  return command.kind.startsWith("delete") && (code === "ENOENT" || code === "ESRCH");
}
