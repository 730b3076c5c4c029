// Config core: `encap` of routes and their legs: lightweight tunnels (language.md §14.3).

import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { ip4Schema, ip6Schema } from "../../bind/values/addresses.ts";
import { cInteger, integerSchema } from "../../bind/values/numbers.ts";
import { wordSchema } from "../../bind/values/shapes.ts";
import type { Encap } from "../../model/net.ts";
import { typeOfService } from "./line-values.ts";

const MPLS_LABEL_MAX = 1_048_575;

export const encap: Value<Encap> = {
  grammar:
    "mpls LABEL[/LABEL...] | ip [id INT] [dst IP4] [src IP4] [tos T] [ttl INT] [flags INT] | ip6 [id INT] [dst IP6] [src IP6] [tc T] [hoplimit INT] [flags INT] | ila H:H:H:H",
  read: (words) => {
    const kind = words.need("mpls, ip, ip6 or ila");
    if (!kind) return undefined;
    switch (kind.text) {
      case "mpls":
        return readLabels(words);
      case "ip":
      case "ip6":
        return readTunnel(words, kind.text);
      case "ila":
        return readLocator(words);
      default:
        words.error(kind, "bad-value", `encap does not know ${kind.text}`, "expected mpls, ip, ip6 or ila");
        return undefined;
    }
  },
};

function readLabels(words: Reader): Encap | undefined {
  const expected = `labels from 0 to ${MPLS_LABEL_MAX}, separated by slashes`;
  const labels = words.value(
    wordSchema<readonly number[]>((text) => {
      const labels = text.split("/").map((label) => cInteger(label) ?? -1);
      return labels.some((label) => label < 0 || label > MPLS_LABEL_MAX) ? { bad: expected } : { ok: labels };
    }),
    expected,
    "mpls",
  );
  return labels && { kind: "mpls", labels };
}

function readLocator(words: Reader): Encap | undefined {
  const expected = "four groups of hexadecimal digits, such as 2001:db8:0:1";
  const locator = words.value(
    wordSchema((text) =>
      /^[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){3}$/.test(text) ? { ok: text.toLowerCase() } : { bad: expected },
    ),
    expected,
    "ila",
  );
  return locator === undefined ? undefined : { kind: "ila", locator };
}

interface TunnelFields {
  id?: string;
  dst?: string;
  src?: string;
  tos?: number;
  ttl?: number;
  flags?: number;
}

const idSchema = wordSchema((text) => {
  const id = cInteger(text);
  return id === undefined || id < 0 ? { bad: "a tunnel id" } : { ok: text };
});

/** Reads options until a word that is none: the rest belongs to the route. */
function readTunnel(words: Reader, kind: "ip" | "ip6"): Encap | undefined {
  const fields: TunnelFields = {};
  const address = kind === "ip" ? ip4Schema : ip6Schema;
  for (let word = words.peek(); word; word = words.peek()) {
    const option = word.text;
    const names = kind === "ip" ? ["tos", "ttl"] : ["tc", "hoplimit"];
    if (option === "id") take(words, () => set(fields, "id", words.value(idSchema, "a tunnel id", option)));
    else if (option === "dst") take(words, () => set(fields, "dst", words.value(address, "an address", option)));
    else if (option === "src") take(words, () => set(fields, "src", words.value(address, "an address", option)));
    else if (option === names[0]) take(words, () => set(fields, "tos", typeOfService.read(words)));
    else if (option === names[1])
      take(words, () => set(fields, "ttl", words.value(integerSchema(0, 255), "0 to 255", option)));
    else if (option === "flags")
      take(words, () => set(fields, "flags", words.value(integerSchema(0, 65535), "0 to 65535", option)));
    else break;
  }
  if (fields.id === undefined && fields.dst === undefined) {
    words.error(words.here, "missing-value", `encap ${kind} needs id or dst`);
    return undefined;
  }
  return { kind, ...fields };
}

function take(words: Reader, read: () => void): void {
  words.next();
  read();
}

function set<K extends keyof TunnelFields>(fields: TunnelFields, key: K, value: TunnelFields[K]): void {
  if (value !== undefined) fields[key] = value;
}
