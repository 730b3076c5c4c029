// Ring netns: the seed's samples and those of conf/examples run, each alone in a namespace with the interfaces it names: it reaches the
// state that it describes, its addresses, routes and rules are exactly what it adds, and nothing is left after the stop. Those with an
// IPVS sync daemon run in the ring vm (test/vm/guest/pair.test.ts).
import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../support/daemon.ts";
import { vrrpFrames } from "../support/frames.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { addressesOf, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { addLink } from "../support/vrrp-host.ts";

const LIMIT_MS = 120_000;
const SEED = join(import.meta.dir, "../golden/examples");
const OURS = join(import.meta.dir, "../../conf/examples");

interface Sample {
  readonly path: string;
  /** What the master adds, as ip(8) shows it: `INTERFACE ADDRESS…`, routes, rules. */
  readonly adds: readonly string[];
  /** What is there in every state. */
  readonly always?: readonly string[];
  /** The link whose loss is a fault; eth0 where absent. */
  readonly needs?: string;
}

const SAMPLES: readonly Sample[] = [
  {
    path: `${SEED}/seed-vrrp.conf`,
    adds: [
      "eth0 192.0.2.50/24",
      "eth0 192.0.2.51/24 brd 192.0.2.255 eth0:web",
      "eth0 192.0.2.52/24 brd 192.0.2.255",
      "eth0 2001:db8:0:1::50/64",
      "eth1 198.51.100.50/24 scope link",
    ],
  },
  { path: `${SEED}/seed-vrrp-ah.conf`, adds: ["eth1 198.51.100.51/24"], needs: "eth1" },
  { path: `${SEED}/seed-vrrp-sync.conf`, adds: ["eth0 192.0.2.60/24", "eth1 198.51.100.60/24"] },
  {
    path: `${SEED}/seed-vrrp-routes.conf`,
    adds: [
      "eth0 192.0.2.66/24",
      "198.18.1.0/24 via 192.0.2.254 dev eth0 proto keepalived",
      "198.18.2.0/24 via 192.0.2.254 dev eth0 proto keepalived metric 20",
      "198.18.3.0/24 via 192.0.2.254 dev eth0 proto keepalived src 192.0.2.66",
      "198.18.4.0/24 dev eth1 proto keepalived scope link",
      "198.18.5.0/24 dev eth1 table 100 proto keepalived",
      "default via 192.0.2.254 dev eth0 table 100 proto keepalived",
      "blackhole 198.18.6.0/24 proto keepalived",
    ],
  },
  { path: `${SEED}/seed-vrrp-scripts.conf`, adds: ["eth0 192.0.2.63/24"] },
  { path: `${SEED}/seed-vrrp-localcheck.conf`, adds: ["eth0 192.0.2.64/24"] },
  {
    path: `${SEED}/seed-vrrp-static-ipaddress.conf`,
    adds: ["eth0 192.0.2.67/24"],
    always: [
      "eth0 192.0.2.70/24",
      "eth1 198.51.100.70/24 brd 198.51.100.255",
      "eth0 2001:db8:0:1::70/64",
      "198.18.7.0/24 via 192.0.2.254 dev eth0 proto keepalived",
      "blackhole 198.18.8.0/24 proto keepalived",
    ],
  },
  { path: `${SEED}/seed-track-interface.conf`, adds: ["eth0 192.0.2.68/24"], needs: "eth1" },
  { path: `${OURS}/vrrp.conf`, adds: ["eth0 192.0.2.60/24", "eth0 192.0.2.61/24 eth0:odd", "eth0 2001:db8::61/64"] },
  { path: `${OURS}/vrrp.localcheck.conf`, adds: ["eth0 192.0.2.62/24"] },
  {
    path: `${OURS}/vrrp.routes.conf`,
    adds: [
      "eth0 192.0.2.64/24",
      "198.51.100.0/24 via 192.0.2.254 dev eth0 proto keepalived",
      "203.0.113.0/24 via 192.0.2.254 dev eth0 proto keepalived src 192.0.2.64 metric 50",
      "198.18.0.0/15 dev eth1 proto keepalived scope link",
    ],
  },
  { path: `${OURS}/vrrp.scripts.conf`, adds: ["eth0 192.0.2.65/24"] },
  {
    path: `${OURS}/vrrp.static_ipaddress.conf`,
    adds: ["eth0 192.0.2.66/24"],
    always: [
      "eth0 192.0.2.2/24 brd 192.0.2.255",
      "eth0 2001:db8::2/64",
      "198.51.100.0/24 via 192.0.2.254 dev eth0 proto keepalived",
      "100: from 192.0.2.0/24 lookup 100 proto keepalived",
    ],
  },
  { path: `${OURS}/vrrp.sync.conf`, adds: ["eth0 192.0.2.67/24", "eth1 198.51.100.68/24"] },
  { path: `${OURS}/track_interface.conf`, adds: ["eth0 192.0.2.1/24"] },
];

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

/** eth0, eth1 and eth2 up, with 192.0.2.10 on the first and 203.0.113.10 on the second. */
function sampleHost(): Namespace {
  const host = new Namespace("sample");
  for (const name of ["eth0", "eth1", "eth2"]) addLink(host, name);
  host.ip("addr add 192.0.2.10/24 dev eth0");
  host.ip("addr add 203.0.113.10/28 dev eth1");
  return host;
}

describe.skipIf(reason !== undefined)("samples run", () => {
  for (const { path, adds, always = [], needs = "eth0" } of SAMPLES)
    test.concurrent(
      path.split("/").slice(-2).join("/"),
      async () => {
        using host = sampleHost();
        const before = world(host);
        const added = () => world(host).filter((line) => !before.includes(line));
        const whole = [...always, ...adds].sort();
        const master = () => until("master with all that it adds", () => same(added(), whole), LIMIT_MS / 3);
        using director = new Daemon("lbd", host, readFileSync(path, "utf8")).start();
        await master().catch(() => expect(added()).toEqual(whole));
        host.ip(`link set ${needs} down`);
        await until("fault without them", () => added().every((line) => !adds.includes(line)));
        host.ip(`link set ${needs} up`);
        await master().catch(() => expect(added()).toEqual(whole));
        expect(await director.stop()).toBe(0);
        expect(world(host)).toEqual(before);
      },
      LIMIT_MS,
    );

  for (const [path, proxy, away, priorities] of [
    [`${SEED}/seed-vrrp-localcheck.conf`, "proxy.pid", "stand-down", [130, 100]],
    [`${OURS}/vrrp.localcheck.conf`, "haproxy.pid", "maintenance", [150, 90]],
  ] as const)
    test.concurrent(
      `${path.split("/").slice(-2).join("/")}: its files decide`,
      async () => {
        using segment = new Segment("a");
        const capture = await segment.capture("proto 112");
        const host = segment.host(0);
        using director = new Daemon("lbd", host, "");
        // The machine's own /run is nothing to play with.
        director.configure(readFileSync(path, "utf8").replaceAll("/run/", `${director.dir}/`));
        chmodSync(director.dir, 0o755);
        writeFileSync(join(director.dir, proxy), "");
        director.start();
        const [whole, reduced] = priorities;
        const advertised = (priority: number) =>
          until(`priority ${priority}`, () => vrrpFrames(capture.frames).at(-1)?.priority === priority);
        await advertised(whole);
        rmSync(join(director.dir, proxy));
        await advertised(reduced);
        writeFileSync(join(director.dir, away), "");
        await advertised(0);
        await until("no address", () => !addressesOf(host).some((address) => /^192\.0\.2\.6[24]/.test(address)));
        rmSync(join(director.dir, away));
        await advertised(reduced);
        expect(await director.stop()).toBe(0);
      },
      LIMIT_MS,
    );
});

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join("\n") === b.join("\n");
}

/** Addresses, routes and rules as one line each, sorted, without link-local ones and what the kernel adds to an address by itself. */
function world(host: Namespace): string[] {
  const addresses = host
    .ip("-o addr show")
    .split("\n")
    .map((line) => /^\d+: (\S+) +inet6? (.*?)(?: secondary| dynamic| nodad| deprecated)* *\\/.exec(line))
    .flatMap((match) => (match ? [`${match[1]} ${wordsOf(match[2] ?? "", match[1] ?? "")}`] : []));
  const routes = `${host.ip("route show table all")}${host.ip("-6 route show table all")}`
    .split("\n")
    .filter((line) => line !== "" && !/proto kernel|^local|^broadcast|^multicast|^anycast|^fe80|^ff00/.test(line));
  const rules = `${host.ip("rule show")}${host.ip("-6 rule show")}`.split("\n").filter((line) => line !== "");
  return [...addresses.filter((line) => !line.includes(" fe80:")), ...routes, ...rules]
    .map((line) => line.replace(/\s+/g, " ").trim())
    .sort();
}

/** `192.0.2.51/24 brd 192.0.2.255 scope global eth0:web` without what is usual: global scope, the device as its label. */
function wordsOf(text: string, device: string): string {
  return text
    .replace(/ scope global/, "")
    .replace(/ secondary/, "")
    .replace(new RegExp(` ${device}$`), "");
}
