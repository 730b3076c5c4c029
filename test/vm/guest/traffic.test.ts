// Ring vm, in the guest: what a director is for. Clients reach real servers through NAT, DR and TUN, over IPv4 and IPv6, TCP and UDP;
// a dead server leaves and comes back; the sorry server stands in; persistence holds.
import { describe, expect, test } from "bun:test";
import { Daemon } from "../../support/daemon.ts";
import { until } from "../../support/until.ts";
import { HTTP_PORT, Lab, UDP_PORT, VIP, VIP6 } from "./lab.ts";

interface Case {
  readonly method: "NAT" | "DR" | "TUN";
  readonly family: 4 | 6;
  readonly protocol: "TCP" | "UDP";
}

const CASES: readonly Case[] = (["NAT", "DR", "TUN"] as const).flatMap((method) =>
  ([4, 6] as const).flatMap((family) => (["TCP", "UDP"] as const).map((protocol) => ({ method, family, protocol }))),
);

const CHECK = "TCP_CHECK {\n      connect_port 80\n      connect_timeout 1\n    }";

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

describe("traffic", () => {
  for (const transport of ["netlink", "auto"] as const)
    test(`all methods, families and protocols at once, --ipvs-transport ${transport}`, async () => {
      for (const method of ["NAT", "DR", "TUN"] as const) {
        using lab = new Lab(2);
        if (method !== "NAT") lab.prepareDirectRouting();
        if (method === "TUN") lab.prepareTunnels();
        await lab.serve(0, 1);
        const cases = CASES.filter((one) => one.method === method);
        using director = new Daemon("lbd", lab.director, cases.map((one) => virtualServer(one, 2)).join(""));
        director.start("--ipvs-transport", transport);
        await until(`${method}: eight destinations`, () => destinations(lab).length === 8, 30_000);
        for (const { family, protocol } of cases) {
          const [vip, port] = [family === 4 ? VIP : VIP6, protocol === "TCP" ? HTTP_PORT : UDP_PORT];
          const heard = lab.ask(protocol === "TCP" ? "tcp" : "udp", vip, port, 6);
          const where = `${method} IPv${family} ${protocol}`;
          // UDP clients differ only by port, and each is a flow of its own.
          expect([where, heard]).toEqual([where, { real1: 3, real2: 3 }]);
        }
        expect(await director.stop()).toBe(0);
        expect(lab.table()).toEqual([]);
      }
    });

  test("sockopt alone programs IPv4 and says clearly what it can't", async () => {
    using lab = new Lab(1);
    await lab.serve(0);
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
    expect(lab.ask("tcp", VIP, HTTP_PORT, 2)).toEqual({ real1: 2 });
  });
});

describe("health", () => {
  test("a killed server leaves the table within delay_loop and time-out, and comes back", async () => {
    using lab = new Lab(2);
    await lab.serve(0, 1);
    using _director = new Daemon(
      "lbd",
      lab.director,
      virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 2),
    ).start();
    await until("both are there and were checked", () => destinations(lab).length === 2, 30_000);
    expect(lab.ask("tcp", VIP, HTTP_PORT, 4)).toEqual({ real1: 2, real2: 2 });
    await lab.kill(0);
    await until("one is left", () => destinations(lab).length === 1, 10_000);
    expect(lab.ask("tcp", VIP, HTTP_PORT, 4)).toEqual({ real2: 4 });
    await lab.serve(0);
    await until("both are back", () => destinations(lab).length === 2, 10_000);
    expect(lab.ask("tcp", VIP, HTTP_PORT, 4)).toEqual({ real1: 2, real2: 2 });
  });

  test("the sorry server stands in without a refused connection, and goes again", async () => {
    using lab = new Lab(2);
    await lab.serve(0, 1);
    const one = virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 1, "sorry_server 198.51.100.12 80");
    using _director = new Daemon("lbd", lab.director, one).start();
    await until("the server is there", () => destinations(lab).some((line) => line.includes("198.51.100.11")), 30_000);
    await lab.kill(0);
    await until("the sorry server stands in", () => destinations(lab).join().includes("198.51.100.12"), 10_000);
    expect(destinations(lab).length).toBe(1);
    const meanwhile = lab.askMeanwhile(VIP, HTTP_PORT, 400, 5);
    await lab.serve(0);
    await until(
      "the sorry server went",
      () => destinations(lab).length === 1 && destinations(lab).join().includes("198.51.100.11"),
      15_000,
    );
    const heard = await meanwhile;
    expect(Object.keys(heard).filter((answer) => !answer.startsWith("real"))).toEqual([]);
  });

  test("persistence keeps a client on its server, and spreads clients", async () => {
    using lab = new Lab(2);
    await lab.serve(0, 1);
    for (const last of [21, 22, 23, 24]) lab.client.ip(`addr add 192.0.2.${last}/24 dev eth0`);
    using _director = new Daemon(
      "lbd",
      lab.director,
      virtualServer({ method: "NAT", family: 4, protocol: "TCP" }, 2, "persistence_timeout 60"),
    ).start();
    await until("both are there", () => destinations(lab).length === 2, 30_000);
    expect(lab.table()[0]).toBe(`-A -t ${VIP}:80 -s rr -p 60`);
    const used = new Set<string>();
    for (const last of [21, 22, 23, 24]) {
      const heard = Object.entries(lab.ask("tcp", VIP, HTTP_PORT, 4, `192.0.2.${last}`));
      expect(heard.map(([, times]) => times)).toEqual([4]);
      used.add(heard[0]?.[0] ?? "");
    }
    expect([...used].sort()).toEqual(["real1", "real2"]);
  });
});
