// Words about what is tracked: each from the text of a configuration to priorities, faults and what is told of them.

import { afterAll, describe, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inOneGo } from "../../../src/base/steps.ts";
import type { Config } from "../../../src/config/model/config.ts";
import type { ProcessMonitor, RunningProcess } from "../../../src/kernel/process-monitor.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import type { ReceiveBuffer } from "../../../src/kernel/receive-buffer.ts";
import type { WantedFile } from "../../../src/roles/programs/files.ts";
import { filesOf } from "../../../src/roles/programs/named.ts";
import { createFileServer } from "../../../src/roles/starter/files.ts";
import { prepareFiles } from "../../../src/roles/vrrp/tracked-files.ts";
import { createTrackers } from "../../../src/roles/vrrp/trackers.ts";
import type { TrackKind } from "../../../src/vrrp/track.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { expectWord, globalText, instanceText, started, type WordCase } from "../../support/words.ts";

type Seen = readonly [kind: TrackKind, name: string, up: boolean | null, value?: number];

/** What an instance that has seen this is: its priority, or the fault it has. */
function judged(...seen: readonly Seen[]): (config: Config) => string {
  return (config) => {
    const bench = started(config);
    for (const fact of seen) bench.fact(...fact);
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    return status?.faults.join() || `priority ${status?.priority.effective}`;
  };
}

const SCRIPT = (lines: string) => `vrrp_script chk {\nscript /chk\n${lines}\n}\n`;
const PROCESS = (lines: string) => `vrrp_track_process web {\nprocess nginx\n${lines}\n}\n`;
const FILE = (lines: string, word = "track_file") => `${word} load {\nfile /run/load\n${lines}\n}\n`;
const using = (kind: string, line: string) => instanceText(`${kind} {\n${line}\n}`);

const SCRIPT_DOWN: Seen = ["script", "chk", false];
const LOAD_10: Seen = ["file", "load", null, 10];
const ETH1_DOWN: Seen = ["interface", "eth1", false];

describe("weights", () => {
  test.each<readonly [...WordCase<string>, seen: Seen]>([
    [
      "vrrp_script/weight",
      `${SCRIPT("«weight -20»")}${using("track_script", "chk")}`,
      "priority 80",
      "script chk failed (failed)",
      SCRIPT_DOWN,
    ],
    [
      "vrrp_track_process/weight",
      `${PROCESS("«weight -20»")}${using("track_process", "web")}`,
      "priority 80",
      "process web failed (failed)",
      ["process", "web", false],
    ],
    [
      "track_file/weight",
      `${FILE("«weight 2»")}${using("track_file", "load")}`,
      "priority 120",
      "priority 110",
      LOAD_10,
    ],
    [
      "vrrp_track_file/weight",
      `${FILE("«weight 2»", "vrrp_track_file")}${using("track_file", "load")}`,
      "priority 120",
      "priority 110",
      LOAD_10,
    ],
    [
      "vrrp_track_file",
      `«${FILE("", "vrrp_track_file")}»${using("track_file", "load")}`,
      "priority 110",
      "priority 100",
      LOAD_10,
    ],
    ["track_file", `«${FILE("")}»${using("track_file", "load")}`, "priority 110", "priority 100", LOAD_10],
    [
      "tracker/weight",
      using("track_interface", "eth1 «weight -20»"),
      "priority 80",
      "interface eth1 is down (failed)",
      ETH1_DOWN,
    ],
    [
      "tracker/reverse",
      `${SCRIPT("")}${using("track_script", "chk weight -20 «reverse»")}`,
      "priority 120",
      "priority 80",
      SCRIPT_DOWN,
    ],
    [
      "tracker/noreverse",
      `${SCRIPT("weight -20 reverse")}${using("track_script", "chk weight -20 «noreverse»")}`,
      "priority 80",
      "priority 120",
      SCRIPT_DOWN,
    ],
  ])("%s", (_id, text, seen, otherwise, fact) => expectWord(text, judged(fact), seen, otherwise));

  const group = (word: string) =>
    `vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n«${word}»\n}\n` +
    using("track_interface", "eth1 weight -20") +
    instanceText("", { name: "VI_2", vrid: 52 });
  test.each<WordCase<string>>([
    [
      "vrrp_sync_group/sync_group_tracking_weight",
      group("sync_group_tracking_weight"),
      "priority 80",
      "interface eth1 is down (failed)",
    ],
    ["vrrp_sync_group/global_tracking", group("global_tracking"), "priority 80", "interface eth1 is down (failed)"],
  ])("%s: weights count in a group, where a tracker is a fault without it", (_id, text, seen, otherwise) =>
    expectWord(text, judged(ETH1_DOWN), seen, otherwise),
  );

  const definitions = `${SCRIPT("")}${PROCESS("")}${FILE("")}`;
  const ofInstance = (lines: string) => `${definitions}${instanceText(`«${lines}»`)}`;
  const ofGroup = (lines: string) =>
    `${definitions}vrrp_sync_group G {\ngroup {\nVI_1\n}\nsync_group_tracking_weight\n«${lines}»\n}\n${instanceText()}`;
  const trackers: readonly (readonly [word: string, line: string, seen: Seen])[] = [
    ["track_interface", "eth1 weight -20", ETH1_DOWN],
    ["track_script", "chk weight -20", SCRIPT_DOWN],
    ["track_process", "web weight -20", ["process", "web", false]],
    ["track_file", "load weight -2", LOAD_10],
  ];
  test.each(
    trackers.flatMap(([word, line, fact]): (readonly [...WordCase<string>, seen: Seen])[] => [
      [`vrrp_instance/${word}`, ofInstance(`${word} {\n${line}\n}`), "priority 80", "priority 100", fact],
      [`vrrp_sync_group/${word}`, ofGroup(`${word} {\n${line}\n}`), "priority 80", "priority 100", fact],
    ]),
  )("%s", (_id, text, seen, otherwise, fact) => expectWord(text, judged(fact), seen, otherwise));

  test("vrrp_instance/dont_track_primary", () =>
    expectWord(
      instanceText("«dont_track_primary»"),
      judged(["interface", "eth0", false]),
      "priority 100",
      "interface eth0 is down (failed)",
    ));
});

describe("changes of the priority are told", () => {
  const tracked = "track_interface {\neth1 weight -20\n}";
  const told = (config: Config) => {
    const bench = started(config);
    bench.run(10_000);
    bench.fact("interface", "eth1", true);
    return bench.does(() => bench.fact("interface", "eth1", false)).filter((text) => text.startsWith("notify"));
  };
  const group = "vrrp_sync_group G {\ngroup {\nVI_1\n}\nsync_group_tracking_weight\n«notify_priority_changes»\n}\n";
  test.each<WordCase<readonly string[]>>([
    [
      "vrrp_instance/notify_priority_changes",
      instanceText(`${tracked}\n«notify_priority_changes»`),
      ["notify VI_1 MASTER_PRIORITY 80"],
      [],
    ],
    [
      "global_defs/vrrp_notify_priority_changes",
      globalText("«vrrp_notify_priority_changes»", tracked),
      ["notify VI_1 MASTER_PRIORITY 80"],
      [],
    ],
    [
      "vrrp_sync_group/notify_priority_changes",
      `${group}${instanceText(tracked)}`,
      ["notify VI_1 MASTER_PRIORITY 80"],
      [],
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, told, seen, otherwise));
});

/** Trackers of a configuration beside a machine of which the test says everything. */
function watched(config: Config, running: ReadonlyMap<number, RunningProcess> = new Map()) {
  const clock = manualClock();
  const runs: string[] = [];
  const answers: { readonly end: (ok: boolean) => void }[] = [];
  const files = new Map<string, (text: string | undefined) => void>();
  let receiveBuffer: ReceiveBuffer | undefined;
  let tell: (pid: number, process: RunningProcess | undefined) => void = () => {};
  const trackers = createTrackers(
    {
      clock,
      log: () => {},
      runScript(script) {
        const { argv, user } = script.command;
        runs.push(
          `${clock.now() / 1000} ${argv.join(" ")}${user === undefined ? "" : ` as ${user}`}, ${script.timeoutMs} ms`,
        );
        return new Promise((resolve) => answers.push({ end: (ok) => resolve({ ok, detail: "" }) }));
      },
      prepareFiles: () => undefined,
      openFiles: () => ({
        watch(path, changed) {
          files.set(path, changed);
          changed(undefined);
          return { text: () => undefined, close() {} };
        },
        [Symbol.dispose]() {},
      }),
      openLinks: () => {
        throw new Error("not asked for");
      },
      openProcesses(options, changed): ProcessMonitor {
        tell = changed;
        receiveBuffer = options.receiveBuffer;
        return {
          source: "events",
          running: () => running,
          *setInterest() {},
          setReceiveBuffer() {},
          [Symbol.dispose]() {},
        };
      },
    },
    () => {},
  );
  inOneGo(trackers.configure(config));
  const fact = (name: string) => trackers.facts().find((one) => one.name === name);
  return {
    clock,
    trackers,
    runs,
    answers,
    files,
    fact,
    receiveBuffer: () => receiveBuffer,
    /** The end of a process, or that it is there. */
    process: (pid: number, is?: RunningProcess) => tell(pid, is),
  };
}

describe("scripts", () => {
  const chk = (lines: string, use = "chk") => `${SCRIPT(lines)}${using("track_script", use)}`;

  /** Runs of the first three seconds, each of which ends well. */
  const runs = async (config: Config) => {
    const { clock, answers, trackers, runs } = watched(config);
    for (let i = 0; i < 6; i++) {
      clock.advance(i === 0 ? 0 : 500);
      answers.at(-1)?.end(true);
      await settled();
    }
    trackers.stop();
    return runs;
  };
  const EACH_SECOND = ["0 /chk, 1000 ms", "1 /chk, 1000 ms", "2 /chk, 1000 ms"];
  test.each<WordCase<readonly string[]>>([
    [
      "vrrp_script/script",
      chk('«script "/other -x"»'),
      EACH_SECOND.map((run) => run.replace("/chk", "/other -x")),
      EACH_SECOND,
    ],
    ["vrrp_script/interval", chk("timeout 1\n«interval 2»"), ["0 /chk, 1000 ms", "2 /chk, 1000 ms"], EACH_SECOND],
    [
      "vrrp_script/timeout",
      chk("«timeout 3»"),
      EACH_SECOND.map((run) => run.replace("1000 ms", "3000 ms")),
      EACH_SECOND,
    ],
    [
      "vrrp_script/user",
      chk("«user nobody»"),
      EACH_SECOND.map((run) => run.replace("/chk", "/chk as nobody")),
      EACH_SECOND,
    ],
    ["vrrp_script", `«${SCRIPT("")}»${using("track_script", "chk")}`, EACH_SECOND, []],
  ])("%s: runs", (_id, text, seen, otherwise) => expectWord(text, runs, seen, otherwise));

  /** What is known of a script before and after each of its runs: `+` well, `-` badly, `?` nothing yet. */
  const known = (results: string) => async (config: Config) => {
    const { clock, answers, trackers, fact } = watched(config);
    const sign = () => ({ true: "+", false: "-", null: "?" })[`${fact("chk")?.up ?? null}`];
    let seen = `${sign()}`;
    for (const result of results) {
      clock.advance(seen.length === 1 ? 0 : 1000);
      answers.at(-1)?.end(result === "+");
      await settled();
      seen += sign();
    }
    trackers.stop();
    return seen;
  };
  test.each<readonly [...WordCase<string>, results: string]>([
    ["vrrp_script/rise", chk("«rise 2»"), "?--+", "?-++", "-++"],
    ["vrrp_script/fall", chk("«fall 2»"), "?++-", "?+--", "+--"],
    ["vrrp_script/init_fail", chk("«init_fail»"), "-+", "?+", "+"],
  ])("%s: what is known", (_id, text, seen, otherwise, results) => expectWord(text, known(results), seen, otherwise));
});

describe("files", () => {
  const paths = (config: Config) => [...watched(config).files.keys()];
  test.each<WordCase<readonly string[]>>([
    [
      "track_file/file",
      `track_file load {\n«file /run/a»\nfile /run/b\n}\n${using("track_file", "load")}`,
      ["/run/a"],
      ["/run/b"],
    ],
    [
      "vrrp_track_file/file",
      `vrrp_track_file load {\n«file /run/a»\nfile /run/b\n}\n${using("track_file", "load")}`,
      ["/run/a"],
      ["/run/b"],
    ],
  ])("%s: what is watched", (_id, text, seen, otherwise) => expectWord(text, paths, seen, otherwise));

  const directory = mkdtempSync(join(tmpdir(), "lbd-words-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  /** The role asks when it starts, and the starter does it. */
  const written = (config: Config) => {
    const path = config.vrrp.files[0]?.path ?? "";
    rmSync(path, { force: true });
    const readiness = openReadiness();
    const server = createFileServer(readiness, manualClock(), () => {});
    server.configure(filesOf(config));
    const role = server.open("vrrp", { say() {}, waiting: () => 0 });
    const ask = (wanted: readonly WantedFile[]) => {
      role.take({ kind: "watch", files: wanted.map((file, id) => ({ id, ...file })) });
      return undefined;
    };
    void prepareFiles({ prepareFiles: ask }, config);
    role.close();
    readiness[Symbol.dispose]();
    return existsSync(path) && readFileSync(path, "utf8");
  };
  const file = join(directory, "load");
  test.each<WordCase<string | false>>([
    [
      "track_file/init_file",
      `track_file load {\nfile ${file}\n«init_file 3»\n}\n${using("track_file", "load")}`,
      "3\n",
      false,
    ],
    [
      "vrrp_track_file/init_file",
      `vrrp_track_file load {\nfile ${file}\n«init_file 3»\n}\n${using("track_file", "load")}`,
      "3\n",
      false,
    ],
  ])("%s: what stands there at the start", (_id, text, seen, otherwise) => expectWord(text, written, seen, otherwise));
});

describe("processes", () => {
  const NGINX: RunningProcess = { comm: "nginx", argv: ["nginx", "-c", "/etc/nginx.conf"] };
  const BARE: RunningProcess = { comm: "nginx", argv: ["nginx"] };
  const web = (lines: string) => `vrrp_track_process web {\n${lines}\n}\n${using("track_process", "web")}`;
  const up =
    (...running: readonly RunningProcess[]) =>
    (config: Config) =>
      watched(config, new Map(running.map((process, i) => [100 + i, process]))).fact("web")?.up;

  test.each<readonly [...WordCase<boolean | undefined>, running: readonly RunningProcess[]]>([
    ["vrrp_track_process", `«${PROCESS("")}»${using("track_process", "web")}`, true, undefined, [NGINX]],
    ["vrrp_track_process/process", web("«process nginx»\nprocess haproxy"), true, false, [NGINX]],
    [
      "vrrp_track_process/full_command",
      web("process nginx\n«full_command»"),
      false,
      true,
      [{ comm: "nginx", argv: ["/usr/sbin/nginx"] }],
    ],
    ["vrrp_track_process/param_match", web("process nginx -c\n«param_match partial»"), true, false, [NGINX]],
    [
      "vrrp_track_process/process",
      web('«process "/usr/sbin/my nginx" -c "/etc/my file"»\nprocess nginx'),
      true,
      false,
      [{ comm: "my nginx", argv: ["/usr/sbin/my nginx", "-c", "/etc/my file"] }],
    ],
    ["vrrp_track_process/quorum", web("process nginx\n«quorum 2»"), false, true, [NGINX]],
    ["vrrp_track_process/quorum_max", web("process nginx\n«quorum_max 1»"), false, true, [NGINX, BARE]],
  ])("%s", (_id, text, seen, otherwise, running) => expectWord(text, up(...running), seen, otherwise));

  /** Seconds after which the end of a process, and then its return, are known. */
  const delays = (config: Config) => {
    const { clock, process, fact } = watched(config, new Map([[100, BARE]]));
    const waits = (up: boolean) => {
      for (let s = 0; s < 10; s++) {
        if (fact("web")?.up === up) return s;
        clock.advance(1000);
      }
      return undefined;
    };
    process(100);
    const gone = waits(false);
    process(101, BARE);
    return [gone, waits(true)];
  };
  test.each<WordCase<readonly (number | undefined)[]>>([
    ["vrrp_track_process/delay", web("process nginx\n«delay 3»"), [3, 3], [0, 0]],
    ["vrrp_track_process/terminate_delay", web("process nginx\n«terminate_delay 2»"), [2, 0], [0, 0]],
    ["vrrp_track_process/fork_delay", web("process nginx\n«fork_delay 4»"), [0, 4], [0, 0]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, delays, seen, otherwise));

  const buffer = (config: Config) => watched(config).receiveBuffer();
  const nginx = using("track_process", "web");
  test.each<WordCase<unknown>>([
    [
      "global_defs/process_monitor_rcv_bufs",
      `global_defs {\n«process_monitor_rcv_bufs 50000»\n}\n${PROCESS("")}${nginx}`,
      { bytes: 50_000, force: false },
      undefined,
    ],
    [
      "global_defs/process_monitor_rcv_bufs_force",
      `global_defs {\nprocess_monitor_rcv_bufs 50000\n«process_monitor_rcv_bufs_force»\n}\n${PROCESS("")}${nginx}`,
      { bytes: 50_000, force: true },
      { bytes: 50_000, force: false },
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, buffer, seen, otherwise));
});

/** Lets what waits for an answer go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await Promise.resolve();
}
