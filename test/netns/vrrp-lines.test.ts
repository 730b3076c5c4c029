// Ring netns: every word of an address, a route and a rule (the examples of test/golden/keywords.tsv), as static things of lbd and of
// Debian's keepalived, each in a namespace of its own: the kernel shows the same for both.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Daemon, type Kind } from "../support/daemon.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { addLink } from "../support/vrrp-host.ts";

const LIMIT_MS = 90_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

type Part = "address" | "route" | "rule";

interface Line {
  readonly word: string;
  readonly text: string;
  /** Is in what `ip` shows of this line, and of no other. */
  readonly key: string;
}

const PARTS: Readonly<Record<Part, { readonly block: string; readonly show: readonly string[] }>> = {
  address: { block: "static_ipaddress", show: ["-d -o addr show"] },
  route: { block: "static_routes", show: ["-d -o -4 route show table all", "-d -o -6 route show table all"] },
  rule: { block: "static_rules", show: ["-d rule show", "-d -6 rule show"] },
};

/** Words that have tests of their own: they are of groups, virtual interfaces and VRFs. `as` is an error. */
const ELSEWHERE = ["track_group", "use_vmac", "vrf", "as"];

/** In place of examples that the kernel refuses: a scope is that of its network, autojoin for groups, ports end below 65535. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "address/scope": "203.0.113.50/24 scope link",
  "address/autojoin": "239.1.2.3/32 autojoin",
  "rule/sport": "ipproto tcp sport 1024-2048 table 100 preference 100",
};

const EXAMPLE_ADDRESSES = /192\.0\.2\.50|2001:db8::50/;
const EXAMPLE_NETWORKS = /198\.51\.100\.0\/24|2001:db8:[56]::\/48/;
const EXAMPLE_PREFERENCE = /(?<=(?:preference|priority|order) )\d+/;

/** The examples with an address, network or preference of its own for each, so that one host has them all. */
function linesOf(part: Part): Line[] {
  const rows = readFileSync(new URL("../golden/keywords.tsv", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  const own = rows.map((row) => row.split("\t")).filter(([id = ""]) => id.startsWith(`${part}/`));
  return own.flatMap((cells, i): Line[] => {
    const [id = ""] = cells;
    const word = id.slice(part.length + 1);
    if (ELSEWHERE.includes(word)) return [];
    const example = EXAMPLES[id] ?? cells.at(-2) ?? "";
    const number = 60 + i;
    if (part === "rule") {
      const text = example.replace(EXAMPLE_PREFERENCE, `${number}`);
      return [{ word, text, key: `${number}:` }];
    }
    const text = example
      .replace(EXAMPLE_NETWORKS, (found) => (found.includes(":") ? `2001:db8:${number}::/48` : `198.51.${number}.0/24`))
      .replace(EXAMPLE_ADDRESSES, (found) =>
        part === "route" ? "192.0.2.1" : found.includes(":") ? `2001:db8::${number}` : `192.0.2.${number}`,
      );
    const key = /\b(?:198\.51|192\.0|203\.0|239\.1)\.\d+\.\d+|2001:db8:[0-9a-f:]+|default/.exec(
      part === "route" ? text.replace(/^src \S+ /, "") : text,
    )?.[0];
    return [{ word, text, key: `${key === "default" ? "default via 2001" : key}` }];
  });
}

/** What `ip` shows of a part, a line each. */
function shown(host: Namespace, part: Part): string[] {
  const text = PARTS[part].show.map((words) => host.ip(words)).join("");
  // Seconds go by, and indices are the machine's. keepalived does not mark a rule that it does not track as its own; we do.
  return text
    .replaceAll(/expires \d+sec/g, "expires")
    .replaceAll("proto unspec", "proto keepalived")
    .split("\n")
    .map((line) => line.trim());
}

async function withStatics(kind: Kind, part: Part, lines: readonly Line[]): Promise<string[]> {
  using host = new Namespace("lines");
  for (const name of ["eth0", "eth1"]) addLink(host, name);
  host.ip("addr add 192.0.2.1/24 dev eth0");
  host.ip("addr add 2001:db8::2/64 dev eth0 nodad");
  const before = shown(host, part);
  const statics = `${PARTS[part].block} {\n${lines.map(({ text }) => ` ${text}\n`).join("")}}\n`;
  // An instance says when all that is static is there.
  const instance =
    "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n  192.0.2.250\n }\n}\n";
  using daemon = new Daemon(kind, host, instance + statics).start();
  await until(`${kind} has started`, () => /BACKUP/.test(daemon.output), LIMIT_MS / 3);
  return shown(host, part).filter((line) => !before.includes(line));
}

describe.skipIf(reason !== undefined)("static things are in the kernel as with keepalived", () => {
  for (const part of ["address", "route", "rule"] as const) {
    const lines = linesOf(part);
    let pair: Promise<string[][]> | undefined;
    const both = () => {
      pair ??= Promise.all([withStatics("keepalived", part, lines), withStatics("lbd", part, lines)]);
      return pair;
    };

    test.each(lines.map((line) => [line.text, line] as const))(
      `${part}: %s`,
      async (_text, { key, text }) => {
        const [theirs = [], ours = []] = await both();
        const own = (all: readonly string[]) => all.filter((line) => line.includes(key)).sort();
        expect(own(ours)).toEqual(own(theirs));
        if (own(theirs).length === 0) console.log(`this kernel refuses it to both: ${text}`);
      },
      LIMIT_MS,
    );
  }
});
