// What runs of a configuration whose braces or words are wrong is what keepalived makes of it, measured on 2.2.7
// (test/netns/differential.test.ts sets both side by side).
import { describe, expect, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { bindText } from "../../support/config.ts";

function brief({ vrrp, virtualServers }: Config): string[] {
  return [
    ...vrrp.instances.map(({ name, priority, initialState, virtualAddresses }) =>
      [name, priority, initialState ?? "-", ...virtualAddresses.map(({ ip }) => ip)].join(" "),
    ),
    ...virtualServers.map(({ id, realServers }) =>
      [id, ...realServers.map((real) => `${real.id}*${real.weight}`)].join(" "),
    ),
  ];
}

const instance = (name: string, vrid: number, ...lines: string[]) =>
  `vrrp_instance ${name} {\ninterface eth0\nvirtual_router_id ${vrid}\n${lines.join("\n")}\npriority 120\nvirtual_ipaddress {\n192.0.2.${vrid}\n}\n}\n`;
const service = (...lines: string[]) =>
  `virtual_server 192.0.2.80 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n${lines.join("\n")}\nreal_server 192.0.2.81 80 {\nweight 3\n}\n}\n`;

describe("braces as keepalived reads them", () => {
  test.each([
    ["the } of an unknown block closes the block around it", instance("A", 1, "foo {", "bar 1", "}"), ["A 100 -"]],
    [
      "a misspelt block at the top level takes only itself away",
      `vrrp_instnace A {\n}\n${instance("B", 2)}`,
      ["B 120 - 192.0.2.2"],
    ],
    [
      "a list ends at the next }, and the line of a lost one is no entry",
      instance("A", 1).replace("192.0.2.1\n}\n", "192.0.2.1\nfoo {\n192.0.2.9\n}\n"),
      ["A 120 - 192.0.2.1 192.0.2.9"],
    ],
    [
      "what follows an instance that is not closed is lost",
      instance("A", 1).slice(0, -2) + instance("B", 2),
      ["A 120 - 192.0.2.1 192.0.2.2"],
    ],
    [
      "… and the checker, who counts braces, finds no service behind it",
      `${instance("A", 1).slice(0, -2)}${service()}`,
      ["A 120 - 192.0.2.1"],
    ],
    [
      "braces too many between blocks are passed over",
      `}\n${instance("A", 1)}}\n{\n${service()}`,
      ["A 120 - 192.0.2.1", "192.0.2.80:80/TCP 192.0.2.81:80*3"],
    ],
    ["an opening brace on a later line opens", instance("A", 1).replace("A {", "A\n\n{"), ["A 120 - 192.0.2.1"]],
    [
      "a block without its { is read all the same",
      instance("A", 1).replace("virtual_ipaddress {", "virtual_ipaddress"),
      ["A 120 - 192.0.2.1"],
    ],
    [
      "a real_server with a wrong address is passed over as a whole, with the servers behind a brace too many",
      service("real_server 256.0.2.82 80 {", "TCP_CHECK { {", "}", "}"),
      [],
    ],
    ["… with a wrong port, too", service("real_server 192.0.2.82 http {", "TCP_CHECK { {", "}", "}"), []],
    [
      "… but not one whose words are right: there the brace counts for nothing, and what it closes is less",
      service("real_server 192.0.2.82 80 {", "TCP_CHECK { {", "}", "}"),
      ["192.0.2.80:80/TCP 192.0.2.82:80*1 192.0.2.81:80*3"],
    ],
    [
      "a virtual_server with a wrong address is passed over as a whole, with those behind a brace too many",
      service().replace("192.0.2.80", "256.0.2.80").replace("weight 3", "TCP_CHECK { {\n}") + service(),
      [],
    ],
    [
      "… and nothing else where its braces are right",
      service().replace("192.0.2.80", "256.0.2.80") + service(),
      ["192.0.2.80:80/TCP 192.0.2.81:80*3"],
    ],
    ["a nameless instance is passed over as a whole", instance("", 1) + instance("B", 2), ["B 120 - 192.0.2.2"]],
    ["an instance with two names, too", instance("A B", 1) + instance("B", 2), ["B 120 - 192.0.2.2"]],
    ["a second instance of a name, too", instance("A", 1) + instance("A", 2), ["A 120 - 192.0.2.1"]],
    [
      "nobody looks inside of a block that the parent never leaves",
      `vrrp_script S {\nvrrp_script S {\n}\n${instance("A", 1)}`,
      [],
    ],
    [
      "a statement in a list is an entry that is none",
      instance("A", 1, "state MASTER").replace(
        "priority 120\nvirtual_ipaddress {",
        "virtual_ipaddress {\npriority 120",
      ),
      ["A 255 MASTER 192.0.2.1"],
    ],
    ["an unknown block in a service closes it", service("foo {", "}"), []],
  ])("%s", (_why, text, expected) => {
    const { config, errors } = bindText(text);
    expect(errors || expected.length > 0).toBe(true);
    expect(brief(config)).toEqual(expected.map((line) => line.replace("/TCP", "/tcp")));
  });
});

describe("values that stand in for wrong ones", () => {
  test.each([
    ["a priority that is none is the default, also of a master", "state MASTER\npriority x", "A 100 MASTER 192.0.2.1"],
    ["a priority out of range, too", "state MASTER\npriority 300", "A 100 MASTER 192.0.2.1"],
  ])("%s", (_why, lines, expected) => {
    expect(brief(bindText(instance("A", 1, lines).replace("\npriority 120", "")).config)).toEqual([expected]);
  });

  test("a group begins as master only if all of its members own their addresses", () => {
    const group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n";
    const two = (b: number) =>
      group +
      instance("A", 1, "state MASTER").replace("120", "255") +
      instance("B", 2, "state MASTER").replace("120", String(b));
    expect(brief(bindText(two(255)).config)).toEqual(["A 255 MASTER 192.0.2.1", "B 255 MASTER 192.0.2.2"]);
    expect(brief(bindText(two(254)).config)).toEqual(["A 255 BACKUP 192.0.2.1", "B 254 BACKUP 192.0.2.2"]);
  });

  test("the number that a wrong word begins with counts where keepalived lets it", () => {
    const [server] = bindText(service().replace("81 80", "81 8080x").replace("weight 3", "weight 7x")).config
      .virtualServers;
    expect(server?.realServers.map(({ id, weight }) => `${id}*${weight}`)).toEqual(["192.0.2.81:8080*7"]);
  });

  test("a tracker whose line goes wrong", () => {
    const lines = ["eth0", "eth1 weight x", "eth2 weight 300", "eth3 weight 3 foo", "eth4 foo"];
    const text = instance("A", 1, `track_interface {\n${lines.join("\n")}\n}`);
    const tracked = bindText(text).config.vrrp.instances[0]?.tracking.interfaces.map(({ name, weight }) => [
      name,
      weight ?? 0,
    ]);
    expect(tracked).toEqual([
      ["eth1", 0],
      ["eth2", 0],
      ["eth3", 3],
    ]);
  });

  test("a route or rule with a strange word is left out", () => {
    const routes = "virtual_routes {\n10.1.0.0/16 via 192.0.2.254\n10.2.0.0/16 via 192.0.2.254 BACKUP\n}";
    const rules = "virtual_rules {\nfrom 192.0.2.1 table 7 priority 5\nfrom 192.0.2.2 table 7 foo priority 5\n}";
    const [made] = bindText(instance("A", 1, routes, rules)).config.vrrp.instances;
    expect(made?.routes.map(({ destination }) => destination.ip)).toEqual(["10.1.0.0"]);
    expect(made?.rules.map(({ from }) => from?.ip)).toEqual(["192.0.2.1"]);
  });

  test("a prefix length behind an address does no harm", () => {
    const { config, errors, diagnostics } = bindText(
      instance("A", 1, "unicast_src_ip 192.0.2.10/24", "unicast_peer {\n192.0.2.11/24\n}") +
        service("sorry_server 192.0.2.99/24 80").replace("81 80", "81/24 80"),
    );
    const [made] = config.vrrp.instances;
    const [server] = config.virtualServers;
    expect([made?.sourceIp, made?.unicast?.peers[0]?.ip]).toEqual(["192.0.2.10", "192.0.2.11"]);
    expect([server?.realServers[0]?.ip, server?.sorryServer?.ip]).toEqual(["192.0.2.81", "192.0.2.99"]);
    expect([errors, diagnostics.every(({ code }) => code === "prefix-ignored")]).toEqual([false, true]);
  });

  test("a dotted mask may have holes", () => {
    const mask = service("persistence_timeout 30\npersistence_granularity 255.0.255.0");
    expect(bindText(mask).config.virtualServers[0]?.persistence).toEqual({ timeoutS: 30, granularity: "255.0.255.0" });
  });

  test("a check goes to the port that is written, where DR can't have it", () => {
    const text = service().replace("NAT", "DR").replace("81 80", "81 8080").replace("weight 3", "TCP_CHECK {\n}");
    const [real] = bindText(text).config.virtualServers[0]?.realServers ?? [];
    const [check] = real?.checks ?? [];
    expect([real?.port, check && "endpoint" in check && check.endpoint.port]).toEqual([80, 8080]);
  });
});
