import { expect, test } from "bun:test";
import type { LogLine } from "../../../src/base/log.ts";
import type { FromChild, ToChild } from "../../../src/process/messages.ts";
import { roleOptions } from "../../../src/process/options.ts";
import type { RoleShare } from "../../../src/process/role-share.ts";
import type { ChildEvents } from "../../../src/process/runtime.ts";
import type { SupervisorPorts } from "../../../src/process/supervised.ts";
import { createSupervisor } from "../../../src/process/supervisor.ts";
import type { StatusUpdate } from "../../../src/status/schema.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { RUN_OPTIONS, settle } from "../../support/parent-lab.ts";

/** A process as its supervisor sees it. */
interface Spawned {
  readonly events: ChildEvents;
  /** Kinds of messages, and the first byte of each piece. */
  readonly got: (string | number)[];
  readonly reloads: number[];
  readonly killed: string[];
  say(message: FromChild): void;
}

function lab(change: Partial<SupervisorPorts> = {}) {
  const clock = manualClock();
  const logs: LogLine[] = [];
  const told: string[] = [];
  const spawned: Spawned[] = [];
  const supervisor = createSupervisor("checker", {
    clock,
    log: (line) => logs.push(line),
    spawn(_role, events) {
      const one: Spawned = {
        events,
        got: [],
        reloads: [],
        killed: [],
        say: (message) => events.message(message, 0),
      };
      spawned.push(one);
      return {
        pid: spawned.length,
        send(message) {
          const copy: ToChild = JSON.parse(JSON.stringify(message));
          one.got.push(copy.kind);
          if (copy.kind === "reload") one.reloads.push(copy.id);
          return true;
        },
        sendPiece: (piece) => one.got.push(piece[0] ?? -1) > 0,
        kill: (signal) => void one.killed.push(signal),
      };
    },
    options: roleOptions(RUN_OPTIONS),
    topics: () => ({}),
    report() {},
    event: (_subject, from, to, reason) => told.push(`${from} → ${to}${reason === "" ? "" : `: ${reason}`}`),
    batch() {},
    wantsEffective() {},
    dumped() {},
    acknowledged() {},
    whenRoom: (_role, then) => then(),
    running() {},
    respawn: true,
    gaveUp() {},
    ...change,
  });
  const last = () => {
    const one = spawned.at(-1);
    if (!one) throw new Error("nothing was spawned");
    return one;
  };
  return { clock, logs, told, spawned, supervisor, last };
}

const share = (whole: number, ...pieces: number[]): RoleShare => ({
  whole,
  pieces: pieces.map((byte) => Uint8Array.of(byte)),
  rights: undefined,
});

test("ends for one reason are one event and one line a minute; another reason is news", () => {
  const { clock, logs, told, supervisor, last } = lab();
  supervisor.spawn();
  for (let i = 0; i < 8; i++) {
    last().events.exit("status 1");
    clock.advance(5000);
  }
  expect(told).toEqual(["stopped → starting", "starting → waiting: ended with status 1"]);
  const lines = () => logs.filter(({ message }) => message.includes("ended with status 1")).length;
  expect(lines()).toBe(1);
  clock.advance(60_000);
  last().events.exit("status 1");
  expect(lines()).toBe(2);
  clock.advance(60_000);
  last().events.exit("status 2");
  expect(told.at(-1)).toBe("starting → waiting: ended with status 2");
});

test("a configuration that comes while a start is waited for does not hurry it", () => {
  const { clock, spawned, supervisor, last } = lab();
  supervisor.spawn();
  for (let ends = 0; ends < 3; ends++) {
    last().events.exit("status 1");
    clock.advance(ends < 2 ? 2000 : 0);
  }
  expect([supervisor.state(), spawned.length]).toEqual(["waiting", 3]);
  void supervisor.configure(share(1, 1));
  expect([supervisor.state(), spawned.length]).toEqual(["waiting", 3]);
  clock.advance(2000);
  last().say({ kind: "hello" });
  expect([spawned.length, last().got]).toEqual([4, [1, "start"]]);
});

test("the first line outside the channel says why it ended", () => {
  const { clock, told, supervisor, last } = lab();
  supervisor.spawn();
  last().events.stderr("\n no mem");
  last().events.stderr("ory \nat x");
  last().events.exit("status 1");
  expect(told.at(-1)).toBe("starting → waiting: ended with status 1: no memory");
  clock.advance(5000);
  // Its end cut the line off.
  last().events.stderr("bad instruction");
  last().events.exit("status 2");
  expect(told.at(-1)).toBe("starting → waiting: ended with status 2: bad instruction");
});

test("a process gets the pieces that it lacks, and all of another whole", () => {
  const { supervisor, last } = lab();
  void supervisor.configure(share(1, 1, 2));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  void supervisor.configure(share(1, 1, 2, 3));
  void supervisor.configure(share(2, 4, 5));
  expect(last().got).toEqual([1, 2, "start", 3, "reload", 4, 5, "reload"]);
});

test("an answer settles its reload; the end of the process all the others", async () => {
  const { supervisor, last } = lab();
  const done: number[] = [];
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  for (const one of [1, 2, 3]) void supervisor.configure(share(1)).then(() => done.push(one));
  for (const at of [0, 1]) last().say({ kind: "answer", id: last().reloads[at] ?? 0 });
  await settle();
  expect(done).toEqual([1, 2]);
  last().events.exit("status 1");
  await settle();
  expect(done).toEqual([1, 2, 3]);
});

test("a process that booted with other rights is replaced; its words count no more", () => {
  const { spawned, told, supervisor, last } = lab();
  supervisor.spawn();
  void supervisor.configure({ ...share(1), rights: { capabilities: [] } });
  expect(spawned.map(({ killed }) => killed)).toEqual([["SIGKILL"], []]);
  spawned[0]?.say({ kind: "hello" });
  spawned[0]?.events.exit("signal SIGKILL");
  expect(supervisor.state()).toBe("starting");
  expect(last().got).toEqual([]);
  expect(told).toEqual(["stopped → starting"]);
});

test("a stop is asked for before anything is told of it", () => {
  const before: string[] = [];
  const { supervisor, last } = lab({
    event: (_subject, _from, to) => to === "stopping" && before.push(...last().got.map(String)),
  });
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  void supervisor.stop(1000);
  expect(before.at(-1)).toBe("stop");
});

test("what stopped without its word for it was not in order", async () => {
  const { clock, supervisor, last } = lab();
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  const gone = supervisor.stop(1000);
  clock.advance(1000);
  expect(last().killed).toEqual(["SIGKILL"]);
  last().events.exit("signal SIGKILL");
  expect(await gone).toBe(false);
});

test("the end of a process is told to those who have its reports, and each restart is counted", () => {
  const updates: StatusUpdate[] = [];
  const { clock, supervisor, last } = lab({ report: (update) => void updates.push(update) });
  supervisor.spawn();
  for (let i = 0; i < 2; i++) {
    last().events.exit("status 1");
    clock.advance(1000);
  }
  const words = updates.map((one) =>
    one.kind === "process" ? `${one.value.state} ${one.value.restarts} ${one.value.pid}` : one.kind,
  );
  expect(words).toEqual([
    "starting 0 1",
    "role-gone",
    "waiting 1 null",
    "starting 1 2",
    "role-gone",
    "waiting 2 null",
    "starting 2 3",
  ]);
});

test("a start that is asked for while the next one waits takes its place", () => {
  const { clock, spawned, supervisor, last } = lab();
  supervisor.spawn();
  for (let i = 0; i < 2; i++) {
    last().events.exit("status 1");
    clock.advance(0);
  }
  expect([supervisor.state(), spawned.length]).toEqual(["waiting", 2]);
  supervisor.spawn();
  last().events.exit("status 1");
  clock.advance(1999);
  // Only the delay of the last end counts; the one before was over after a second.
  expect([supervisor.state(), spawned.length]).toEqual(["waiting", 3]);
  clock.advance(1);
  expect(spawned.length).toBe(4);
});

test("a stop while the next start waits starts nothing more", async () => {
  const { clock, spawned, supervisor, last } = lab();
  supervisor.spawn();
  for (let i = 0; i < 2; i++) {
    last().events.exit("status 1");
    clock.advance(0);
  }
  expect(supervisor.state()).toBe("waiting");
  expect(await supervisor.stop(1000)).toBe(true);
  clock.advance(60_000);
  expect([supervisor.state(), spawned.length]).toEqual(["stopped", 2]);
});

test("a process that can't be started is tried again with growing delays", () => {
  const tries: number[] = [];
  const { clock, supervisor } = lab({
    spawn() {
      tries.push(clock.now());
      throw new Error("spawn: EAGAIN");
    },
  });
  supervisor.spawn();
  for (let i = 0; i < 4; i++) clock.advance((clock.nextAt() ?? 0) - clock.now());
  expect(tries).toEqual([0, 0, 1000, 3000, 7000]);
});

test("one that broke a rule is killed once, and what it says until it is gone counts no more", () => {
  const batches: string[] = [];
  const { logs, supervisor, last } = lab({ batch: (role) => void batches.push(role) });
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  last().say({ kind: "answer", id: 99 });
  last().say({ kind: "answer", id: 98 });
  last().say({ kind: "batch", logs: [], updates: [], topics: {} });
  last().events.broken("an empty message");
  supervisor.expel("does more");
  expect([last().killed, batches]).toEqual([["SIGKILL"], []]);
  expect(logs.filter(({ message }) => message.includes("killing pid"))).toHaveLength(1);
});

test("what goes wrong as its words are taken ends that process, and nobody else", () => {
  const { logs, supervisor, last } = lab({
    batch() {
      throw new Error("no place");
    },
  });
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  last().say({ kind: "batch", logs: [], updates: [], topics: {} });
  expect(last().killed).toEqual(["SIGKILL"]);
  expect(logs.at(-1)?.message).toContain("checker sent «batch», and taking it failed: no place");
});

test("a batch is acknowledged to the process that sent it, not to the one after it", () => {
  let room = () => {};
  const { clock, spawned, supervisor, last } = lab({
    whenRoom: (_role, then) => {
      room = then;
    },
  });
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  last().say({ kind: "batch", logs: [], updates: [], topics: {} });
  expect(last().got).not.toContain("ack");
  last().events.exit("status 1");
  clock.advance(0);
  room();
  clock.advance(1000);
  expect(spawned.flatMap(({ got }) => got.filter((what) => what === "ack"))).toEqual([]);
});

test("a line without an end is kept no longer than lines may be", () => {
  const { logs, supervisor, last } = lab();
  supervisor.spawn();
  for (let i = 0; i < 100; i++) last().events.stderr("x".repeat(1000));
  last().events.stderr("\n");
  const [line] = logs.filter(({ message }) => message.startsWith("xx"));
  expect(line?.message.length).toBe(4096);
});

test("a process that is asked for its picture and dies has told nothing", () => {
  const updates: StatusUpdate[] = [];
  const { supervisor, last } = lab({ report: (update) => void updates.push(update) });
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  last().say({ kind: "started" });
  supervisor.snapshot();
  last().events.exit("status 1");
  expect(updates.map(({ kind }) => kind)).not.toContain("role-current");
});

test("a process that is to go is not started when it says hello", () => {
  const { supervisor, last } = lab();
  supervisor.spawn();
  void supervisor.stop(1000);
  void supervisor.configure(share(1));
  last().say({ kind: "hello" });
  expect(last().got).not.toContain("start");
});

test("an end for the same reason is news again once the process has run", () => {
  const { clock, told, supervisor, last } = lab();
  void supervisor.configure(share(1));
  for (let i = 0; i < 2; i++) {
    last().say({ kind: "hello" });
    last().say({ kind: "started" });
    last().events.exit("status 1");
    clock.advance(1000);
  }
  expect(told.filter((what) => what.endsWith("ended with status 1"))).toHaveLength(2);
});
