// What a signal writes: Debian's keepalived and lbd, one behind the other in one namespace on one configuration, write the same dumps,
// statistics and JSON, but for what EXCEPTIONS names. Every configuration of the specification and of conf/examples, and some with seeded
// mistakes. A kernel without ip_vs ends keepalived's checker: there a stub stands in for the kernel's answers.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { machineContext } from "../../src/process/configuration/bind-context.ts";
import { configFiles } from "../../src/process/configuration/files.ts";
import { onThisMachine } from "../../src/process/configuration/on-this-machine.ts";
import { comparedFiles } from "../interop/compare.ts";
import { differenceOf } from "../interop/differential.ts";
import { comparableDump, comparableJson, comparableStatistics, differing } from "../interop/dump-text.ts";
import { mutate } from "../interop/mutate.ts";
import { childOf, signalQuietly, startAlone } from "../interop/peer.ts";
import { lbdBinary } from "../support/daemon.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

/** Of files with mistakes. */
const MUTATED = Number(process.env.LBD_DUMP_FILES ?? 50);
const SEED = Number(process.env.LBD_DUMP_SEED ?? 1);
const SLOTS = 4;
const WAIT_MS = 60_000;
const LIMIT_MS = 1_200_000;

const JSON_SIGNAL = 36;

const compiler = ["tcc", "cc"].find((program) => !spawnSync(program, ["-v"]).error);
const reason =
  netnsReason() ??
  (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined) ??
  (compiler === undefined ? "there is neither tcc nor cc to compile the stub of ip_vs" : undefined);
if (reason) console.log(`dump-files.test.ts is skipped: ${reason}`);

/** Not run to be dumped, each with its reason. */
const NOT_DUMPED: Readonly<Record<string, string>> = {
  "core-notify.conf": "its FIFOs' programs end, which keepalived's dump shows or not by when it is asked",
};

type Dumps = Readonly<Partial<Record<string, readonly string[]>>>;

const FILES: readonly (readonly [file: string, read: (text: string) => readonly string[]])[] = [
  ["keepalived.data", comparableDump],
  ["keepalived_check.data", comparableDump],
  ["keepalived_bfd.data", comparableDump],
  ["keepalived_parent.data", comparableDump],
  ["keepalived.stats", comparableStatistics],
  ["keepalived.json", comparableJson],
];

describe.skipIf(reason !== undefined)("dumps are those of keepalived 2.2.7", () => {
  const root = mkdtempSync(join(tmpdir(), "lbd-dumps-"));
  const stub = join(root, "stub.so");
  if (compiler)
    spawnSync(compiler, ["-shared", "-nostdlib", "-o", stub, join(import.meta.dir, "../interop/ipvs-stub.c")]);
  const slots = reason === undefined ? Array.from({ length: SLOTS }, (_, i) => new Slot(root, stub, i)) : [];
  afterAll(() => {
    for (const slot of slots) slot.host[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });

  test(
    "on the configurations of the specification and our examples",
    async () => {
      const files = comparedFiles().filter((path) => NOT_DUMPED[basename(path)] === undefined);
      const wrong: Record<string, unknown> = {};
      let compared = 0;
      await eachIn(slots, files.length, async (slot, i) => {
        const path = files[i] ?? "";
        const found = await slot.compare(readFileSync(join(import.meta.dir, "../..", path), "utf8"));
        if (found === "keepalived ends") return;
        compared++;
        if (Object.keys(found).length > 0) wrong[path] = found;
      });
      console.log(`dumps: ${compared} of ${files.length} configurations were compared`);
      expect(wrong).toEqual({});
      expect(compared).toBeGreaterThan(files.length * 0.8);
    },
    LIMIT_MS,
  );

  test(
    `on ${MUTATED} files with seeded mistakes`,
    async () => {
      const bases = comparedFiles()
        .filter((path) => NOT_DUMPED[basename(path)] === undefined)
        .map((path) => readFileSync(join(import.meta.dir, "../..", path), "utf8"));
      const wrong: Record<string, unknown> = {};
      const counts = { compared: 0, ended: 0, known: 0 };
      await eachIn(slots, MUTATED, async (slot, i) => {
        const seed = SEED * 1_000_000 + i;
        const { text } = mutate(bases[seed % bases.length] ?? "", seed);
        const found = await slot.compare(text);
        if (found === "keepalived ends") return void counts.ended++;
        // Values that differ on purpose are the differential test's matter.
        if (slot.differsKnowingly(text)) return void counts.known++;
        counts.compared++;
        if (Object.keys(found).length > 0) wrong[`seed ${seed}\n${text}`] = found;
      });
      console.log(`dumps: ${JSON.stringify(counts)} of files with mistakes`);
      expect(wrong).toEqual({});
      expect(counts.compared).toBeGreaterThan(MUTATED / 3);
    },
    LIMIT_MS,
  );
});

class Slot {
  readonly host: Namespace;
  readonly #folder: string;
  readonly #stub: string;

  constructor(root: string, stub: string, i: number) {
    this.#folder = join(root, String(i));
    this.#stub = stub;
    mkdirSync(this.#folder);
    this.host = new Namespace(`dumps${i}`);
    const lines = [0, 1, 2, 3].flatMap((eth) => [
      `link add eth${eth} type veth peer name peer${eth}`,
      `link set eth${eth} up`,
      `link set peer${eth} up`,
    ]);
    this.host.batch(...lines, "addr add 192.0.2.10/24 dev eth0", "addr add 198.51.100.10/24 dev eth1");
  }

  /** What differs, by file; empty: nothing. */
  async compare(text: string): Promise<"keepalived ends" | Record<string, unknown>> {
    const path = join(this.#folder, "keepalived.conf");
    writeFileSync(path, text);
    const env = { LD_PRELOAD: this.#stub };
    const theirs = await this.#run(["keepalived", "-n", "-l", "-D", "-G", "-f", path], env, () => true);
    if (!theirs) return "keepalived ends";
    const run = join(this.#folder, "run");
    const args = [lbdBinary(), "--config", path, "--run-dir", run, "--api", "off"];
    let wrong: Record<string, unknown> = { all: "lbd wrote nothing" };
    // What is a matter of the moment is waited for: the same state comes to both.
    await this.#run(args, {}, (ours) => {
      wrong = differences(theirs, ours);
      return Object.keys(wrong).length === 0;
    });
    return wrong;
  }

  differsKnowingly(text: string): boolean {
    const path = join(this.#folder, "keepalived.conf");
    const request = { paths: [path], env: process.env, random: Math.random, context: machineContext() };
    const loaded = onThisMachine(loadConfig(request, configFiles));
    const read = (file: string) => {
      const dump = join(this.#folder, "theirs", file);
      return existsSync(dump) ? readFileSync(dump, "utf8") : undefined;
    };
    const peer = {
      runs: true,
      ended: undefined,
      vrrp: read("keepalived.data"),
      services: read("keepalived_check.data"),
      wanted: new Map<string, string>(),
      log: "",
    };
    const { difference, known } = differenceOf(peer, text, loaded);
    return known.size > 0 || difference.keepalived.length + difference.lbd.length > 0;
  }

  /** Starts a program and has it dump again and again until its instances are at rest and `isEnough`; undefined: it ended. */
  async #run(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    isEnough: (dumps: Dumps) => boolean,
  ): Promise<Dumps | undefined> {
    const isPeer = command[0] === "keepalived";
    const out = join(this.#folder, isPeer ? "theirs" : "ours");
    rmSync(out, { recursive: true, force: true });
    rmSync(join(this.#folder, "run"), { recursive: true, force: true });
    mkdirSync(out);
    const child = startAlone(this.host, this.#folder, command, { TMPDIR: out, ...env });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (log += bytes));
    const over = () => child.exitCode !== null || child.signalCode !== null;
    const isEnding = () => over() || /exited with permanent error|Respawning/.test(log);
    const isUp = () =>
      isPeer
        ? /Startup complete|no configuration to run/.test(log)
        : /(vrrp|checker|bfd) runs, pid|loaded with/.test(log);
    try {
      await until("it is up", () => isEnding() || isUp(), WAIT_MS).catch(() => {
        throw new Error(
          `${command[0]} does not come up:\n${log}\n${readFileSync(join(this.#folder, "keepalived.conf"), "utf8")}`,
        );
      });
      const pid = isEnding() ? undefined : await until("its process", () => childOf(child.pid ?? 0), WAIT_MS);
      if (pid === undefined) return undefined;
      let dumps: Dumps = {};
      const limit = Date.now() + (isPeer ? WAIT_MS : 20_000);
      await until(
        `${command[0]} is at rest`,
        async () => {
          dumps = await this.#dump(pid, out, isEnding);
          return isEnding() || (isAtRest(dumps) && isEnough(dumps)) || Date.now() > limit;
        },
        WAIT_MS + 20_000,
      );
      return isEnding() ? undefined : dumps;
    } finally {
      if (child.pid !== undefined && !over()) {
        const pid = childOf(child.pid);
        if (pid !== undefined) signalQuietly(pid, "SIGTERM");
        await until("it has ended", over, WAIT_MS).catch(() => child.kill("SIGKILL"));
      }
    }
  }

  /** All files of one moment: those of before go first, and what is there when a later signal was served is whole. */
  async #dump(pid: number, out: string, isEnding: () => boolean): Promise<Dumps> {
    for (const [file] of FILES) rmSync(join(out, file), { force: true });
    const has = (file: string) => existsSync(join(out, file)) && readFileSync(join(out, file), "utf8").endsWith("\n");
    signalQuietly(pid, "SIGUSR1");
    await until("the parent's dump", () => isEnding() || has("keepalived_parent.data"), WAIT_MS);
    signalQuietly(pid, "SIGUSR2");
    process.kill(pid, JSON_SIGNAL);
    await Bun.sleep(SETTLE_MS);
    return Object.fromEntries(
      FILES.flatMap(([file, read]) => (has(file) ? [[file, read(readFileSync(join(out, file), "utf8"))]] : [])),
    );
  }
}

/** Between two looks: a process that has something to write has written it, or the next look sees it. */
const SETTLE_MS = 300;

/** Every instance is master, or can't be, and each script has ended once. */
function isAtRest(dumps: Dumps): boolean {
  const lines = dumps["keepalived.data"] ?? [];
  return !lines.some((line) => /^ {3}(State = (INIT|BACKUP)$|Number of track scripts init = [1-9])/.test(line));
}

function differences(theirs: Dumps, ours: Dumps): Record<string, unknown> {
  const wrong: Record<string, unknown> = {};
  for (const [file] of FILES) {
    const [one = [], other = []] = [theirs[file], ours[file]];
    // keepalived runs a process for a service that it then leaves out; lbd does not.
    if (ours[file] === undefined && one.filter((line) => line.startsWith("------<")).length === 1) continue;
    const keepalived = differing(one, other);
    const lbd = differing(other, one);
    if (keepalived.length + lbd.length > 0) wrong[file] = { keepalived, lbd };
  }
  return wrong;
}

/** Does `work` for the numbers below `count`, one at a time in each slot. */
async function eachIn(
  slots: readonly Slot[],
  count: number,
  work: (slot: Slot, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    slots.map(async (slot) => {
      for (let i = next++; i < count; i = next++) await work(slot, i);
    }),
  );
}
