// Adapter: IPVS over generic netlink (ipvs.md §3). Commands go in windows, one system call for many; errors come back by number.
import { Buffer } from "node:buffer";
import { ESRCH, SyscallError } from "../../ffi/errno.ts";
import {
  IPVS_FAMILY_NAME,
  writeCommand,
  writeFlush,
  writeGetDaemons,
  writeGetDestinations,
  writeGetInfo,
  writeGetService,
  writeGetServices,
  writeGetTimeouts,
  writeSetTimeouts,
  writeStartDaemon,
  writeStopDaemon,
} from "../lvs/codec-genl.ts";
import {
  decodeDaemon,
  decodeDestination,
  decodeInfo,
  decodeService,
  decodeTimeouts,
} from "../lvs/codec-genl-answers.ts";
import type { SeenDestination, SeenService, ServiceKey, SyncDaemonState } from "../lvs/model.ts";
import { decodeFamily, GENL_ID_CTRL, writeGetFamily } from "../net/genetlink.ts";
import type { IpvsTransport } from "./ipvs-transport.ts";
import { NETLINK_GENERIC, openNetlink } from "./netlink-socket.ts";
import type { ServiceAnswer } from "./ports.ts";

/** Opens the netlink side of this thread's network namespace. @throws SyscallError ENOENT without ip_vs, EPERM */
export function openIpvsNetlink(): IpvsTransport {
  const netlink = openNetlink(NETLINK_GENERIC);
  let family: number;
  let version: string;
  try {
    family = askFamily();
    version = decodeInfo(netlink.ask(family, "IPVS version", writeGetInfo) ?? new Uint8Array(0)).version;
  } catch (error) {
    netlink[Symbol.dispose]();
    throw error;
  }

  function askFamily(): number {
    const payload = netlink.ask(GENL_ID_CTRL, `generic netlink family ${IPVS_FAMILY_NAME}`, (writer) =>
      writeGetFamily(writer, IPVS_FAMILY_NAME),
    );
    const answer = payload && decodeFamily(payload);
    if (!answer) throw new Error(`generic netlink: no number for family ${IPVS_FAMILY_NAME} in the answer`);
    return answer.id;
  }

  function readDestinations(seen: Pick<SeenService, "service">): SeenDestination[] {
    const destinations: SeenDestination[] = [];
    netlink.dump(
      family,
      "IPVS destinations",
      (writer) => writeGetDestinations(writer, seen.service),
      (payload) => {
        const destination = decodeDestination(payload, seen.service.family);
        if (destination) destinations.push(destination);
      },
      () => {
        destinations.length = 0;
      },
    );
    // The kernel lists the newest first; ours is the order of adding.
    return destinations.reverse();
  }

  /** Payloads of an answer, each behind its length: the service, then its destinations. */
  function askService(key: ServiceKey, last: ServiceAnswer | undefined): ServiceAnswer | undefined {
    const answer = openAnswer();
    try {
      const service = netlink.ask(family, "IPVS service", (writer) => writeGetService(writer, key));
      if (!service) return undefined;
      answer.add(service);
      const start = answer.length;
      netlink.dump(
        family,
        "IPVS destinations",
        (writer) => writeGetDestinations(writer, key),
        (payload) => answer.add(payload),
        () => answer.truncate(start),
      );
    } catch (error) {
      if (error instanceof SyscallError && error.errno === ESRCH) return undefined;
      throw error;
    }
    const bytes = answer.bytes();
    return last && Buffer.compare(last, bytes) === 0 ? last : bytes.slice();
  }

  function decodeAnswer(answer: ServiceAnswer): SeenService | undefined {
    const [head, ...rest] = payloadsOf(answer);
    const service = head && decodeService(head);
    if (!service) return undefined;
    const destinations = rest.flatMap((payload) => decodeDestination(payload, service.service.family) ?? []);
    // The kernel lists the newest first; ours is the order of adding.
    return { ...service, destinations: destinations.reverse() };
  }

  return {
    version,
    apply: (commands) =>
      netlink.transact(family, commands.length, (writer, index) => {
        const command = commands[index];
        if (command) writeCommand(writer, command);
      }),
    read() {
      const services: Omit<SeenService, "destinations">[] = [];
      netlink.dump(
        family,
        "IPVS services",
        writeGetServices,
        (payload) => {
          const service = decodeService(payload);
          if (service) services.push(service);
        },
        () => {
          services.length = 0;
        },
      );
      // kernel: one dump at a time on a socket, so destinations are asked for one service after the other.
      return services.map((seen) => ({ ...seen, destinations: readDestinations(seen) }));
    },
    askService,
    decodeService: decodeAnswer,
    flush: () => void netlink.ask(family, "flush of the IPVS table", writeFlush),
    timeouts: () => decodeTimeouts(netlink.ask(family, "IPVS timeouts", writeGetTimeouts) ?? new Uint8Array(0)),
    setTimeouts: (timeouts) =>
      void netlink.ask(family, "setting IPVS timeouts", (writer) => writeSetTimeouts(writer, timeouts)),
    daemons() {
      const daemons: SyncDaemonState[] = [];
      const restart = () => {
        daemons.length = 0;
      };
      const visit = (payload: Uint8Array) => {
        const daemon = decodeDaemon(payload);
        if (daemon) daemons.push(daemon);
      };
      netlink.dump(family, "IPVS sync daemons", writeGetDaemons, visit, restart);
      return daemons;
    },
    startDaemon: (daemon) =>
      void netlink.ask(family, `start of the ${daemon.role} sync daemon on ${daemon.interface}`, (writer) =>
        writeStartDaemon(writer, daemon),
      ),
    stopDaemon: (role) =>
      void netlink.ask(family, `stop of the ${role} sync daemon`, (writer) => writeStopDaemon(writer, role)),
    setReceiveBuffer: (wish) => netlink.setReceiveBuffer(wish),
    [Symbol.dispose]: () => netlink[Symbol.dispose](),
  };
}

/** Room for one answer at a time, of the one thread there is. */
let room = new Uint8Array(new ArrayBuffer(4096));

interface Answer {
  readonly length: number;
  add(payload: Uint8Array): void;
  truncate(length: number): void;
  /** Valid until the next answer is opened. */
  bytes(): Uint8Array;
}

/** Bytes of the length before each payload. */
const LENGTH_BYTES = 4;

function openAnswer(): Answer {
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(payload) {
      const end = length + LENGTH_BYTES + payload.byteLength;
      if (end > room.byteLength) {
        const larger = new Uint8Array(new ArrayBuffer(2 * end));
        larger.set(room.subarray(0, length));
        room = larger;
      }
      new DataView(room.buffer).setUint32(length, payload.byteLength);
      room.set(payload, length + LENGTH_BYTES);
      length = end;
    },
    truncate(to) {
      length = to;
    },
    bytes: () => room.subarray(0, length),
  };
}

function payloadsOf(answer: ServiceAnswer): Uint8Array[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at + LENGTH_BYTES <= answer.byteLength; ) {
    const end = at + LENGTH_BYTES + view.getUint32(at);
    payloads.push(answer.subarray(at + LENGTH_BYTES, end));
    at = end;
  }
  return payloads;
}
