import { expect, test } from "bun:test";
import { markGroups } from "../../../src/lvs/group-marks.ts";
import { bindText } from "../../support/config.ts";

const NONE: ReadonlyMap<string, number> = new Map();

function service(group: string, protocol = "TCP"): string {
  return `virtual_server group ${group} {\n protocol ${protocol}\n lvs_method NAT\n real_server 10.9.1.1 80 {\n }\n}\n`;
}

const GROUPS = `global_defs {
 nftables_ipvs
 nftables_ipvs_start_fwmark 2000
}
virtual_server_group a {
 192.0.2.20-21 80
 192.0.2.30 443
 fwmark 2001
}
virtual_server_group b {
 192.0.2.40 53
}
virtual_server_group c {
 2001:db8::1 53
}
virtual_server_group marks {
 fwmark 7
}
`;

const marksOf = (text: string, before = NONE) => [...markGroups(bindText(text).config, before).marks];

test("each group of addresses gets a mark that nobody has, counted up from the configured one", () => {
  const text = GROUPS + service("a") + service("marks") + service("b") + service("b", "UDP");
  expect(marksOf(text)).toEqual([
    ["group:a/tcp", 2000],
    ["group:b/tcp", 2002],
    ["group:b/udp", 2003],
  ]);
});

test("the services are those marks, and what the group had of its own", () => {
  const { config } = markGroups(bindText(GROUPS + service("a") + service("marks")).config, NONE);
  expect(config.virtualServers.map(({ services }) => services)).toEqual([
    [
      { kind: "fwmark", mark: 2000, family: 4, ofGroup: true },
      { kind: "fwmark", mark: 2001, family: 4 },
    ],
    [{ kind: "fwmark", mark: 7, family: 4 }],
  ]);
});

test("marks stay with their virtual server when others come and go", () => {
  const first = markGroups(bindText(GROUPS + service("a") + service("b")).config, NONE);
  expect(marksOf(GROUPS + service("c").replace("10.9.1.1", "2001:db8::9") + service("b"), first.marks)).toEqual([
    ["group:b/tcp", 2002],
    ["group:c/tcp", 2000],
  ]);
});

test("every address is marked once, with the first group of the file that names it", () => {
  const { marked } = markGroups(bindText(GROUPS + service("b") + service("b", "UDP") + service("a")).config, NONE);
  expect(marked).toEqual([
    { ip: "192.0.2.40", port: 53, protocol: "TCP", mark: 2000 },
    { ip: "192.0.2.40", port: 53, protocol: "UDP", mark: 2002 },
    { ip: "192.0.2.20", port: 80, protocol: "TCP", mark: 2003 },
    { ip: "192.0.2.21", port: 80, protocol: "TCP", mark: 2003 },
    { ip: "192.0.2.30", port: 443, protocol: "TCP", mark: 2003 },
  ]);
});

test("a group of both families has its mark in each", () => {
  const text = `global_defs {\n nftables_ipvs\n}
virtual_server_group g {
 2001:db8::1 80
 192.0.2.1 80
}
virtual_server group g {\n protocol TCP\n lvs_method TUN\n real_server 10.9.1.1 80 {\n }\n}
`;
  const { config, marks } = markGroups(bindText(text).config, NONE);
  const mark = marks.get("group:g/tcp") ?? 0;
  expect(mark).toBeGreaterThan(0);
  expect(config.virtualServers.map(({ services }) => services)).toEqual([
    [
      { kind: "fwmark", mark, family: 6, ofGroup: true },
      { kind: "fwmark", mark, family: 4, ofGroup: true },
    ],
  ]);
});
