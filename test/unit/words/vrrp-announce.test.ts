// Words that change what is announced, and when: each from the text of a configuration to the announcements of a master.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { expectWord, globalText, instanceText, started, type WordCase } from "../../support/words.ts";

const WEAKER_MS = 10_000;

/** Announcements of a new master until it hears a weaker one after ten seconds, and from then on: `0 5x` is five rounds at once. */
function announced(config: Config): { readonly mastership: string; readonly weaker: string } {
  const bench = started(config);
  const from = bench.now;
  bench.run(WEAKER_MS);
  bench.hear("192.0.2.2", 100);
  bench.run(WEAKER_MS - 1);
  const texts = bench.log.flatMap(({ at, action, text }) => {
    const ms = Math.round(at - from);
    const when = (ms % WEAKER_MS) / 1000;
    if (action.kind === "announce") return [{ weaker: ms >= WEAKER_MS, text: `${when} ${action.rounds}x` }];
    return action.kind === "announceExtra" ? [{ weaker: ms >= WEAKER_MS, text: `${when} ${text}` }] : [];
  });
  const joined = (weaker: boolean) => texts.flatMap((one) => (one.weaker === weaker ? one.text : [])).join(", ");
  return { mastership: joined(false), weaker: joined(true) };
}

const owner = (lines: string) => instanceText(`priority 255\n${lines}`);
const globally = (lines: string) => globalText(lines, "priority 255");

describe("a new master", () => {
  const cases: readonly WordCase<string>[] = [
    ["vrrp_instance/garp_master_delay", owner("«garp_master_delay 2»"), "0 5x, 2 5x", "0 5x, 5 5x"],
    ["vrrp_instance/garp_master_repeat", owner("«garp_master_repeat 3»"), "0 3x, 5 3x", "0 5x, 5 5x"],
    ["vrrp_instance/garp_master_refresh", owner("«garp_master_refresh 3»"), "0 5x, 5 5x, 8 1x", "0 5x, 5 5x"],
    [
      "vrrp_instance/garp_master_refresh_repeat",
      owner("garp_master_refresh 3\n«garp_master_refresh_repeat 2»"),
      "0 5x, 5 5x, 8 2x",
      "0 5x, 5 5x, 8 1x",
    ],
    [
      "vrrp_instance/garp_extra_if",
      owner("«garp_extra_if 4»"),
      "0 5x, 4 announceExtra VI_1, 5 5x, 8 announceExtra VI_1",
      "0 5x, 5 5x",
    ],
    ["vrrp_instance/vmac_garp_intvl", owner("«vmac_garp_intvl 6»"), "0 5x, 5 5x, 6 announceExtra VI_1", "0 5x, 5 5x"],
    ["global_defs/vrrp_garp_master_delay", globally("«vrrp_garp_master_delay 2»"), "0 5x, 2 5x", "0 5x, 5 5x"],
    ["global_defs/vrrp_garp_master_repeat", globally("«vrrp_garp_master_repeat 3»"), "0 3x, 5 3x", "0 5x, 5 5x"],
    [
      "global_defs/vrrp_garp_master_refresh",
      globally("«vrrp_garp_master_refresh 3»"),
      "0 5x, 5 5x, 8 1x",
      "0 5x, 5 5x",
    ],
    [
      "global_defs/vrrp_garp_master_refresh_repeat",
      globally("vrrp_garp_master_refresh 3\n«vrrp_garp_master_refresh_repeat 2»"),
      "0 5x, 5 5x, 8 2x",
      "0 5x, 5 5x, 8 1x",
    ],
    ["global_defs/vrrp_min_garp", globally("«vrrp_min_garp»"), "0 1x", "0 5x, 5 5x"],
    [
      "global_defs/vrrp_garp_extra_if",
      globally("«vrrp_garp_extra_if 6»"),
      "0 5x, 5 5x, 6 announceExtra VI_1",
      "0 5x, 5 5x",
    ],
    [
      "global_defs/vrrp_vmac_garp_intvl",
      globally("«vrrp_vmac_garp_intvl 6»"),
      "0 5x, 5 5x, 6 announceExtra VI_1",
      "0 5x, 5 5x",
    ],
  ];
  test.each(cases)("%s", (_id, text, seen, otherwise) =>
    expectWord(text, (config) => announced(config).mastership, seen, otherwise),
  );
});

describe("a master that hears a weaker one", () => {
  const cases: readonly WordCase<string>[] = [
    ["vrrp_instance/garp_lower_prio_delay", owner("«garp_lower_prio_delay 2»"), "0 5x, 2 5x", "0 5x, 5 5x"],
    ["vrrp_instance/garp_lower_prio_repeat", owner("«garp_lower_prio_repeat 2»"), "0 2x, 5 2x", "0 5x, 5 5x"],
    ["global_defs/vrrp_garp_lower_prio_delay", globally("«vrrp_garp_lower_prio_delay 2»"), "0 5x, 2 5x", "0 5x, 5 5x"],
    [
      "global_defs/vrrp_garp_lower_prio_repeat",
      globally("«vrrp_garp_lower_prio_repeat 2»"),
      "0 2x, 5 2x",
      "0 5x, 5 5x",
    ],
  ];
  test.each(cases)("%s", (_id, text, seen, otherwise) =>
    expectWord(text, (config) => announced(config).weaker, seen, otherwise),
  );
});

/** Seconds at which packets of the first three seconds go out, by instance and family. */
function packets(config: Config): readonly string[] {
  const bench = started(config);
  const from = bench.now;
  bench.run(3000);
  return bench.log.flatMap(({ at, action }) =>
    action.kind === "announce"
      ? action.targets.map(({ family }) => `${(at - from) / 1000} ${action.instance} IPv${family} ${action.rounds}x`)
      : [],
  );
}

describe("the pace of packets", () => {
  const ONCE = "priority 255\ngarp_master_repeat 2\ngarp_master_delay 0";
  const both = `${ONCE}\nvirtual_ipaddress_excluded {\n2001:db8::100\n}`;
  const other = instanceText(`interface eth1\n${both}`, { name: "VI_2" });
  const pair = (group: string) => `${group}${instanceText(both)}${other}`;
  const FREE = ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 2x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x"];
  const cases: readonly WordCase<readonly string[]>[] = [
    [
      "global_defs/vrrp_garp_interval",
      globalText("«vrrp_garp_interval 0.5»", both),
      ["0 VI_1 IPv6 2x", "0 VI_1 IPv4 1x", "0.5 VI_1 IPv4 1x"],
      ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 2x"],
    ],
    [
      "global_defs/vrrp_gna_interval",
      globalText("«vrrp_gna_interval 0.5»", both),
      ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 1x", "0.5 VI_1 IPv6 1x"],
      ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 2x"],
    ],
    [
      "garp_group",
      pair("«garp_group {\ngarp_interval 0.5\ninterfaces {\neth0\neth1\n}\n}\n»"),
      ["0 VI_1 IPv6 2x", "0 VI_1 IPv4 1x", "0 VI_2 IPv6 2x", "0.5 VI_1 IPv4 1x", "1 VI_2 IPv4 1x", "1.5 VI_2 IPv4 1x"],
      FREE,
    ],
    [
      "garp_group/garp_interval",
      pair("garp_group {\n«garp_interval 1»\ngna_interval 1\ninterface eth0\n}\n"),
      ["0 VI_1 IPv4 1x", "0 VI_1 IPv6 1x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x", "1 VI_1 IPv4 1x", "1 VI_1 IPv6 1x"],
      ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 1x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x", "1 VI_1 IPv6 1x"],
    ],
    [
      "garp_group/gna_interval",
      pair("garp_group {\ngarp_interval 1\n«gna_interval 1»\ninterface eth0\n}\n"),
      ["0 VI_1 IPv4 1x", "0 VI_1 IPv6 1x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x", "1 VI_1 IPv4 1x", "1 VI_1 IPv6 1x"],
      ["0 VI_1 IPv6 2x", "0 VI_1 IPv4 1x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x", "1 VI_1 IPv4 1x"],
    ],
    [
      "garp_group/interface",
      pair("garp_group {\ngarp_interval 1\n«interface eth0»\n}\n"),
      ["0 VI_1 IPv6 2x", "0 VI_1 IPv4 1x", "0 VI_2 IPv4 2x", "0 VI_2 IPv6 2x", "1 VI_1 IPv4 1x"],
      FREE,
    ],
    [
      "garp_group/interfaces",
      pair("garp_group {\ngarp_interval 1\n«interfaces {\neth1\n}»\n}\n"),
      ["0 VI_1 IPv4 2x", "0 VI_1 IPv6 2x", "0 VI_2 IPv6 2x", "0 VI_2 IPv4 1x", "1 VI_2 IPv4 1x"],
      FREE,
    ],
  ];
  test.each(cases)("%s", (_id, text, seen, otherwise) => expectWord(text, packets, seen, otherwise));
});
