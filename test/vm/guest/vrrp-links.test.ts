// Ring vm, in the guest: what VRRP asks of interfaces that the host's kernel has not: ipvlan and VRFs.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Daemon } from "../../support/daemon.ts";
import { Segment } from "../../support/segment.ts";
import { until } from "../../support/until.ts";
import { config, has, instance } from "../../support/vrrp-host.ts";

const SLOW_MS = 60_000;
const modprobe = (name: string) => expect(spawnSync("modprobe", [name]).status).toBe(0);

test("use_ipvlan: adverts and addresses on an ipvlan of its own with the address given; the stop takes it away", async () => {
  modprobe("ipvlan");
  using segment = new Segment("a");
  const host = segment.host(0);
  using a = new Daemon("lbd", host, config({ extra: "use_ipvlan ipv0 192.0.2.7/24 bridge" })).start();
  await until("master", () => has(host), SLOW_MS);
  expect(host.ip("-d -o link show ipv0")).toMatch(/ipvlan +mode l2 bridge/);
  expect(host.ip("-o addr show dev ipv0")).toContain("192.0.2.7/24");
  expect(host.ip("-o addr show dev ipv0")).toContain("192.0.2.100/32");
  expect(await a.stop(SLOW_MS)).toBe(0);
  expect(host.ip("link show")).not.toContain("ipv0");
}, 180_000);

test("vrf: a unicast instance without interface works in the VRF, and a route goes to its table", async () => {
  modprobe("vrf");
  using segment = new Segment("a", "b");
  const [a, b] = [segment.host(0), segment.host(1)];
  for (const host of [a, b]) {
    host.ip("link add blue type vrf table 1001");
    host.ip("link set blue up");
    host.ip("link set eth0 master blue");
  }
  const unicast = (own: string, peer: string, priority: number) =>
    instance({
      priority,
      vips: ["192.0.2.100 dev eth0"],
      extra: `vrf blue
  unicast_src_ip ${own}
  unicast_peer {
    ${peer}
  }
  virtual_routes {
    203.0.113.0/24 via 192.0.2.3 dev eth0 vrf blue
  }`,
    }).replace("interface eth0\n", "");
  using first = new Daemon("lbd", a, unicast("192.0.2.1", "192.0.2.2", 150)).start();
  await until("a is master", () => has(a), SLOW_MS);
  using second = new Daemon("lbd", b, unicast("192.0.2.2", "192.0.2.1", 100)).start();
  const socket = join(second.dir, "run/api.sock");
  const vrrp = () => b.run("curl", "-s", "--unix-socket", socket, "http://lbd/v1/vrrp").stdout;
  expect(a.ip("route show table 1001")).toContain("203.0.113.0/24 via 192.0.2.3");
  // It hears what its peer sends through the VRF: without that it would have taken over long before.
  await until("b has a name for its master", () => /"master":\{"address":"192\.0\.2\.1"/.test(vrrp()), SLOW_MS);
  expect(has(b)).toBe(false);
  expect(await first.stop(SLOW_MS)).toBe(0);
  await until("b hears that a left, and takes over", () => has(b), SLOW_MS);
}, 180_000);
