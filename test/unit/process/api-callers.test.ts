import { expect, test } from "bun:test";
import type { ListeningSocket } from "../../../src/kernel/listening-socket.ts";
import { createApiCallers, LINGER_MS, LINGER_OFTEN_MS, OFTEN_MS } from "../../../src/process/api-callers.ts";
import { HEARTBEAT_MS } from "../../../src/process/signs-of-life.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  const world = { waits: false, signals: false };
  const done: string[] = [];
  let signal = () => {};
  let gone = () => {};
  const socket: ListeningSocket = {
    kind: "unix",
    fd: 7,
    port: undefined,
    callerWaits: () => world.waits,
    signal: () => {
      world.signals = true;
    },
    quiet: () => {
      world.signals = false;
    },
    close: () => void done.push("close"),
  };
  const callers = createApiCallers({
    clock,
    sockets: {
      open: (namespace) => void done.push(`open ${namespace}`),
      all: () => [socket],
      facts: () => ({}),
      close: socket.close,
    },
    onSignal: (look) => {
      signal = look;
    },
  });
  const life = {
    start: () => void done.push("start"),
    dismiss() {
      done.push("dismiss");
      return new Promise<void>((resolve) => {
        gone = resolve;
      });
    },
  };
  const call = () => {
    world.waits = true;
    signal();
  };
  /** The process serves who waited, says that it is idle, and is gone. */
  const serveAndGo = async () => {
    world.waits = false;
    callers.idle();
    gone();
    await Promise.resolve();
  };
  callers.open("blue", life);
  return { clock, world, done, callers, call, serveAndGo, gone: () => gone(), signal: () => signal() };
}

test("the first caller starts the process, and no more signals come while it serves", () => {
  const { done, world, callers, call, signal } = lab();
  expect([done, world.signals]).toEqual([["open blue"], true]);
  signal();
  expect(done).toEqual(["open blue"]);
  call();
  call();
  expect([done, world.signals]).toEqual([["open blue", "start"], false]);
  expect(callers.listeners()).toEqual([{ kind: "unix", fd: 7 }]);
});

test("a process that is idle goes; who called meanwhile is the first caller of the next", async () => {
  const { done, world, callers, call, gone, serveAndGo } = lab();
  call();
  await serveAndGo();
  expect([done.slice(1), world.signals]).toEqual([["start", "dismiss"], true]);
  call();
  callers.idle();
  // The queue has somebody while the process ends.
  gone();
  await Promise.resolve();
  expect(done.slice(1)).toEqual(["start", "dismiss", "start", "dismiss", "start"]);
});

test("a caller whose signal was lost is found with the next heartbeat", () => {
  const { clock, done, world } = lab();
  world.waits = true;
  clock.advance(HEARTBEAT_MS - 1);
  expect(done).toEqual(["open blue"]);
  clock.advance(1);
  expect(done).toEqual(["open blue", "start"]);
});

test("at rest there is one look with each heartbeat, however many signals there were", () => {
  const { clock, signal } = lab();
  for (let i = 0; i < 5; i++) signal();
  let wakes = 0;
  while ((clock.nextAt() ?? Number.POSITIVE_INFINITY) <= HEARTBEAT_MS) {
    clock.advance((clock.nextAt() ?? 0) - clock.now());
    wakes++;
  }
  expect(wakes).toBe(1);
});

test("callers that come again and again keep the process for longer", async () => {
  const { clock, callers, call, serveAndGo } = lab();
  call();
  expect(callers.lingerMs()).toBe(LINGER_MS);
  await serveAndGo();
  clock.advance(OFTEN_MS - 1);
  call();
  expect(callers.lingerMs()).toBe(LINGER_OFTEN_MS);
  await serveAndGo();
  clock.advance(OFTEN_MS);
  call();
  expect(callers.lingerMs()).toBe(LINGER_MS);
});

test("a socket that came later is handed to the next process; after the stop nobody starts one", async () => {
  const { done, callers, call, gone, clock } = lab();
  call();
  callers.added();
  expect(done.at(-1)).toBe("dismiss");
  callers.stop();
  gone();
  await Promise.resolve();
  call();
  clock.advance(60_000);
  expect(done.at(-1)).toBe("dismiss");
});
