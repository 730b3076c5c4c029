// Ring netns: two directors with a router between them that speak unicast, of each kind in each place: one of them is master. A TTL that
// shows the router, a list that lacks the sender and an own unicast_ttl are no reason to be deaf (bugs.md B1).
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { Daemon, type Kind } from "../support/daemon.ts";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { addressesOf } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 120_000;
const VIP = { 4: "203.0.113.50/32", 6: "2001:db8:50::50/128" } as const;
const A = { 4: "192.0.2.1", 6: "2001:db8:1::1" } as const;
const B = { 4: "198.51.100.1", 6: "2001:db8:2::1" } as const;
type Family = 4 | 6;

/** Hosts a and b, each behind an interface of the router r. */
class Routed {
  readonly a = new Namespace("a");
  readonly b = new Namespace("b");
  readonly r = new Namespace("r");

  constructor() {
    connect(this.a, "eth0", this.r, "ra");
    connect(this.b, "eth0", this.r, "rb");
    this.r.sysctls({ "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1 });
    for (const [host, link, net4, net6] of [
      [this.a, "ra", "192.0.2", "2001:db8:1::"],
      [this.b, "rb", "198.51.100", "2001:db8:2::"],
    ] as const) {
      host.ip(`addr add ${net4}.1/24 dev eth0`);
      host.ip(`addr add ${net6}1/64 dev eth0 nodad`);
      this.r.ip(`addr add ${net4}.254/24 dev ${link}`);
      this.r.ip(`addr add ${net6}fe/64 dev ${link} nodad`);
      host.ip(`route add default via ${net4}.254`);
      host.ip(`-6 route add default via ${net6}fe`);
    }
  }

  [Symbol.dispose](): void {
    for (const host of [this.a, this.b, this.r]) host[Symbol.dispose]();
  }
}

interface Side {
  readonly priority: number;
  readonly own: string;
  readonly peer: string;
  readonly extra?: string;
}

function config(family: Family, { priority, own, peer, extra = "" }: Side): string {
  return `vrrp_instance V1 {
  interface eth0
  version 3
  virtual_router_id 11
  priority ${priority}
  advert_int 0.5
  unicast_src_ip ${own}
  unicast_peer {
    ${peer}
  }
  ${extra}
  virtual_ipaddress {
    ${family === 6 ? "fe80::50\n    " : ""}${VIP[family]}
  }
}
`;
}

const PAIRS: readonly (readonly [Kind, Kind])[] = [
  ["lbd", "lbd"],
  ["lbd", "keepalived"],
  ["keepalived", "lbd"],
];
const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined).each(PAIRS)("behind a router a is %s, b is %s", (kindA, kindB) => {
  test.concurrent.each([
    ["nothing said", "", B[4]],
    ["unicast_ttl on one side", "unicast_ttl 64", B[4]],
    ["b is not in a's list, which a has to obey", "priority 90", "198.51.100.77"],
  ])(
    "IPv4, %s: one master",
    async (_what, extra, peer) => {
      using net = new Routed();
      // Without an answer of a, b has to go by its own list: there a is the weaker one.
      const weak = peer !== B[4];
      using a = new Daemon(kindA, net.a, config(4, { priority: 150, own: A[4], peer, extra })).start();
      using b = new Daemon(kindB, net.b, config(4, { priority: 100, own: B[4], peer: A[4] })).start();
      const [winner, other] = weak ? [net.b, net.a] : [net.a, net.b];
      await until("the better one is master", () => addressesOf(winner).includes(VIP[4]), 20_000);
      await until("the other one is none", () => !addressesOf(other).includes(VIP[4]), 20_000);
      await holdsStill(a, b, () => addressesOf(other).includes(VIP[4]));
    },
    LIMIT_MS,
  );

  test.concurrent(
    "IPv6: one master",
    async () => {
      using net = new Routed();
      using a = new Daemon(kindA, net.a, config(6, { priority: 150, own: A[6], peer: B[6] })).start();
      await until("a is master", () => addressesOf(net.a).includes(VIP[6]), 20_000);
      using b = new Daemon(kindB, net.b, config(6, { priority: 100, own: B[6], peer: A[6] })).start();
      await holdsStill(a, b, () => addressesOf(net.b).includes(VIP[6]));
    },
    LIMIT_MS,
  );
});

/** For twice the time after which a deaf director would be master. */
async function holdsStill(a: Daemon, b: Daemon, broken: () => boolean): Promise<void> {
  const endAt = Date.now() + 2 * 3.6 * 500;
  await until("the time is over", () => broken() || Date.now() > endAt, 20_000);
  expect({ broken: broken(), log: broken() ? a.output + b.output : "" }).toEqual({ broken: false, log: "" });
}
