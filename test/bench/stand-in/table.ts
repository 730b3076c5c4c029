// An IPVS table that answers the socket options as the kernel does (linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c): IPv4 only, no packets.
import { EEXIST, EINVAL, ENOENT, ESRCH } from "../../../ffi/errno.ts";
import {
  IP_VS_SO_GET_DAEMON,
  IP_VS_SO_GET_DESTS,
  IP_VS_SO_GET_INFO,
  IP_VS_SO_GET_SERVICE,
  IP_VS_SO_GET_SERVICES,
  IP_VS_SO_GET_TIMEOUT,
  IP_VS_SO_SET_ADD,
  IP_VS_SO_SET_ADDDEST,
  IP_VS_SO_SET_DEL,
  IP_VS_SO_SET_DELDEST,
  IP_VS_SO_SET_EDIT,
  IP_VS_SO_SET_EDITDEST,
  IP_VS_SO_SET_FLUSH,
} from "../../../src/lvs/codec-sockopt.ts";

/** struct ip_vs_service_user, ip_vs_dest_user, ip_vs_service_entry, ip_vs_dest_entry, ip_vs_get_services, ip_vs_get_dests. */
const BYTES = { service: 44, destination: 24, serviceEntry: 104, destinationEntry: 96, services: 8, destinations: 24 };
const DESTINATIONS_AT = 44;
const VERSION = 0x010201;
const TABLE_SIZE = 4096;
const TIMEOUTS_S = [900, 120, 300];
const DAEMONS_BYTES = 48;

interface Service {
  /** struct ip_vs_service_user. */
  readonly bytes: Uint8Array;
  /** struct ip_vs_dest_user by address and port. */
  readonly destinations: Map<string, Uint8Array>;
}

/** A command as a bench wants to know it. */
export interface Rule {
  readonly option: number;
  /** 0: done. */
  readonly errno: number;
  /** `10.0.0.1:80`. */
  readonly service: string;
  readonly destination?: string;
  readonly weight?: number;
}

export interface IpvsStandIn {
  /** setsockopt: what it was and what became of it. */
  set(option: number, value: Uint8Array): Rule;
  /** getsockopt with what the caller put in: its answer, or the errno. */
  get(option: number, value: Uint8Array): Uint8Array | number;
  /** How many services and destinations there are. */
  entries(): number;
}

export function ipvsStandIn(): IpvsStandIn {
  const services = new Map<string, Service>();

  function change(option: number, value: Uint8Array): number {
    if (option === IP_VS_SO_SET_FLUSH) services.clear();
    // Timeouts and sync daemons are taken and forgotten.
    if (option < IP_VS_SO_SET_ADD || option > IP_VS_SO_SET_EDITDEST || option === IP_VS_SO_SET_FLUSH) return 0;
    const isDestination = option >= IP_VS_SO_SET_ADDDEST;
    if (value.length !== BYTES.service + (isDestination ? BYTES.destination : 0)) return EINVAL;
    const key = serviceKey(value);
    const service = services.get(key);
    if (option === IP_VS_SO_SET_ADD) {
      if (service) return EEXIST;
      services.set(key, { bytes: value.slice(0, BYTES.service), destinations: new Map() });
      return 0;
    }
    if (!service) return ESRCH;
    if (option === IP_VS_SO_SET_EDIT) service.bytes.set(value);
    if (option === IP_VS_SO_SET_DEL) services.delete(key);
    return isDestination ? changeDestination(service, option, value.slice(BYTES.service)) : 0;
  }

  return {
    entries: () => services.values().reduce((sum, { destinations }) => sum + 1 + destinations.size, 0),
    set(option, value) {
      const errno = change(option, value);
      const service = value.length < BYTES.service ? "" : endpoint(value, 4, 8);
      if (value.length < BYTES.service + BYTES.destination) return { option, errno, service };
      const [destination, weight] = [endpoint(value, 44, 48), viewOf(value).getInt32(56, true)];
      return { option, errno, service, destination, weight };
    },
    get(option, value) {
      switch (option) {
        case IP_VS_SO_GET_INFO:
          return words([VERSION, TABLE_SIZE, services.size]);
        case IP_VS_SO_GET_SERVICES:
          return list(value, BYTES.services, 0, BYTES.serviceEntry, [...services.values()].map(serviceEntry));
        case IP_VS_SO_GET_SERVICE: {
          const service = services.get(serviceKey(value));
          return service ? serviceEntry(service) : ESRCH;
        }
        case IP_VS_SO_GET_DESTS: {
          const service = services.get(serviceKey(value));
          if (!service) return ESRCH;
          // The newest comes first.
          const entries = [...service.destinations.values()].reverse().map(destinationEntry);
          return list(value, BYTES.destinations, 16, BYTES.destinationEntry, entries);
        }
        case IP_VS_SO_GET_TIMEOUT:
          return words(TIMEOUTS_S);
        case IP_VS_SO_GET_DAEMON:
          return new Uint8Array(DAEMONS_BYTES);
        default:
          return EINVAL;
      }
    },
  };
}

function changeDestination({ destinations }: Service, option: number, bytes: Uint8Array): number {
  const key = endpoint(bytes, 0, 4);
  if (option === IP_VS_SO_SET_ADDDEST && destinations.has(key)) return EEXIST;
  if (option !== IP_VS_SO_SET_ADDDEST && !destinations.has(key)) return ENOENT;
  if (option === IP_VS_SO_SET_DELDEST) destinations.delete(key);
  else destinations.set(key, bytes);
  return 0;
}

/** Head of the question, its count put right, and so many entries as there are and as it has room for. */
function list(
  question: Uint8Array,
  headBytes: number,
  countAt: number,
  entryBytes: number,
  entries: readonly Uint8Array[],
): Uint8Array | number {
  if (question.length < headBytes) return EINVAL;
  const count = viewOf(question).getUint32(countAt, true);
  if (question.length !== headBytes + count * entryBytes) return EINVAL;
  const answer = question.slice();
  for (const [index, entry] of entries.slice(0, count).entries()) answer.set(entry, headBytes + index * entryBytes);
  viewOf(answer).setUint32(countAt, Math.min(count, entries.length), true);
  return answer;
}

function serviceEntry({ bytes, destinations }: Service): Uint8Array {
  const entry = new Uint8Array(BYTES.serviceEntry);
  entry.set(bytes);
  viewOf(entry).setUint32(DESTINATIONS_AT, destinations.size, true);
  return entry;
}

function destinationEntry(bytes: Uint8Array): Uint8Array {
  const entry = new Uint8Array(BYTES.destinationEntry);
  entry.set(bytes);
  return entry;
}

/** Protocol, address, port and mark, which stand in the same places in all structures. */
function serviceKey(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  return `${view.getUint16(0, true)} ${endpoint(bytes, 4, 8)} ${view.getUint32(12, true)}`;
}

function endpoint(bytes: Uint8Array, addressAt: number, portAt: number): string {
  return `${bytes.subarray(addressAt, addressAt + 4).join(".")}:${viewOf(bytes).getUint16(portAt)}`;
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
