// The side of a role: what it asks of a starter that comes, goes, is full or never there, on a clock that the test moves.
import { expect, test } from "bun:test";
import type { ScriptOutcome } from "../../../../src/kernel/script-runner.ts";
import { createProgramClient } from "../../../../src/roles/programs/client.ts";
import type { LinkPart } from "../../../../src/roles/programs/link.ts";
import type { ToStarter } from "../../../../src/roles/programs/messages.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { ORIGIN } from "../../../support/model.ts";

const UNREACHED = { kind: "cannot-start", reason: "the process that starts programs can't be reached" } as const;
const STOPPING = { kind: "cannot-start", reason: "stopping" } as const;

function lab(isThere = true) {
  const clock = manualClock();
  const said: ToStarter[] = [];
  const outcomes: (readonly [string, ScriptOutcome])[] = [];
  let how: "said" | "full" = "said";
  let up = isThere;
  const parts: LinkPart[] = [];
  const client = createProgramClient(
    {
      join: (part) => void parts.push(part),
      isUp: () => up,
      say(message) {
        if (!up) return "away";
        said.push(message);
        return how;
      },
    },
    clock,
  );
  const runners = { checks: client.runner("checks"), notifications: client.runner("notifications") };
  const run = (
    program: string,
    pool: keyof typeof runners = "checks",
    more: { overdue?(): void; end?: AbortSignal } = {},
  ) =>
    void runners[pool]
      .run({ argv: [program], origin: ORIGIN }, [], 1000, more.overdue, more.end)
      .then((outcome) => outcomes.push([program, outcome]));
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    clock,
    outcomes,
    runners,
    run,
    settle,
    /** As `run 1`, since the last time. */
    words: () =>
      said.splice(0).map((one) => `${one.kind} ${"id" in one ? one.id : "pool" in one ? one.pool : one.files.length}`),
    hear: (message: Parameters<LinkPart["hear"]>[0]) => parts[0]?.hear(message),
    comes() {
      up = true;
      parts[0]?.up();
    },
    goes() {
      up = false;
      parts[0]?.down();
    },
    isFull(is: boolean) {
      how = is ? "full" : "said";
    },
    async passes(ms: number) {
      clock.advance(ms);
      await settle();
    },
  };
}

test("what a starter that was killed had not answered is asked of the next one, and answered once", async () => {
  const one = lab();
  for (const program of ["/a", "/b"]) one.run(program);
  one.hear({ kind: "ended", id: 1, outcome: { kind: "exit", status: 0 } });
  expect(one.words()).toEqual(["run 1", "run 2"]);
  one.goes();
  await one.passes(4999);
  one.comes();
  expect(one.words()).toEqual(["run 2"]);
  await one.passes(60_000);
  one.hear({ kind: "ended", id: 2, outcome: { kind: "exit", status: 3 } });
  one.hear({ kind: "ended", id: 2, outcome: { kind: "exit", status: 4 } });
  await one.settle();
  expect(one.outcomes).toEqual([
    ["/a", { kind: "exit", status: 0 }],
    ["/b", { kind: "exit", status: 3 }],
  ]);
});

test("one that does not come is given up after five seconds, counted from when it was lost or asked for", async () => {
  const one = lab();
  one.run("/before");
  await one.passes(10_000);
  one.goes();
  await one.passes(2000);
  one.run("/meanwhile");
  await one.passes(2999);
  expect(one.outcomes).toEqual([]);
  await one.passes(1);
  expect(one.outcomes).toEqual([["/before", UNREACHED]]);
  await one.passes(1999);
  expect(one.outcomes).toHaveLength(1);
  await one.passes(1);
  expect(one.outcomes.slice(1)).toEqual([["/meanwhile", UNREACHED]]);
  expect(one.clock.nextAt()).toBeUndefined();
  // And once more, when it was there in between.
  one.run("/later");
  await one.passes(4000);
  one.comes();
  await one.passes(1000);
  expect(one.outcomes).toHaveLength(2);
  one.goes();
  await one.passes(5000);
  expect(one.outcomes.slice(2)).toEqual([["/later", UNREACHED]]);
});

test("what a starter has no room for is refused at once, what it takes is not", async () => {
  const one = lab();
  one.isFull(true);
  one.run("/long");
  one.isFull(false);
  one.run("/short");
  await one.settle();
  expect(one.outcomes).toEqual([
    ["/long", { kind: "cannot-start", reason: "too long arguments, or too many programs wait" }],
  ]);
});

test("one that runs longer than it should is told of; an abort ends it, and nothing once it has ended", async () => {
  const one = lab();
  const end = new AbortController();
  let overdue = 0;
  one.run("/a", "checks", { overdue: () => void overdue++, end: end.signal });
  one.hear({ kind: "overdue", id: 1 });
  one.hear({ kind: "overdue", id: 7 });
  expect(overdue).toBe(1);
  end.abort();
  expect(one.words()).toEqual(["run 1", "end 1"]);
  const other = new AbortController();
  one.run("/b", "checks", { end: other.signal });
  one.hear({ kind: "ended", id: 2, outcome: { kind: "exit", status: 0 } });
  other.abort();
  expect(one.words()).toEqual(["run 2"]);
});

test("a stop ends the programs of its own pool, waits a second for them, and starts none any more", async () => {
  const one = lab();
  one.run("/check");
  one.run("/notify", "notifications");
  expect([one.runners.checks.running(), one.runners.notifications.running()]).toEqual([1, 1]);
  let isOver = false;
  void Promise.resolve(one.runners.checks.stop()).then(() => {
    isOver = true;
  });
  expect(one.words()).toEqual(["run 1", "run 2", "stop checks"]);
  one.run("/late");
  await one.passes(999);
  expect([isOver, one.outcomes]).toEqual([false, [["/late", STOPPING]]]);
  await one.passes(1);
  expect([isOver, one.outcomes.slice(1), one.runners.checks.running()]).toEqual([true, [["/check", STOPPING]], 0]);
  expect(one.runners.notifications.running()).toBe(1);
  // All that it has to wait for has ended: it is over at once.
  let other = false;
  void Promise.resolve(one.runners.notifications.stop()).then(() => {
    other = true;
  });
  one.hear({ kind: "ended", id: 2, outcome: { kind: "exit", status: 0 } });
  await one.settle();
  expect([other, one.outcomes.at(-1)]).toEqual([true, ["/notify", { kind: "exit", status: 0 }]]);
  expect(one.clock.nextAt()).toBeUndefined();
  // Nothing runs: nothing is asked.
  await one.runners.notifications.stop();
  expect(one.words()).toEqual(["stop notifications"]);
});
