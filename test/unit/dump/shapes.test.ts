// The parts of dumps that the test beside keepalived leaves out (test/interop/dump-text.ts), or can't bring about: line by line.
import { describe, expect, test } from "bun:test";
import { addressText, routeText, ruleText } from "../../../src/dump/addresses.ts";
import { servicesDump } from "../../../src/dump/services.ts";
import type { CheckShown } from "../../../src/dump/services-source.ts";
import { vrrpDump } from "../../../src/dump/vrrp.ts";
import { epoch, general } from "../../../src/dump/words.ts";
import { bindText } from "../../support/config.ts";
import { link, vrrpSource } from "../../support/dumps.ts";

test.each([
  [0, "0"],
  [5, "5"],
  [0.25, "0.25"],
  [1234567, "1.23457e+06"],
  [0.00001, "1e-05"],
  [1 / 3, "0.333333"],
])("%p as printf's %%g has it", (value, expected) => {
  expect(general(value)).toBe(expected);
});

test("times have six digits behind the point", () => {
  expect([epoch(0), epoch(1_767_225_600_000.5), epoch(1_767_225_600_999.9998)]).toEqual([
    "0.000000",
    "1767225600.000500",
    "1767225601.000000",
  ]);
});

const instance = (lines: string) =>
  `vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.5\n }\n${lines}\n}\n`;
const onEth0 = { link: "eth0", isSet: true, isFiltered: false };

describe("lines of addresses, routes and rules", () => {
  test.each([
    [
      "192.0.2.6/24 brd 192.0.2.255 label eth0:x scope link",
      "192.0.2.6/24 brd 192.0.2.255 dev eth0 scope link label eth0:x set",
    ],
    ["192.0.2.6 no_track", "192.0.2.6 dev eth0 scope global no_track set"],
    ["2001:db8::6/64 preferred_lft 0", "2001:db8::6/64 dev eth0 scope global deprecated set"],
    ["2001:db8::6/64 home -nodad", "2001:db8::6/64 dev eth0 scope global home -nodad preferred_lft forever set"],
  ])("%s", (line, expected) => {
    const { config } = bindText(instance(`virtual_ipaddress_excluded {\n ${line}\n}`));
    const [address] = config.vrrp.instances[0]?.excludedAddresses ?? [];
    expect(address && addressText(address, onEth0)).toBe(expected);
  });

  test("an address whose link is not there, one on a virtual interface, one that the packet filter keeps", () => {
    const [address] = bindText(instance("")).config.vrrp.instances[0]?.virtualAddresses ?? [];
    if (!address) throw new Error("no address");
    const texts = [
      addressText(address, { isSet: false, isFiltered: false }),
      addressText(address, { link: "vrrp.1", below: "eth0", isSet: true, isFiltered: true }),
    ];
    expect(texts).toEqual([
      "192.0.2.5 dev (none)@NOWHERE scope global",
      "192.0.2.5 dev vrrp.1@eth0 scope global set nftable_set",
    ]);
  });

  test.each([
    [
      "198.51.100.0/24 via 192.0.2.1 dev eth0 metric 5 mtu lock 1400",
      "prepend 198.51.100.0/24 via inet 192.0.2.1 dev eth0 proto 18 metric 5 mtu lock 1400",
    ],
    ["198.51.100.0/24 via 192.0.2.1", "prepend 198.51.100.0/24 via inet 192.0.2.1 proto 18 no_track"],
    ["198.51.100.0/24 dev eth0 no_track protocol 5", "prepend 198.51.100.0/24 dev eth0 proto 5 no_track"],
    ["append 198.51.100.0/24 dev eth0 realms 1/2", "append 198.51.100.0/24 dev eth0 proto 18 realms 1/2"],
    ["unreachable 198.51.100.0/24", "add unreachable 198.51.100.0/24 proto 18 no_track"],
    [
      "198.51.100.0/24 nexthop via 192.0.2.1 dev eth0 weight 2 nexthop via 192.0.2.2 onlink",
      "prepend 198.51.100.0/24 proto 18 nexthop via inet 192.0.2.1 dev eth0 weight 2 nexthop via inet 192.0.2.2 onlink no_track",
    ],
  ])("%s", (line, expected) => {
    const { config } = bindText(instance(`virtual_routes {\n ${line}\n}`));
    expect(config.vrrp.instances[0]?.routes.map((route) => routeText(route))).toEqual([expected]);
  });

  test.each([
    ["from 192.0.2.0/24 table 100 priority 7", "from 192.0.2.0/24 priority 7 tos 0x0 protocol 18 lookup 100"],
    [
      "not to 192.0.2.7 fwmark 0x10/0xff blackhole priority 8",
      "not from all to 192.0.2.7 priority 8 tos 0x0 fwmark 0x10/0xff protocol 18 type blackhole",
    ],
  ])("%s", (line, expected) => {
    const { config } = bindText(instance(`virtual_rules {\n ${line}\n}`));
    expect(config.vrrp.instances[0]?.rules.map(ruleText)).toEqual([expected]);
  });
});

describe("how checks stand", () => {
  const TEXT = `virtual_server 192.0.2.80 80 {
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server 192.0.2.81 80 {
    weight 4
    TCP_CHECK {
      retry 3
    }
  }
}
`;
  const { config } = bindText(TEXT);
  const virtualServer = config.virtualServers[0];
  const realServer = virtualServer?.realServers[0];
  const check = realServer?.checks[0];

  function dump(more: Partial<CheckShown>, isHealthy: boolean): readonly string[] {
    if (!virtualServer || !realServer || !check) throw new Error("no service");
    const shown: CheckShown = {
      ...{ check, isUp: true, hasRun: true, failures: 0, weight: 0, ranAtMs: 0, lastStatus: 0, fileValue: 0 },
      ...more,
    };
    const server = { realServer, isHealthy, weight: isHealthy ? 4 : 0, isSet: isHealthy, checks: [shown] };
    const services = [{ virtualServer, isUp: isHealthy, isSuspended: !isHealthy, servers: [server] }];
    return [...servicesDump({ config, accountOf: () => "0:0", services })].join("").split("\n");
  }

  test("a server that answers", () => {
    expect(dump({}, true)).toEqual(
      expect.arrayContaining([
        "   quorum_state_up = 1",
        "   RIP = 192.0.2.81, RPORT = 80, WEIGHT = 4 EFF WEIGHT = 4",
        "   alive = 1",
        "   num failed checkers = 0",
        "   RS set = 1",
        "   Enabled = yes",
        "   Up = yes",
        "   Has run = yes",
        "   Retries iterations = 0",
      ]),
    );
  });

  test("one that does not, behind a suspended service", () => {
    expect(dump({ isUp: false, failures: 9 }, false)).toEqual(
      expect.arrayContaining([
        "   quorum_state_up = 0",
        "   alive = 0",
        "   num failed checkers = 1",
        "   RS set = 0",
        "   Enabled = no",
        "   Up = no",
        "   Retries iterations = 3",
      ]),
    );
  });
});

describe("how trackers stand", () => {
  const TEXT = `vrrp_script s {\n script "/bin/true"\n rise 2\n fall 3\n}\n${instance("track_script {\n s\n}")}`;
  test.each([
    [null, 0, ["   Result = 1", "   Init state = INIT", "   Status = BAD"]],
    [true, 0, ["   Result = 4", "   Init state = unknown", "   Status = GOOD"]],
    [true, 1, ["   Result = 3", "   Status = GOOD"]],
    [false, 0, ["   Result = 0", "   Status = BAD"]],
    [false, 1, ["   Result = 1", "   Status = BAD"]],
  ])("a script that is %p with %d runs against it", (up, contrary, expected) => {
    const script = bindText(TEXT).config.vrrp.scripts[0];
    if (!script) throw new Error("no script");
    const source = vrrpSource(TEXT, { scripts: [{ script, up, contrary, isRunning: up === null }] });
    const lines = [...vrrpDump(source)].join("").split("\n");
    expect(lines).toEqual(expect.arrayContaining(expected));
    expect(lines).toContain(`   State = ${up === null ? "running" : "idle"}`);
  });
});

test("an interface with its addresses, state and those who need it", () => {
  const eth0 = link(2, "eth0", { flags: 0x1003 });
  const address = { family: 4 as const, index: 2, prefix: 24, flags: 0 };
  const source = vrrpSource(instance(""), {
    links: [
      {
        link: eth0,
        below: undefined,
        addresses: [
          { ...address, ip: "192.0.2.10" },
          { ...address, ip: "192.0.2.11" },
          { ...address, family: 6, ip: "2001:db8::1" },
          { ...address, family: 6, ip: "fe80::1" },
        ],
        isOurs: false,
        isPolled: false,
        vrf: "blue",
      },
    ],
  });
  const text = [...vrrpDump(source)].join("");
  expect(text.slice(text.indexOf("------< Interfaces")).split("\n").slice(0, 12)).toEqual([
    "------< Interfaces >------",
    " Name = eth0",
    "   index = 2",
    "   IPv4 address = 192.0.2.10",
    "   Additional IPv4 addresses :",
    "     192.0.2.11",
    "   IPv6 address = fe80::1",
    "   MAC = 02:00:00:00:00:01",
    "   MAC broadcast = ff:ff:ff:ff:ff:ff",
    "   State = UP, not RUNNING",
    "   Seen up = 0",
    "   Delayed state change running = false",
  ]);
  expect(text).toContain("   VRF slave of blue\n");
  expect(text).toContain("   Tracking VRRP instances :\n     V, weight 0\n");
});
