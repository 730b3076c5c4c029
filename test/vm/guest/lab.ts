// What stands around a director in the tests: a client and real servers on one segment, each in its own namespace. A pair of directors
// has 192.0.2.3, .4 and 198.51.100.3, .4; .100 and 198.51.100.1 are for VRRP to move.
//
//   client 192.0.2.2 ─┬─ director 192.0.2.1 + 198.51.100.1, VIP 192.0.2.100 ─┬─ real1 198.51.100.11
//   2001:db8:1::2     └─ 2001:db8:1::1 + 2001:db8:2::1, VIP 2001:db8:1::100   └─ real2 198.51.100.12 …  2001:db8:2::11 …
import { type ChildProcess, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import type { Heard, Question } from "./client.ts";

export const VIP = "192.0.2.100";
export const VIP6 = "2001:db8:1::100";
export const HTTP_PORT = 80;
export const UDP_PORT = 5300;

export class Lab {
  readonly client = new Namespace("client");
  readonly director = new Namespace("director");
  /** The second one of a pair. */
  readonly spare: Namespace | undefined;
  readonly reals: readonly Namespace[];
  readonly #switch = new Namespace("sw");
  readonly #servers = new Map<number, ChildProcess>();
  readonly #waiting = new Map<number, (heard: Heard) => void>();
  #asker: ChildProcess | undefined;
  #asked = 0;

  constructor(realServers: number, { pair = false } = {}) {
    this.spare = pair ? new Namespace("spare") : undefined;
    this.reals = Array.from({ length: realServers }, (_, i) => new Namespace(`real${i + 1}`));
    const hosts = this.#hosts();
    this.#switch.batch(
      "link add br0 type bridge mcast_snooping 0",
      "link set br0 up",
      ...hosts.flatMap((host, i) => [
        `link add p${i} type veth peer name eth0 netns ${host.name}`,
        `link set p${i} master br0 up`,
      ]),
    );
    plug(this.client, "192.0.2.2/24", "2001:db8:1::2/64");
    this.client.batch("route add 198.51.100.0/24 via 192.0.2.1", "route add 2001:db8:2::/64 via 2001:db8:1::1");
    if (this.spare) {
      plug(this.director, "192.0.2.3/24", "198.51.100.3/24");
      plug(this.spare, "192.0.2.4/24", "198.51.100.4/24");
    } else plug(this.director, "192.0.2.1/24", "2001:db8:1::1/64", "198.51.100.1/24", "2001:db8:2::1/64", VIP, VIP6);
    for (const director of this.#directors())
      director.sysctls({
        "net.ipv4.ip_forward": 1,
        "net.ipv6.conf.all.forwarding": 1,
        "net.ipv4.conf.all.send_redirects": 0,
        "net.ipv4.conf.eth0.send_redirects": 0,
      });
    for (const [i, real] of this.reals.entries()) {
      plug(real, `198.51.100.${11 + i}/24`, `2001:db8:2::${11 + i}/64`);
      real.batch("route add default via 198.51.100.1", "route add default via 2001:db8:2::1");
    }
  }

  #directors(): Namespace[] {
    return this.spare ? [this.director, this.spare] : [this.director];
  }

  #hosts(): Namespace[] {
    return [this.client, ...this.#directors(), ...this.reals];
  }

  /** Pulls the plug of a host, or puts it back: its link has a carrier or none. */
  plug(host: Namespace, isIn: boolean): void {
    this.#switch.ip(`link set p${this.#hosts().indexOf(host)} ${isIn ? "up" : "down"}`);
  }

  real(i: number): Namespace {
    const real = this.reals[i];
    if (!real) throw new RangeError(`real server ${i} of ${this.reals.length}`);
    return real;
  }

  /** Makes the service of real servers run (0 is the first) and waits until it answers. */
  async serve(...which: readonly number[]): Promise<void> {
    const idle = which.filter((i) => !this.#servers.has(i));
    const started = idle.map((i) => {
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
    this.#servers.delete(i);
    await until(`real${i + 1} ended`, () => child.exitCode !== null || child.signalCode !== null);
  }

  /** Real servers take packets for the virtual addresses without answering ARP for them: direct routing. */
  prepareDirectRouting(): void {
    for (const real of this.reals) {
      real.sysctls({
        "net.ipv4.conf.all.arp_ignore": 1,
        "net.ipv4.conf.all.arp_announce": 2,
        "net.ipv4.conf.eth0.arp_ignore": 1,
        "net.ipv4.conf.eth0.arp_announce": 2,
      });
      real.batch(
        `addr add ${VIP} dev lo`,
        `addr add ${VIP6} dev lo nodad`,
        "route replace 192.0.2.0/24 dev eth0",
        "route replace 2001:db8:1::/64 dev eth0",
      );
    }
    this.client.batch("route replace 198.51.100.0/24 dev eth0", "route replace 2001:db8:2::/64 dev eth0");
  }

  /** Real servers take tunnelled packets: ipip and ip6ip6; gre0 and fou can be set up. Direct routing must be prepared before. */
  prepareTunnels(): void {
    // Each module brings a device for all tunnels into every namespace.
    spawnSync("modprobe", ["-a", "ipip", "ip6_tunnel", "ip_gre", "fou"]);
    for (const real of this.reals) {
      real.batch("link set tunl0 up", "link set ip6tnl0 up");
      real.sysctls({ "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.tunl0.rp_filter": 0 });
    }
  }

  /** Asks the virtual service; gives how often each answer came. */
  ask(question: Question): Promise<Heard> {
    const id = this.#asked++;
    const asker = this.#client();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      asker.once("exit", () => reject(new Error("the client ended")));
      asker.stdin?.write(`${JSON.stringify({ id, question })}\n`);
    });
  }

  /** One process for all questions: starting it takes longer than asking. */
  #client(): ChildProcess {
    if (this.#asker) return this.#asker;
    const asker = this.client.spawn(process.execPath, [join(import.meta.dir, "client.ts")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (asker.stdout)
      createInterface({ input: asker.stdout }).on("line", (line) => {
        const { id, heard }: { id: number; heard: Heard } = JSON.parse(line);
        this.#waiting.get(id)?.(heard);
        this.#waiting.delete(id);
      });
    this.#asker = asker;
    return asker;
  }

  /** `ipvsadm -Sn` of a director, sorted: a service, then its servers. */
  table(director = this.director): string[] {
    const done = director.run("ipvsadm", "-Sn");
    if (done.status !== 0) throw new Error(`ipvsadm: ${done.stderr}`);
    return done.stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  [Symbol.dispose](): void {
    for (const host of [...this.#hosts(), this.#switch]) host[Symbol.dispose]();
  }
}

/** Brings up a host's interface on the segment. */
function plug(host: Namespace, ...addresses: readonly string[]): void {
  const sysctls: Record<string, number> = {};
  for (const name of ["all", "eth0"]) {
    sysctls[`net.ipv6.conf.${name}.accept_dad`] = 0;
    sysctls[`net.ipv4.conf.${name}.rp_filter`] = 0;
    // All are on one segment: a redirect would lead answers past the director.
    sysctls[`net.ipv6.conf.${name}.accept_redirects`] = 0;
  }
  host.sysctls(sysctls);
  host.batch(
    "link set eth0 up",
    ...addresses.map((address) => `addr add ${address} dev eth0${address.includes(":") ? " nodad" : ""}`),
  );
}
