// Ring vm, in the guest: the kernel's table for every configuration with virtual servers (the specification's, those of conf/, and a
// few kinds beyond them), lbd's beside that of Debian's keepalived: at the start, and when every check has failed. lbd is one process
// that is reloaded from each to the next, so that many ways from one table to another are gone, too.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { standServer, standService } from "../../../src/check/standing.ts";
import type { Check } from "../../../src/config/model/check.ts";
import type { Config } from "../../../src/config/model/config.ts";
import type { VirtualServer } from "../../../src/config/model/lvs.ts";
import { destinationKey } from "../../../src/lvs/keys.ts";
import { exampleFiles, hasPart, loadedConfig } from "../../interop/compare.ts";
import { selfSigned } from "../../support/certificate.ts";
import { bindText } from "../../support/config.ts";
import { Daemon } from "../../support/daemon.ts";
import { wantedTable } from "../../support/model.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";

const LIMIT_MS = 60_000;
/** A service of no case: a reload that takes everything away is refused. */
const OTHER = `virtual_server 203.0.113.254 9 {
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server 203.0.113.253 9 {
  }
}
`;
const VIRTUAL_SERVER = /^virtual_server .*\{$/gm;
/** Exists: every program of a MISC_CHECK fails. */
const FAIL_MARK = "/run/lbd-checks-fail";

interface Case {
  readonly name: string;
  readonly text: string;
  readonly config: Config;
  /** Also with failed checks. */
  readonly failing: boolean;
  /** The text for keepalived; absent: it has no words for this, so that the model alone says what must be there. */
  readonly keepalived?: string;
}

const FILES: readonly Case[] = [...exampleFiles(), "conf/keepalived.conf", "conf/lab.conf"]
  // keepalived runs without its BFD process here, and keeps such a server; test/netns/bfd.test.ts has sessions.
  .filter((path) => hasPart(path, "services") && basename(path) !== "core-bfd.conf")
  .map((path) => {
    const text = readFileSync(path, "utf8").replaceAll(/\b(include\w*) inc\//g, `$1 ${resolve(dirname(path))}/inc/`);
    const config = loadedConfig(path).config;
    switch (basename(path)) {
      case "core-macros.conf":
        // _ENV, include_check and reload_check_config are newer than 2.2.7, and a reload takes no other `instance`.
        return { name: path, text: text.replace(/^instance .*$/m, ""), config, failing: true };
      case "real_server_range.conf":
        return { name: path, text, config, failing: true, keepalived: withoutRanges(text) };
      default:
        // The kinds of the seed's samples stand in conf/examples again: once is enough for the slow step.
        return { name: path, text, config, failing: !basename(path).startsWith("seed-"), keepalived: text };
    }
  });

/** `real_server A.B.C.m-n port { … }` and `real_server FIRST-LAST port { … }` as keepalived would have to write it. */
function withoutRanges(text: string): string {
  const numberOf = (ip: string) => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return text.replace(/^ {4}real_server (\S+)-(\S+) (\d+) \{\n((?:.*\n)*?) {4}\}$/gm, (_, first, last, port, body) => {
    const from = numberOf(first);
    const to = last.includes(".") ? numberOf(last) : from - (from % 256) + Number(last);
    return Array.from({ length: to - from + 1 }, (_, i) => {
      const bytes = [24, 16, 8, 0].map((shift) => ((from + i) >>> shift) & 255);
      return `    real_server ${bytes.join(".")} ${port} {\n${body}    }`;
    }).join("\n");
  });
}

interface Settings {
  readonly at?: string;
  readonly scheduler?: string;
  readonly method?: string;
  readonly protocol?: string;
  readonly extra?: string;
  readonly real?: string;
  readonly reals?: readonly string[];
}

/** A virtual server with two real servers. */
function service(settings: Settings): string {
  const {
    at = "192.0.2.100 80",
    scheduler = "wrr",
    method = "NAT",
    protocol = "TCP",
    extra = "",
    real = "",
  } = settings;
  const { reals = ["198.51.100.11 80", "198.51.100.12 80"] } = settings;
  const blocks = reals.map((address) => `real_server ${address} {\n${real}\nTCP_CHECK {\nconnect_port 80\n}\n}`);
  return `virtual_server ${at} {
lb_algo ${scheduler}
lb_kind ${method}
protocol ${protocol}
${extra}
${blocks.join("\n")}
}
`;
}

const V6_REALS = ["2001:db8:2::11 80", "2001:db8:2::12 80"];

const KINDS: Readonly<Record<string, string>> = {
  "every scheduler": ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]
    .map((scheduler, i) => service({ at: `192.0.2.100 ${8000 + i}`, scheduler }))
    .join(""),
  "flags of schedulers": [
    "sh-port",
    "sh-fallback",
    "sh-port\nsh-fallback",
    "mh-port",
    "mh-fallback",
    "mh-port\nmh-fallback",
  ]
    .map((extra, i) => service({ at: `192.0.2.100 ${8000 + i}`, scheduler: extra.slice(0, 2), extra }))
    .join(""),
  persistence:
    service({ extra: "persistence_timeout 120\npersistence_granularity 255.255.255.0" }) +
    service({ at: "192.0.2.101 443", extra: "persistence_timeout" }) +
    service({ at: "192.0.2.102 0", reals: ["198.51.100.11 0", "198.51.100.12 0"] }) +
    service({
      at: "2001:db8:1::100 80",
      extra: "persistence_timeout 50\npersistence_granularity 64",
      reals: V6_REALS,
    }),
  // keepalived 2.2.7 sets it for persistent services only; without persistence the kernel has no use for it.
  "a persistence engine": ["", "ops\n"]
    .map((extra, i) =>
      service({
        at: `192.0.2.10${i} 5060`,
        protocol: "UDP",
        extra: `${extra}persistence_timeout 60\npersistence_engine sip`,
      }),
    )
    .join(""),
  "one-packet UDP and SCTP":
    service({ at: "192.0.2.100 53", protocol: "UDP", extra: "ops" }) + service({ protocol: "SCTP" }),
  "weights and thresholds":
    service({ real: "weight 0\nuthreshold 100\nlthreshold 10" }) +
    service({ at: "192.0.2.101 80", real: "weight 65535" }) +
    service({ at: "192.0.2.102 80", real: "inhibit_on_failure" }),
  "a group of both families behind tunnels": `virtual_server_group both {
2001:db8:1::100 80
192.0.2.100-101 80
}
${service({ at: "group both", method: "TUN", extra: "persistence_timeout 60", reals: ["198.51.100.11 80", ...V6_REALS] })}`,
  "tunnels of every kind":
    service({ method: "TUN" }) +
    service({ at: "192.0.2.101 80", method: "TUN type gue port 6080 csum" }) +
    service({ at: "192.0.2.102 80", method: "TUN type gue port 6080 remcsum" }) +
    service({ at: "192.0.2.103 80", method: "TUN type gre csum" }) +
    service({ at: "192.0.2.104 80", method: "TUN", real: "lvs_method TUN type gre nocsum" }),
  "tunnels to the other family":
    service({ method: "TUN", reals: V6_REALS }) + service({ at: "2001:db8:1::100 80", method: "TUN" }),
  "a method for one server": service({ real: "lvs_method DR" }),
  "marks of both families":
    service({ at: "fwmark 7" }).replace("protocol TCP\n", "") +
    service({ at: "fwmark 8", reals: V6_REALS }).replace("protocol TCP\n", ""),
  "IPv6, all methods": ["NAT", "DR", "TUN"]
    .map((method, i) => service({ at: `2001:db8:1::${100 + i} 80`, method, reals: V6_REALS }))
    .join(""),
  "a group of addresses, ranges and marks": `virtual_server_group g {
192.0.2.60-62 80
192.0.2.70 8080
fwmark 3
}
${service({ at: "group g" })}`,
  "sorry servers": ["", "sorry_server_inhibit\n", "sorry_server_lvs_method DR\n"]
    .map((extra, i) => service({ at: `192.0.2.10${i} 80`, extra: `sorry_server 198.51.100.13 80\n${extra}` }))
    .join(""),
};

const CASES: readonly Case[] = [
  ...FILES,
  ...Object.entries(KINDS).map(([name, text]) => ({
    name,
    text,
    config: bindText(text).config,
    failing: text.includes("inhibit"),
    keepalived: text,
  })),
];

/** With so much time for each check that none has failed yet, however slow the machine is. */
function patient(text: string): string {
  return text
    .replaceAll(/\b(connect_timeout|misc_timeout) [\d.]+/g, "$1 100")
    .replaceAll(VIRTUAL_SERVER, "$&\nconnect_timeout 100\ndelay_loop 100");
}

/** Quickly, for the step in which everything fails. */
function hurried(text: string): string {
  return text
    .replaceAll(/\b(delay_loop|warmup) [\d.]+/g, "$1 1")
    .replaceAll(/\b(retry|nb_get_retry) \d+/g, "$1 1")
    .replaceAll(/\bdelay_before_retry [\d.]+/g, "delay_before_retry 0.2")
    .replaceAll(VIRTUAL_SERVER, "$&\ndelay_loop 1\nretry 1\ndelay_before_retry 0.2");
}

// --- what must be there: the model's own answer, to know when a director has settled

/** A virtual server whose checks are all as at the start, or have all failed. */
function standingOf(virtualServer: VirtualServer, failed: boolean) {
  const up = (check: Check) =>
    failed ? check.kind === "FILE_CHECK" || check.kind === "BFD_CHECK" : !check.timing.alpha;
  const realServers = new Map(
    virtualServer.realServers.map((realServer) => {
      const views = realServer.checks.map((check) => ({ id: check.id, up: up(check) }));
      return [realServer.id, standServer(undefined, realServer, views, 0)] as const;
    }),
  );
  return standService(undefined, virtualServer, realServers, 0);
}

/** `198.51.100.11:80 1`: address and weight of every destination. */
function expectedRows(config: Config, failed: boolean): string[] {
  const standings = new Map(config.virtualServers.map((vs) => [vs.id, standingOf(vs, failed)]));
  const none = { quorumUp: true, realServers: new Map() };
  return wantedTable(config, (id) => standings.get(id) ?? none)
    .flatMap(({ destinations }) => ["service", ...destinations.map((d) => `${destinationKey(d)} ${d.weight}`)])
    .sort();
}

function rowsOf(table: readonly string[]): string[] {
  return table.map((line) => / -r (\S+) .*-w (\d+)/.exec(line)?.slice(1).join(" ") ?? "service").sort();
}

// --- two directors side by side, each in a namespace of its own with interfaces that lead nowhere

class Director {
  readonly host: Namespace;
  readonly daemon: Daemon;

  constructor(kind: "lbd" | "keepalived") {
    this.host = new Namespace(kind);
    this.host.batch(
      ...[0, 1].flatMap((i) => [`link add eth${i} type veth peer name peer${i}`, `link set peer${i} up`]),
      "link set eth1 up",
      "addr add 192.0.2.10/24 dev eth0",
    );
    this.network("silent");
    this.daemon = new Daemon(kind, this.host, "");
  }

  /** Silent: nobody answers, and a check fails when its time is over. Gone: it fails at once. */
  network(state: "silent" | "gone"): void {
    if (state === "gone") this.host.batch("link set eth0 down");
    else
      this.host.batch(
        // Without ARP packets leave at once, whoever they are for. The kernel drops IPv6 addresses of what goes down.
        "link set eth0 arp off up",
        "addr replace 2001:db8:1::10/64 dev eth0 nodad",
        "route replace default dev eth0",
        "route replace default via 2001:db8:1::1 dev eth0",
      );
  }

  table(): string[] {
    return this.#ipvsadm("-Sn");
  }

  thresholds(): string[] {
    return this.#ipvsadm("-Ln", "--thresholds");
  }

  #ipvsadm(...words: readonly string[]): string[] {
    const done = this.host.run("ipvsadm", ...words);
    if (done.status !== 0) throw new Error(`ipvsadm: ${done.stderr}`);
    const lines = done.stdout.split("\n").map((line) => line.trimEnd());
    return lines.filter((line) => line !== "").sort();
  }

  async settled(what: string, rows: readonly string[]): Promise<readonly string[][]> {
    const wanted = rows.join("\n");
    await until(what, () => rowsOf(this.table()).join("\n") === wanted, LIMIT_MS).catch((error) => {
      throw new Error(
        `${error.message}\nwanted:\n${wanted}\nthere:\n${this.table().join("\n")}\n${this.daemon.output}`,
      );
    });
    return [this.table(), this.thresholds()];
  }

  [Symbol.dispose](): void {
    this.daemon[Symbol.dispose]();
    this.host[Symbol.dispose]();
  }
}

/** Addresses that must be the director's: of virtual servers that are only checked where they are, and those that checks come from. */
function ownAddresses({ virtualServers }: Config): string[] {
  const suspendable = virtualServers.flatMap(({ haSuspend, services }) =>
    haSuspend ? services.flatMap((address) => (address.kind === "address" ? [address.ip] : [])) : [],
  );
  const checks = virtualServers.flatMap(({ realServers }) => realServers.flatMap((server) => server.checks));
  const sources = checks.flatMap((check) => {
    const endpoints = "endpoint" in check ? [check.endpoint] : "hosts" in check ? check.hosts : [];
    return endpoints.flatMap(({ bindIp }) => bindIp ?? []);
  });
  return [...suspendable, ...sources];
}

/** Programs of MISC_CHECK and files of SSL_GET that the examples name: without them keepalived leaves out the check, or gives up. */
function provideFiles(config: Config): void {
  const checks = config.virtualServers.flatMap((vs) => vs.realServers.flatMap((rs) => rs.checks));
  for (const check of checks) {
    if (check.kind !== "MISC_CHECK") continue;
    // Until it is to fail it says nothing.
    provide(check.command.argv[0] ?? "", `#!/bin/sh\n[ -e ${FAIL_MARK} ] || exec sleep 100\nexit 1\n`);
  }
  const { ca, certificate, key } = config.ssl ?? {};
  const own = selfSigned("director");
  provide(ca ?? "", own.cert);
  provide(certificate ?? "", own.cert);
  provide(key ?? "", own.key);
}

/** Other files of this ring compare configurations whose programs are not there. */
const provided: string[] = [];

function provide(path: string, content: string): void {
  if (path === "" || existsSync(path)) return;
  provided.push(path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

describe("the same table as Debian's keepalived", () => {
  spawnSync("modprobe", ["ip_vs"]);
  // For ${_ENV HOSTNAME}.
  process.env.HOSTNAME ??= "director";
  const keepalived = new Director("keepalived");
  const lbd = new Director("lbd");
  let started = false;
  let shown: Config = bindText("").config;
  afterAll(() => {
    for (const director of [keepalived, lbd]) director[Symbol.dispose]();
    for (const path of [FAIL_MARK, ...provided]) rmSync(path, { force: true });
  });

  /** A server that was down stays down over a reload, and here each case begins with all up. */
  async function forget(next: Config): Promise<void> {
    const known = new Set(shown.virtualServers.map(({ id }) => id));
    shown = next;
    if (started && next.virtualServers.some(({ id }) => known.has(id))) await lbdTakes(OTHER);
  }

  async function lbdTakes(text: string): Promise<void> {
    if (!started) {
      lbd.daemon.configure(text);
      lbd.daemon.start("-C");
      started = true;
      return;
    }
    // Two tables may look alike in what is waited for: the old one must not be taken for the new one.
    const reloads = () => lbd.daemon.output.split("reload done").length;
    const before = reloads();
    lbd.daemon.reload(text);
    try {
      await until("lbd reads it again", () => reloads() > before, LIMIT_MS);
    } catch (error) {
      throw new Error(`what lbd said last: ${lbd.daemon.output.slice(-4000)}`, { cause: error });
    }
  }

  async function step(one: Case, failed: boolean): Promise<void> {
    const change = failed ? hurried : patient;
    const rows = expectedRows(one.config, failed);
    const what = `${one.name} ${failed ? "with failed checks" : "at the start"}`;
    await lbdTakes(change(one.text));
    if (one.keepalived === undefined) {
      await lbd.settled(`lbd: ${what}`, rows);
      return;
    }
    keepalived.daemon.configure(change(one.keepalived));
    // Neither VRRP nor BFD: without sessions BFD_CHECK stands as at the start.
    keepalived.daemon.start("-C", "-B");
    try {
      const theirs = await keepalived.settled(`keepalived: ${what}`, rows);
      expect(await lbd.settled(`lbd: ${what}`, rows)).toEqual(theirs);
    } finally {
      await keepalived.daemon.stop();
    }
  }

  test.each(CASES.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    await forget(one.config);
    provideFiles(one.config);
    rmSync(FAIL_MARK, { force: true });
    for (const director of [keepalived, lbd]) {
      director.network("silent");
      director.host.batch(...ownAddresses(one.config).map((ip) => `addr replace ${ip} dev lo`));
    }
    await step(one, false);
    if (!one.failing) return;
    writeFileSync(FAIL_MARK, "");
    for (const director of [keepalived, lbd]) director.network("gone");
    await step(one, true);
  });
});
