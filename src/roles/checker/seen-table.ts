// Role checker: the IPVS table as the kernel last showed it, with what we did since. Read whole where it is all new, one service at a
// time where it is looked after.
import type { IpvsTable, ServiceAnswer } from "../../kernel/ports.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import {
  type IpvsCommand,
  NOTHING_COUNTED,
  type SeenDestination,
  type SeenService,
  type Service,
  type ServiceKey,
  type Statistics,
} from "../../lvs/model.ts";
import { type PresentService, sameDestination, sameService } from "../../lvs/plan.ts";

/** What a look at a service found: as it was, only its counters moved, or something else. */
export type Look = "same" | "counted" | "other";

export interface SeenTable {
  has(key: string): boolean;
  /** A service; its destinations in the order in which they were added. */
  get(key: string): SeenService | undefined;
  destination(key: string, name: string): SeenDestination | undefined;
  /** All of them, or those of some keys, as a plan takes them. */
  present(keys?: Iterable<string>): PresentService[];
  /** @throws SyscallError */
  readAll(): void;
  /** Looks at one in the kernel. @param service its key for the kernel @throws SyscallError */
  look(key: string, service: ServiceKey): Look;
  /** A command was done. */
  remember(command: IpvsCommand): void;
}

interface Known {
  readonly service: Service;
  readonly statistics: Statistics;
  readonly destinations: Map<string, SeenDestination>;
}

const UNUSED = {
  activeConnections: 0,
  inactiveConnections: 0,
  persistentConnections: 0,
  statistics: NOTHING_COUNTED,
};

/** Nothing is read yet. */
export function createSeenTable(table: Pick<IpvsTable, "read" | "askService" | "decodeService">): SeenTable {
  let services = new Map<string, Known>();
  /** What the kernel said at the last look; of a service that we changed since there is none. */
  const answers = new Map<string, ServiceAnswer>();

  function look(key: string, service: ServiceKey): Look {
    const before = services.get(key);
    const last = answers.get(key);
    // kernel: a fwmark service answers only to the protocol that it was made with (ipvs.md §1.2).
    const protocol = before?.service.protocol ?? service.protocol;
    const answer = table.askService(protocol === service.protocol ? service : { ...service, protocol }, last);
    if (answer !== undefined && answer === last) return "same";
    const found = answer && table.decodeService(answer);
    if (!answer || !found) {
      answers.delete(key);
      services.delete(key);
      return before ? "other" : "same";
    }
    answers.set(key, answer);
    const now = knownOf(found);
    const is = before ? compare(before, now) : "other";
    // Where nothing moved the old ones stay: a large table makes nothing new.
    if (is !== "same") services.set(key, now);
    return is;
  }

  function remember(command: IpvsCommand): void {
    const key = serviceKey(command.service);
    const entry = services.get(key);
    answers.delete(key);
    switch (command.kind) {
      case "addService":
        services.set(key, { service: command.service, statistics: NOTHING_COUNTED, destinations: new Map() });
        break;
      case "editService":
        if (entry) services.set(key, { ...entry, service: command.service });
        break;
      case "deleteService":
        services.delete(key);
        break;
      case "addDestination":
      case "editDestination": {
        const name = destinationKey(command.destination);
        const { activeConnections, inactiveConnections, persistentConnections, statistics } =
          entry?.destinations.get(name) ?? UNUSED;
        const counted = { activeConnections, inactiveConnections, persistentConnections, statistics };
        entry?.destinations.set(name, { ...command.destination, ...counted });
        break;
      }
      case "deleteDestination":
        entry?.destinations.delete(destinationKey(command.destination));
        break;
    }
  }

  return {
    has: (key) => services.has(key),
    get(key) {
      const known = services.get(key);
      return known && { ...known, destinations: [...known.destinations.values()] };
    },
    destination: (key, name) => services.get(key)?.destinations.get(name),
    present(keys) {
      const some = keys ? [...keys].flatMap((key) => services.get(key) ?? []) : [...services.values()];
      return some.map(({ service, destinations }) => ({ service, destinations: [...destinations.values()] }));
    },
    readAll() {
      answers.clear();
      services = new Map(table.read().map((found) => [serviceKey(found.service), knownOf(found)]));
    },
    look,
    remember,
  };
}

function knownOf({ service, statistics, destinations }: SeenService): Known {
  return { service, statistics, destinations: new Map(destinations.map((one) => [destinationKey(one), one])) };
}

function compare(before: Known, now: Known): Look {
  if (before.destinations.size !== now.destinations.size || !sameService(before.service, now.service)) return "other";
  let counted = !sameCounters(before.statistics, now.statistics);
  for (const [name, destination] of now.destinations) {
    const old = before.destinations.get(name);
    if (!old || old.localNode !== destination.localNode || !sameDestination(old, destination)) return "other";
    counted ||=
      old.activeConnections !== destination.activeConnections ||
      old.inactiveConnections !== destination.inactiveConnections ||
      old.persistentConnections !== destination.persistentConnections ||
      !sameCounters(old.statistics, destination.statistics);
  }
  return counted ? "counted" : "same";
}

/** Rates fall after the last packet: they count too. */
function sameCounters(one: Statistics, other: Statistics): boolean {
  return (
    one === other ||
    (one.connections === other.connections &&
      one.inPackets === other.inPackets &&
      one.outPackets === other.outPackets &&
      one.inBytes === other.inBytes &&
      one.outBytes === other.outBytes &&
      one.connectionRate === other.connectionRate &&
      one.inPacketRate === other.inPacketRate &&
      one.outPacketRate === other.outPacketRate &&
      one.inByteRate === other.inByteRate &&
      one.outByteRate === other.outByteRate)
  );
}
