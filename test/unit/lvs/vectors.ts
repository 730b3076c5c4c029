// The captured bytes of test/golden/vectors/ipvs (see its README for where they come from), and their fields as values of ours.
import { readFileSync } from "node:fs";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import type { Family } from "../../../src/base/ip.ts";
import type { Forwarding } from "../../../src/config/model/lvs.ts";
import type { Destination, Service, ServiceKey } from "../../../src/lvs/model.ts";
import { visitAttributes } from "../../../src/net/attributes.ts";

/** A generic netlink message as the tool that captured it shows it. */
export interface ShownMessage {
  readonly cmd?: string;
  readonly SERVICE?: Readonly<Record<string, unknown>>;
  readonly DEST?: Readonly<Record<string, unknown>>;
  readonly DAEMON?: Readonly<Record<string, unknown>>;
  readonly [other: string]: unknown;
}

export interface GenlVector {
  readonly name: string;
  readonly op: string;
  readonly request_hex: string;
  readonly result: string;
  readonly request_decoded: ShownMessage;
  readonly replies_hex?: readonly string[];
  readonly replies_decoded?: readonly ShownMessage[];
}

export interface SockoptVector {
  readonly name: string;
  readonly op: string;
  readonly optname?: number;
  readonly request_hex: string;
  readonly result: string;
  readonly reply_hex?: string;
}

function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../golden/vectors/ipvs/${name}.json`, import.meta.url), "utf8"));
}

function field(of: unknown, key: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, key) : undefined;
}

export const genlVectors = field(load("genl"), "vectors") as readonly GenlVector[];
export const controllerReply = String(field(field(load("genl"), "family"), "ctrl_getfamily_reply_hex"));
export const sockoptVectors = field(load("sockopt"), "vectors") as readonly SockoptVector[];
export const keepalivedMessages = field(load("keepalived"), "messages") as readonly {
  readonly hex: string;
  readonly decoded: ShownMessage;
}[];
export const ipvsadmRuns = field(load("ipvsadm"), "vectors") as readonly {
  readonly command: string;
  readonly sent: readonly { readonly hex: string; readonly decoded: ShownMessage }[];
}[];

export function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (!bytes) throw new Error(`bad hex in a vector: ${hex.slice(0, 40)}`);
  return bytes;
}

/** What follows nlmsghdr. */
export function bodyOf(hex: string): Uint8Array {
  return bytesOf(hex).slice(16);
}

const numberIn = (shown: Readonly<Record<string, unknown>>, key: string) => Number(shown[key] ?? 0);
/** `192.0.2.1 (16 bytes)`. */
const addressIn = (shown: Readonly<Record<string, unknown>>) => String(shown.ADDR).split(" ")[0] ?? "";

export function shownKey(shown: Readonly<Record<string, unknown>>): ServiceKey {
  const family: Family = shown.AF === 10 ? 6 : 4;
  if (shown.FWMARK !== undefined)
    return { family, protocol: 6, address: { kind: "fwmark", mark: numberIn(shown, "FWMARK"), family } };
  const address = { kind: "address", ip: addressIn(shown), port: numberIn(shown, "PORT") } as const;
  return { family, protocol: numberIn(shown, "PROTOCOL"), address };
}

export function shownService(shown: Readonly<Record<string, unknown>>): Service {
  const key = shownKey(shown);
  // `0x00ffffff (host order of the attribute)`: IPv4 masks lie in network order.
  const raw = Number(String(shown.NETMASK).split(" ")[0]);
  const swapped = ((raw & 0xff) << 24) | ((raw & 0xff00) << 8) | ((raw >>> 8) & 0xff00) | (raw >>> 24);
  const engine = shown.PE_NAME;
  return {
    ...key,
    scheduler: String(shown.SCHED_NAME),
    flags: Number(field(shown.FLAGS, "flags")) & ~2,
    timeoutS: numberIn(shown, "TIMEOUT"),
    netmask: key.family === 4 ? swapped >>> 0 : raw,
    ...(typeof engine === "string" && engine !== "" ? { persistenceEngine: engine } : {}),
  };
}

const TUNNEL_TYPES = ["ipip", "gue", "gre"] as const;
const CHECKSUMS = ["nocsum", "csum", "remcsum"] as const;

export function shownForwarding(shown: Readonly<Record<string, unknown>>): Forwarding | undefined {
  switch (shown.FWD_METHOD) {
    case 0:
      return { method: "NAT" };
    case 3:
      return { method: "DR" };
    case 2:
      break;
    default:
      return undefined;
  }
  const type = TUNNEL_TYPES[numberIn(shown, "TUN_TYPE")];
  const checksum = CHECKSUMS[numberIn(shown, "TUN_FLAGS")];
  if (type === undefined || checksum === undefined) return undefined;
  if (type === "ipip") return { method: "TUN", tunnel: { type } };
  if (type === "gre") return { method: "TUN", tunnel: { type, checksum } };
  return { method: "TUN", tunnel: { type, port: numberIn(shown, "TUN_PORT"), checksum } };
}

/** Undefined for what our model has no words for. */
export function shownDestination(shown: Readonly<Record<string, unknown>>): Destination | undefined {
  const forwarding = shownForwarding(shown);
  const weight = numberIn(shown, "WEIGHT");
  if (!forwarding || weight < 0) return undefined;
  return {
    ip: addressIn(shown),
    port: numberIn(shown, "PORT"),
    forwarding,
    weight,
    upperThreshold: numberIn(shown, "U_THRESH"),
    lowerThreshold: numberIn(shown, "L_THRESH"),
  };
}

/** The bytes of one attribute inside a top-level nest, by number. */
export function inside(body: Uint8Array, nest: number): Map<number, string> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const found = new Map<number, string>();
  visitAttributes(view, 4, body.byteLength, (type, at, size) => {
    if (type !== nest) return;
    visitAttributes(view, at, at + size, (inner, innerAt, innerSize) => {
      found.set(inner, toHex(body.subarray(innerAt, innerAt + innerSize)));
    });
  });
  return found;
}
