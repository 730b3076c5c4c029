import { expect, test } from "bun:test";
import fc from "fast-check";
import { createFrameReader, encodeBytesFrame, encodeFrame } from "../../../src/process/frames.ts";

function readAll(chunks: readonly Uint8Array[], maxBytes = 1000) {
  const messages: unknown[] = [];
  const reader = createFrameReader({ maxBytes }, (message) => messages.push(message));
  const broken = chunks.map((chunk) => reader.push(chunk)).find((reason) => reason !== undefined);
  return { messages, broken };
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames));
}

test("what is sent is read, however it is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(40), { maxLength: 60 }), (values, cuts) => {
      const stream = joined(values.map(encodeFrame));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(stream.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(stream.subarray(at));
      expect(readAll(chunks, 1_000_000)).toEqual({
        messages: values.map((value): unknown => JSON.parse(JSON.stringify(value))),
        broken: undefined,
      });
    }),
  );
});

test.each([
  [
    "a length above the limit, before its bytes come",
    [0xe9, 3, 0, 0],
    "a message of 1001 bytes, at most 1000 are taken",
  ],
  ["the largest length there is", [255, 255, 255, 255], "a message of 4294967295 bytes, at most 1000 are taken"],
  ["nothing", [0, 0, 0, 0], "an empty message"],
  ["text that is no JSON", [3, 0, 0, 0, 97, 98, 99], "3 bytes that are no JSON"],
] as const)("%s is the end of the stream", (_what, bytes, reason) => {
  const good = encodeFrame("before");
  const { messages, broken } = readAll([joined([good, Uint8Array.from(bytes), encodeFrame("behind")])]);
  expect(messages).toEqual(["before"]);
  expect(broken).toBe(reason);
});

test("what comes behind the end of a stream is not read, in a later chunk neither", () => {
  for (const bad of [
    [0, 0, 0, 0],
    [3, 0, 0, 0, 97, 98, 99],
  ]) {
    const messages: unknown[] = [];
    const reader = createFrameReader({ maxBytes: 1000 }, (message) => messages.push(message));
    const reason = reader.push(Uint8Array.from(bad));
    expect(reason).toBeString();
    expect([reader.push(encodeFrame("behind")), messages]).toEqual([reason, []]);
  }
});

test("a message of exactly the limit is taken", () => {
  const text = "x".repeat(998);
  expect(readAll([encodeFrame(text)])).toEqual({ messages: [text], broken: undefined });
});

test("bytes go as they are, to who takes any, in their order among the messages", () => {
  const stream = joined([encodeFrame("a"), encodeBytesFrame(Uint8Array.of(0, 1, 255)), encodeFrame("b")]);
  const got: unknown[] = [];
  const reader = createFrameReader(
    { maxBytes: 100 },
    (message) => got.push(message),
    (bytes) => got.push([...bytes]),
  );
  for (const byte of stream) expect(reader.push(Uint8Array.of(byte))).toBeUndefined();
  expect(got).toEqual(["a", [0, 1, 255], "b"]);
  expect(readAll([stream])).toEqual({ messages: ["a"], broken: "4 bytes that are no JSON" });
});

test("what holds too much is the end of the stream, before it is parsed; of a trusted writer it is taken", () => {
  const json = { maxDepth: 3, freeContainers: 4, bytesPerContainer: 100, freeValues: 10, bytesPerValue: 100 };
  const messages: unknown[] = [];
  const reader = createFrameReader({ maxBytes: 1000, json }, (message) => messages.push(message));
  expect(reader.push(encodeFrame([[[1]]]))).toBeUndefined();
  expect(reader.push(encodeFrame([[[[1]]]]))).toBe("JSON more than 3 levels deep");
  expect(reader.push(encodeFrame("behind"))).toBe("JSON more than 3 levels deep");
  expect(messages).toEqual([[[[1]]]]);
  expect(readAll([encodeFrame([[[[1]]]])]).messages).toEqual([[[[[1]]]]]);
});
