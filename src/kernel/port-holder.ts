// Adapter: who listens on a TCP port of this network namespace, read from proc(5).
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { parseIp } from "../base/ip.ts";

/** State of a listener in /proc/net/tcp (include/net/tcp_states.h). */
const TCP_LISTEN = "0A";

export interface PortHolder {
  /** Undefined without the right to see whose it is. */
  readonly pid?: number;
  readonly name?: string;
}

/** Whether another socket listens where one bound to `address` could not; who holds it, as far as may be seen. */
export function portHolder(address: string, port: number): PortHolder | undefined {
  const inode = [...listeners("/proc/net/tcp"), ...listeners("/proc/net/tcp6")].find(
    (listener) => listener.port === port && overlaps(listener.address, address),
  )?.inode;
  if (inode === undefined) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    if (hasSocket(pid, inode)) return { pid: Number(pid), name: read(`/proc/${pid}/comm`).trim() };
  return {};
}

interface Listener {
  readonly address: Uint8Array;
  readonly port: number;
  readonly inode: string;
}

function listeners(path: string): Listener[] {
  return read(path)
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

function hasSocket(pid: string, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    // Gone meanwhile, or somebody else's.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
