// Config core: IP addresses, with a hint for the near misses.
import { canonicalIp, familyOf, type IpText } from "../../../base/ip.ts";
import type { Value } from "../keyword.ts";
import type { Reader, WordSchema } from "../reader.ts";
import { wordSchema } from "./shapes.ts";

export const ipSchema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined ? { bad: "an IPv4 or IPv6 address without prefix length and zone" } : { ok: ip };
});

export const ip4Schema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined || familyOf(ip) === 6 ? { bad: "an IPv4 address" } : { ok: ip };
});

export const ip6Schema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined || familyOf(ip) === 4 ? { bad: "an IPv6 address" } : { ok: ip };
});

/** A multicast address; `family` narrows it. */
export function multicastSchema(family?: 4 | 6): WordSchema<IpText> {
  const expected =
    family === 4 ? "an address from 224.0.0.0/4" : family === 6 ? "an address from ff00::/8" : "a multicast address";
  return wordSchema((text) => {
    // As with addresses of hosts, keepalived looks no further than a slash.
    const ip = canonicalIp(text.split("/", 1)[0] ?? "");
    const multicast =
      ip !== undefined && (familyOf(ip) === 6 ? ip.startsWith("ff") && ip.indexOf(":") === 4 : isMulticast4(ip));
    return ip === undefined || !multicast || (family !== undefined && family !== familyOf(ip))
      ? { bad: expected }
      : { ok: ip };
  });
}

function isMulticast4(ip: IpText): boolean {
  const first = Number.parseInt(ip, 10);
  return first >= 224 && first <= 239;
}

export const ip: Value<IpText> = { grammar: "IP", read: (words) => readHost(words, "an IPv4 or IPv6 address") };

/** An address; behind one a prefix length does no harm, as in keepalived. */
export function readHost(words: Reader, expected: string, of?: string): IpText | undefined {
  const plain = words.plain(ipSchema);
  const word = words.peek();
  if (plain !== undefined || !word) return plain ?? words.value(ipSchema, expected, of);
  const [host = "", length] = word.text.split("/", 2);
  const read = /^\d+$/.test(length ?? "") ? canonicalIp(host) : undefined;
  if (read === undefined) return words.value(ipSchema, expected, of);
  words.next();
  words.warn(
    word,
    "prefix-ignored",
    `${of ?? words.keyword.text} takes an address: /${length} is ignored`,
    `write ${host}`,
  );
  return read;
}
