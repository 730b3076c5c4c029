// Words about BFD: each from the text of a configuration to what neighbours see, and to what becomes of those who track a session.
import { expect, test } from "bun:test";
import { formatIp, ipBytes } from "../../../src/base/ip.ts";
import { detectionMs } from "../../../src/bfd/session.ts";
import type { Config } from "../../../src/config/model/config.ts";
import { bfdInstance, type Desk, desk } from "../../support/bfd.ts";
import { lab } from "../../support/vrrp-lab.ts";
import { configOf, expectWord, instanceText, serviceText } from "../../support/words.ts";
import { bench as bfdBench } from "../roles/bfd/bench.ts";
import { bench as checkerBench } from "../roles/checker/bench.ts";

const session = (lines: string, name = "peer") =>
  `bfd_instance ${name} {\n${/^\W*neighbou?r_ip/m.test(lines) ? "" : "neighbor_ip 192.0.2.2\n"}${lines}\n}\n`;

/** A desk with the sessions of a configuration. */
const spoken = (look: (one: Desk) => unknown) => (config: Config) => look(desk(config.bfd));
const first = (one: Desk) => one.sent[0]?.packet;
/** Where its first packet goes. */
const way = (config: Config) => {
  const b = bfdBench(config.bfd);
  b.start();
  const { spec, ttl } = b.sent[0] ?? {};
  return spec && [formatIp(spec.neighbor), spec.source && formatIp(spec.source), spec.port, ttl];
};
const whoIsHeard = (hops: number) =>
  spoken((one) => {
    one.hear({ state: "Down", your: 0 }, { hops });
    return one.session().state;
  });

test.each<readonly [word: string, text: string, look: (config: Config) => unknown, seen: unknown, otherwise: unknown]>([
  ["bfd_instance", `«${session("")}»`, (config) => config.bfd.length, 1, 0],
  [
    "neighbor_ip",
    session("«neighbor_ip 192.0.2.7»"),
    (config) => config.bfd.length > 0 && way(config)?.[0],
    "192.0.2.7",
    false,
  ],
  [
    "neighbour_ip",
    session("«neighbour_ip 192.0.2.7»"),
    (config) => config.bfd.length > 0 && way(config)?.[0],
    "192.0.2.7",
    false,
  ],
  ["source_ip", session("«source_ip 192.0.2.1»"), (config) => way(config)?.[1], "192.0.2.1", undefined],
  ["min_rx", session("«min_rx 50»"), spoken((one) => first(one)?.requiredMinRxUs), 50_000, 10_000],
  [
    "min_tx",
    session("«min_tx 50»"),
    spoken((one) => {
      one.bringUp().run(20);
      return one.sent.at(-1)?.packet.desiredMinTxUs;
    }),
    50_000,
    10_000,
  ],
  ["idle_tx", session("«idle_tx 2500»"), spoken((one) => first(one)?.desiredMinTxUs), 2_500_000, 1_000_000],
  ["multiplier", session("«multiplier 7»"), spoken((one) => first(one)?.multiplier), 7, 5],
  ["passive", session("«passive»"), spoken((one) => one.sent.length), 0, 1],
  ["ttl", session("«ttl 99»"), (config) => way(config)?.[3], 99, 255],
  ["ttl, of what comes", session("«ttl 99»"), whoIsHeard(99), "Init", "Down"],
  ["hoplimit", session("neighbor_ip 2001:db8::2\n«hoplimit 64»"), (config) => way(config)?.[3], 64, 255],
  ["max_hops", session("«max_hops 3»"), whoIsHeard(252), "Init", "Down"],
  ["max_hops -1: from anywhere", session("«max_hops -1»"), whoIsHeard(1), "Init", "Down"],
  ["multihop", session("«multihop»"), (config) => way(config)?.[2], 4784, 3784],
])("bfd_instance/%s", (_word, text, look, seen, otherwise) => expectWord(text, look, seen, otherwise));

test("hoplimit unset: 255 is sent, which everybody takes; from 64 on, which keepalived sends, is taken [4, 9.1]", () => {
  const config = [bfdInstance({ neighborIp: "2001:db8::2", ttl: 64, sentTtl: 255 })];
  const states = [255, 64, 63].map((hops) => {
    const one = desk(config);
    one.hear({ state: "Down", your: 0 }, { hops, source: ipBytes("2001:db8::2"), destination: ipBytes("2001:db8::1") });
    return one.session().state;
  });
  expect(states).toEqual(["Init", "Init", "Down"]);
});

/** What VI_1 is when the session is up, and when it is down. */
function tracked(config: Config): string {
  const said = [true, false].map((up) => {
    const bench = lab(config.vrrp, { hold: true, bfd: config.bfd });
    bench.fact("interface", "eth0", true);
    bench.do((router, at) => router.setSource("VI_1", "192.0.2.1", at));
    bench.fact("bfd", "peer", up);
    bench.do((router, at) => router.start(at));
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    return status?.faults.length ? "FAULT" : status?.priority.effective;
  });
  return said.join();
}

const tracking = (use: string, lines = "") => `${session(lines)}${instanceText(`track_bfd {\n${use}\n}`)}`;
test.each<readonly [word: string, text: string, seen: string, otherwise: string]>([
  ["vrrp_instance/track_bfd", `${session("")}${instanceText("«track_bfd {\npeer\n}»")}`, "100,FAULT", "100,100"],
  ["vrrp_instance/track_bfd, weight", tracking("peer «weight -50»"), "100,50", "100,FAULT"],
  ["vrrp_instance/track_bfd, weight above 0 [6]", tracking("peer «weight 50»"), "150,100", "100,FAULT"],
  ["vrrp_instance/track_bfd, reverse [6]", tracking("peer weight -50 «reverse»"), "100,150", "100,50"],
  ["vrrp_instance/track_bfd, weight 0 reverse [6]", tracking("peer weight 0 «reverse»"), "FAULT,100", "100,FAULT"],
  ["bfd_instance/weight", tracking("peer", "«weight -30»"), "100,70", "100,FAULT"],
  [
    "vrrp_sync_group/track_bfd",
    `${session("")}${instanceText("")}vrrp_sync_group G {\ngroup {\nVI_1\n}\n«track_bfd {\npeer\n}»\n}\n`,
    "100,FAULT",
    "100,100",
  ],
  ["bfd_instance/checker: not for VRRP", tracking("peer", "«checker»"), "100,100", "100,FAULT"],
  ["bfd_instance/vrrp: for it too", tracking("peer", "checker\n«vrrp»"), "100,FAULT", "100,100"],
])("%s", (_word, text, seen, otherwise) => expectWord(text, tracked, seen, otherwise));

const checked = (lines: string, own = "") => `${session(own)}${serviceText("", lines)}`;

/** The table before the session is up, with it, and after it. */
function balanced(config: Config): string {
  const b = checkerBench();
  b.start(config);
  b.clock.advance(0);
  const seen = [b.shown()];
  for (const up of [true, false]) {
    b.sessionsAre({ peer: { up, detail: "" } });
    b.clock.advance(0);
    seen.push(b.shown());
  }
  return seen.map((table) => (table.includes("192.0.2.81") ? "in" : "out")).join();
}

test.each<readonly [word: string, text: string, seen: string, otherwise: string]>([
  ["real_server/BFD_CHECK [9.13]", checked("«BFD_CHECK {\nname peer\n}»"), "out,in,out", "in,in,in"],
  ["BFD_CHECK/name", checked("BFD_CHECK {\n«name peer»\n}"), "out,in,out", "in,in,in"],
  ["bfd_instance/vrrp: not for checkers", checked("BFD_CHECK {\nname peer\n}", "«vrrp»"), "in,in,in", "out,in,out"],
])("%s", (_word, text, seen, otherwise) => expectWord(text, balanced, seen, otherwise));

test("BFD_CHECK/alpha: a session is down until its neighbour has spoken, with it and without it", () => {
  const text = (alpha: string) => checked(`BFD_CHECK {\nname peer\n${alpha}\n}`);
  expect([balanced(configOf(text("alpha"))), balanced(configOf(text("")))]).toEqual(["out,in,out", "out,in,out"]);
});

test("what a session announces is what its neighbour counts by", () => {
  const one = desk([bfdInstance({ minRxUs: 400_000 })]).bringUp({ desiredMinTxUs: 300_000, multiplier: 2 });
  expect(detectionMs(one.session())).toBe(800);
});
