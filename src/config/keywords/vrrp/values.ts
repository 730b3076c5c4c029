// Config core: values of VRRP blocks that are more than one word: trackers, peers, virtual MACs, keys, sync daemon.
import { canonicalIp, type IpText } from "../../../base/ip.ts";
import type { Lines, Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import {
  integerSchema,
  interfaceSchema,
  nonEmptySchema,
  readHost,
  timeSchema,
  UINT32_MAX,
  wordSchema,
  wordsSchema,
} from "../../bind/values.ts";
import { didYouMean } from "../../findings/suggest.ts";
import type { SyncDaemon } from "../../model/lvs.ts";
import type { Word } from "../../text/tree.ts";
import { readOptions } from "../routing/line-reader.ts";
import { type Prefix, readPrefix } from "../routing/line-values.ts";
import { SYNC_DAEMON, TRACKER, UNICAST_PEER, VMAC } from "../routing/small-lines.ts";

// --- trackers

/** One line of a track_* block. */
export interface TrackerUse {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: boolean;
  readonly word: Word;
}

type TrackerKind = "interface" | "script" | "bfd" | "file" | "process";

function tracker(kind: TrackerKind): Value<TrackerUse> {
  const limit = kind === "file" || kind === "process" ? 254 : 253;
  // ±254 is taken as ±253 with an error where 253 is the limit (language.md §14.2).
  const schema = integerSchema(-254, 254);
  return {
    grammar: "NAME [weight N [reverse | noreverse]]",
    read: (words) => {
      const word = words.next();
      if (!word) return undefined;
      if (word.text === "weight" && /^[+-]?\d+$/.test(words.peek()?.text ?? "")) {
        words.error(word, "missing-value", "this line says nothing that is tracked", "write a name in front of weight");
        return undefined;
      }
      if (kind === "interface" && words.convert(word, interfaceSchema, "track_interface") === undefined)
        return undefined;
      if (!words.take("weight")) {
        if (words.atEnd) return { name: word.text, word };
        // keepalived leaves the whole line out.
        words.refuseRest(`a line of track_${kind}`, didYouMean(words.peek()?.text ?? "", ["weight"]));
        return undefined;
      }
      const at = words.need(`an integer from -${limit} to ${limit}`, "weight");
      const given = at && words.convert(at, schema, "weight");
      if (!at) return undefined;
      const used = given === undefined ? weightInstead(at.text) : { weight: Math.min(Math.max(given, -limit), limit) };
      if (given !== undefined && used.weight !== given)
        words.warn(
          at,
          "clamped",
          `weight is out of range (${given}): ${used.weight} is taken`,
          `expected an integer from -${limit} to ${limit}`,
        );
      const reverse = words.take("reverse")
        ? true
        : kind !== "interface" && words.take("noreverse")
          ? false
          : undefined;
      const isWhole = words.atEnd;
      words.refuseRest("weight", `expected ${kind === "interface" ? "reverse" : "reverse or noreverse"}`);
      if (!isWhole && LEFT_OUT_WITH_REST.has(kind)) return undefined;
      return { name: word.text, ...used, ...(reverse !== undefined && { reverse }), word };
    },
  };
}

/** keepalived leaves a line of these out that has something strange behind its weight; of the others it counts so far. */
const LEFT_OUT_WITH_REST: ReadonlySet<TrackerKind> = new Set(["file", "bfd"]);

/** What counts in place of a wrong weight, as in keepalived: the number it begins with, else 0; that of the definition when it is too large. */
function weightInstead(text: string): Pick<TrackerUse, "weight"> {
  const weight = Number.parseInt(text, 10) || 0;
  return Math.abs(weight) > 254 ? {} : { weight };
}

function trackerLines(kind: TrackerKind): Lines<TrackerUse> {
  return { kind: "lines", entry: tracker(kind), options: TRACKER };
}

export const trackInterfaces = trackerLines("interface");
export const trackScripts = trackerLines("script");
export const trackBfd = trackerLines("bfd");
export const trackFiles = trackerLines("file");
export const trackProcesses = trackerLines("process");

// --- peers

export interface Peer {
  readonly ip: IpText;
  readonly minTtl: number;
  readonly maxTtl: number;
  /** Either TTL word switches check_unicast_src on. */
  readonly ttlGiven: boolean;
}

export const unicastPeer: Value<Peer> = {
  grammar: "IP [min_ttl 0..255] [max_ttl 0..255]",
  read: (words) => {
    const ip = readHost(words, "an address", "unicast_peer");
    if (ip === undefined) return undefined;
    const { options: read, strange } = readOptions(words, UNICAST_PEER, "a peer");
    // keepalived reads no further than a strange word.
    const options: typeof read = strange ? {} : read;
    const minTtl = options.min_ttl?.value ?? UNICAST_PEER.min_ttl.initial;
    const maxTtl = options.max_ttl?.value ?? UNICAST_PEER.max_ttl.initial;
    if (options.min_ttl && minTtl > maxTtl)
      words.error(
        options.min_ttl.word,
        "out-of-range",
        `min_ttl ${minTtl} is more than max_ttl ${maxTtl}: every packet of ${ip} is refused`,
      );
    return {
      ip,
      minTtl,
      maxTtl,
      ttlGiven: options.min_ttl !== undefined || options.max_ttl !== undefined,
    };
  },
};

// --- virtual MAC and ipvlan

export interface VmacValue {
  readonly interface?: string;
  /** Five octets (the VRID is the sixth) or six, colon separated, lower case. */
  readonly mac?: string;
  readonly notify: boolean;
  readonly group?: number;
}

const MAC = /^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){4,5}$/;

function macOf(text: string): string | undefined {
  if (!MAC.test(text)) return undefined;
  return text
    .toLowerCase()
    .split(":")
    .map((octet) => octet.padStart(2, "0"))
    .join(":");
}

export const useVmac: Value<VmacValue> = {
  grammar: "[[name] IFNAME] [MAC (5 or 6 octets)] [netlink_notify_msg] [group GROUP]",
  read: (words) => {
    let name: string | undefined;
    let mac: string | undefined;
    let bare: Word | undefined;
    const { options, failed } = readOptions(words, VMAC, "use_vmac", (word) => {
      const octets = macOf(word.text);
      if (octets !== undefined) mac = octets;
      else if (!bare && !word.text.includes(":")) {
        bare = word;
        name = words.convert(word, interfaceSchema, "use_vmac");
      } else return false;
      words.next();
      return true;
    });
    if (failed.length > 0) return undefined;
    refuseTwoNames(words, options.name?.word, bare);
    const named = options.name?.value ?? name;
    return {
      ...(named !== undefined && { interface: named }),
      ...(mac !== undefined && { mac }),
      notify: options.netlink_notify_msg !== undefined,
      ...(options.group && { group: options.group.value }),
    };
  },
};

/** A name with `name` in front of it, and one without. */
function refuseTwoNames(words: Reader, named: Word | undefined, bare: Word | undefined): void {
  if (named && bare) words.error(bare, "duplicate-keyword", `${words.keyword.text} has two names for its interface`);
}

export interface IpvlanValue {
  readonly interface?: string;
  readonly address?: Prefix;
  readonly mode?: "bridge" | "private" | "vepa";
  readonly group?: number;
}

const IPVLAN_MODES = ["bridge", "private", "vepa"] as const;

export const useIpvlan: Value<IpvlanValue> = {
  grammar: "[[name] IFNAME] [IP[/LEN]] [ENUM(bridge|private|vepa)] [group GROUP]",
  read: (words) => {
    let name: string | undefined;
    let address: Prefix | undefined;
    let mode: (typeof IPVLAN_MODES)[number] | undefined;
    let bare: Word | undefined;
    const { options, failed } = readOptions(words, VMAC, "use_ipvlan", (word) => {
      const known = IPVLAN_MODES.find((one) => one === word.text);
      if (known) mode = known;
      else if (canonicalIp(word.text.split("/")[0] ?? "") !== undefined)
        address = readPrefix(words, word, "use_ipvlan");
      else if (!bare) {
        bare = word;
        name = words.convert(word, interfaceSchema, "use_ipvlan");
      } else return false;
      words.next();
      return true;
    });
    if (failed.length > 0) return undefined;
    refuseTwoNames(words, options.name?.word, bare);
    const named = options.name?.value ?? name;
    return {
      ...(named !== undefined && { interface: named }),
      ...(address && { address }),
      ...(mode && { mode }),
      ...(options.group && { group: options.group.value }),
    };
  },
};

// --- keys

export interface HmacKey {
  readonly id: number;
  /** 32 to 64 bytes as hexadecimal digits. Absent: reading it failed, with a finding. */
  readonly keyHex: string;
}

const KEY_BYTES = { min: 32, max: 64 };

/** `key ID (hex:DIGITS | file:PATH | TEXT)`; the key itself never reaches a message. */
export const hmacKey: Value<HmacKey> = {
  grammar: "INT(1..255) hex:HEX|file:PATH|STRING, 32..64 bytes",
  read: (words) => {
    const id = words.value(integerSchema(1, 255), "a key id from 1 to 255");
    const word = words.need("a key of 32 to 64 bytes");
    if (id === undefined || !word) return undefined;
    const bytes = keyBytes(words, word);
    if (typeof bytes === "string") {
      words.error(
        word,
        "bad-key",
        `key ${id}: ${bytes}`,
        "expected 32 to 64 bytes as text, hex:DIGITS, or file:PATH that only its owner may read",
      );
      return undefined;
    }
    if (bytes.byteLength >= KEY_BYTES.min && bytes.byteLength <= KEY_BYTES.max)
      return { id, keyHex: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
    words.error(word, "bad-key", `key ${id} has ${bytes.byteLength} bytes`, "expected 32 to 64 bytes");
    return undefined;
  },
};

/** The bytes, or in words what is wrong with them. */
function keyBytes(words: Reader, word: Word): Uint8Array | string {
  if (word.text.startsWith("hex:")) {
    const digits = word.text.slice(4);
    if (!/^([0-9a-fA-F]{2})+$/.test(digits)) return "what follows hex: is not an even number of hexadecimal digits";
    return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
      Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
    );
  }
  if (word.text.startsWith("file:"))
    return words.context.readKeyFile?.(word.text.slice(5)) ?? "the key file can't be read";
  return new TextEncoder().encode(word.text);
}

/** `auth_pass`: up to eight bytes; a longer one is cut, with an error that does not show it. */
export const password: Value<string> = {
  grammar: "STRING(1..8)",
  read: (words) => {
    const word = words.need("a password of 1 to 8 bytes");
    if (!word) return undefined;
    const bytes = new TextEncoder().encode(word.text);
    if (bytes.byteLength === 0) {
      words.error(word, "bad-value", "auth_pass is empty", "expected 1 to 8 bytes");
      return undefined;
    }
    if (bytes.byteLength <= 8) return word.text;
    words.warn(
      word,
      "cut",
      `auth_pass has ${bytes.byteLength} bytes: only the first 8 count`,
      "shorten it on both sides",
    );
    // The packet has room for 8: cut here, a character of several bytes would become another one.
    return word.text;
  },
};

// --- sync daemon

/** `lvs_sync_daemon`, in its form with words and in the older positional one. */
export const syncDaemon: Value<SyncDaemon> = {
  grammar:
    "IFNAME [inst VRRP-INSTANCE] [id INT(0..255)] [maxlen INT(1..65507)] [port INT(1..65535)] [ttl INT(1..255)] [group MCAST-IP] | IFNAME VRRP-INSTANCE [INT]",
  read: (words) => {
    const word = words.need("an interface");
    const device = word && words.convert(word, interfaceSchema);
    if (!word || device === undefined) return undefined;
    let instance: string | undefined;
    let id: number | undefined;
    const behindInterface = words.position;
    const { options, failed } = readOptions(words, SYNC_DAEMON, "lvs_sync_daemon", (other) => {
      const place = words.position - behindInterface;
      if (place === 0) instance = words.convert(other, nonEmptySchema, "lvs_sync_daemon");
      else if (place === 1 && instance !== undefined && /^\d+$/.test(other.text)) {
        id = words.convert(other, integerSchema(0, 255), "id");
        words.warn(other, "deprecated", "a sync id without its word", `write id ${other.text}`);
      } else return false;
      words.next();
      return true;
    });
    if (options.inst && instance !== undefined)
      words.error(
        options.inst.word,
        "duplicate-keyword",
        `lvs_sync_daemon names an instance twice: ${instance} counts`,
        "a name directly behind the interface is the instance already",
      );
    if (failed.length > 0) return undefined;
    const inst = instance ?? options.inst?.value;
    const syncId = options.id?.value ?? id;
    return {
      interface: device,
      ...(inst !== undefined && { instance: inst }),
      ...(syncId !== undefined && { syncId }),
      ...(options.maxlen && { maxLen: options.maxlen.value }),
      ...(options.port && { port: options.port.value }),
      ...(options.ttl && { ttl: options.ttl.value }),
      ...(options.group && { group: options.group.value }),
      origin: word.origin,
    };
  },
};

// --- small ones

export interface ExtraInterfaces {
  readonly all: boolean;
  readonly everyMs: number;
}

/** `[all] SECONDS`. */
export function extraInterfaces(min: number): Value<ExtraInterfaces> {
  return {
    grammar: `[all] INT(${min}..86400)`,
    read: (words) => {
      const all = words.take("all");
      const s = words.value(integerSchema(min, 86_400), `seconds from ${min} to 86400`);
      return s === undefined ? undefined : { all, everyMs: s * 1000 };
    },
  };
}

export interface LinkbeatEntry {
  readonly interface: string;
  readonly method?: "MII" | "ETHTOOL" | "IOCTL";
}

export const linkbeatEntry: Value<LinkbeatEntry> = {
  grammar: "IFNAME [ENUM(MII|ETHTOOL|IOCTL)]",
  read: (words) => {
    const name = words.value(interfaceSchema, "an interface", "linkbeat_interfaces");
    const word = words.next();
    const method = word && words.convert(word, wordsSchema(["MII", "ETHTOOL", "IOCTL"]), "linkbeat_interfaces");
    if (name === undefined) return undefined;
    return method ? { interface: name, method } : { interface: name };
  },
};

export interface DelayEntry {
  readonly interface: string;
  readonly downMs: number;
  readonly upMs: number;
}

const delaySchema = timeSchema(0, 255, "s", 1000);

export const delayEntry: Value<DelayEntry> = {
  grammar: "IFNAME SECS [SECS]",
  read: (words) => {
    const name = words.value(interfaceSchema, "an interface", "interface_up_down_delays");
    const downMs = words.value(delaySchema, "seconds from 0 to 255", "the down delay");
    const word = words.next();
    const upMs = word ? words.convert(word, delaySchema, "the up delay") : 0;
    return name === undefined || downMs === undefined || upMs === undefined
      ? undefined
      : { interface: name, downMs, upMs };
  },
};

export interface TrackedProcess {
  readonly process: string;
  readonly params: readonly string[];
}

/** `process`: a name, or in quotes or as further words a command with its parameters. */
export const trackedProcess: Value<TrackedProcess> = {
  grammar: "STRING | QSTRING [PARAM ...]",
  read: (words) => {
    const word = words.need("the name of a process");
    if (!word) return undefined;
    const [process, ...params] = word.text.split(/[ \t]+/).filter((part) => part !== "");
    if (process === undefined) {
      words.error(word, "bad-value", "process is empty", "expected the name of a process");
      return undefined;
    }
    return { process, params: [...params, ...words.takeAll().map((param) => param.text)] };
  },
};

export interface InitFile {
  readonly value: number;
  readonly overwrite: boolean;
}

export const initFile: Value<InitFile> = {
  grammar: "[INT] [ENUM(overwrite)]",
  read: (words) => {
    let value = 0;
    const word = words.peek();
    if (word && word.text !== "overwrite") {
      words.next();
      const given = words.convert(word, integerSchema(-2_147_483_648, 2_147_483_647));
      if (given === undefined) return undefined;
      value = given;
    }
    return { value, overwrite: words.take("overwrite") };
  },
};

/** `vrrp_rx_bufs_policy`: a number beats a policy, MTU beats ADVERT. */
export const rxBufsPolicy: Value<"mtu" | "advert" | number> = {
  grammar: "ENUM(MTU|ADVERT, any case)|INT(0..4294967295) ...",
  read: (words) => {
    if (!words.peek()) return void words.need("MTU, ADVERT or a number of bytes");
    let policy: "mtu" | "advert" | number | undefined;
    for (const word of words.takeAll()) {
      const read = words.convert(word, policySchema);
      if (typeof read === "number") policy = read;
      else if (read === "mtu" && typeof policy !== "number") policy = read;
      else if (read === "advert") policy ??= read;
    }
    return policy;
  },
};

const policySchema = wordSchema<"mtu" | "advert" | number>((text) => {
  const word = text.toLowerCase();
  if (word === "mtu" || word === "advert") return { ok: word };
  const expected = "MTU, ADVERT or a number of bytes";
  if (!/^\d{1,10}$/.test(text)) return { bad: expected };
  return Number(text) > UINT32_MAX ? { range: expected } : { ok: Number(text) };
});

/** `state`: an unknown word, also in lower case, is reported and means BACKUP. */
export const roleName: Value<"MASTER" | "BACKUP"> = {
  grammar: "ENUM(MASTER|BACKUP)",
  read: (words) => {
    const word = words.need("MASTER or BACKUP");
    if (!word) return undefined;
    return words.convert(word, wordsSchema(["MASTER", "BACKUP"])) ?? "BACKUP";
  },
};

/** Protocol version. */
export const version: Value<2 | 3> = {
  grammar: "ENUM(2|3)",
  read: (words) =>
    words.value(
      wordSchema<2 | 3>((text) => (text === "2" ? { ok: 2 } : text === "3" ? { ok: 3 } : { bad: "2 or 3" })),
      "2 or 3",
    ),
};
