// Config core: values inside address, route and rule lines (language.md §14): scopes, tables, types of service, realms,
// metrics with `lock`, times with a unit, prefixes. Names that the machine's tables hold come through the context.
import { canonicalIp, familyOf, type IpText } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { NameTable, Reader } from "../../bind/reader.ts";
import { ipSchema } from "../../bind/values/addresses.ts";
import { cInteger, integerSchema, UINT32_MAX } from "../../bind/values/numbers.ts";
import { wordSchema } from "../../bind/values/shapes.ts";
import type { Word } from "../../text/tree.ts";

export interface Prefix {
  readonly ip: IpText;
  readonly prefix: number;
}

/** Reads `IP[/LEN]`. A bare slash means `/0`; a length out of range is reported and becomes the full one (language.md §6). */
export function readPrefix(words: Reader, word: Word, of: string): Prefix | undefined {
  const slash = word.text.indexOf("/");
  const ip = canonicalIp(slash < 0 ? word.text : word.text.slice(0, slash));
  if (ip === undefined) {
    words.error(
      word,
      "bad-value",
      `${of} has a value it can't take (${word.text})`,
      "expected an IPv4 or IPv6 address, with /LENGTH if it is a prefix",
    );
    return undefined;
  }
  const bits = familyOf(ip) === 6 ? 128 : 32;
  if (slash < 0) return { ip, prefix: bits };
  const length = word.text.slice(slash + 1);
  if (length === "") return { ip, prefix: 0 };
  const prefix = /^\d{1,9}$/.test(length) ? Number(length) : Number.NaN;
  if (prefix >= 0 && prefix <= bits) return { ip, prefix };
  // keepalived: the digits in front count, where something else follows.
  const digits = /^\d{1,3}(?=\D)/.exec(length)?.[0];
  const taken = digits === undefined || Number(digits) > bits ? bits : Number(digits);
  words.error(
    word,
    "out-of-range",
    `the prefix length of ${word.text} is out of range`,
    `expected 0 to ${bits}; /${taken} is taken`,
  );
  return { ip, prefix: taken };
}

/** RT_SCOPE_* of <linux/rtnetlink.h>. */
const SCOPES: Readonly<Record<string, number>> = { global: 0, nowhere: 255, host: 254, link: 253, site: 200 };
/** RT_TABLE_*. */
const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };
/** RTPROT_* that every machine's table has. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  keepalived: 18,
  dhcp: 16,
};
/** IPPROTO_* of the names that occur in rules. */
const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
};

/** A number, a built-in name, or a name from one of the machine's tables. */
function numberOrName(
  grammar: string,
  max: number,
  names: Readonly<Record<string, number>>,
  table: NameTable,
  min = 0,
): Value<number> {
  const known = Object.keys(names).join(", ");
  const expected = `a number from ${min} to ${max}${known ? `, ${known}` : ""}, or a name from ${table}`;
  return {
    grammar,
    read: (words) => {
      const word = words.need(expected);
      return word && readNumberOrName(words, word, min, max, names, table, expected);
    },
  };
}

function readNumberOrName(
  words: Reader,
  word: Word,
  min: number,
  max: number,
  names: Readonly<Record<string, number>>,
  table: NameTable,
  expected: string,
): number | undefined {
  const value = cInteger(word.text) ?? names[word.text] ?? words.context.lookupName?.(table, word.text);
  return words.convert(
    word,
    wordSchema(() => {
      if (value === undefined) return { bad: expected };
      return value < min || value > max ? { range: expected } : { ok: value };
    }),
  );
}

export const addressScope = numberOrName(
  "ENUM(global|nowhere|host|link|site)|INT(0..255)|name from rt_scopes",
  255,
  SCOPES,
  "rt_scopes",
);
export const routeScope = numberOrName(
  "ENUM(global|nowhere|host|link|site)|INT(0..255)|name",
  255,
  SCOPES,
  "rt_scopes",
);
export const routeTable = numberOrName(
  "INT|ENUM(main|local|default)|name from rt_tables",
  UINT32_MAX,
  TABLES,
  "rt_tables",
);
export const ruleTable = numberOrName("INT(1..)|name from rt_tables", UINT32_MAX, TABLES, "rt_tables", 1);
export const routeProtocol = numberOrName("INT|name from rt_protos", 255, PROTOCOLS, "rt_protos");
export const typeOfService = numberOrName("INT|name from rt_dsfield", 255, { default: 0 }, "rt_dsfield");
export const interfaceGroup = numberOrName("INT|name from group", UINT32_MAX, { default: 0 }, "group");
export const ipProtocol = numberOrName("name or number", 255, IP_PROTOCOLS, "protocols");

/** `R[/R]`: source realm in the upper 16 bits, destination realm in the lower; one alone is the destination. */
export const realms: Value<number> = {
  grammar: "REALM[/REALM]",
  read: (words) => {
    const word = words.need("a realm, or SOURCE/DESTINATION");
    if (!word) return undefined;
    const parts = word.text.split("/").map((part) => cInteger(part) ?? words.context.lookupName?.("rt_realms", part));
    const [first, second] = parts;
    const bad = parts.length > 2 || parts.some((part) => part === undefined || part < 0 || part > 65535);
    if (bad || first === undefined) {
      words.error(
        word,
        "bad-value",
        `realms has a value it can't take (${word.text})`,
        "expected a realm from 0 to 65535, or SOURCE/DESTINATION",
      );
      return undefined;
    }
    return second === undefined ? first : first * 65536 + second;
  },
};

/** A number in C syntax up to 32 bits. */
export const cNumber: Value<number> = {
  grammar: "INT(0..4294967295, C syntax)",
  read: (words) => words.value(cSchema(0, UINT32_MAX), `an integer from 0 to ${UINT32_MAX}`),
};

function cSchema(min: number, max: number) {
  const expected = `an integer from ${min} to ${max}, also as 0x…`;
  return wordSchema((text) => {
    const value = cInteger(text);
    if (value === undefined) return { bad: expected };
    return value < min || value > max ? { range: expected } : { ok: value };
  });
}

export interface Mark {
  readonly mark: number;
  readonly mask?: number;
}

/** `N[/N]`: mark and mask. */
export const markAndMask: Value<Mark> = {
  grammar: "INT[/INT] (C syntax)",
  read: (words) => {
    const word = words.need("a mark, or MARK/MASK");
    if (!word) return undefined;
    const expected = "a mark from 0 to 4294967295, or MARK/MASK";
    return words.convert(
      word,
      wordSchema<Mark>((text) => {
        const [mark, mask, ...more] = text.split("/").map(cInteger);
        if (mark === undefined || more.length > 0 || (text.includes("/") && mask === undefined))
          return { bad: expected };
        if (mark < 0 || mark > UINT32_MAX || (mask ?? 0) < 0 || (mask ?? 0) > UINT32_MAX) return { range: expected };
        return { ok: mask === undefined ? { mark } : { mark, mask } };
      }),
    );
  },
};

/** `N-N` up to `max`. keepalived refuses a single number. */
export function numberRange(grammar: string, max: number): Value<readonly [number, number]> {
  const expected = `a range of numbers up to ${max}, such as 80-80`;
  const schema = wordSchema<readonly [number, number]>((text) => {
    const parts = /^(\d{1,10})-(\d{1,10})$/.exec(text);
    if (!parts) return { bad: expected };
    const low = Number(parts[1]);
    const high = Number(parts[2]);
    return low > max || high > max ? { range: expected } : { ok: [low, high] };
  });
  return {
    grammar,
    read: (words) => {
      const word = words.peek();
      const range = words.value(schema, expected);
      if (range && word && range[0] > range[1])
        words.warn(word, "upside-down", `no number lies in ${word.text}`, `write ${range[1]}-${range[0]}`);
      return range;
    },
  };
}

/** A number that needs 64 bits, as decimal text. */
export const tunnelId: Value<string> = {
  grammar: "INT(0..2^64-1)",
  read: (words) =>
    words.value(
      wordSchema((text) =>
        /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n
          ? { ok: BigInt(text).toString() }
          : { bad: "an integer from 0 to 18446744073709551615" },
      ),
      "a tunnel key",
    ),
};

/** A route metric that may be locked against the kernel's own measurements. */
export interface Metric<T = number> {
  readonly value: T;
  readonly lock: boolean;
}

export const lockable: Value<Metric> = {
  grammar: "[lock] INT(0..4294967295)",
  read: (words) => {
    const lock = words.take("lock");
    const value = words.value(integerSchema(0, UINT32_MAX), `an integer from 0 to ${UINT32_MAX}`);
    return value === undefined ? undefined : { value, lock };
  },
};

export const lockableText: Value<Metric<string>> = {
  grammar: "[lock] STRING",
  read: (words) => {
    const lock = words.take("lock");
    const word = words.need("a name");
    return word && { value: word.text, lock };
  },
};

/** Times of route metrics are kept between these bounds. */
const MIN_METRIC_MS = 200;
const MAX_METRIC_MS = 120_000;

/** `N`, `Ns`, `Nms` …: in the kernel's unit, `perMs` of which make a millisecond; a bare number is in that unit already. */
export function metricTime(grammar: string, perMs: number): Value<Metric> {
  const expected = "a number, or a time such as 300ms or 0.4s, from 200ms to 120s";
  return {
    grammar,
    read: (words) => {
      const lock = words.take("lock");
      const word = words.need(expected);
      if (!word) return undefined;
      const parts = /^(\d+(?:\.\d*)?|\.\d+)(s|secs?|ms|msecs?)?$/i.exec(word.text);
      const unit = parts?.[2]?.toLowerCase();
      if (!parts || (unit === undefined && word.text.includes("."))) {
        words.error(word, "bad-value", `${words.keyword.text} line: ${word.text} is no time`, `expected ${expected}`);
        return undefined;
      }
      const number = Number(parts[1]);
      const ms = unit === undefined ? number / perMs : unit.startsWith("m") ? number : number * 1000;
      const clamped = Math.min(Math.max(ms, MIN_METRIC_MS), MAX_METRIC_MS);
      if (clamped !== ms)
        words.error(
          word,
          "out-of-range",
          `${word.text} is out of range: ${clamped}ms is taken`,
          `expected ${expected}`,
        );
      return { value: Math.round(clamped * perMs), lock };
    },
  };
}

/** `[inet|inet6] IP`. */
export const gateway: Value<IpText> = {
  grammar: "[inet|inet6] IP",
  read: (words) => {
    const family = words.take("inet") ? 4 : words.take("inet6") ? 6 : undefined;
    const word = words.need("an address");
    const ip = word && words.convert(word, ipSchema, "via");
    if (word && ip !== undefined && family !== undefined && familyOf(ip) !== family) {
      words.error(
        word,
        "mixed-families",
        `via inet${family === 6 ? "6" : ""} has an address of the other family (${ip})`,
      );
      return undefined;
    }
    return ip;
  },
};

/** `IP6[/LEN]`. */
export const prefix6: Value<Prefix> = {
  grammar: "IP6[/LEN]",
  read: (words) => {
    const word = words.need("an IPv6 prefix");
    const prefix = word && readPrefix(words, word, "from");
    if (word && prefix && familyOf(prefix.ip) === 4) {
      words.error(word, "bad-value", `from is for IPv6 routes only (${word.text})`);
      return undefined;
    }
    return prefix;
  },
};

/** `IP[/LEN] | all | any | default` of a rule; "all" stands for no restriction. */
export const ruleSelector: Value<Prefix | "all"> = {
  grammar: "IP[/LEN]|all|any|default",
  read: (words) => {
    const word = words.need("a prefix, all, any or default");
    if (!word) return undefined;
    return word.text === "all" || word.text === "any" || word.text === "default"
      ? "all"
      : readPrefix(words, word, "the prefix");
  },
};

/** `brd`: an address, or `+` and `-` to set or clear the host bits. */
export const broadcast: Value<IpText | "+" | "-"> = {
  grammar: "IP4|+|-",
  read: (words) =>
    words.value(
      wordSchema<IpText | "+" | "-">((text) => {
        if (text === "+" || text === "-") return { ok: text };
        const ip = canonicalIp(text);
        return ip === undefined || familyOf(ip) === 6 ? { bad: "an IPv4 address, + or -" } : { ok: ip };
      }),
      "an IPv4 address, + or -",
      "brd",
    ),
};

/** Lifetime in seconds; `forever` is the kernel's INFINITY_LIFE_TIME. */
export const lifetime: Value<number> = {
  grammar: "INT(0..4294967295)|forever",
  read: (words) => {
    if (words.take("forever")) return UINT32_MAX;
    return words.value(integerSchema(0, UINT32_MAX), "seconds or forever", "preferred_lft");
  },
};

const PREFERENCES: Readonly<Record<string, number>> = { medium: 0, high: 1, low: 3 };

/** `pref` of RFC 4191: ICMPV6_ROUTER_PREF_* as the kernel numbers them. */
export const routePreference: Value<number> = {
  grammar: "ENUM(low|medium|high)|INT(0..255)",
  read: (words) => {
    const word = words.need("low, medium, high or a number");
    if (!word) return undefined;
    return PREFERENCES[word.text] ?? words.convert(word, integerSchema(0, 255));
  },
};
