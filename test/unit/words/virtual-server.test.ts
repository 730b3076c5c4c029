// Words about services: each from the text of a configuration to the IPVS table that the checker keeps, and to what it tells.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { writeCommand } from "../../../src/lvs/codec-genl.ts";
import { attributeWriter } from "../../../src/net/attributes.ts";
import { expectWord, serviceText, type WordCase } from "../../support/words.ts";
import { inside } from "../lvs/vectors.ts";
import { bench, machine } from "../roles/checker/bench.ts";

/** linux/ip_vs.h: IPVS_CMD_ATTR_DEST, IPVS_DEST_ATTR_TUN_TYPE and so on. */
const CMD_ATTR_DEST = 2;
const TUN_TYPE = 13;
const TUN_PORT = 14;
const TUN_FLAGS = 15;

type Bench = ReturnType<typeof bench>;

function running(config: Config, options: Parameters<typeof bench>[0] = {}): Bench {
  const b = bench(options);
  b.start(config);
  return b;
}

const global = (lines: string, rest = serviceText()) => `global_defs {\n${lines}\n}\n${rest}`;

/** A service by mark or by a group with one server, and what stands before it. */
const named = (name: string, lines: string, before = "") =>
  `${before}virtual_server ${name} {\nlvs_sched rr\n${lines}\nreal_server 192.0.2.81 80 {\n}\n}\n`;

describe("what goes to the kernel", () => {
  const services = (config: Config) =>
    running(config)
      .table.entries()
      .map(({ service }) => service);
  const flags = (config: Config) => services(config).map((service) => service.flags.toString(16));
  test.each<WordCase<readonly string[]>>([
    ["virtual_server/flag-1", serviceText("«flag-1»"), ["8"], ["0"]],
    ["virtual_server/flag-2", serviceText("«flag-2»"), ["10"], ["0"]],
    ["virtual_server/flag-3", serviceText("«flag-3»"), ["20"], ["0"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, flags, seen, otherwise));

  const schedulers = (config: Config) => services(config).map(({ scheduler }) => scheduler);
  test.each<WordCase<readonly string[]>>([
    ["virtual_server/lvs_sched", serviceText("«lvs_sched sh»"), ["sh"], ["rr"]],
    ["virtual_server/lb_algo", serviceText("«lb_algo sh»"), ["sh"], ["rr"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, schedulers, seen, otherwise));

  test("virtual_server/protocol", () =>
    expectWord(serviceText("«protocol UDP»"), (config) => services(config).map(({ protocol }) => protocol), [17], [6]));

  test("virtual_server/ip_family", () =>
    expectWord(
      named("fwmark 5", "«ip_family inet6»\nlvs_method TUN"),
      (config) => services(config).map(({ family }) => family),
      [6],
      [4],
    ));

  /** Kind, port and flags of the server's tunnel in the kernel's message. */
  const tunnelOf = (config: Config) =>
    running(config).table.applied.flatMap((command) => {
      if (command.kind !== "addDestination") return [];
      const writer = attributeWriter(16);
      writeCommand(writer, command);
      const fields = inside(writer.written().slice(), CMD_ATTR_DEST);
      return [TUN_TYPE, TUN_PORT, TUN_FLAGS].map((field) => fields.get(field) ?? "-").join(" ");
    });
  const tunnel = (words: string) => serviceText(`lvs_method TUN ${words}`);
  test.each<WordCase<readonly string[]>>([
    ["tunnel/type", tunnel("«type gre»"), ["02 - 0000"], ["00 - -"]],
    ["tunnel/port", tunnel("type gue port 6080 «port 7000»"), ["01 1b58 0000"], ["01 17c0 0000"]],
    ["tunnel/csum", tunnel("type gre «csum»"), ["02 - 0100"], ["02 - 0000"]],
    ["tunnel/nocsum", tunnel("type gre csum «nocsum»"), ["02 - 0000"], ["02 - 0100"]],
    ["tunnel/remcsum", tunnel("type gue port 6080 «remcsum»"), ["01 17c0 0200"], ["01 17c0 0000"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, tunnelOf, seen, otherwise));
});

describe("the table", () => {
  const table = (config: Config) => running(config).shown();
  const group = (line: string, protocol = "protocol TCP\n") =>
    named("group G", `${protocol}lvs_method NAT`, `virtual_server_group G {\n192.0.2.90 80\n«${line}»\n}\n`);
  const ONE = "192.0.2.90:80 rr: 192.0.2.81=1";
  test.each<WordCase<string>>([
    ["vsg/<ip>", group("192.0.2.91 80"), `${ONE} | 192.0.2.91:80 rr: 192.0.2.81=1`, ONE],
    [
      "vsg/<range>",
      group("192.0.2.91-92 80"),
      `${ONE} | 192.0.2.91:80 rr: 192.0.2.81=1 | 192.0.2.92:80 rr: 192.0.2.81=1`,
      ONE,
    ],
    ["vsg/fwmark", group("fwmark 5"), `${ONE} | fwmark 5 rr: 192.0.2.81=1`, ONE],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, table, seen, otherwise));

  /** Destinations of a service whose server fails its check. */
  const failed = (config: Config) => {
    const b = bench();
    b.fails("192.0.2.81");
    b.start(config);
    b.clock.advance(2000);
    return b.shown();
  };
  const CHECK = "TCP_CHECK {\n}";
  const EMPTY = "192.0.2.80:80 rr:";
  test.each<WordCase<string>>([
    ["virtual_server/inhibit_on_failure", serviceText("«inhibit_on_failure»", CHECK), `${EMPTY} 192.0.2.81=0`, EMPTY],
    [
      "virtual_server/real_server/inhibit_on_failure",
      serviceText("", `«inhibit_on_failure»\n${CHECK}`),
      `${EMPTY} 192.0.2.81=0`,
      EMPTY,
    ],
    ["virtual_server/sorry_server", serviceText("«sorry_server 192.0.2.99 80»", CHECK), `${EMPTY} 192.0.2.99=1`, EMPTY],
  ])("%s: a failed server", (_id, text, seen, otherwise) => expectWord(text, failed, seen, otherwise));

  test.each<WordCase<string>>([
    ["virtual_server/weight", serviceText("«weight 5»"), `${EMPTY} 192.0.2.81=5`, `${EMPTY} 192.0.2.81=1`],
    [
      "virtual_server/real_server/weight",
      serviceText("", "«weight 5»"),
      `${EMPTY} 192.0.2.81=5`,
      `${EMPTY} 192.0.2.81=1`,
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, table, seen, otherwise));

  const methods = (config: Config) =>
    running(config)
      .table.entries()
      .flatMap(({ destinations }) => destinations.map(({ forwarding }) => forwarding.method));
  test.each<WordCase<readonly string[]>>([
    ["virtual_server/lvs_method", serviceText("«lvs_method DR»"), ["DR"], ["NAT"]],
    ["virtual_server/lb_kind", serviceText("«lb_kind DR»"), ["DR"], ["NAT"]],
    ["virtual_server/real_server/lvs_method", serviceText("", "«lvs_method DR»"), ["DR"], ["NAT"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, methods, seen, otherwise));

  const stranger = {
    service: {
      family: 4,
      protocol: 6,
      address: { kind: "address", ip: "192.0.2.99", port: 80 },
      scheduler: "rr",
      flags: 0,
      timeoutS: 0,
      netmask: 0xffffffff,
    },
    destinations: [],
  } as const;
  const OWN = "192.0.2.80:80 rr: 192.0.2.81=1";
  test("global_defs/lvs_flush", () =>
    expectWord(
      global("«lvs_flush»"),
      (config) => running(config, { on: machine([stranger]) }).shown(),
      OWN,
      `${OWN} | 192.0.2.99:80 rr:`,
    ));

  /** What a stop leaves, and the commands it takes. */
  const stop = async (config: Config) => {
    const b = running(config, { on: machine([stranger]) });
    b.table.applied.length = 0;
    await b.role.stop();
    return [b.shown(), ...b.table.applied.map(({ kind }) => kind)];
  };
  const ONE_BY_ONE = ["192.0.2.99:80 rr:", "deleteDestination", "deleteService"];
  test.each<WordCase<readonly string[]>>([
    ["global_defs/lvs_flush_on_stop", global("«lvs_flush_on_stop»"), [""], ONE_BY_ONE],
    [
      "global_defs/lvs_flush_on_stop",
      global("«lvs_flush_on_stop VS»"),
      ["192.0.2.99:80 rr:", "deleteService"],
      ONE_BY_ONE,
    ],
    ["global_defs/lvs_flush_onstop", global("«lvs_flush_onstop»"), [""], ONE_BY_ONE],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, stop, seen, otherwise));

  test("global_defs/lvs_timeouts", () =>
    expectWord(
      global("«lvs_timeouts tcp 60 tcpfin 30 udp 5»"),
      (config) => running(config).table.timeouts(),
      { tcp: 60, tcpFin: 30, udp: 5 },
      { tcp: 900, tcpFin: 120, udp: 300 },
    ));

  const marks = (config: Config) => {
    const { markTables, markedSets } = running(config);
    return [markTables, markedSets.flat().map(({ mark }) => mark)];
  };
  const marked = (lines: string) => global(`nftables_ipvs t\n${lines}`, group("192.0.2.91 80").replace(/[«»]/g, ""));
  test.each<WordCase<unknown>>([
    [
      "global_defs/nftables_ipvs",
      global("«nftables_ipvs t»", group("192.0.2.91 80").replace(/[«»]/g, "")),
      [[{ table: "t", priority: -1 }], [1000, 1000]],
      [[], []],
    ],
    [
      "global_defs/nftables_ipvs_priority",
      marked("«nftables_ipvs_priority 7»"),
      [[{ table: "t", priority: 7 }], [1000, 1000]],
      [[{ table: "t", priority: -1 }], [1000, 1000]],
    ],
    [
      "global_defs/nftables_ipvs_start_fwmark",
      marked("«nftables_ipvs_start_fwmark 2000»"),
      [[{ table: "t", priority: -1 }], [2000, 2000]],
      [[{ table: "t", priority: -1 }], [1000, 1000]],
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, marks, seen, otherwise));
});

describe("the quorum", () => {
  /** Three servers with checks; what is told when one after the other fails, and when they come back. */
  const told = (config: Config) => {
    const b = running(config);
    const servers = ["192.0.2.81", "192.0.2.82", "192.0.2.83"];
    const step = (change: (server: string) => void) => (server: string) => {
      change(server);
      b.clock.advance(5000);
      const last = b.notified().findLast((text) => text.startsWith("VS"));
      return last?.endsWith("UP") ? "U" : "d";
    };
    b.clock.advance(5000);
    return [...servers.map(step(b.fails)), ...servers.map(step(b.works))].join("");
  };
  const three = (lines: string) =>
    `virtual_server 192.0.2.80 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\ndelay_loop 1\nretry 1\ndelay_before_retry 1\n${lines}\n${[
      "81",
      "82",
      "83",
    ]
      .map((host) => `real_server 192.0.2.${host} 80 {\nTCP_CHECK {\n}\n}`)
      .join("\n")}\n}\n`;
  test.each<WordCase<string>>([
    ["virtual_server/quorum", three("«quorum 2»"), "UdddUU", "UUdUUU"],
    ["virtual_server/hysteresis", three("quorum 2\n«hysteresis 1»"), "UUdddU", "UdddUU"],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, told, seen, otherwise));
});

describe("what is told, and when checks rest", () => {
  const SERVER = "RS [192.0.2.81]:tcp:80 [192.0.2.80]:tcp:80";
  const SERVICE = "VS [192.0.2.80]:tcp:80";
  test("global_defs/rs_init_notifies", () =>
    expectWord(
      global("«rs_init_notifies»"),
      (config) => running(config).notified(),
      [`${SERVER} UP`, `${SERVICE} UP`],
      [`${SERVICE} UP`],
    ));

  test("virtual_server/omega", () =>
    expectWord(
      serviceText("«omega»"),
      async (config) => {
        const b = running(config);
        await b.role.stop();
        return b.notified();
      },
      [`${SERVICE} UP`, `${SERVER} DOWN`, `${SERVICE} DOWN`],
      [`${SERVICE} UP`],
    ));

  test("virtual_server/ha_suspend", () =>
    expectWord(
      serviceText("«ha_suspend»\ndelay_loop 1", "TCP_CHECK {\n}"),
      (config) => {
        const b = running(config);
        b.clock.advance(3000);
        return b.starts.length > 0;
      },
      false,
      true,
    ));
});
