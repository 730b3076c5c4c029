// What keepalived runs, lbd runs, with the same values: files with the mistakes that people make, each really started by Debian's
// keepalived, whose data dumps (SIGUSR1) stand beside what the director reads. Made from conf/examples, the configurations of the specification and Debian's samples by
// one to three seeded changes (LBD_DIFF_FILES of them, LBD_DIFF_SEED for others), and by hand, one for each kind of mistake. Of a seeded share (LBD_DIFF_STARTS)
// the binary is started too, and has to hold the very configuration that was compared.
//
// A kernel without ip_vs ends keepalived's checker before it has read anything: there a stub stands in for the few functions of libnl that
// it asks the kernel with. So what is proven of virtual servers here is what is made of the file; the kernel's table is the ring vm's part.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadResult, loadConfig } from "../../src/config/load.ts";
import { machineContext } from "../../src/process/configuration/bind-context.ts";
import { configFiles } from "../../src/process/configuration/files.ts";
import { onThisMachine } from "../../src/process/configuration/on-this-machine.ts";
import { exampleFiles, NOT_COMPARED } from "../interop/compare.ts";
import { type Difference, differenceOf } from "../interop/differential.ts";
import { KNOWN_DIFFERENCES } from "../interop/known-differences.ts";
import { mutate } from "../interop/mutate.ts";
import { type PeerRun, runPeer, startAlone } from "../interop/peer.ts";
import { lbdBinary } from "../support/daemon.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const FILES = Number(process.env.LBD_DIFF_FILES ?? 3000);
const STARTS = Number(process.env.LBD_DIFF_STARTS ?? 300);
const SEED = Number(process.env.LBD_DIFF_SEED ?? 1);
/** keepalived takes a second to stop, in which it does nothing. */
const SLOTS = 16;
const LIMIT_MS = 1_800_000;
const SHOWN = 12;

const compiler = ["tcc", "cc"].find((program) => !spawnSync(program, ["-v"]).error);
const reason =
  netnsReason() ??
  (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined) ??
  (compiler === undefined ? "there is neither tcc nor cc to compile the stub of ip_vs" : undefined);
if (reason) console.log(`differential.test.ts is skipped: ${reason}`);
else console.log(`differential: ${FILES} files, ${STARTS} of them started by lbd, seed ${SEED}`);

const SAMPLES = "/usr/share/doc/keepalived/samples";
const MORE = "vrrp_instance MORE {\ninterface eth3\nvirtual_router_id 77\n}\n";

interface Base {
  readonly name: string;
  readonly text: string;
}

function bases(): readonly Base[] {
  const root = join(import.meta.dir, "../..");
  const ours = exampleFiles().filter((path) => NOT_COMPARED[path.split("/").at(-1) ?? ""] === undefined);
  const samples = existsSync(SAMPLES) ? readdirSync(SAMPLES).filter((name) => name.startsWith("keepalived.conf.")) : [];
  return [...ours.map((path) => join(root, path)), ...samples.map((name) => join(SAMPLES, name))].map((path) => ({
    name: path.split("/").at(-1) ?? "",
    text: readFileSync(path, "utf8"),
  }));
}

/** One mistake each, as the reports name them: `=== name` and the configuration. */
const BY_HAND = readFileSync(join(import.meta.dir, "../golden/differential.case"), "utf8")
  .split(/^=== /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf("\n")), text: text.slice(text.indexOf("\n") + 1) }));

interface Outcome {
  readonly peer: PeerRun;
  readonly runs: boolean;
  readonly errors: readonly string[];
  readonly difference: Difference;
  readonly known: ReadonlySet<string>;
}

describe.skipIf(reason !== undefined)("what keepalived 2.2.7 runs, lbd runs, with the same values", () => {
  const root = mkdtempSync(join(tmpdir(), "lbd-diff-"));
  const stub = join(root, "stub.so");
  if (compiler)
    spawnSync(compiler, ["-shared", "-nostdlib", "-o", stub, join(import.meta.dir, "../interop/ipvs-stub.c")]);
  const slots = reason === undefined ? Array.from({ length: SLOTS }, (_, i) => new Slot(root, i)) : [];
  afterAll(() => {
    for (const slot of slots) slot.host[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });
  const compare = (slot: Slot, text: string) => compareIn(slot, text, stub);
  const [first] = slots;

  test.each(BY_HAND.map((one) => [one.name, one] as const))("by hand: %s", async (_name, { text }) => {
    if (!first) return;
    const { peer, runs, errors, difference } = await compare(first, text);
    expect({ keepalivedRuns: peer.runs, lbdRuns: runs, errors, difference }).toEqual({
      keepalivedRuns: true,
      lbdRuns: true,
      errors,
      difference: { keepalived: [], lbd: [] },
    });
  });

  test.each(KNOWN_DIFFERENCES.map((one) => [one.name, one] as const))(
    "still differs: %s",
    async (name, { example }) => {
      if (!first) return;
      const { peer, runs, difference, known } = await compare(first, example);
      expect({ keepalived: peer.runs, lbd: runs, difference }).toEqual({
        keepalived: true,
        lbd: true,
        difference: { keepalived: [], lbd: [] },
      });
      expect([...known]).toContain(name);
    },
  );

  test(
    `${FILES} files with seeded mistakes`,
    async () => {
      const all = bases();
      const failures: string[] = [];
      const counts = { runs: 0, ended: 0, started: 0 };
      await eachIn(slots, FILES, async (slot, i) => {
        const seed = SEED * 1_000_000 + i;
        const base = all[seed % all.length];
        if (!base) return;
        const made = mutate(base.text, seed);
        const outcome = await compare(slot, made.text);
        counts[outcome.peer.runs ? "runs" : "ended"]++;
        if (!outcome.peer.runs) return;
        if (isWrong(outcome)) failures.push(await shrunk(slot, base, seed, outcome, compare));
        else if (i % Math.ceil(FILES / STARTS) === 0) {
          counts.started++;
          const held = await heldByDirector(slot, made.text);
          if (held !== undefined) failures.push(`seed ${seed}, ${base.name}: the director ${held}\n${made.text}`);
        }
      });
      console.log(
        `differential: keepalived runs ${counts.runs}, ends on ${counts.ended}; lbd was started on ${counts.started}`,
      );
      expect(failures.slice(0, SHOWN).join("\n\n")).toBe("");
      expect(counts.runs).toBeGreaterThan(FILES / 2);
    },
    LIMIT_MS,
  );
});

function isWrong({ runs, difference }: Outcome): boolean {
  return !runs || difference.keepalived.length + difference.lbd.length > 0;
}

/** Leaves one change after the other out, as long as it stays wrong. */
async function shrunk(
  slot: Slot,
  base: Base,
  seed: number,
  outcome: Outcome,
  compare: (slot: Slot, text: string) => Promise<Outcome>,
): Promise<string> {
  const without = new Set<number>();
  let smallest = outcome;
  for (const i of [0, 1, 2]) {
    const fewer = await compare(slot, mutate(base.text, seed, new Set([...without, i])).text);
    if (!fewer.peer.runs || !isWrong(fewer)) continue;
    without.add(i);
    smallest = fewer;
  }
  const { text, changes } = mutate(base.text, seed, without);
  const { difference, runs, errors } = smallest;
  const list = (title: string, lines: readonly string[]) => lines.slice(0, SHOWN).map((line) => `  ${title}: ${line}`);
  return [
    `seed ${seed}, ${base.name}: ${changes.join(", ")}; keepalived runs, lbd ${runs ? "runs" : "does not"}`,
    ...list("keepalived", difference.keepalived),
    ...list("lbd", difference.lbd),
    ...list("error", errors),
    text,
  ].join("\n");
}

class Slot {
  readonly host: Namespace;
  readonly folder: string;

  constructor(root: string, i: number) {
    this.folder = join(root, String(i));
    mkdirSync(this.folder);
    writeFileSync(join(this.folder, "more.conf"), MORE);
    this.host = new Namespace(`diff${i}`);
    const lines = [0, 1, 2, 3].flatMap((eth) => [
      `link add eth${eth} type veth peer name peer${eth}`,
      `link set eth${eth} up`,
      `link set peer${eth} up`,
    ]);
    this.host.batch(...lines, "addr add 192.0.2.10/24 dev eth0", "addr add 198.51.100.10/24 dev eth1");
  }

  get path(): string {
    return join(this.folder, "keepalived.conf");
  }
}

async function compareIn(slot: Slot, text: string, stub: string): Promise<Outcome> {
  writeFileSync(slot.path, text);
  const peer = await runPeer(slot.host, slot.folder, stub);
  const loaded = load(slot.path);
  const errors = loaded.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
  const { difference, known } = differenceOf(peer, text, loaded);
  return { peer, runs: loaded.usable, errors, difference, known };
}

/** As the director reads it (src/process/configuration/read-config.ts). */
function load(path: string): LoadResult {
  const request = { paths: [path], env: process.env, random: Math.random, context: machineContext() };
  return onThisMachine(loadConfig(request, configFiles));
}

/** Really starts lbd; undefined when it runs with what was compared. */
async function heldByDirector(slot: Slot, text: string): Promise<string | undefined> {
  writeFileSync(slot.path, text);
  const run = join(slot.folder, "run");
  rmSync(run, { recursive: true, force: true });
  const args = [lbdBinary(), "--config", slot.path, "--run-dir", run, "--api", "off"];
  const child = startAlone(slot.host, slot.folder, args, {});
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (log += bytes));
  try {
    const over = () => child.exitCode !== null || child.signalCode !== null;
    const answer = await until(
      `lbd tells its configuration of ${slot.path}`,
      async () => (over() ? "over" : await ask(join(run, "api.sock"), "/v1/config")),
      60_000,
    );
    if (answer === "over") return `ended: ${log}`;
    const held = JSON.stringify(JSON.parse(answer).effective?.config);
    return held === JSON.stringify(load(slot.path).effective.config) ? undefined : "holds another configuration";
  } finally {
    child.kill("SIGKILL");
    await until("lbd is gone", () => child.exitCode !== null || child.signalCode !== null);
  }
}

function ask(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((done) => {
    const asked = request({ socketPath, path, headers: { host: "localhost" }, agent: false }, (answer) => {
      let body = "";
      answer.on("data", (bytes) => (body += bytes));
      answer.on("end", () => done(answer.statusCode === 200 ? body : undefined));
      answer.on("error", () => done(undefined));
    });
    asked.on("error", () => done(undefined));
    asked.end();
  });
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
