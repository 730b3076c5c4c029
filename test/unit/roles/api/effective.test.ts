// The effective configuration on its way from the parent to a client of the API: one piece at a time, each when it is asked for.
import { expect, test } from "bun:test";
import { jsonPieces, ofLength } from "../../../../src/base/json-pieces.ts";
import { createEffectiveAnswers, FORGET_MS } from "../../../../src/process/effective-answers.ts";
import type { EffectiveSource } from "../../../../src/process/effective-source.ts";
import { EFFECTIVE_CHARS } from "../../../../src/process/reader.ts";
import { ANSWER_LIMIT_MS, createEffectiveReader } from "../../../../src/roles/api/effective.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** As a reader in a process of its own makes it. */
function sourceOf(tree: unknown, closed: () => void = () => {}): EffectiveSource {
  const pieces = ofLength(jsonPieces(tree), EFFECTIVE_CHARS);
  return {
    async next() {
      const { done, value } = pieces.next();
      return { piece: value ?? "", end: done === true };
    },
    close: closed,
  };
}

function lab(tree: () => unknown) {
  const clock = manualClock();
  const sizes: number[] = [];
  let trees = 0;
  let closed = 0;
  const answers = createEffectiveAnswers(
    clock,
    () => {
      trees++;
      const value = tree();
      return value === undefined ? undefined : sourceOf(value, () => closed++);
    },
    (piece) => {
      sizes.push(Buffer.byteLength(JSON.stringify(piece)));
      reader.take(piece);
    },
  );
  const reader = createEffectiveReader(clock, (serial) => {
    answers.wish(serial);
    clock.advance(0);
  });
  return { clock, reader, answers, sizes, trees: () => trees, closed: () => closed };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

const big = { list: Array.from({ length: 5000 }, (_, i) => ({ name: `"quoted" ${i} ü€`, values: [i, null, true] })) };

async function readAll(parts: AsyncIterable<string> | undefined): Promise<string | undefined> {
  if (!parts) return undefined;
  let text = "";
  for await (const part of parts) text += part;
  return text;
}

test("a large tree arrives whole, in messages of at most 256 kB", async () => {
  const { reader, sizes } = lab(() => big);
  expect(await readAll(await reader.open())).toBe(JSON.stringify(big));
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
});

test("nothing is made before it is asked for", async () => {
  let made = 0;
  const { reader } = lab(() => ({
    list: (function* () {
      for (; made < 1000; made++) yield "x".repeat(1024);
    })(),
  }));
  const parts = (await reader.open())?.[Symbol.asyncIterator]();
  expect(made).toBeLessThanOrEqual(EFFECTIVE_CHARS / 1024 + 1);
  await parts?.next();
  expect(made).toBeLessThanOrEqual(EFFECTIVE_CHARS / 1024 + 1);
});

test("none yet, and no answer at all, are the same to who asks", async () => {
  const { reader } = lab(() => undefined);
  expect(await reader.open()).toBeUndefined();
  const clock = manualClock();
  const silent = createEffectiveReader(clock, () => {});
  const answer = silent.open();
  clock.advance(ANSWER_LIMIT_MS);
  expect(await answer).toBeUndefined();
});

test("a parent that falls silent in between is an error, not a short answer", async () => {
  const clock = manualClock();
  let asked = 0;
  const reader = createEffectiveReader(clock, (serial) => {
    if (++asked === 1) queueMicrotask(() => reader.take({ kind: "effective", serial, piece: "{", end: false }));
  });
  const parts = (await reader.open())?.[Symbol.asyncIterator]();
  await parts?.next();
  const next = parts?.next();
  clock.advance(ANSWER_LIMIT_MS);
  expect(next).rejects.toThrow("does not answer");
});

test("a new reader gets the tree from its beginning; the one before gets an error", async () => {
  const { reader } = lab(() => big);
  const first = (await reader.open())?.[Symbol.asyncIterator]();
  await first?.next();
  const second = await reader.open();
  expect(await readAll(second)).toBe(JSON.stringify(big));
  await expect(first?.next()).rejects.toThrow("another reader");
});

test("the parent keeps nothing for one who asks no more", async () => {
  const { clock, answers, trees, closed, sizes } = lab(() => big);
  const ask = async () => {
    answers.wish(1);
    clock.advance(0);
    await settle();
  };
  await ask();
  await ask();
  expect([trees(), closed(), sizes.length]).toEqual([1, 0, 2]);
  clock.advance(FORGET_MS);
  expect(closed()).toBe(1);
  expect(clock.nextAt()).toBeUndefined();
  await ask();
  expect(trees()).toBe(2);
});

test("who asks without end gets half of the time, one answer at a time", async () => {
  const MAKING_MS = 100;
  const clock = manualClock();
  let serial = 0;
  let made = 0;
  const source = () => ({
    async next() {
      made++;
      await Promise.resolve();
      clock.skip(MAKING_MS);
      return { piece: "{}", end: true };
    },
    close() {},
  });
  const answers = createEffectiveAnswers(clock, source, () => answers.wish(++serial));
  answers.wish(++serial);
  expect(made).toBe(0);
  const began = clock.now();
  while (clock.now() - began < 10_000) {
    clock.advance(1);
    await settle();
  }
  expect(made).toBeGreaterThan(45);
  expect(made).toBeLessThanOrEqual(51);
});

test("what an api process that has ended asked for is not sent to the next one, which gets the beginning", async () => {
  const clock = manualClock();
  const sent: (string | null)[] = [];
  const answers = createEffectiveAnswers(
    clock,
    () => sourceOf(big),
    ({ piece }) => sent.push(piece),
  );
  const turn = async () => {
    clock.advance(0);
    await settle();
  };
  answers.wish(1);
  await turn();
  answers.wish(1);
  answers.reset();
  await turn();
  expect(sent).toHaveLength(1);
  answers.wish(1);
  await turn();
  expect(sent).toHaveLength(2);
  expect(sent[1] === sent[0]).toBe(true);
});

test("a reader that ends in between is an error, not a short answer", async () => {
  const clock = manualClock();
  let asked = 0;
  const answers = createEffectiveAnswers(
    clock,
    () => ({
      next: () => (++asked === 1 ? Promise.resolve({ piece: "{", end: false }) : Promise.reject(new Error("gone"))),
      close() {},
    }),
    (piece) => reader.take(piece),
  );
  const reader = createEffectiveReader(clock, (serial) => {
    answers.wish(serial);
    clock.advance(0);
  });
  const parts = (await reader.open())?.[Symbol.asyncIterator]();
  await parts?.next();
  await expect(parts?.next()).rejects.toThrow("could not be read to its end");
});

test("a piece of a transfer before is none of the one that is read now", async () => {
  const clock = manualClock();
  const asked: number[] = [];
  const reader = createEffectiveReader(clock, (serial) => asked.push(serial));
  const first = reader.open();
  const second = reader.open();
  expect(await first).toBeUndefined();
  reader.take({ kind: "effective", serial: 1, piece: "old", end: true });
  reader.take({ kind: "effective", serial: 2, piece: "new", end: false });
  const parts = (await second)?.[Symbol.asyncIterator]();
  expect((await parts?.next())?.value).toBe("new");
  const end = parts?.next();
  await settle();
  reader.take({ kind: "effective", serial: 2, piece: "", end: true });
  expect((await end)?.done).toBe(true);
  expect(asked).toEqual([1, 2, 2]);
  // No answer is waited for any more.
  expect(clock.nextAt()).toBeUndefined();
});
