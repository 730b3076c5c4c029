// Config core: values of VRRP blocks that are more than one word: trackers, peers, virtual MACs, keys, sync daemon.
import type { IpText } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { readHost } from "../../bind/values/addresses.ts";
import { integerSchema, UINT32_MAX } from "../../bind/values/numbers.ts";
import { wordSchema, wordsSchema } from "../../bind/values/shapes.ts";
import type { Word } from "../../text/tree.ts";
import { readOptions } from "../routing/line-reader.ts";
import { UNICAST_PEER } from "../routing/small-lines.ts";

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
