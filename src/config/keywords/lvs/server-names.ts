// Config core: addresses, ports and marks by which virtual and real servers are named, with ranges and blocks of them.
import { canonicalIp, formatIp, type IpText, ipBytes } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { ipSchema, readHost } from "../../bind/values/addresses.ts";
import { nonEmptySchema } from "../../bind/values/names.ts";
import { integerSchema, readNumber, UINT32_MAX } from "../../bind/values/numbers.ts";
import { wordsSchema } from "../../bind/values/shapes.ts";
import { MAX_RANGE_ADDRESSES } from "../../text/limits.ts";
import type { Word } from "../../text/tree.ts";

const portSchema = integerSchema(0, 65535);

export const uint32Schema = integerSchema(0, UINT32_MAX);

const familySchema = wordsSchema(["inet", "inet6"]);

export type ServiceName =
  | { readonly kind: "address"; readonly ip: IpText; readonly port: number }
  | { readonly kind: "fwmark"; readonly mark: number }
  | { readonly kind: "group"; readonly name: string };

/** `virtual_server`: an address with its port, a firewall mark, or a group. */
export const serviceName: Value<ServiceName> = {
  grammar: "IP [PORT(0..65535)] | fwmark INT(0..4294967295) | group NAME, then BLOCK",
  read: (words) => {
    if (words.take("fwmark")) {
      const mark = readMarkNumber(words);
      return mark === undefined ? undefined : { kind: "fwmark", mark };
    }
    if (words.take("group")) {
      const name = words.value(nonEmptySchema, "the name of a virtual_server_group", "group");
      return name === undefined ? undefined : { kind: "group", name };
    }
    const endpoint = readEndpoint(words, "an address, fwmark or group");
    return endpoint && { kind: "address", ip: endpoint.ip, port: endpoint.port ?? 0 };
  },
};

export interface Endpoint {
  readonly ip: IpText;
  readonly port?: number;
}

/** `IP [PORT]` of a sorry server. */
export const endpoint: Value<Endpoint> = {
  grammar: "IP [PORT(0..65535)]",
  read: (words) => readEndpoint(words, "an address"),
};

function readEndpoint(words: Reader, expected: string): Endpoint | undefined {
  const ip = readHost(words, expected);
  if (ip === undefined) return undefined;
  const port = readPort(words);
  if (port === false) return undefined;
  return port === undefined ? { ip } : { ip, port };
}

/** A port that may be left out; false after a finding. */
function readPort(words: Reader): number | undefined | false {
  return words.atEnd ? undefined : (readNumber(words, portSchema, "a port", 1, 65535, "port") ?? false);
}

export interface RealServerName {
  /** One address, or every one of a range. */
  readonly ips: readonly IpText[];
  readonly port?: number;
}

/** `real_server`: keepalived's `IP [PORT]`, and beyond it ranges `192.0.2.1-10` and `192.0.2.1-192.0.2.10`. */
export const realServerName: Value<RealServerName> = {
  grammar: "IP [PORT(0..65535)], then BLOCK",
  read: (words) => {
    const ips = single(words.plain(ipSchema)) ?? readOtherServer(words);
    if (!ips) return undefined;
    const port = readPort(words);
    if (port === false) return undefined;
    return port === undefined ? { ips } : { ips, port };
  },
};

function readOtherServer(words: Reader): readonly IpText[] | undefined {
  const expected = "an address, or a range such as 192.0.2.1-10";
  if (!words.peekText()?.includes("-")) return single(readHost(words, expected));
  const word = words.need(expected);
  return word && readRange(words, word);
}

function single(ip: IpText | undefined): readonly IpText[] | undefined {
  return ip === undefined ? undefined : [ip];
}

export interface GroupEntry {
  readonly kind: "address";
  readonly ips: readonly IpText[];
  readonly port: number;
}

export interface GroupMark {
  readonly kind: "fwmark";
  readonly mark: number;
  readonly family?: "inet" | "inet6";
}

/** One line of a `virtual_server_group` (language.md §14.5). Ranges and blocks may cross an octet here. */
export const groupEntry: Value<GroupEntry | GroupMark> = {
  grammar: "NAME BLOCK of ENTRY lines",
  read: (words) => {
    if (words.take("fwmark")) return readMark(words);
    const word = words.need("an address, a range, a block or fwmark");
    if (!word) return undefined;
    const ips = readAddresses(words, word);
    const port = ips && readPort(words);
    return ips && port !== false ? { kind: "address", ips, port: port ?? 0 } : undefined;
  },
};

/** keepalived takes 0 for «no mark» and makes a service of address 0.0.0.0 of it. */
function readMarkNumber(words: Reader): number | undefined {
  const word = words.need("a firewall mark", "fwmark");
  const mark = word && words.convert(word, uint32Schema, "fwmark");
  if (!word || mark !== 0) return mark;
  words.error(word, "bad-value", "fwmark 0 marks nothing", "expected an integer from 1 to 4294967295");
  return undefined;
}

function readMark(words: Reader): GroupMark | undefined {
  const mark = readMarkNumber(words);
  if (mark === undefined) return undefined;
  const word = words.next();
  const family = word && words.convert(word, familySchema, "family");
  if (word && family === undefined) return undefined;
  return family ? { kind: "fwmark", mark, family } : { kind: "fwmark", mark };
}

function readAddresses(words: Reader, word: Word): readonly IpText[] | undefined {
  if (word.text.includes("-")) return readRange(words, word);
  if (word.text.includes("/")) return readBlock(words, word);
  return single(words.convert(word, ipSchema, "address"));
}

/** `FIRST-LAST`, where LAST is a whole address, the last octet (IPv4, decimal) or the last group (IPv6, hexadecimal). */
function readRange(words: Reader, word: Word): readonly IpText[] | undefined {
  const [from = "", to = "", ...more] = word.text.split("-");
  const first = canonicalIp(from);
  const bytes = first === undefined ? undefined : ipBytes(first);
  const last = bytes && endOfRange(bytes, to);
  if (!bytes || !last || more.length > 0) {
    words.error(
      word,
      "bad-range",
      `${word.text} is no range of addresses`,
      "expected ADDRESS-LAST, such as 192.0.2.1-10, 2001:db8::1-ff or 192.0.2.1-192.0.2.10",
    );
    return undefined;
  }
  const count = distance(bytes, last);
  if (count < 0 || count >= MAX_RANGE_ADDRESSES) {
    const message =
      count < 0
        ? `the range ${word.text} ends before it begins`
        : `the range ${word.text} has too many addresses (limit ${MAX_RANGE_ADDRESSES})`;
    words.error(word, "bad-range", message);
    return undefined;
  }
  return words.countRanged(word, count + 1) ? addressesFrom(bytes, count + 1) : undefined;
}

function endOfRange(first: Uint8Array, text: string): Uint8Array | undefined {
  const whole = canonicalIp(text);
  if (whole !== undefined) {
    const bytes = ipBytes(whole);
    return bytes.byteLength === first.byteLength ? bytes : undefined;
  }
  const last = first.slice();
  if (first.byteLength === 4) {
    if (!/^\d{1,3}$/.test(text) || Number(text) > 255) return undefined;
    last[3] = Number(text);
  } else {
    if (!/^[0-9a-fA-F]{1,4}$/.test(text)) return undefined;
    new DataView(last.buffer).setUint16(14, Number.parseInt(text, 16));
  }
  return last;
}

/** `IP/LEN` whose host bits are zero: all its addresses. */
function readBlock(words: Reader, word: Word): readonly IpText[] | undefined {
  const [address = "", length = ""] = word.text.split("/");
  const ip = canonicalIp(address);
  const bytes = ip === undefined ? undefined : ipBytes(ip);
  const bits = (bytes?.byteLength ?? 0) * 8;
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!bytes || !(prefix >= 1 && prefix <= bits)) {
    words.error(
      word,
      "bad-range",
      `${word.text} is no block of addresses`,
      "expected ADDRESS/LENGTH, such as 192.0.2.0/28",
    );
    return undefined;
  }
  const hostBits = bits - prefix;
  if (hostBits > 16) {
    words.error(word, "bad-range", `the block ${word.text} has too many addresses (limit ${MAX_RANGE_ADDRESSES})`);
    return undefined;
  }
  const count = 2 ** hostBits;
  if (new DataView(bytes.buffer).getUint32(bytes.byteLength - 4) % count !== 0) {
    words.error(
      word,
      "bad-range",
      `the block ${word.text} has host bits set`,
      "expected the first address of the block",
    );
    return undefined;
  }
  return words.countRanged(word, count) ? addressesFrom(bytes, count) : undefined;
}

/** Addresses between the two, counted by the last 32 bits; the rest must be equal. */
function distance(first: Uint8Array, last: Uint8Array): number {
  const head = first.byteLength - 4;
  for (let i = 0; i < head; i++) if (first[i] !== last[i]) return MAX_RANGE_ADDRESSES;
  return new DataView(last.buffer).getUint32(head) - new DataView(first.buffer).getUint32(head);
}

function addressesFrom(first: Uint8Array, count: number): readonly IpText[] {
  const bytes = first.slice();
  const view = new DataView(bytes.buffer);
  const at = bytes.byteLength - 4;
  const base = view.getUint32(at);
  return Array.from({ length: count }, (_, i) => {
    view.setUint32(at, base + i);
    return formatIp(bytes);
  });
}
