// Ring netns: /metrics carries the series that the common exporter makes of keepalived's own JSON, label by label.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { Daemon } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { has } from "../support/vrrp-host.ts";

const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`skipped: ${reason}`);

const CONFIG = `vrrp_instance web {
  interface eth0
  virtual_router_id 51
  garp_master_delay 2
  virtual_ipaddress {
    192.0.2.100/24
    192.0.2.101
  }
  virtual_ipaddress_excluded {
    192.0.2.110/24
    192.0.2.111
  }
}
`;

/** Where keepalived writes what its signal JSON asks for. */
const DUMP = join(process.env.TMPDIR ?? "/tmp", "keepalived.json");

const Dump = v.array(
  v.object({
    data: v.object({
      iname: v.string(),
      ifp_ifname: v.string(),
      vrid: v.number(),
      state: v.number(),
      garp_delay: v.number(),
      vips: v.array(v.string()),
      evips: v.array(v.string()),
    }),
    stats: v.record(v.string(), v.number()),
  }),
);

/** The exporter's series with their values; of counters that run, only that they are there. */
function exporterSeries(text: string): string[] {
  return v.parse(Dump, JSON.parse(text)).flatMap(({ data }) => {
    const labels = (intf: string) => `iname="${data.iname}",intf="${intf}",vrid="${data.vrid}"`;
    const states = (name: string, addresses: readonly string[]) =>
      addresses.map((address) => {
        // `192.0.2.100/24 dev eth0 scope global set`
        const [ip, , device = ""] = address.split(" ");
        return `${name}{${labels(device)},ip_address="${ip}"} ${data.state}`;
      });
    return [
      ...states("keepalived_vrrp_state", data.vips),
      ...states("keepalived_vrrp_excluded_state", data.evips),
      `keepalived_gratuitous_arp_delay_total{${labels(data.ifp_ifname)}} ${data.garp_delay}`,
      `keepalived_become_master_total{${labels(data.ifp_ifname)}} 1`,
    ];
  });
}

test.skipIf(reason !== undefined)(
  "the exporter's series of a master",
  async () => {
    using one = new Segment("k");
    using two = new Segment("l");
    using keepalived = new Daemon("keepalived", one.host(0), CONFIG).start();
    using lbd = new Daemon("lbd", two.host(0), CONFIG).start();
    await until("both are master", () => [one, two].every((segment) => has(segment.host(0), "192.0.2.101/32")));
    rmSync(DUMP, { force: true });
    process.kill(keepalived.pid, Number(spawnSync("keepalived", ["--signum=JSON"], { encoding: "utf8" }).stdout));
    const expected = await until("keepalived's JSON is whole", () => {
      try {
        return existsSync(DUMP) ? exporterSeries(readFileSync(DUMP, "utf8")) : undefined;
      } catch {
        return undefined;
      }
    });
    const socket = join(lbd.dir, "run/api.sock");
    const lines = await until("lbd reports the same", () => {
      const page = two.host(0).run("curl", "-s", "--unix-socket", socket, "http://lbd/metrics").stdout.split("\n");
      return expected.every((line) => page.includes(line)) ? page : undefined;
    });
    const names = (name: string) => lines.filter((line) => line.startsWith(`${name}{`)).sort();
    for (const name of ["keepalived_vrrp_state", "keepalived_vrrp_excluded_state"])
      expect(names(name)).toEqual(expected.filter((line) => line.startsWith(`${name}{`)).sort());
    rmSync(DUMP, { force: true });
  },
  60_000,
);
