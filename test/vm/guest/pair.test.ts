// Ring vm, in the guest: two directors with VRRP, IPVS and the kernel's connection sync, a client and two real servers (direct routing)
// on one segment. The client's connection and its new requests outlive the master.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type Kind } from "../../support/daemon.ts";
import { connect, Namespace } from "../../support/netns.ts";
import { addressesOf } from "../../support/segment.ts";
import { until } from "../../support/until.ts";
import type { Question } from "./client.ts";

const VIP = "192.0.2.65";
const LIMIT_MS = 300_000;
/** The machine is emulated, and other rings run beside it. */
const WAIT_MS = 90_000;

/** client .2, directors .3 and .4, real servers .11 and .12, all of 192.0.2.0/24 on eth0. */
class Site {
  readonly client = new Namespace("client");
  readonly directors = [new Namespace("a"), new Namespace("b")] as const;
  readonly reals = [new Namespace("real1"), new Namespace("real2")] as const;
  readonly #switch = new Namespace("sw");

  constructor() {
    this.#switch.ip("link add br0 type bridge mcast_snooping 0");
    this.#switch.ip("link set br0 up");
    const hosts = [this.client, ...this.directors, ...this.reals];
    for (const [i, last] of [2, 3, 4, 11, 12].entries()) {
      const host = hosts[i];
      if (!host) continue;
      connect(this.#switch, `p${last}`, host, "eth0");
      this.#switch.ip(`link set p${last} master br0`);
      host.ip(`addr add 192.0.2.${last}/24 dev eth0`);
      for (const name of ["all", "eth0"]) host.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
    }
    for (const director of this.directors) director.sysctl("net.ipv4.ip_forward", 1);
    for (const real of this.reals) {
      for (const name of ["all", "eth0"]) {
        real.sysctl(`net.ipv4.conf.${name}.arp_ignore`, 1);
        real.sysctl(`net.ipv4.conf.${name}.arp_announce`, 2);
      }
      real.ip(`addr add ${VIP}/32 dev lo`);
    }
  }

  async serve(): Promise<void> {
    const script = join(import.meta.dir, "server.ts");
    await Promise.all(
      this.reals.map((real, i) => {
        const out = listen(real, script, `real${i + 1}`, "80", "0");
        return until(`real${i + 1} serves`, () => out().includes("ready"), WAIT_MS);
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const host of [this.client, ...this.directors, ...this.reals, this.#switch]) host[Symbol.dispose]();
  }
}

/** Runs a script of this directory inside; gives what it has printed so far. */
function listen(host: Namespace, script: string, ...args: readonly string[]): () => string {
  let text = "";
  host.spawn(process.execPath, [script, ...args]).stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}

function config(priority: number): string {
  return `global_defs {
  vrrp_version 3
  lvs_sync_daemon eth0 inst VI_1 id 65
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 65
  priority ${priority}
  advert_int 1
  virtual_ipaddress {
    ${VIP}/24
  }
}
virtual_server ${VIP} 80 {
  delay_loop 2
  lvs_sched rr
  lvs_method DR
  protocol TCP
${[11, 12].map((last) => `  real_server 192.0.2.${last} 80 {\n    TCP_CHECK {\n      connect_timeout 2\n    }\n  }`).join("\n")}
}
`;
}

function holds(host: Namespace): boolean {
  return addressesOf(host).some((address) => address.startsWith(`${VIP}/`));
}

/** `master eth0 65`, `backup eth0 65`, or both in this order. */
function syncDaemons(host: Namespace): string {
  const shown = host.run("ipvsadm", "-L", "--daemon").stdout;
  return [...shown.matchAll(/(master|backup) sync daemon \(mcast=(\w+), syncid=(\d+)/g)]
    .map(([, role, link, id]) => `${role} ${link} ${id}`)
    .join(", ");
}

function table(host: Namespace): string[] {
  return host
    .run("ipvsadm", "-Sn")
    .stdout.split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const FULL = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r 192.0.2.11:80 -g -w 1`,
  `-a -t ${VIP}:80 -r 192.0.2.12:80 -g -w 1`,
];

/** Status code and body of a director's API. */
function ask(host: Namespace, director: Daemon, path: string): { code: string; body: string } {
  const socket = join(director.dir, "run/api.sock");
  const { stdout } = host.run("curl", "-s", "-w", "\n%{http_code}", "--unix-socket", socket, `http://lbd${path}`);
  const at = stdout.lastIndexOf("\n");
  return { code: stdout.slice(at + 1), body: stdout.slice(0, at) };
}

/** A client's one connection: it has to be in the other director's table before the first one may die. */
class Connection {
  readonly #out: () => string;

  constructor(site: Site) {
    this.#out = listen(site.client, join(import.meta.dir, "stay.ts"), VIP, "80", "100");
  }

  async syncedTo(host: Namespace): Promise<void> {
    const port = await until("the client is connected", () => /^port (\d+)$/m.exec(this.#out())?.[1], WAIT_MS);
    await until(
      "its connection is known to the other director",
      () => new RegExp(`ESTABLISHED +192\\.0\\.2\\.2:${port} `).test(host.run("ipvsadm", "-Lnc").stdout),
      WAIT_MS,
    );
  }

  /** Ten more answers on the same connection. */
  async goesOn(): Promise<void> {
    const before = this.#answers();
    await until("ten more answers", () => this.#answers() >= before + 10 || this.#broken(), WAIT_MS);
    expect(this.#broken()).toBe(false);
  }

  #answers(): number {
    return this.#out().match(/^real\d$/gm)?.length ?? 0;
  }

  #broken(): boolean {
    return /closed|error/.test(this.#out());
  }
}

/** New connections, one after the other: every one is answered, by both real servers. */
async function askAnew(site: Site): Promise<void> {
  const child = site.client.spawn(process.execPath, [join(import.meta.dir, "client.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const question: Question = { transport: "tcp", host: VIP, port: 80, count: 10 };
  child.stdin?.end(`${JSON.stringify({ id: 1, question })}\n`);
  await until("every question is answered", () => text.includes("\n"), WAIT_MS);
  expect(JSON.parse(text)).toEqual({ id: 1, heard: { real1: 5, real2: 5 } });
}

/** The first director is master, the second one backup, in everything. */
async function settled(site: Site): Promise<void> {
  const [host, other] = site.directors;
  await until("the first alone is master", () => holds(host) && !holds(other), WAIT_MS);
  await until("both tables are whole", () => [host, other].every((one) => table(one).join() === FULL.join()), WAIT_MS);
  await until(
    "connection sync follows",
    () => syncDaemons(host) === "master eth0 65" && syncDaemons(other) === "backup eth0 65",
    WAIT_MS,
  );
}

describe("two directors", () => {
  test(
    "lbd and lbd: connections outlive kill -9 of the master, its return, and a graceful stop",
    async () => {
      using site = new Site();
      await site.serve();
      const [first, second] = site.directors;
      using a = new Daemon("lbd", first, config(150)).start();
      using b = new Daemon("lbd", second, config(100)).start();
      try {
        await settled(site);
      } catch (e) {
        console.log(a.output, b.output, first.ip("addr"), second.run("ps").stdout);
        throw e;
      }
      await until("the first says so", () => ask(first, a, "/v1/vrrp/VI_1/active").code === "200", WAIT_MS);
      await until("the second answers", () => ask(second, b, "/v1/vrrp/VI_1").code === "200", WAIT_MS);
      expect(ask(second, b, "/v1/vrrp/VI_1/active").code).toBe("503");
      expect(JSON.parse(ask(second, b, "/v1/vrrp/VI_1").body)).toMatchObject({ state: "BACKUP" });
      await askAnew(site);
      const connection = new Connection(site);
      await connection.syncedTo(second);

      a.kill();
      await until("b is master", () => holds(second) && syncDaemons(second) === "master eth0 65", WAIT_MS);
      await connection.goesOn();
      await askAnew(site);
      expect(ask(second, b, "/v1/vrrp/VI_1/active").code).toBe("200");

      a.start();
      await settled(site);
      expect(ask(second, b, "/v1/vrrp/VI_1/active").code).toBe("503");
      await connection.goesOn();

      expect(await a.stop()).toBe(0);
      expect([holds(first), table(first), syncDaemons(first)]).toEqual([false, [], ""]);
      await until("b is master again", () => holds(second) && syncDaemons(second) === "master eth0 65", WAIT_MS);
      await connection.goesOn();
      await askAnew(site);
      expect(await b.stop()).toBe(0);
      expect([holds(second), table(second), syncDaemons(second)]).toEqual([false, [], ""]);
    },
    LIMIT_MS,
  );

  const mixed: readonly (readonly [Kind, Kind])[] = [
    ["keepalived", "lbd"],
    ["lbd", "keepalived"],
  ];
  test.each(mixed)(
    "%s is replaced by %s and the connection goes on",
    async (kind, otherKind) => {
      using site = new Site();
      await site.serve();
      using a = new Daemon(kind, site.directors[0], config(150)).start();
      using _b = new Daemon(otherKind, site.directors[1], config(100)).start();
      await settled(site);
      const connection = new Connection(site);
      await connection.syncedTo(site.directors[1]);
      a.kill();
      await until("the other is master", () => syncDaemons(site.directors[1]) === "master eth0 65", WAIT_MS);
      await connection.goesOn();
      await askAnew(site);
    },
    LIMIT_MS,
  );
});

describe("samples with connection sync", () => {
  const golden = join(import.meta.dir, "../../golden/examples/seed-vrrp-lvs-syncd.conf");
  const example = join(import.meta.dir, "../../../conf/examples/vrrp.lvs_syncd.conf");
  test.each([
    [golden, "192.0.2.65", "master eth1 65", ["-a -t 192.0.2.65:80 -r 192.0.2.81:80 -g -w 1"]],
    [example, "192.0.2.63", "master eth1 63", ["-a -t 192.0.2.63:80 -r 192.0.2.11:80 -g -w 1"]],
  ] as const)(
    "%s runs and leaves nothing",
    async (path, vip, daemon, servers) => {
      using host = new Namespace("sample");
      for (const [i, own] of ["192.0.2.10/24", "198.51.100.10/24"].entries()) {
        host.ip(`link add eth${i} type veth peer name peer${i}`);
        host.ip(`link set eth${i} up`);
        host.ip(`link set peer${i} up`);
        host.ip(`addr add ${own} dev eth${i}`);
      }
      host.ip("addr add 192.0.2.11/24 dev eth0");
      const server = listen(host, join(import.meta.dir, "server.ts"), "real1", "80", "0");
      await until("the real server serves", () => server().includes("ready"), WAIT_MS);
      const before = addressesOf(host);
      using director = new Daemon("lbd", host, readFileSync(path, "utf8")).start();
      await until("master", () => addressesOf(host).includes(`${vip}/24`), WAIT_MS);
      await until("sends the connections", () => syncDaemons(host) === daemon, WAIT_MS);
      await until("the table", () => table(host).join() === [`-A -t ${vip}:80 -s wlc`, ...servers].join(), WAIT_MS);
      expect(await director.stop()).toBe(0);
      expect([addressesOf(host), syncDaemons(host), table(host)]).toEqual([before, "", []]);
    },
    LIMIT_MS,
  );
});
