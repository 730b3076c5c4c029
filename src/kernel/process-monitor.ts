// Adapter: which processes of interest run (track_process). The process connector tells of fork, exec, naming and exit; /proc is
// read when others are of interest, after lost messages, and, where there is no connector (another network or pid namespace, or the kernel is
// built without), once a second.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { SyscallError } from "../../ffi/errno.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { AF_NETLINK } from "../../ffi/sockaddr.ts";
import { bind, recvFrom, SOCK_DGRAM, SOCK_NONBLOCK, sendTo, socket } from "../../ffi/socket.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { inPortions, type Steps } from "../base/steps.ts";
import { attributeWriter } from "../net/attributes.ts";
import { beginMessage, endMessage, MESSAGE_HEADER_BYTES } from "../net/message.ts";
import { CN_IDX_PROC, decodeProcessEvent, encodeProcessSubscription } from "../net/proc-connector.ts";
import type { Readiness, Registration } from "./readiness.ts";
import { type ReceiveBuffer, setReceiveBuffer } from "./receive-buffer.ts";

const NETLINK_CONNECTOR = 11;
const NLMSG_DONE = 3;
const RECEIVE_BYTES = 16 * 1024;
const MAX_READS_PER_TURN = 64;
const RECEIVE_BUFFER: ReceiveBuffer = { bytes: 1024 * 1024, force: true };
const POLL_MS = 1000;
/** Even with events: a message lost without a word would be forgotten for ever. */
const RESCAN_MS = 30_000;
/** Processes looked at before timers get a turn: half a millisecond where command lines are read. */
const SLICE = 16;
/** Of a command line no more is looked at: its owner decides how long it is. */
export const MAX_COMMAND_LINE_BYTES = 16_384;
/** The last word of one that goes on; no word of a configuration is equal to it. */
const GOES_ON = "\0";

/** What the kernel and /proc say of a process; fits vrrp/track-process.ts. */
export interface RunningProcess {
  /** At most 15 bytes. */
  readonly comm: string;
  /** Empty for kernel threads, and where nobody asks for arguments. */
  readonly argv: readonly string[];
}

export interface ProcessInterest {
  readonly interesting: (process: RunningProcess) => boolean;
  /** Command lines are looked at. They lie in the memory of each process, which decides how long it takes to read them. */
  readonly byArguments: boolean;
}

export interface ProcessMonitor {
  /** "events": the connector; "polling": /proc each second. */
  readonly source: "events" | "polling";
  /** The processes of interest now. */
  running(): ReadonlyMap<number, RunningProcess>;
  /** These processes are of interest from now on: looks at all there are, step by step, and tells the difference. None are before. */
  setInterest(interest: ProcessInterest): Steps;
  /** `process_monitor_rcv_bufs`; undefined: 1 MiB. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}

export interface ProcessMonitorOptions {
  /** Absent: 1 MiB. */
  readonly receiveBuffer?: ReceiveBuffer;
}

/** `onChange`: a process of interest is there (again, under another name), or no longer: undefined. */
export function openProcessMonitor(
  readiness: Readiness,
  clock: Clock,
  options: ProcessMonitorOptions,
  onChange: (pid: number, process: RunningProcess | undefined) => void,
): ProcessMonitor {
  let interest: ProcessInterest = { interesting: () => false, byArguments: false };
  const running = new Map<number, RunningProcess>();
  const connector = openConnector(options);
  const buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  let registration: Registration | undefined;
  let scanning: Cancel | undefined;
  let open = true;

  if (connector !== undefined) registration = readiness.add(connector, "read", () => readEvents(connector));
  scheduleScan();

  function readEvents(fd: Fd): void {
    for (let i = 0; open && i < MAX_READS_PER_TURN; i++) {
      try {
        const received = recvFrom(fd, buffer);
        if (!received) return;
        if (received.from.family !== "netlink" || received.from.portId !== 0) continue;
        takeIn(buffer.subarray(MESSAGE_HEADER_BYTES, received.count));
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        // Messages were lost.
        scanSoon();
        return;
      }
    }
  }

  function takeIn(payload: Uint8Array): void {
    const event = decodeProcessEvent(payload);
    if (!event) return;
    switch (event.kind) {
      case "fork": {
        // It has its parent's name and arguments until it says otherwise.
        const parent = running.get(event.parentPid);
        if (parent) put(event.pid, parent);
        return;
      }
      case "exec":
      case "comm":
        look(event.pid);
        return;
      case "exit":
        put(event.pid, undefined);
    }
  }

  function look(pid: number): void {
    const process = readProcess(pid, interest.byArguments);
    put(pid, process && interest.interesting(process) ? process : undefined);
  }

  function put(pid: number, process: RunningProcess | undefined): void {
    const before = running.get(pid);
    if (process) running.set(pid, process);
    else if (!running.delete(pid)) return;
    if (!same(before, process)) onChange(pid, process);
  }

  function scheduleScan(): void {
    scanning = clock.at(clock.now() + (connector === undefined ? POLL_MS : RESCAN_MS), scan);
  }

  function scanSoon(): void {
    scanning?.();
    scanning = clock.at(clock.now(), scan);
  }

  /** A machine may run thousands. */
  function lookAtAll(): Steps {
    return inPortions([...new Set([...running.keys(), ...pids()])], SLICE, (some) => some.forEach(look));
  }

  function scan(): void {
    const steps = lookAtAll();
    const slice = () => {
      if (!open) return;
      if (steps.next().done) scheduleScan();
      else scanning = clock.at(clock.now(), slice);
    };
    slice();
  }

  return {
    source: connector === undefined ? "polling" : "events",
    running: () => running,
    setInterest(next) {
      interest = next;
      return lookAtAll();
    },
    setReceiveBuffer(wish) {
      if (connector !== undefined) setReceiveBuffer(connector, wish ?? RECEIVE_BUFFER);
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      scanning?.();
      registration?.remove();
      if (connector !== undefined) close(connector);
    },
  };
}

/** A subscribed socket; undefined where the kernel has no process connector for us. */
function openConnector(options: ProcessMonitorOptions): Fd | undefined {
  let fd: Fd | undefined;
  try {
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    setReceiveBuffer(fd, options.receiveBuffer ?? RECEIVE_BUFFER);
    bind(fd, { family: "netlink", portId: 0, groups: CN_IDX_PROC });
    const writer = attributeWriter(64);
    const mark = beginMessage(writer, NLMSG_DONE, 0, 1);
    writer.raw(encodeProcessSubscription(true));
    endMessage(writer, mark);
    sendTo(fd, writer.written(), { family: "netlink", portId: 0, groups: CN_IDX_PROC });
    return fd;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    if (fd !== undefined) close(fd);
    return undefined;
  }
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number);
}

function readProcess(pid: number, byArguments: boolean): RunningProcess | undefined {
  try {
    const comm = readFileSync(`/proc/${pid}/comm`, "utf8").replace(/\n$/, "");
    return { comm, argv: byArguments ? readArguments(pid) : [] };
  } catch {
    return undefined;
  }
}

const commandLine = Buffer.alloc(MAX_COMMAND_LINE_BYTES);

function readArguments(pid: number): readonly string[] {
  const fd = openSync(`/proc/${pid}/cmdline`, "r");
  let bytes = 0;
  try {
    for (let count = -1; count !== 0 && bytes < commandLine.byteLength; bytes += count)
      count = readSync(fd, commandLine, bytes, commandLine.byteLength - bytes, null);
  } finally {
    closeSync(fd);
  }
  const text = commandLine.toString("utf8", 0, bytes);
  if (bytes === commandLine.byteLength) return [...text.split("\0").slice(0, -1), GOES_ON];
  return text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

function same(a: RunningProcess | undefined, b: RunningProcess | undefined): boolean {
  if (!a || !b) return a === b;
  return a.comm === b.comm && a.argv.length === b.argv.length && a.argv.every((word, i) => word === b.argv[i]);
}
