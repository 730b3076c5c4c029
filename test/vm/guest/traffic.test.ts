// Ring vm, in the guest: what a director is for. Clients reach real servers through NAT, DR and TUN, over IPv4 and IPv6, TCP and UDP;
// a dead server leaves and comes back; the sorry server stands in; persistence holds.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Daemon } from "../../support/daemon.ts";
import { saying } from "../../support/saying.ts";
import { until } from "../../support/until.ts";
import type { Heard } from "./client.ts";
import { HTTP_PORT, Lab, UDP_PORT, VIP, VIP6 } from "./lab.ts";

interface Case {
  readonly method: "NAT" | "DR" | "TUN";
  readonly family: 4 | 6;
  readonly protocol: "TCP" | "UDP";
}

const CASES: readonly Case[] = (["NAT", "DR", "TUN"] as const).flatMap((method) =>
  ([4, 6] as const).flatMap((family) => (["TCP", "UDP"] as const).map((protocol) => ({ method, family, protocol }))),
);

/** An emulated machine beside others takes more than a second for a connection, now and then. */
const CHECK = "TCP_CHECK {\n      connect_port 80\n      connect_timeout 4\n    }";

function virtualServer({ method, family, protocol }: Case, servers: number, extra = ""): string {
  const vip = family === 4 ? VIP : VIP6;
  const port = protocol === "TCP" ? HTTP_PORT : UDP_PORT;
  const real = (i: number) => (family === 4 ? `198.51.100.${11 + i}` : `2001:db8:2::${11 + i}`);
  const blocks = Array.from(
    { length: servers },
    (_, i) => `  real_server ${real(i)} ${port} {\n    weight 1\n    ${CHECK}\n  }`,
  );
  return `virtual_server ${vip} ${port} {
  delay_loop 1
  retry 1
  delay_before_retry 0.2
  warmup 0
  lb_algo rr
  lb_kind ${method}
  protocol ${protocol}
  ${extra}
${blocks.join("\n")}
}
`;
}

function destinations(lab: Lab): string[] {
  return lab.table().filter((line) => line.startsWith("-a"));
}

/** So many requests, each over a connection of its own. */
function ask(lab: Lab, count: number, source?: string): Promise<Heard> {
  return lab.ask({ transport: "tcp", host: VIP, port: HTTP_PORT, count, ...(source === undefined ? {} : { source }) });
}

describe("traffic", () => {
  // One lab for both transports: the second finds the machine as the first left it.
  for (const method of ["NAT", "DR", "TUN"] as const)
    test(`${method}: both families and protocols at once, by either transport`, async () => {
      using lab = new Lab(2);
      if (method !== "NAT") lab.prepareDirectRouting();
      if (method === "TUN") lab.prepareTunnels();
      await lab.serve(0, 1);
      const cases = CASES.filter((one) => one.method === method);
      for (const kernelWay of ["netlink", "auto"] as const) {
        using director = new Daemon("lbd", lab.director, cases.map((one) => virtualServer(one, 2)).join(""));
        director.start("--ipvs-transport", kernelWay);
        await until(`${method}: eight destinations`, () => destinations(lab).length === 8, 30_000);
        const heard = cases.map(({ family, protocol }) =>
          lab.ask({
            transport: protocol === "TCP" ? "tcp" : "udp",
            host: family === 4 ? VIP : VIP6,
            port: protocol === "TCP" ? HTTP_PORT : UDP_PORT,
            count: 6,
          }),
        );
        // UDP clients differ only by port, and each is a flow of its own.
        const half = { real1: 3, real2: 3 };
        const answers = await Promise.all(heard);
        await saying(director, () => expect([kernelWay, ...answers]).toEqual([kernelWay, half, half, half, half]));
        expect(await director.stop()).toBe(0);
        expect(lab.table()).toEqual([]);
      }
    });
});

test("tunnels in UDP and in GRE reach the servers, too", async () => {
  using lab = new Lab(2);
  lab.prepareDirectRouting();
  lab.prepareTunnels();
  const [gueVip, greVip] = ["192.0.2.101", "192.0.2.102"];
  lab.director.batch(`addr add ${gueVip} dev eth0`, `addr add ${greVip} dev eth0`);
  for (const real of lab.reals) {
    real.batch(`addr add ${gueVip} dev lo`, `addr add ${greVip} dev lo`, "fou add port 6080 gue", "link set gre0 up");
    real.sysctl("net.ipv4.conf.gre0.rp_filter", 0);
  }
  await lab.serve(0, 1);
  const plain = virtualServer({ method: "TUN", family: 4, protocol: "TCP" }, 2);
  const through = (vip: string, tunnel: string) =>
    plain.replace(VIP, vip).replace("lb_kind TUN", `lb_kind TUN ${tunnel}`);
  using director = new Daemon(
    "lbd",
    lab.director,
    through(gueVip, "type gue port 6080") + through(greVip, "type gre"),
  ).start();
  await until("four destinations", () => destinations(lab).length === 4, 30_000);
  for (const host of [gueVip, greVip])
    expect([host, await lab.ask({ transport: "tcp", host, port: HTTP_PORT, count: 6 })]).toEqual([
      host,
      { real1: 3, real2: 3 },
    ]);
  expect(await director.stop()).toBe(0);
});

describe("health", () => {
  let lab: Lab;
  beforeAll(() => {
    lab = new Lab(2);
  });
  beforeEach(() => lab.serve(0, 1));
  afterEach(() => lab.director.run("ipvsadm", "-C"));
  afterAll(() => lab[Symbol.dispose]());

  test("sockopt alone programs IPv4 and says clearly what it can't", async () => {
    using director = new Daemon(
      "lbd",
      lab.director,
      virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 1) +
        virtualServer({ method: "NAT", family: 6, protocol: "TCP" }, 1),
    );
    director.start("--ipvs-transport", "sockopt");
    await until("the IPv4 service", () => lab.table().some((line) => line.startsWith(`-A -t ${VIP}:80`)), 30_000);
    await until("the IPv6 service is refused in words", () =>
      /2001:db8:1::100.*(sockopt|netlink)/.test(director.output),
    );
    expect(await ask(lab, 2)).toEqual({ real1: 2 });
  });

  test("a killed server leaves the table within delay_loop and time-out, and comes back", async () => {
    using _director = new Daemon(
      "lbd",
      lab.director,
      virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 2),
    ).start();
    await until("both are there and were checked", () => destinations(lab).length === 2, 30_000);
    expect(await ask(lab, 4)).toEqual({ real1: 2, real2: 2 });
    await lab.kill(0);
    await until("one is left", () => destinations(lab).length === 1, 10_000);
    expect(await ask(lab, 4)).toEqual({ real2: 4 });
    await lab.serve(0);
    await until("both are back", () => destinations(lab).length === 2, 10_000);
    expect(await ask(lab, 4)).toEqual({ real1: 2, real2: 2 });
  });

  test("the sorry server stands in without a refused connection, and goes again", async () => {
    const one = virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 1, "sorry_server 198.51.100.12 80");
    using _director = new Daemon("lbd", lab.director, one).start();
    await until("the server is there", () => destinations(lab).some((line) => line.includes("198.51.100.11")), 30_000);
    await lab.kill(0);
    await until("the sorry server stands in", () => destinations(lab).join().includes("198.51.100.12"), 10_000);
    expect(destinations(lab).length).toBe(1);
    expect(await ask(lab, 4)).toEqual({ real2: 4 });
    let swapped = false;
    const meanwhile = (async () => {
      const all: Heard[] = [];
      while (!swapped) all.push(await ask(lab, 20));
      return all;
    })();
    await lab.serve(0);
    await until(
      "the sorry server went",
      () => destinations(lab).length === 1 && destinations(lab).join().includes("198.51.100.11"),
      15_000,
    );
    swapped = true;
    // The last that were asked may all have been asked before the change.
    const answers = [...(await meanwhile), await ask(lab, 4)].flatMap((heard) => Object.entries(heard));
    // kernel: packets of the one connection that is under way when its server goes are dropped in silence.
    const broken = answers.reduce((sum, [answer, times]) => sum + (answer === "timeout" ? times : 0), 0);
    expect(broken).toBeLessThanOrEqual(1);
    const others = new Set(answers.flatMap(([answer]) => (answer === "timeout" ? [] : [answer])));
    expect([...others].sort()).toEqual(["real1", "real2"]);
  });

  test("persistence keeps a client on its server, and spreads clients", async () => {
    const sources = [21, 22, 23, 24].map((last) => `192.0.2.${last}`);
    lab.client.batch(...sources.map((source) => `addr add ${source}/24 dev eth0`));
    using _director = new Daemon(
      "lbd",
      lab.director,
      virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 2, "persistence_timeout 60"),
    ).start();
    await until("both are there", () => destinations(lab).length === 2, 30_000);
    expect(lab.table()[0]).toBe(`-A -t ${VIP}:80 -s rr -p 60`);
    const used = new Set<string>();
    for (const source of sources) {
      const heard = Object.entries(await ask(lab, 4, source));
      expect(heard.map(([, times]) => times)).toEqual([4]);
      used.add(heard[0]?.[0] ?? "");
    }
    expect([...used].sort()).toEqual(["real1", "real2"]);
  });
});
