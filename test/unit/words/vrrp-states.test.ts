// Words that change when an instance is master and how it becomes and leaves it: each from the text of a configuration to what it does.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import type { Lab } from "../../support/vrrp-lab.ts";
import { expectWord, globalText, instanceText, started, type WordCase } from "../../support/words.ts";

const PEER = "192.0.2.2";
/** Three adverts of a second and the skew of priority 100. */
const DOWN = 3.61;

/** Seconds until an instance is master while `during` happens each second; undefined: not within a minute. */
function masterAfter(config: Config, during: (bench: Lab) => void = () => {}): number | undefined {
  const bench = started(config);
  const from = bench.now;
  for (let s = 0; s < 60 && bench.state() !== "MASTER"; s++) {
    during(bench);
    bench.run(1000);
  }
  const taken = bench.log.find(({ action }) => action.kind === "transition" && action.to === "MASTER");
  return taken && Math.round((taken.at - from) / 10) / 100;
}

describe("master after silence", () => {
  test.each<WordCase<number | undefined>>([
    ["vrrp_instance/down_timer_adverts", instanceText("«down_timer_adverts 2»"), 2.61, DOWN],
    ["global_defs/vrrp_down_timer_adverts", globalText("«vrrp_down_timer_adverts 5»"), 5.61, DOWN],
    ["global_defs/vrrp_startup_delay", globalText("«vrrp_startup_delay 4»"), 7.61, DOWN],
    ["vrrp_instance/priority", instanceText("«priority 200»"), 3.22, DOWN],
    // keepalived: MASTER without a priority owns the addresses.
    ["vrrp_instance/state", instanceText("«state MASTER»"), 0, DOWN],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, (config) => masterAfter(config), seen, otherwise));
});

describe("master beside a weaker one", () => {
  test.each<WordCase<number | undefined>>([
    ["vrrp_instance/nopreempt", instanceText("«nopreempt»"), undefined, DOWN],
    ["vrrp_instance/preempt", instanceText("nopreempt\n«preempt»"), DOWN, undefined],
    ["vrrp_instance/preempt_delay", instanceText("«preempt_delay 10»"), 12.61, DOWN],
  ])("%s", (_id, text, seen, otherwise) =>
    expectWord(text, (config) => masterAfter(config, (bench) => bench.hear(PEER, 50)), seen, otherwise),
  );
});

/** A master of priority 150 after ten seconds, and what it does when a packet comes. */
function answer(config: Config, priority: number): readonly string[] {
  const bench = started(config);
  bench.run(10_000);
  return bench.moves(() => bench.hear(PEER, priority));
}

describe("a master that hears a weaker one", () => {
  const ANNOUNCED = "announce VI_1 5x 192.0.2.100";
  test.each<WordCase<readonly string[]>>([
    [
      "vrrp_instance/lower_prio_no_advert",
      instanceText("priority 150\n«lower_prio_no_advert»"),
      [ANNOUNCED],
      ["send VI_1 150", ANNOUNCED],
    ],
    [
      "global_defs/vrrp_lower_prio_no_advert",
      globalText("«vrrp_lower_prio_no_advert»", "priority 150"),
      [ANNOUNCED],
      ["send VI_1 150", ANNOUNCED],
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, (config) => answer(config, 100), seen, otherwise));
});

describe("a master that hears a stronger one", () => {
  const AWAY = ["VI_1 MASTER>BACKUP higher-priority", "remove VI_1"];
  const TOLD = ["VI_1 MASTER>BACKUP higher-priority", "send VI_1 150", "remove VI_1"];
  test.each<WordCase<readonly string[]>>([
    ["vrrp_instance/higher_prio_send_advert", instanceText("priority 150\n«higher_prio_send_advert»"), TOLD, AWAY],
    [
      "global_defs/vrrp_higher_prio_send_advert",
      globalText("«vrrp_higher_prio_send_advert»", "priority 150"),
      TOLD,
      AWAY,
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, (config) => answer(config, 200), seen, otherwise));
});

describe("a master that was woken late", () => {
  const late = (config: Config) => {
    const bench = started(config);
    bench.run(10_000);
    const wake = (bench.adverts().at(-1)?.[0] ?? 0) + 4000;
    return bench.router.timer({ now: wake, wallMs: 0 }).some(({ kind }) => kind === "removeAddresses");
  };
  const text = (word: string) => instanceText(`priority 150\nnopreempt\n«${word} 100»`);
  test.each<WordCase<boolean>>([
    ["vrrp_instance/timer_expired_backup", text("timer_expired_backup"), true, false],
    ["vrrp_instance/thread_timer_expired", text("thread_timer_expired"), true, false],
  ])("%s: a peer of that priority may have taken over", (_id, text, seen, otherwise) =>
    expectWord(text, late, seen, otherwise),
  );
});
