// LVS core: the difference between the IPVS table that is wanted and the one that is there, as kernel calls in a safe order.
// Start, failure, reload and drift are this one function. Nothing is flushed; services that are neither wanted nor ours stay
// untouched; in no prefix of the list does a service lose its last usable destination while it has another to come (trap C1).
import type { Forwarding } from "../config/model/lvs.ts";
import { destinationKey, serviceKey } from "./keys.ts";
import type { Destination, IpvsCommand, SeenDestination, Service, ServiceEntry, ServiceKey } from "./model.ts";

/** A service that is there, as far as the plan looks at it: counters don't matter. */
export interface PresentService {
  readonly service: Service;
  readonly destinations: readonly (Destination & Pick<SeenDestination, "localNode">)[];
}

/** The flags that we set: persistent, one-packet, three scheduler flags. HASHED (0x02) is the kernel's own. */
const MANAGED_FLAGS = 0x3d;

/**
 * The calls that make `seen` into `wanted`. `owned` holds keys of services that we added before: those that are no longer wanted
 * are removed; all others that are not wanted belong to somebody else.
 */
export function plan(
  wanted: readonly ServiceEntry[],
  seen: readonly PresentService[],
  owned: ReadonlySet<string>,
): IpvsCommand[] {
  const present = new Map(seen.map((entry) => [serviceKey(entry.service), entry]));
  const wantedKeys = new Set(wanted.map((entry) => serviceKey(entry.service)));
  const commands = wanted.flatMap((entry) => planService(entry, present.get(serviceKey(entry.service))));
  // What takes over is there before what leaves is gone.
  for (const [key, entry] of present)
    if (owned.has(key) && !wantedKeys.has(key)) commands.push(...removeService(entry));
  return commands;
}

/** Takes one service away as keepalived does: its destinations first, then itself (checkers.md §4). */
export function removeService(entry: PresentService): IpvsCommand[] {
  const service = keyOf(entry.service);
  return [
    ...entry.destinations.map(
      (destination): IpvsCommand => ({
        kind: "deleteDestination",
        service,
        destination: destinationKeyOf(destination),
      }),
    ),
    { kind: "deleteService", service },
  ];
}

/** True when the kernel would not tell the two services apart in anything that we set. Their keys are not looked at. */
export function sameService(a: Service, b: Service): boolean {
  if (a.scheduler !== b.scheduler || (a.flags & MANAGED_FLAGS) !== (b.flags & MANAGED_FLAGS)) return false;
  if ((a.persistenceEngine ?? "") !== (b.persistenceEngine ?? "")) return false;
  // Without persistence nothing reads them, but ipvsadm shows what somebody left there.
  return a.timeoutS === b.timeoutS && a.netmask >>> 0 === b.netmask >>> 0;
}

/** The same for two destinations. For an address of this machine the kernel replaces the method by its own «local node». */
export function sameDestination(a: Destination, b: PresentService["destinations"][number]): boolean {
  return (
    a.weight === b.weight &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold &&
    (b.localNode === true || sameForwarding(a.forwarding, b.forwarding))
  );
}

function sameForwarding(a: Forwarding, b: Forwarding): boolean {
  if (a.method !== b.method) return false;
  if (a.method !== "TUN") return true;
  const left = tunnelOf(a);
  const right = tunnelOf(b);
  return left.type === right.type && left.port === right.port && left.checksum === right.checksum;
}

/** The tunnel with the kernel's defaults filled in; only GUE has a port, plain IPIP has no checksum. */
function tunnelOf(forwarding: Forwarding) {
  const type = forwarding.tunnel?.type ?? "ipip";
  return {
    type,
    port: type === "gue" ? (forwarding.tunnel?.port ?? 0) : 0,
    checksum: type === "ipip" ? "nocsum" : (forwarding.tunnel?.checksum ?? "nocsum"),
  };
}

function planService(wanted: ServiceEntry, seen: PresentService | undefined): IpvsCommand[] {
  if (!seen) {
    const service = keyOf(wanted.service);
    return [{ kind: "addService", service: wanted.service }, ...planDestinations(service, wanted.destinations, [])];
  }
  // kernel: a fwmark service answers only to the protocol that it was made with (ipvs.md §1.2), and that can't be changed.
  const service = { ...wanted.service, protocol: seen.service.protocol };
  const head: IpvsCommand[] = sameService(service, seen.service) ? [] : [{ kind: "editService", service }];
  return [...head, ...planDestinations(keyOf(service), wanted.destinations, seen.destinations)];
}

/** First what takes traffic, then what gives it up: an added or raised weight comes before any that falls to 0 or leaves. */
function planDestinations(
  service: ServiceKey,
  wanted: readonly Destination[],
  seen: PresentService["destinations"],
): IpvsCommand[] {
  const present = new Map(seen.map((destination) => [destinationKey(destination), destination]));
  const gaining: IpvsCommand[] = [];
  const yielding: IpvsCommand[] = [];
  for (const destination of wanted) {
    const key = destinationKey(destination);
    const before = present.get(key);
    present.delete(key);
    const list = destination.weight > 0 ? gaining : yielding;
    if (!before) list.push({ kind: "addDestination", service, destination });
    else if (!sameDestination(destination, before)) list.push({ kind: "editDestination", service, destination });
  }
  const leaving = [...present.values()].map(
    (destination): IpvsCommand => ({ kind: "deleteDestination", service, destination: destinationKeyOf(destination) }),
  );
  return [...gaining, ...yielding, ...leaving];
}

function keyOf(service: ServiceKey): ServiceKey {
  return { family: service.family, protocol: service.protocol, address: service.address };
}

function destinationKeyOf({ ip, port }: Destination): { ip: string; port: number } {
  return { ip, port };
}
