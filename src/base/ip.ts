// Layer 0: IP addresses as values. Models and messages hold canonical text, codecs hold bytes; this file is the bridge.
// Strict like inet_pton(3): four decimal parts without leading zeros, RFC 4291 §2.2 text, no zone, no mask.

export type Family = 4 | 6;

/** Canonical text of an address: dotted quad, or RFC 5952 (lower case, longest zero run as `::`). */
export type IpText = string;

/** Reads an address into 4 or 16 bytes in network order; undefined when the text is not exactly one address. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of 4 or 16 bytes in network order. @throws RangeError for any other length */
export function formatIp(bytes: Uint8Array): IpText {
  if (bytes.byteLength === 4) return bytes.join(".");
  if (bytes.byteLength !== 16) throw new RangeError(`address bytes: expected 4 or 16 (got ${bytes.byteLength})`);
  return formatIpv6(bytes);
}

/** Canonical text of an address given as text; undefined when it is none. */
export function canonicalIp(text: string): IpText | undefined {
  // IPv4 has only one way to be written.
  if (!text.includes(":")) return readIpv4(text) < 0 ? undefined : text;
  const bytes = parseIpv6(text);
  return bytes && formatIp(bytes);
}

/** Family of canonical text. */
export function familyOf(ip: IpText): Family {
  // Only IPv4 has a dot behind its first one to three characters.
  return ip.charCodeAt(1) === DOT || ip.charCodeAt(2) === DOT || ip.charCodeAt(3) === DOT ? 4 : 6;
}

const DOT = 46;

/** Bytes of canonical text. @throws RangeError when it is no address: only for text that parseIp made. */
export function ipBytes(ip: IpText): Uint8Array {
  const bytes = parseIp(ip);
  if (!bytes) throw new RangeError(`not an address (${ip})`);
  return bytes;
}

/** Address and port as people write them: `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(ip: IpText, port: number): string {
  return familyOf(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Orders two addresses of one family by their bytes, as VRRP compares senders (RFC 9568 §6.4.3). */
export function compareIp(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.byteLength; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.byteLength - b.byteLength;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const address = readIpv4(text);
  return address < 0 ? undefined : Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

/** The address as a number in host order; -1 when the text is none. */
function readIpv4(text: string): number {
  let address = 0;
  let at = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return -1;
    const start = at;
    let value = 0;
    for (; at < text.length && at - start < 3; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === start || value > 255 || (at - start > 1 && text.charCodeAt(start) === 48)) return -1;
    address = address * 256 + value;
  }
  return at === text.length ? address : -1;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (!head || !tail) return undefined;
  const count = head.length + tail.length;
  if (halves.length === 2 ? count > 14 : count !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (mayEndInIpv4 && index === groups.length - 1 && group.includes(".")) {
      const embedded = parseIpv4(group);
      if (!embedded) return undefined;
      bytes.push(...embedded);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function formatIpv6(bytes: Uint8Array): IpText {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) return `::ffff:${bytes.slice(12).join(".")}`;
  const run = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((g) => g.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** Whether an address to listen on is reached from this machine alone; `localhost` is. */
export function isLoopback(address: string): boolean {
  if (address.toLowerCase() === "localhost") return true;
  const ip = canonicalIp(address);
  return ip === "::1" || (ip !== undefined && parseIp(ip)?.byteLength === 4 && ip.startsWith("127."));
}
