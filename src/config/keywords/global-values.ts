// Config core: values of global_defs that are more than one word.
import { canonicalIp, type IpText } from "../../base/ip.ts";
import type { Lines, Value } from "../bind/keyword.ts";
import { nonEmptySchema, textSchema } from "../bind/values/names.ts";
import { cIntegerSchema, integerSchema, UINT32_MAX, wholeSeconds } from "../bind/values/numbers.ts";
import { wordSchema, wordsSchema } from "../bind/values/shapes.ts";

/** One recipient of `notification_email`. */
export const mailAddresses: Lines<string> = {
  kind: "words",
  entry: { grammar: "EMAIL", read: (words) => words.next()?.text },
};

export const mailAddress: Value<string> = {
  grammar: 'EMAIL | "NAME <EMAIL>"',
  read: (words) => words.need("an address of mail, in double quotes if a name stands with it")?.text,
};

export interface MailServer {
  /** An address, or a name that is resolved when mail is sent. */
  readonly server: IpText;
  readonly port: number;
}

const SMTP_PORT = 25;

export const mailServer: Value<MailServer> = {
  grammar: "IP|HOSTNAME [PORT(1..65535)]",
  read: (words) => {
    const server = words.value(serverSchema, "an address or a name");
    if (server === undefined) return undefined;
    const word = words.next();
    const port = word ? words.convert(word, integerSchema(1, 65535), "port") : SMTP_PORT;
    return port === undefined ? undefined : { server: canonicalIp(server) ?? server, port };
  },
};

/** No name of a host has only digits and dots: that is an address with a slip. */
const serverSchema = wordSchema<string>((text) =>
  text === "" || (/^[\d.]+$/.test(text) && canonicalIp(text) === undefined)
    ? { bad: "an address or the name of a host" }
    : { ok: text },
);

/** `smtp_connect_timeout` in milliseconds; 0 is reported and becomes a second. */
export const mailTimeout: Value<number> = {
  grammar: "INT(0..4294)",
  read: (words) => {
    const word = words.peek();
    const ms = wholeSeconds(0, 4294).read(words);
    if (ms !== 0 || !word) return ms;
    words.warn(word, "clamped", "smtp_connect_timeout 0 is too short: 1 s is taken");
    return 1000;
  },
};

export interface Timeouts {
  readonly tcp?: number;
  readonly tcpFin?: number;
  readonly udp?: number;
}

const TIMEOUT_MAX_S = 2_678_400;

/** `lvs_timeouts`: pairs in any order, at least one. */
export const lvsTimeouts: Value<Timeouts> = {
  grammar: `[tcp INT(0..${TIMEOUT_MAX_S})] [tcpfin INT(0..${TIMEOUT_MAX_S})] [udp INT(0..${TIMEOUT_MAX_S})]`,
  read: (words) => {
    if (!words.peek()) return void words.need("tcp N, tcpfin N or udp N");
    const timeouts: { tcp?: number; tcpFin?: number; udp?: number } = {};
    for (let word = words.next(); word; word = words.next()) {
      const key =
        word.text === "tcpfin" ? "tcpFin" : word.text === "tcp" || word.text === "udp" ? word.text : undefined;
      if (!key) {
        words.error(
          word,
          "unknown-word",
          `lvs_timeouts does not know ${word.text}`,
          "expected tcp N, tcpfin N or udp N",
        );
        return undefined;
      }
      const value = words.value(integerSchema(0, TIMEOUT_MAX_S), `seconds from 0 to ${TIMEOUT_MAX_S}`, word.text);
      if (value === undefined) return undefined;
      timeouts[key] = value;
    }
    return timeouts;
  },
};

/** A number that is clamped to 1..99 with a warning. */
export const realtimePriority: Value<number> = {
  grammar: "INT (clamped to 1..99)",
  read: (words) => {
    const word = words.need("an integer from 1 to 99");
    const value = word && words.convert(word, integerSchema(-UINT32_MAX, UINT32_MAX));
    if (!word || value === undefined) return undefined;
    const clamped = Math.min(Math.max(value, 1), 99);
    if (clamped !== value)
      words.warn(word, "out-of-range", `${words.keyword.text} is out of range (${value}): ${clamped} is taken`);
    return clamped;
  },
};

/** Numbers of processors; one wrong number voids the whole set. */
export const cpuSet: Value<readonly number[]> = {
  grammar: "INT(0..online-1) ...",
  read: (words) => {
    if (!words.peek()) return void words.need("numbers of processors");
    const cpus: number[] = [];
    for (const word of words.takeAll()) {
      const cpu = words.convert(word, integerSchema(0, MAX_CPU));
      if (cpu === undefined) return undefined;
      cpus.push(cpu);
    }
    return cpus;
  },
};

/** CPU_SETSIZE of <sched.h>, less one. */
const MAX_CPU = 1023;

/** Bits that `umask` names, as open(2) has them. */
const MODE_BITS: Readonly<Record<string, number>> = {
  IRUSR: 0o400,
  IWUSR: 0o200,
  IXUSR: 0o100,
  IRWXU: 0o700,
  IRGRP: 0o040,
  IWGRP: 0o020,
  IXGRP: 0o010,
  IRWXG: 0o070,
  IROTH: 0o004,
  IWOTH: 0o002,
  IXOTH: 0o001,
  IRWXO: 0o007,
};

const numericMask = cIntegerSchema(0, 0o777);

export const umask: Value<number> = {
  grammar: "INT (C syntax: 0 octal, 0x hex)|BITS joined by '|' from I{R,W,X}{USR,GRP,OTH}, IRWX{U,G,O}",
  read: (words) => {
    const first = words.need("a mask such as 0177, or IXUSR|IRWXG");
    if (!first) return undefined;
    if (/^[+-]?\d/.test(first.text)) return words.convert(first, numericMask);
    const all = [first, ...words.takeAll()].map((word) => word.text).join("");
    let mask = 0;
    for (const name of all.split("|")) {
      const bits = MODE_BITS[name.trim()];
      if (bits === undefined) {
        words.error(
          first,
          "bad-value",
          `umask does not know ${name || "an empty name"}`,
          `expected ${Object.keys(MODE_BITS).join(", ")}`,
        );
        return undefined;
      }
      mask |= bits;
    }
    return mask;
  },
};

/** An optional word; `true` when left out. */
export function optionalWord(grammar: string, max?: number): Value<string | true> {
  const schema = max === undefined ? nonEmptySchema : textSchema(max);
  return {
    grammar,
    read: (words) => {
      const word = words.next();
      return word ? words.convert(word, schema) : true;
    },
  };
}

/** `lvs_flush_on_stop [VS]`. */
export const flushOnStop: Value<"all" | "virtual-servers"> = {
  grammar: "[ENUM(VS)]",
  read: (words) => {
    const word = words.next();
    if (!word) return "all";
    return words.convert(word, wordsSchema(["VS"])) && "virtual-servers";
  },
};

const INCLUDE_CHECKS = ["read", "match", "wildcard_match", "brace_match"] as const;

/**
 * `include_check`: which include problems are fatal from here on. Reading acts on it while it follows the includes; this
 * only checks the words.
 */
export const includeCheck: Value<readonly string[]> = {
  grammar: "[ENUM(read|match|wildcard_match|brace_match)] [+WORD|-WORD ...]",
  read: (words) => {
    const taken: string[] = [];
    for (const [index, word] of words.takeAll().entries()) {
      const signed = /^[+-]/.test(word.text);
      const name = signed ? word.text.slice(1) : word.text;
      if (!signed && index > 0) {
        words.error(
          word,
          "bad-value",
          `${word.text} needs a sign behind the first word`,
          `write +${word.text} or -${word.text}`,
        );
        continue;
      }
      if (INCLUDE_CHECKS.some((check) => check === name)) taken.push(word.text);
      else
        words.error(
          word,
          "bad-value",
          `include_check does not know ${word.text}`,
          `expected ${INCLUDE_CHECKS.join(", ")}`,
        );
    }
    return taken;
  },
};

/** Any number of words that are kept as they stand. */
export function wordList(grammar: string): Value<readonly string[]> {
  return { grammar, read: (words) => words.takeAll().map((word) => word.text) };
}

/** An integer that may be left out. */
export function optionalInteger(min: number, max: number, without: number): Value<number> {
  return {
    grammar: `[INT(${min}..${max})]`,
    read: (words) => {
      const word = words.next();
      return word ? words.convert(word, integerSchema(min, max)) : without;
    },
  };
}

/** One of some words that may be left out; `true` then. */
export function optionalChoice<const W extends string>(...accepted: W[]): Value<W | true> {
  return {
    grammar: `[ENUM(${accepted.join("|")})]`,
    read: (words) => {
      const word = words.next();
      return word ? words.convert(word, wordsSchema(accepted)) : true;
    },
  };
}

/** `net_namespace_ipvs`: no name means the default namespace. */
export const namespaceOrDefault: Value<string> = {
  grammar: "[STRING]",
  read: (words) => {
    const word = words.next();
    return word
      ? words.convert(
          word,
          wordSchema((text) => ({ ok: text })),
        )
      : "";
  },
};
