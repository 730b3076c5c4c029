// A million mutated answers for each reader of bytes that real servers send: whatever comes, there is an outcome and no exception.
// LBD_FUZZ_RUNS and LBD_FUZZ_SEED choose how many and which; the seed is printed when one fails.
import { describe, expect, test } from "bun:test";
import { fromHex } from "../../src/base/bytes.ts";
import { judgeDnsAnswer } from "../../src/check/dns.ts";
import { fileValue } from "../../src/check/file.ts";
import { createHttpReader } from "../../src/check/http.ts";
import type { Outcome } from "../../src/check/outcome.ts";
import { isEchoReply } from "../../src/check/ping.ts";
import { createSmtpTalk } from "../../src/check/smtp.ts";
import { judgeUdpAnswer } from "../../src/check/udp.ts";
import type { UdpCheck } from "../../src/config/model/check.ts";
import { compilePattern } from "../../src/pattern/pattern.ts";
import { endpoint, httpUrl, ORIGIN, timing } from "../support/model.ts";

const RUNS = Number(process.env.LBD_FUZZ_RUNS ?? 1_000_000);
const SEED = Number(process.env.LBD_FUZZ_SEED ?? Date.now() % 1_000_000_007);
const LIMIT_MS = 300_000;

/** A small generator (xorshift32): fast, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One to four changes: bytes flipped, cut out, doubled, put in, or the rest cut off. */
function mutate(sample: Uint8Array, pick: (below: number) => number): Uint8Array {
  let bytes = [...sample];
  for (let n = pick(4); n >= 0; n--) {
    const at = pick(bytes.length + 1);
    const length = 1 + pick(8);
    switch (pick(6)) {
      case 0:
        bytes[at] = pick(256);
        break;
      case 1:
        bytes.splice(at, length);
        break;
      case 2:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length }, () => pick(256)));
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      default:
        bytes.splice(
          at,
          0,
          ...("0123456789abcdef\r\n :;,-"[pick(24)]
            ?.repeat(length)
            .split("")
            .map((c) => c.charCodeAt(0)) ?? []),
        );
    }
  }
  return Uint8Array.from(bytes);
}

function fuzz(
  name: string,
  samples: readonly Uint8Array[],
  one: (bytes: Uint8Array, pick: (below: number) => number) => void,
  runs = RUNS,
): void {
  test(
    `${name}, ${runs} times`,
    () => {
      const pick = generator(SEED);
      for (let run = 0; run < runs; run++) {
        const bytes = mutate(samples[pick(samples.length)] ?? new Uint8Array(), pick);
        try {
          one(bytes, pick);
        } catch (error) {
          throw new Error(`seed ${SEED}, run ${run}, input ${Buffer.from(bytes).toString("hex")}`, { cause: error });
        }
      }
    },
    LIMIT_MS,
  );
}

function sound(outcome: Outcome | undefined): void {
  if (!outcome) return;
  if (typeof outcome.ok !== "boolean" || outcome.ok !== (outcome.code === "ok"))
    throw new Error("verdict and code differ");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get into a log line.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(outcome.reason) || outcome.reason.length > 300)
    throw new Error(`reason ${outcome.reason}`);
}

const text = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const OK = "HTTP/1.1 200 OK\r\n";

describe("answers of real servers", () => {
  const url = httpUrl({
    digest: "5d41402abc4b2a76b9719d911017c592",
    regex: { pattern: "^h(e|l)+o$", options: ["multiline"], noMatch: false, minOffset: 0 },
  });
  fuzz(
    "HTTP",
    [
      text(`${OK}Content-Length: 5\r\n\r\nhello`),
      text(`${OK}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n`),
      text(`HTTP/1.1 103 Early\r\nLink: x\r\n\r\n${OK}content-length: 5, 5\r\n\r\nhello`),
      text(`${OK}Server: x\r\n\r\nhello`),
      text("HTTP/1.0 503 Busy\r\nRetry-After: 3\r\n\r\n"),
    ],
    (bytes, pick) => {
      const reader = createHttpReader(url);
      const cut = pick(bytes.byteLength + 1);
      sound(reader.feed(bytes.subarray(0, cut)));
      sound(reader.feed(bytes.subarray(cut)));
      sound(reader.end());
    },
  );

  fuzz(
    "SMTP",
    [text("220 mail ESMTP\r\n"), text("220-a\r\n220 b\r\n"), text("250-a\r\n250 b\r\n"), text("221 bye\r\n")],
    (bytes) => {
      const talk = createSmtpTalk("lb.example.org");
      for (const piece of [text("220 x\r\n"), bytes, bytes]) {
        const next = talk.feed(piece);
        if (next && !("send" in next)) sound(next);
      }
      sound(talk.end());
    },
  );

  const hex = (digits: string) => fromHex(digits) ?? new Uint8Array();
  fuzz("DNS", [hex("1234818000010000000000000000060001"), hex("123481830001")], (bytes) =>
    sound(judgeDnsAnswer(bytes, 0x1234)),
  );

  const udp: UdpCheck = {
    kind: "UDP_CHECK",
    id: "u",
    timing: timing(),
    origin: ORIGIN,
    endpoint: endpoint("10.9.1.1"),
    requireReply: true,
    replyPattern: "01x2xx",
    minReplyLength: 1,
    maxReplyLength: 9,
  };
  fuzz("UDP", [hex("010203")], (bytes) => sound(judgeUdpAnswer(bytes, udp)));

  fuzz("ICMP", [hex("0000e5c4123400070102030405060708")], (bytes) => {
    if (typeof isEchoReply(4, bytes, 0x1234, 7, hex("0102030405060708")) !== "boolean") throw new Error("no answer");
  });

  fuzz("files", [text("-12\n"), text(" +99999999999")], (bytes) => {
    if (!Number.isSafeInteger(fileValue(Buffer.from(bytes).toString("latin1")))) throw new Error("no number");
  });
});

describe("patterns", () => {
  const samples = [
    "^(?:a|b[^c-e]*)+\\d{2,3}$",
    "(?i)status:\\s*(ok|\\x41)\\b",
    "[[:alpha:]_]+?\\.\\Q*\\E",
    "(?<n>x)|\\Ay?\\z",
  ];
  // Each compiles a program of its own, which takes longer than reading an answer.
  fuzz(
    "any text compiles or is refused, and searches in linear time",
    samples.map(text),
    (bytes, pick) => {
      const compiled = compilePattern(Buffer.from(bytes).toString("latin1"), pick(2) === 0 ? [] : ["utf", "extended"]);
      if (compiled.ok) compiled.value.search(bytes);
      else if (compiled.error.at > bytes.byteLength) throw new Error("a place outside of the pattern");
    },
    RUNS / 5,
  );
});

test("the seed is known", () => {
  expect(Number.isFinite(SEED)).toBe(true);
});
