// Adapter: who listens on a TCP port of this network namespace, read from proc(5).
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { parseIp } from "../base/ip.ts";

/** State of a listener in /proc/net/tcp (include/net/tcp_states.h). */
const TCP_LISTEN = "0A";

export interface PortHolder {
  /** Undefined without the right to see whose it is. */
  readonly pid?: number;
  readonly name?: string;
}

/** kernel: those that listen come first in the table. Behind them are all connections, of which any user may have any number. */
const MAX_TABLE_BYTES = 1024 * 1024;
/** Descriptors of all processes that are looked at. */
const MAX_DESCRIPTORS = 100_000;

/** Whether another socket listens where one bound to `address` could not; who holds it, as far as may be seen. */
export function portHolder(address: string, port: number): PortHolder | undefined {
  const inode = [...listeners("/proc/net/tcp"), ...listeners("/proc/net/tcp6")].find(
    (listener) => listener.port === port && overlaps(listener.address, address),
  )?.inode;
  if (inode === undefined) return undefined;
  let left = MAX_DESCRIPTORS;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const descriptors = descriptorsOf(pid).slice(0, left);
    left -= descriptors.length;
    if (descriptors.some((path) => linkOf(path) === `socket:[${inode}]`))
      return { pid: Number(pid), name: readStart(`/proc/${pid}/comm`).trim() };
  }
  return {};
}

interface Listener {
  readonly address: Uint8Array;
  readonly port: number;
  readonly inode: string;
}

function listeners(path: string): Listener[] {
  return readStart(path)
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      return state === TCP_LISTEN ? [{ address: addressOf(address), port: Number.parseInt(port, 16), inode }] : [];
    });
}

/** kernel: words of four bytes, each in the order of the machine, which is little-endian on all that lbd runs on. */
function addressOf(hex: string): Uint8Array {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => (word.match(/../g) ?? []).toReversed().join(""));
  return Uint8Array.from(words.join("").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function overlaps(held: Uint8Array, address: string): boolean {
  const wanted = parseIp(address === "localhost" ? "127.0.0.1" : address);
  const isAny = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);
  if (!wanted || isAny(held) || isAny(wanted)) return true;
  return held.byteLength === wanted.byteLength && held.every((byte, i) => byte === wanted[i]);
}

function descriptorsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  } catch {
    // Gone meanwhile, or somebody else's.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** As much of a file as is looked at. */
export function readStart(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  const bytes = Buffer.alloc(MAX_TABLE_BYTES);
  let filled = 0;
  try {
    for (let count = -1; count !== 0 && filled < bytes.byteLength; filled += count)
      count = readSync(fd, bytes, filled, bytes.byteLength - filled, null);
  } catch {
    // The process has ended.
  } finally {
    closeSync(fd);
  }
  return bytes.toString("utf8", 0, filled);
}
