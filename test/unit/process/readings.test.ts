// The parent's side of a reader: what becomes of one that fails, and what is kept of one that does not.
import { expect, test } from "bun:test";
import { readerOptions } from "../../../src/process/reader-messages.ts";
import { createReadings } from "../../../src/process/readings.ts";
import { type SpawnReader, unpackText } from "../../../src/process/runtime.ts";
import { READ_LIMIT_MS } from "../../../src/process/start-reader.ts";
import type { RoleName } from "../../../src/roles/role.ts";
import { fakeReaders, found } from "../../support/fake-readers.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { RUN_OPTIONS, settle } from "../../support/parent-lab.ts";
import { configOf, serviceText } from "../../support/words.ts";

const HOW = { at: "reload", mayEmpty: false } as const;

function lab(spawn?: SpawnReader, roles: readonly RoleName[] = ["checker"]) {
  const clock = manualClock();
  let next = found(configOf(serviceText()));
  const readers = fakeReaders(clock, () => next);
  let stamp = 0n;
  const readings = createReadings(readerOptions(RUN_OPTIONS, {}), roles, {
    clock,
    spawn: spawn ?? readers.spawn,
    // What the readers found is no file at all.
    stamp: () => (stamp === 0n ? undefined : { device: 1n, inode: stamp, bytes: 1n, modifiedNs: 1n, changedNs: 1n }),
  });
  return {
    clock,
    readings,
    readers,
    willRead(text: string) {
      next = found(configOf(text));
    },
    touch: () => void stamp++,
  };
}

test("a reader is given what roles have of the configuration in force, where that is all of it", async () => {
  const { readings, readers, willRead } = lab(undefined, ["api", "vrrp", "checker"]);
  await readings.read(HOW);
  expect(readers.given).toEqual([new Map()]);
  willRead(serviceText().replace("80", "81"));
  await readings.read(HOW);
  const texts = ({ pieces }: { readonly pieces: readonly Uint8Array[] }) => pieces.map(unpackText);
  expect([...(readers.given.at(-1)?.keys() ?? [])]).toEqual(["vrrp", "checker"]);
  willRead(serviceText().replace("80", "82"));
  await readings.read(HOW);
  const given = (role: RoleName, at: number) => [...(readers.given.at(at)?.get(role) ?? [])];
  expect(given("vrrp", -1)).toEqual(given("vrrp", -2));
  // What changed since is behind it.
  const checker = given("checker", -1);
  expect(checker.slice(0, -1)).toEqual(given("checker", -2));
  expect(texts(readings.share("checker")).slice(0, checker.length)).toEqual(checker);
  const alone = lab();
  await alone.readings.read(HOW);
  alone.willRead(serviceText().replace("80", "81"));
  await alone.readings.read(HOW);
  expect(alone.readers.given.at(-1)).toEqual(new Map());
});

test("a reader that can't be started refuses", async () => {
  const { readings } = lab(() => {
    throw new Error("spawn: EAGAIN");
  });
  const reason = "/k.conf: reading it failed: no process for it: spawn: EAGAIN";
  expect(await readings.read(HOW)).toMatchObject({ kind: "refused", refusals: [reason], beyondFindings: [reason] });
  expect(readings.inForce()).toBeUndefined();
});

test("a reader that dies refuses with its last words, and what is in force stays", async () => {
  const { readings, readers, willRead } = lab();
  expect((await readings.read(HOW)).kind).toBe("taken");
  const before = readings.share("checker");
  expect(before.pieces.length).toBeGreaterThan(0);
  willRead(serviceText().replace("80", "81"));
  readers.hold();
  const answer = readings.read(HOW);
  readers.all.at(-1)?.end("signal SIGKILL", "out of memory\n");
  expect(await answer).toMatchObject({
    refusals: ["/k.conf: reading it failed: its process ended with signal SIGKILL: out of memory"],
  });
  expect(readings.share("checker")).toEqual(before);
});

test("a reader that gives no answer is killed, and refuses", async () => {
  const { readings, readers, clock } = lab();
  readers.hold();
  const answer = readings.read(HOW);
  clock.advance(READ_LIMIT_MS);
  expect(await answer).toMatchObject({ refusals: [expect.stringContaining("no answer after 120 s")] });
  expect(readers.all[0]?.killed).toEqual(["SIGKILL"]);
});

test("a stop ends the reader that is at work", async () => {
  const { readings, readers } = lab();
  readers.hold();
  const answer = readings.read(HOW);
  readings.stop();
  expect((await answer).kind).toBe("refused");
  expect(readers.all[0]?.killed).toEqual(["SIGKILL"]);
});

test("nothing changed: nothing is handed on, and what was found is still known", async () => {
  const { readings } = lab();
  await readings.read(HOW);
  const before = readings.share("checker");
  expect((await readings.read(HOW)).kind).toBe("same");
  expect(readings.share("checker")).toEqual(before);
  expect(await readings.details()).toMatchObject({ sha256: "00" });
});

test("the effective configuration is what is in force, piece by piece, by a reader that goes with its last", async () => {
  const { readings, readers, willRead } = lab();
  expect(readings.openEffective()).toBeUndefined();
  await readings.read(HOW);
  willRead("");
  const source = readings.openEffective();
  expect(JSON.parse((await source?.next())?.piece ?? "")).toEqual({ configured: [expect.stringContaining("192.0.2")] });
  expect(await source?.next()).toMatchObject({ end: true });
  await settle();
  expect(source?.next()).rejects.toThrow("ended with status 0");
  const closed = readings.openEffective();
  closed?.close();
  expect(readers.all.at(-1)?.killed).toEqual(["SIGKILL"]);
  expect(closed?.next()).rejects.toThrow("ended");
});

test("a reader that sends what can't be read is killed, and says so", async () => {
  const killed: string[] = [];
  const { readings } = lab((events) => {
    queueMicrotask(() => events.broken("an empty message"));
    return {
      pid: 1,
      send: () => true,
      sendBytes: () => true,
      kill(signal) {
        killed.push(signal);
        events.exit("signal SIGKILL");
      },
    };
  });
  expect(await readings.read(HOW)).toMatchObject({
    refusals: ["/k.conf: reading it failed: its process ended with signal SIGKILL: it sent an empty message"],
  });
  expect(killed).toEqual(["SIGKILL"]);
});

test("nothing is waited for behind a reader that has ended", async () => {
  const { readings, clock } = lab();
  await readings.read(HOW);
  await settle();
  expect(clock.nextAt()).toBeUndefined();
});

test("what was only looked at is in force when nothing changed behind it, and else is forgotten", async () => {
  const { readings, readers } = lab();
  await readings.peek();
  expect((await readings.read({ at: "start", mayEmpty: false })).kind).toBe("taken");
  expect(readers.looks()).toBe(1);
  const other = lab();
  await other.readings.peek();
  other.touch();
  other.willRead("");
  const answer = await other.readings.read({ at: "start", mayEmpty: false });
  // Not a change from what was looked at: it was never in force, so that nothing is taken away.
  expect(answer.kind).toBe("taken");
  expect(answer).not.toHaveProperty("changes");
  expect(other.readings.inForce()?.outline.needs).toEqual(["api"]);
  expect(other.readers.looks()).toBe(2);
});
