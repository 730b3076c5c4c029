// Config core: values of virtual and real servers: addresses and ranges, forwarding methods, persistence, checks' lists.
import { canonicalIp, familyOf } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { integerSchema } from "../../bind/values/numbers.ts";
import { wordSchema, wordsSchema } from "../../bind/values/shapes.ts";
import type { Forwarding } from "../../model/lvs.ts";

const methodSchema = wordsSchema(["NAT", "DR", "TUN"]);

const tunnelTypeSchema = wordsSchema(["ipip", "gue", "gre"]);

/** `lvs_method`, `lb_kind` (language.md §14.6). */
export const forwarding: Value<Forwarding> = {
  grammar: "ENUM(NAT|DR) | TUN [type ENUM(ipip|gue|gre)] [port INT(1..65535)] [ENUM(nocsum|csum|remcsum)]",
  read: (words) => {
    const method = words.value(methodSchema, "NAT, DR or TUN");
    const read = method === "TUN" ? readTunnel(words) : method && { method };
    words.refuseRest(words.keyword.text, "expected NAT, DR, or TUN with type, port and a checksum option");
    return read;
  },
};

/** keepalived: what a tunnel is with a mistake behind TUN. */
const IPIP: Forwarding = { method: "TUN", tunnel: { type: "ipip" } };

type Checksum = "nocsum" | "csum" | "remcsum";

function readTunnel(words: Reader): Forwarding | undefined {
  let type: "ipip" | "gue" | "gre" = "ipip";
  let port: number | undefined;
  let checksum: Checksum | undefined;
  for (let word = words.peek(); word; word = words.peek()) {
    if (word.text === "type") {
      words.next();
      const read = words.value(tunnelTypeSchema, "ipip, gue or gre", "type");
      if (read === undefined) return IPIP;
      type = read;
    } else if (word.text === "port") {
      words.next();
      port = words.value(integerSchema(1, 65535), "a port from 1 to 65535", "port");
      if (port === undefined) return IPIP;
    } else if (word.text === "nocsum" || word.text === "csum" || word.text === "remcsum") {
      words.next();
      checksum = word.text;
    } else break;
  }
  const problem = tunnelProblem(type, port, checksum);
  if (problem !== undefined) {
    words.error(
      words.here,
      "bad-tunnel",
      problem,
      "gue needs a port, ipip and gre take none; ipip takes no checksum, gre no remcsum; ipip is taken",
    );
    return IPIP;
  }
  return { method: "TUN", tunnel: { type, ...(port !== undefined && { port }), ...(checksum && { checksum }) } };
}

function tunnelProblem(type: string, port: number | undefined, checksum: Checksum | undefined): string | undefined {
  if (type === "gue" && port === undefined) return "a gue tunnel lacks its port";
  if (type !== "gue" && port !== undefined) return `a ${type} tunnel has no port (${port})`;
  if (type === "ipip" && checksum !== undefined && checksum !== "nocsum")
    return `an ipip tunnel has no checksum (${checksum})`;
  if (type === "gre" && checksum === "remcsum") return "a gre tunnel has no remote checksum (remcsum)";
  return undefined;
}

/** Bounds of `persistence_timeout` in seconds: 31 days. */
const PERSISTENCE_MAX_S = 2_678_400;

export const PERSISTENCE_DEFAULT_S = 360;

/** `persistence_timeout`, in seconds. */
export const persistenceTimeout: Value<number> = {
  grammar: `[INT(1..${PERSISTENCE_MAX_S})]`,
  read: (words) => {
    const word = words.next();
    return word ? words.convert(word, integerSchema(1, PERSISTENCE_MAX_S)) : PERSISTENCE_DEFAULT_S;
  },
};

/**
 * `persistence_granularity`: a dotted mask, or a prefix length. A length for IPv4 is what keepalived turns into the mask
 * 0.0.0.24 (language.md §16.9); here it becomes the mask that was meant.
 */
export const granularity: Value<string> = {
  grammar: "NETMASK4 | INT(1..128)",
  read: (words) =>
    words.value(
      wordSchema((text) => {
        const length = /^\d+$/.test(text) ? Number(text) : Number.NaN;
        if (length <= 128) return { ok: String(length) };
        const ip = canonicalIp(text);
        if (ip !== undefined && familyOf(ip) === 4) return { ok: ip };
        return { bad: "an IPv4 netmask such as 255.255.255.0, or a prefix length from 1 to 128 for IPv6" };
      }),
      "a netmask or a prefix length",
    ),
};
