// The effective configuration on its way from the parent to a client of the API: one piece at a time, each when it is asked for.
import { expect, test } from "bun:test";
import {
  createEffectiveAnswers,
  createEffectiveSender,
  FORGET_MS,
  PIECE_CHARS,
} from "../../../../src/process/configuration/effective-pieces.ts";
import { ANSWER_LIMIT_MS, createEffectiveReader } from "../../../../src/roles/api/effective.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function lab(tree: () => unknown) {
  const clock = manualClock();
  const sizes: number[] = [];
  let trees = 0;
  const sender = createEffectiveSender(clock, () => {
    trees++;
    return tree();
  });
  const reader = createEffectiveReader(clock, (serial) =>
    queueMicrotask(() => {
      const piece = sender.next(serial);
      sizes.push(Buffer.byteLength(JSON.stringify(piece)));
      reader.take(piece);
    }),
  );
  return { clock, reader, sender, sizes, trees: () => trees };
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
  expect(made).toBeLessThanOrEqual(PIECE_CHARS / 1024 + 1);
  await parts?.next();
  expect(made).toBeLessThanOrEqual(PIECE_CHARS / 1024 + 1);
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

test("the parent keeps nothing for one who asks no more", () => {
  const { clock, sender, trees } = lab(() => big);
  sender.next(1);
  sender.next(1);
  expect(trees()).toBe(1);
  clock.advance(FORGET_MS);
  expect(clock.nextAt()).toBeUndefined();
  expect(sender.next(1).piece?.startsWith('{"list":[')).toBe(true);
  expect(trees()).toBe(2);
});

test("who asks without end gets half of the time, one answer in a turn", () => {
  const MAKING_MS = 100;
  const clock = manualClock();
  let serial = 0;
  let trees = 0;
  const sender = createEffectiveSender(clock, () => {
    trees++;
    clock.skip(MAKING_MS);
    return {};
  });
  const answers = createEffectiveAnswers(clock, sender, () => answers.wish(++serial));
  answers.wish(++serial);
  expect(trees).toBe(0);
  let others = 0;
  const others10ms = () => {
    others++;
    clock.at(clock.now() + 10, others10ms);
  };
  others10ms();
  clock.advance(10_000);
  expect(trees).toBeGreaterThan(45);
  expect(trees).toBeLessThanOrEqual(51);
  // Their turns in the rests behind the answers.
  expect(others).toBeGreaterThan(450);
});

test("what an api process that has ended asked for is not sent to the next one, which gets the beginning", () => {
  const clock = manualClock();
  const sent: (string | null)[] = [];
  const sender = createEffectiveSender(clock, () => big);
  const answers = createEffectiveAnswers(clock, sender, ({ piece }) => sent.push(piece));
  answers.wish(1);
  clock.advance(0);
  answers.wish(1);
  answers.reset();
  clock.advance(0);
  expect(sent).toHaveLength(1);
  answers.wish(1);
  clock.advance(0);
  expect(sent).toHaveLength(2);
  expect(sent[1] === sent[0]).toBe(true);
});
