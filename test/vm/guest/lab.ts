// What stands around a director in the tests: a client and real servers on one segment, each in its own namespace.
//
//   client 192.0.2.2 ─┬─ director 192.0.2.1 + 198.51.100.1, VIP 192.0.2.100 ─┬─ real1 198.51.100.11
//   2001:db8:1::2     └─ 2001:db8:1::1 + 2001:db8:2::1, VIP 2001:db8:1::100   └─ real2 198.51.100.12 …  2001:db8:2::11 …
import { type ChildProcess, spawnSync } from "node:child_process";
import { join } from "node:path";
import { connect, Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";

export const VIP = "192.0.2.100";
export const VIP6 = "2001:db8:1::100";
export const HTTP_PORT = 80;
export const UDP_PORT = 5300;

export class Lab {
  readonly client = new Namespace("client");
  readonly director = new Namespace("director");
  readonly reals: readonly Namespace[];
  readonly #switch = new Namespace("sw");
  readonly #servers = new Map<number, ChildProcess>();

  constructor(realServers: number) {
    this.reals = Array.from({ length: realServers }, (_, i) => new Namespace(`real${i + 1}`));
    this.#switch.ip("link add br0 type bridge mcast_snooping 0");
    this.#switch.ip("link set br0 up");
    for (const host of [this.client, this.director, ...this.reals]) this.#plug(host);
    this.#address(this.client, "192.0.2.2/24", "2001:db8:1::2/64");
    this.#address(this.director, "192.0.2.1/24", "2001:db8:1::1/64");
    this.#address(this.director, "198.51.100.1/24", "2001:db8:2::1/64");
    this.#address(this.director, `${VIP}/32`, `${VIP6}/128`);
    for (const [name, value] of [
      ["net.ipv4.ip_forward", 1],
      ["net.ipv6.conf.all.forwarding", 1],
      ["net.ipv4.conf.all.send_redirects", 0],
      ["net.ipv4.conf.eth0.send_redirects", 0],
    ] as const)
      this.director.sysctl(name, value);
    this.client.ip("route add 198.51.100.0/24 via 192.0.2.1");
    this.client.ip("-6 route add 2001:db8:2::/64 via 2001:db8:1::1");
    this.reals.forEach((real, i) => {
      this.#address(real, `198.51.100.${11 + i}/24`, `2001:db8:2::${11 + i}/64`);
      real.ip("route add default via 198.51.100.1");
      real.ip("-6 route add default via 2001:db8:2::1");
    });
  }

  #plug(host: Namespace): void {
    const port = `p-${host.name.split("-").at(-1)}`;
    connect(this.#switch, port, host, "eth0");
    this.#switch.ip(`link set ${port} master br0`);
    host.sysctl("net.ipv6.conf.all.accept_dad", 0);
    host.sysctl("net.ipv6.conf.eth0.accept_dad", 0);
    for (const name of ["all", "eth0"]) {
      host.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
      // All are on one segment: a redirect would lead answers past the director.
      host.sysctl(`net.ipv6.conf.${name}.accept_redirects`, 0);
    }
  }

  #address(host: Namespace, ipv4: string, ipv6: string): void {
    host.ip(`addr add ${ipv4} dev eth0`);
    host.ip(`addr add ${ipv6} dev eth0 nodad`);
  }

  real(i: number): Namespace {
    const real = this.reals[i];
    if (!real) throw new RangeError(`real server ${i} of ${this.reals.length}`);
    return real;
  }

  /** Starts the service on a real server (0 is the first) and waits until it answers. */
  async serve(...which: readonly number[]): Promise<void> {
    const started = which.map((i) => {
      const script = join(import.meta.dir, "server.ts");
      const child = this.real(i).spawn(process.execPath, [script, `real${i + 1}`, String(HTTP_PORT), String(UDP_PORT)]);
      this.#servers.set(i, child);
      let text = "";
      child.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      return until(`real${i + 1} serves`, () => text.includes("ready"), 30_000);
    });
    await Promise.all(started);
  }

  /** Ends the service of a real server; the machine stays and refuses connections. */
  async kill(i: number): Promise<void> {
    const child = this.#servers.get(i);
    if (!child) throw new Error(`real${i + 1} does not serve`);
    child.kill("SIGKILL");
    await until(`real${i + 1} ended`, () => child.exitCode !== null || child.signalCode !== null);
  }

  /** Real servers take packets for the virtual addresses without answering ARP for them: direct routing. */
  prepareDirectRouting(): void {
    for (const real of this.reals) {
      for (const name of ["all", "eth0"]) {
        real.sysctl(`net.ipv4.conf.${name}.arp_ignore`, 1);
        real.sysctl(`net.ipv4.conf.${name}.arp_announce`, 2);
      }
      real.ip(`addr add ${VIP}/32 dev lo`);
      real.ip(`addr add ${VIP6}/128 dev lo nodad`);
      real.ip("route replace 192.0.2.0/24 dev eth0");
      real.ip("-6 route replace 2001:db8:1::/64 dev eth0");
    }
    this.client.ip("route replace 198.51.100.0/24 dev eth0");
    this.client.ip("-6 route replace 2001:db8:2::/64 dev eth0");
  }

  /** Real servers take tunnelled packets: ipip and ip6ip6. Direct routing must be prepared before. */
  prepareTunnels(): void {
    // Each module brings a device for all tunnels into every namespace.
    spawnSync("modprobe", ["-a", "ipip", "ip6_tunnel"]);
    for (const real of this.reals) {
      real.ip("link set tunl0 up");
      real.ip("link set ip6tnl0 up");
      for (const name of ["all", "tunl0"]) real.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
    }
  }

  /** Asks the virtual service; gives how often each answer came. */
  ask(transport: "tcp" | "udp", address: string, port: number, count: number, source = "-"): Record<string, number> {
    const script = join(import.meta.dir, "client.ts");
    const done = this.client.run(process.execPath, script, transport, address, String(port), String(count), source);
    if (done.status !== 0) throw new Error(`the client failed: ${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  /** Lets the client ask on and on, in the background, until `stop` is called; then gives the answers. */
  askMeanwhile(address: string, port: number, count: number, pauseMs: number): Promise<Record<string, number>> {
    const script = join(import.meta.dir, "client.ts");
    const child = this.client.spawn(process.execPath, [
      script,
      "tcp",
      address,
      String(port),
      String(count),
      "-",
      String(pauseMs),
    ]);
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    return new Promise((resolve) => child.once("close", () => resolve(JSON.parse(text))));
  }

  /** `ipvsadm -Sn` of the director, sorted: a service, then its servers. */
  table(): string[] {
    const done = this.director.run("ipvsadm", "-Sn");
    if (done.status !== 0) throw new Error(`ipvsadm: ${done.stderr}`);
    return done.stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  [Symbol.dispose](): void {
    for (const host of [this.client, this.director, ...this.reals, this.#switch]) host[Symbol.dispose]();
  }
}
