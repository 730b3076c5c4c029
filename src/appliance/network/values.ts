// Appliance core: the values of network.yaml: addresses, times, names, routes and rules.

import { isMap, isNode } from "yaml";
import { canonicalIp, familyOf, formatIp, ipBytes } from "../../base/ip.ts";
import type { Origin, Span } from "../../config/text/span.ts";
import { block, flag, listOf, oneOf, parsed, type Reader, text, type Value, whole } from "../yaml.ts";
import type { NetworkRoute, NetworkRule, Prefix } from "./model.ts";
import { UNSUPPORTED_ADDRESS, UNSUPPORTED_ROUTE } from "./unsupported.ts";

/** kernel: IFNAMSIZ without the NUL. */
const MAX_NAME_BYTES = 15;
const MAX_TABLE = 0xffff_ffff;

export const ip = parsed("an IPv4 or IPv6 address", canonicalIp);
const prefix = parsed("an address with its prefix length, 192.0.2.5/24", prefixOf);
const destination = parsed("default, or an address with its prefix length", (word): Prefix | "default" | undefined =>
  word === "default" ? "default" : (prefixOf(word) ?? hostOf(word)),
);
const addressOrPrefix = parsed("an address or a prefix", (word) => prefixOf(word) ?? hostOf(word));
export const mac = parsed("six octets, 52:54:00:12:34:56", (word) =>
  /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(word) ? word.toLowerCase() : undefined,
);
/** As the kernel takes the name of a link (dev_valid_name). */
export const linkName = parsed(`a name of 1 to ${MAX_NAME_BYTES} bytes without / : and blanks`, (word) =>
  isLinkName(word) ? word : undefined,
);
/** netplan: a time without a unit is milliseconds for bonds and seconds for bridges. */
export const milliseconds = parsed("a time, 100 or 100ms or 1s", (word) => timeOf(word, 1));
export const seconds = parsed("a time, 15 or 15s", (word) => {
  const ms = timeOf(word, 1000);
  return ms === undefined ? undefined : ms / 1000;
});

const SETTINGS_OF_ADDRESS = block({}, UNSUPPORTED_ADDRESS);

/** `192.0.2.5/24`, or as a key with settings below it, which are said to do nothing. */
export const address: Reader<Prefix> = (value) => {
  const { node } = value;
  if (!isMap(node) || node.items.length !== 1) return prefix(value);
  const [pair] = node.items;
  const below = (part: unknown): Value => {
    const found = isNode(part) ? part : null;
    return { ...value, node: found, span: value.file.spanOf(found, value.span) };
  };
  if (isMap(pair?.value)) SETTINGS_OF_ADDRESS(below(pair.value));
  return prefix(below(pair?.key));
};

const ROUTE = block(
  {
    to: destination,
    via: ip,
    from: ip,
    metric: whole(0, 0xffff_ffff),
    table: whole(1, MAX_TABLE),
    "on-link": flag,
    mtu: whole(68, 65536),
    type: oneOf(["unicast", "blackhole", "unreachable", "prohibit"]),
    scope: oneOf(["global", "link", "host"]),
  },
  UNSUPPORTED_ROUTE,
);

export const route: Reader<NetworkRoute> = (value) => {
  const read = ROUTE(value);
  if (!read) return undefined;
  const { to, via, from } = read;
  const type = read.type?.value ?? "unicast";
  if (!to) return missing(value, "a route needs to", "write to: default, or to: 198.51.100.0/24");
  if (!via && type === "unicast" && read.scope?.value !== "link")
    return missing(
      value,
      "a route needs via",
      "write via: with the next hop, or scope: link for hosts on the link itself",
    );
  const family = to.value === "default" ? familyOf(via?.value ?? from?.value ?? "0.0.0.0") : to.value.family;
  if (via && familyOf(via.value) !== family) {
    value.file.report("error", via.span, {
      code: "mixed-families",
      message: `via ${via.value} is of another family than its destination`,
    });
    return undefined;
  }
  const any: Prefix = { ip: family === 4 ? "0.0.0.0" : "::", family, prefix: 0 };
  return {
    to: to.value === "default" ? any : networkOf(to.value),
    type,
    onLink: read["on-link"]?.value ?? false,
    origin: originOf(value.span),
    ...given("via", via),
    ...given("from", from),
    ...given("metric", read.metric),
    ...given("table", read.table),
    ...given("mtu", read.mtu),
    ...given("scope", read.scope),
  };
};

const RULE = block({
  from: addressOrPrefix,
  to: addressOrPrefix,
  table: whole(1, MAX_TABLE),
  priority: whole(0, 0xffff_ffff),
  mark: whole(1, 0xffff_ffff),
  "type-of-service": whole(0, 255),
});

export const rule: Reader<NetworkRule> = (value) => {
  const read = RULE(value);
  if (!read) return undefined;
  const { from, to } = read;
  if (!from && !to && !read.mark) return missing(value, "a rule needs from, to or mark", "write from: 192.0.2.0/24");
  if (from && to && from.value.family !== to.value.family) {
    value.file.report("error", to.span, { code: "mixed-families", message: "from and to are of different families" });
    return undefined;
  }
  return {
    family: (from ?? to)?.value.family ?? 4,
    origin: originOf(value.span),
    ...given("from", from),
    ...given("to", to),
    ...given("table", read.table),
    ...given("priority", read.priority),
    ...given("mark", read.mark),
    ...given("tos", read["type-of-service"]),
  };
};

/** One text or a list of them. */
export const texts: Reader<readonly string[]> = (value) => {
  const { node } = value;
  if (node !== null && "items" in node) return listOf(text)(value);
  const one = text(value);
  return one === undefined ? undefined : [one];
};

export function isLinkName(word: string): boolean {
  return (
    /^[^\s/:]+$/.test(word) && word !== "." && word !== ".." && new TextEncoder().encode(word).length <= MAX_NAME_BYTES
  );
}

/** A property that is there when the key was. */
export function given<K extends string, T>(
  name: K,
  read: { readonly value: T } | undefined,
): { readonly [P in K]?: T } {
  return read === undefined ? {} : ({ [name]: read.value } as { [P in K]: T });
}

export function originOf({ file, line, column }: Span): Origin {
  return { file: file.name, line, column };
}

export function missing(value: Value, message: string, hint: string): undefined {
  value.file.report("error", value.span, { code: "missing-key", message, hint });
  return undefined;
}

function prefixOf(word: string): Prefix | undefined {
  const [, address = "", length = ""] = /^(.+)\/(\d{1,3})$/.exec(word) ?? [];
  const ip = canonicalIp(address);
  if (ip === undefined) return undefined;
  const family = familyOf(ip);
  return Number(length) <= (family === 4 ? 32 : 128) ? { ip, family, prefix: Number(length) } : undefined;
}

function hostOf(word: string): Prefix | undefined {
  const ip = canonicalIp(word);
  return ip === undefined ? undefined : { ip, family: familyOf(ip), prefix: familyOf(ip) === 4 ? 32 : 128 };
}

/** Without the bits of hosts: the kernel refuses a destination that has some. */
function networkOf({ ip, family, prefix }: Prefix): Prefix {
  const bytes = ipBytes(ip).map((byte, n) => byte & (0xff00 >> Math.max(0, Math.min(8, prefix - n * 8))));
  return { ip: formatIp(bytes), family, prefix };
}

/** Milliseconds. */
function timeOf(word: string, unitMs: number): number | undefined {
  const [, number = "", unit = ""] = /^(\d{1,9})(ms|s)?$/.exec(word) ?? [];
  if (number === "") return undefined;
  return Number(number) * (unit === "ms" ? 1 : unit === "s" ? 1000 : unitMs);
}
