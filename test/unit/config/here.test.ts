// What a configuration asks for and a machine lacks.
import { describe, expect, test } from "bun:test";
import { type Machine, missingInterfaces, missingKernelParts } from "../../../src/config/semantics/here.ts";
import { thisMachine } from "../../../src/kernel/machine.ts";
import { bindText } from "../../support/config.ts";

const WITHOUT = (...names: string[]): Machine => ({
  hasInterface: (name) => !names.includes(name),
  hasModule: (name) => !names.includes(name),
});

function instance(lines: string): string {
  return `vrrp_instance V {\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.1\n}\n${lines}\n}\n`;
}

const service = (algo: string) =>
  `virtual_server 192.0.2.1 80 {\nlb_algo ${algo}\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.9 80 {\n}\n}\n`;

describe("interfaces", () => {
  test.each([
    ["of an instance", instance("interface eth9"), ["6: vrrp_instance V: this machine has no interface eth9"]],
    ["that are there", instance("interface eth0"), []],
    [
      "that are tracked",
      instance("interface eth0\ntrack_interface {\neth9\n}"),
      ["8: vrrp_instance V tracks interface eth9, which this machine does not have"],
    ],
    ["that a virtual MAC makes", instance("interface eth0\nuse_vmac eth9"), []],
    [
      "of an address, a route's hop and a rule, each told once",
      instance(
        "interface eth0\nvirtual_ipaddress_excluded {\n192.0.2.8 dev eth9\n192.0.2.9 dev eth9\n}\nvirtual_rules {\nfrom 192.0.2.0/24 iif eth9 table 5 priority 9\n}",
      ),
      ["8: address 192.0.2.8 and 2 more: this machine has no interface eth9"],
    ],
    [
      "of a route and its hops",
      `static_routes {\n10.0.0.0/8 nexthop via 192.0.2.1 dev eth0 nexthop via 192.0.2.2 dev eth9\n}\n${instance("interface eth0")}`,
      ["2: route 10.0.0.0/8: this machine has no interface eth9"],
    ],
    [
      "of a static rule",
      `static_rules {\nfrom 10.0.0.0/8 oif eth9 table 5 priority 9\n}\n${instance("interface eth0")}`,
      ["2: rule with preference 9: this machine has no interface eth9"],
    ],
    [
      "that a virtual MAC of an address makes",
      instance("interface eth0\nuse_vmac eth9\nvirtual_ipaddress_excluded {\n192.0.2.8 dev eth9\n}"),
      [],
    ],
    [
      "of linkbeat_interfaces and garp_group",
      `linkbeat_interfaces {\neth9\neth0\n}\ngarp_group {\ninterfaces {\neth0\neth9\n}\n}\n${instance("interface eth0")}`,
      [
        "2: linkbeat_interfaces: this machine has no interface eth9",
        "5: garp_group: this machine has no interface eth9",
      ],
    ],
    ["of a namespace that nobody looks into", `net_namespace n\n${instance("interface eth9")}`, []],
  ])("%s", (_what, text, said) => {
    const { config, sources, diagnostics } = bindText(text);
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    const found = missingInterfaces(config, WITHOUT("eth9"), sources);
    expect(found.every(({ severity, code }) => severity === "warning" && code === "unknown-interface")).toBe(true);
    expect(found.map(({ span, message }) => `${span?.line}: ${message}`)).toEqual(said);
  });
});

describe("parts of the kernel", () => {
  test.each([
    ["ip_vs", service("rr"), "ip_vs", "this kernel has no ip_vs, which virtual servers need"],
    [
      "a scheduler",
      service("mh"),
      "ip_vs_mh",
      "this kernel has no ip_vs_mh, which lb_algo mh of 192.0.2.1:80/tcp needs",
    ],
    [
      "the packet filter",
      instance("interface eth0\nno_accept"),
      "nf_tables",
      "this kernel has no nf_tables, which no_accept needs",
    ],
    [
      "virtual MACs",
      instance("interface eth0\nuse_vmac"),
      "macvlan",
      "this kernel has no macvlan, which use_vmac needs",
    ],
  ])("%s", (_what, text, module, message) => {
    const { config } = bindText(text);
    expect(missingKernelParts(config, WITHOUT(module)).map((one) => one.message)).toEqual([message]);
    expect(missingKernelParts(config, WITHOUT())).toEqual([]);
  });
});

test("this machine has its loopback interface, and no module that nobody has written", () => {
  const machine = thisMachine();
  expect([machine.hasInterface("lo"), machine.hasInterface("no-such-if")]).toEqual([true, false]);
  expect(machine.hasModule("ip_vs_no_such_scheduler")).toBe(false);
});

test("the label of an address is no interface", () => {
  expect(["lo", "lo:1"].map((name) => thisMachine().hasInterface(name))).toEqual([true, false]);
});
