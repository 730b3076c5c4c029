// Adapter: IPVS over socket options (ipvs.md §1): one system call each, for IPv4. Reading shows IPv4 services only, with 32-bit
// packet counts.
import { Buffer } from "node:buffer";
import { EINVAL, ENOPROTOOPT, ESRCH, SyscallError } from "../../ffi/errno.ts";
import { close } from "../../ffi/fd.ts";
import { AF_INET } from "../../ffi/sockaddr.ts";
import { getsockopt, IPPROTO_RAW, SOCK_RAW, SOL_IP, setsockopt, socket, trySetsockopt } from "../../ffi/socket.ts";
import { versionText } from "../lvs/codec-genl-answers.ts";
import {
  encodeCommand,
  encodeDaemon,
  encodeGetDestinations,
  encodeGetService,
  encodeGetServices,
  encodeTimeouts,
  IP_VS_SO_GET_DAEMON,
  IP_VS_SO_GET_DESTS,
  IP_VS_SO_GET_INFO,
  IP_VS_SO_GET_SERVICE,
  IP_VS_SO_GET_SERVICES,
  IP_VS_SO_GET_TIMEOUT,
  IP_VS_SO_SET_FLUSH,
  IP_VS_SO_SET_STARTDAEMON,
  IP_VS_SO_SET_STOPDAEMON,
  IP_VS_SO_SET_TIMEOUT,
  saysCommand,
  saysDaemon,
} from "../lvs/codec-sockopt.ts";
import {
  decodeDaemons,
  decodeDestinations,
  decodeInfo,
  decodeService,
  decodeServices,
  decodeTimeouts,
  destinationCount,
  type ListedService,
  type SockoptInfo,
} from "../lvs/codec-sockopt-answers.ts";
import {
  COMMAND_BYTES,
  DAEMONS_BYTES,
  destinationsBytes,
  GETINFO_BYTES,
  SERVICE_ENTRY_BYTES,
  TIMEOUTS_BYTES,
} from "../lvs/codec-sockopt-layout.ts";
import type { SeenDestination, ServiceKey } from "../lvs/model.ts";
import type { IpvsTransport } from "./ipvs-transport.ts";
import type { NetlinkAnswer } from "./netlink-socket.ts";
import type { ServiceAnswer } from "./ports.ts";

/** The number of entries may change between asking for it and for them. */
const MAX_READ_TRIES = 8;

/** Room for the answer about a service of some dozens of destinations; it grows. */
const ANSWER_BYTES = 4096;

const DONE: NetlinkAnswer = { errno: 0 };
const NO_WORDS = "socket options have no words for it (IPv6, persistence engine, tunnel kind): it takes netlink";

/** Opens the socket side of this thread's network namespace. @throws SyscallError ENOPROTOOPT without ip_vs, EPERM */
export function openIpvsSockopt(): IpvsTransport {
  const fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  const room = new Uint8Array(new ArrayBuffer(COMMAND_BYTES));
  const entryRoom = new Uint8Array(new ArrayBuffer(SERVICE_ENTRY_BYTES));
  let answerRoom = new Uint8Array(new ArrayBuffer(ANSWER_BYTES));

  function info(): SockoptInfo {
    const raw = new Uint8Array(new ArrayBuffer(GETINFO_BYTES));
    getsockopt(fd, SOL_IP, IP_VS_SO_GET_INFO, raw);
    const decoded = decodeInfo(raw);
    if (!decoded) throw new SyscallError("getsockopt", ENOPROTOOPT, "IPVS information");
    return decoded;
  }

  let version: string;
  try {
    version = versionText(info().version);
  } catch (error) {
    close(fd);
    throw error;
  }

  function listServices(): ListedService[] {
    for (let tries = 1; ; tries++) {
      const question = encodeGetServices(info().services);
      const length = tryRead(IP_VS_SO_GET_SERVICES, question, tries);
      if (length !== undefined) return decodeServices(question.subarray(0, length));
    }
  }

  function findService(key: ServiceKey): ListedService | undefined {
    encodeGetService(key, entryRoom);
    try {
      getsockopt(fd, SOL_IP, IP_VS_SO_GET_SERVICE, entryRoom);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === ESRCH) return undefined;
      throw error;
    }
    return decodeService(entryRoom);
  }

  function listDestinations(listed: ListedService): SeenDestination[] {
    for (let tries = 1, { destinations: count } = listed; ; tries++) {
      const question = encodeGetDestinations(listed.service, count);
      try {
        const length = tryRead(IP_VS_SO_GET_DESTS, question, tries);
        // The kernel lists the newest first; ours is the order of adding.
        if (length !== undefined) return decodeDestinations(question.subarray(0, length)).reverse();
      } catch (error) {
        // Gone since it was listed.
        if (error instanceof SyscallError && error.errno === ESRCH) return [];
        throw error;
      }
      const again = findService(listed.service);
      if (!again) return [];
      count = again.destinations;
    }
  }

  /** An answer is the service's entry with the list of its destinations behind it, and both are the questions for the next one. */
  function askService(key: ServiceKey, last: ServiceAnswer | undefined): ServiceAnswer | undefined {
    for (let tries = 1; ; tries++) {
      if (last) answerRoom.set(last);
      const entry = answerRoom.subarray(0, SERVICE_ENTRY_BYTES);
      if (!last) encodeGetService(key, entry);
      try {
        getsockopt(fd, SOL_IP, IP_VS_SO_GET_SERVICE, entry);
        const count = destinationCount(entry);
        const whole = SERVICE_ENTRY_BYTES + destinationsBytes(count);
        if (whole > answerRoom.byteLength) {
          answerRoom = new Uint8Array(new ArrayBuffer(2 * whole));
          continue;
        }
        const list = answerRoom.subarray(SERVICE_ENTRY_BYTES, whole);
        if (last?.byteLength !== whole) list.set(encodeGetDestinations(key, count));
        if (count > 0 && tryRead(IP_VS_SO_GET_DESTS, list, tries) === undefined) continue;
        const answer = answerRoom.subarray(0, whole);
        return last?.byteLength === whole && Buffer.compare(last, answer) === 0 ? last : answer.slice();
      } catch (error) {
        // It is gone, perhaps since it was found.
        if (error instanceof SyscallError && error.errno === ESRCH) return undefined;
        throw error;
      }
    }
  }

  /** The answer's length; undefined when the number of entries has changed meanwhile. */
  function tryRead(option: number, question: Uint8Array, tries: number): number | undefined {
    try {
      return getsockopt(fd, SOL_IP, option, question);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === EINVAL && tries < MAX_READ_TRIES) return undefined;
      throw error;
    }
  }

  return {
    version,
    apply: (commands) =>
      commands.map((command) => {
        if (!saysCommand(command)) return { errno: EINVAL, text: NO_WORDS };
        const { option, value } = encodeCommand(command, room);
        const errno = trySetsockopt(fd, SOL_IP, option, value);
        return errno === 0 ? DONE : { errno };
      }),
    read: () =>
      listServices().map((listed) => ({
        service: listed.service,
        statistics: listed.statistics,
        destinations: listed.destinations === 0 ? [] : listDestinations(listed),
      })),
    // Socket options know IPv4 only, and nobody has anything else there by them.
    askService: (key, last) => (key.family === 4 ? askService(key, last) : undefined),
    decodeService(answer) {
      const { service, statistics } = decodeService(answer.subarray(0, SERVICE_ENTRY_BYTES));
      // The kernel lists the newest first; ours is the order of adding.
      return { service, statistics, destinations: decodeDestinations(answer.subarray(SERVICE_ENTRY_BYTES)).reverse() };
    },
    flush: () => setsockopt(fd, SOL_IP, IP_VS_SO_SET_FLUSH, new Uint8Array(0)),
    timeouts() {
      const raw = new Uint8Array(new ArrayBuffer(TIMEOUTS_BYTES));
      getsockopt(fd, SOL_IP, IP_VS_SO_GET_TIMEOUT, raw);
      return decodeTimeouts(raw) ?? { tcp: 0, tcpFin: 0, udp: 0 };
    },
    setTimeouts: (timeouts) => setsockopt(fd, SOL_IP, IP_VS_SO_SET_TIMEOUT, encodeTimeouts(timeouts)),
    daemons() {
      const raw = new Uint8Array(new ArrayBuffer(DAEMONS_BYTES));
      const length = getsockopt(fd, SOL_IP, IP_VS_SO_GET_DAEMON, raw);
      return decodeDaemons(raw.subarray(0, length));
    },
    startDaemon(daemon) {
      if (!saysDaemon(daemon)) throw new SyscallError("setsockopt", EINVAL, `sync daemon: ${NO_WORDS}`);
      const value = encodeDaemon(daemon.role, daemon.interface, daemon.syncId);
      setsockopt(fd, SOL_IP, IP_VS_SO_SET_STARTDAEMON, value);
    },
    stopDaemon: (role) => setsockopt(fd, SOL_IP, IP_VS_SO_SET_STOPDAEMON, encodeDaemon(role)),
    // Answers of getsockopt lie in no buffer.
    setReceiveBuffer() {},
    [Symbol.dispose]: () => close(fd),
  };
}
