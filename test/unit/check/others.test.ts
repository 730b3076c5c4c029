import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { dnsQuery, judgeDnsAnswer } from "../../../src/check/dns.ts";
import { fileValue, judgeFile } from "../../../src/check/file.ts";
import { judgeProgram } from "../../../src/check/misc.ts";
import { echoRequest, isEchoReply } from "../../../src/check/ping.ts";
import { createSmtpTalk } from "../../../src/check/smtp.ts";
import { judgeUdpAnswer, udpPayload } from "../../../src/check/udp.ts";
import type { DnsCheck, FileCheck, UdpCheck } from "../../../src/config/model/check.ts";
import { endpoint, ORIGIN, timing } from "../../support/model.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const base = { id: "x", timing: timing(), origin: ORIGIN, endpoint: endpoint("10.9.1.1", 53) };

describe("MISC_CHECK (lifecycle.json: misc-dynamic, misc-static)", () => {
  test.each([
    [0, false, true, undefined],
    [1, false, false, undefined],
    [2, false, false, undefined],
    [0, true, true, undefined],
    [1, true, false, undefined],
    [2, true, true, { set: 0 }],
    [12, true, true, { set: 10 }],
    [255, true, true, { set: 253 }],
  ] as const)("status %p, dynamic %p", (status, dynamic, ok, weight) => {
    expect(judgeProgram({ kind: "exit", status }, dynamic)).toMatchObject(weight ? { ok, weight } : { ok });
    expect(judgeProgram({ kind: "exit", status }, dynamic).weight).toEqual(weight);
  });

  test.each([
    [{ kind: "signal", signal: "SIGSEGV" }, "signal"],
    [{ kind: "timeout", limitMs: 2000 }, "timeout"],
    [{ kind: "cannot-start", reason: "ENOENT" }, "exec"],
  ] as const)("%p is a failure", (end, code) => {
    expect(judgeProgram(end, true)).toMatchObject({ ok: false, code });
  });
});

test("MISC_CHECK: a program for which this machine had no room says nothing about the server", () => {
  const end = { kind: "cannot-start", reason: "fork: EAGAIN" } as const;
  expect(judgeProgram({ ...end, transient: true }, false)).toEqual({
    ok: false,
    code: "local",
    reason: "could not try: fork: EAGAIN",
    inconclusive: true,
  });
  expect(judgeProgram(end, false).inconclusive).toBeUndefined();
});

describe("SMTP_CHECK", () => {
  /** Plays a server's lines, one after each of ours, and gives what was sent and how it ended. */
  function play(...server: readonly string[]): string {
    const talk = createSmtpTalk("lb.example.org");
    const sent: string[] = [];
    for (const text of server) {
      const next = talk.feed(bytes(text));
      if (!next) continue;
      if ("send" in next) sent.push(next.send.trimEnd());
      else return [...sent, next.ok ? "UP" : "DOWN"].join(" | ");
    }
    return [...sent, talk.end().ok ? "UP" : "DOWN"].join(" | ");
  }
  const HELO = "HELO lb.example.org";

  test.each([
    ["normal", ["220 mail ESMTP\r\n", "250 ok\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["multi-line banner (C6)", ["220-mail\r\n220 hello\r\n", "250 ok\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["bare 220 (C6)", ["220\r\n", "250 ok\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["LF only", ["220\n", "250 ok\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["multi-line answer to HELO (C6)", ["220 m\r\n", "250-a\r\n250 b\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["busy", ["421 busy\r\n"], "DOWN"],
    ["another code in a later line", ["220-mail\r\n554 no\r\n"], "DOWN"],
    ["code and no blank", ["2200 mail\r\n"], "DOWN"],
    ["HELO refused", ["220 m\r\n", "500 no\r\n"], `${HELO} | DOWN`],
    ["closed after QUIT", ["220 m\r\n", "250 ok\r\n"], `${HELO} | QUIT | DOWN`],
    ["any answer to QUIT", ["220 m\r\n", "250 ok\r\n", "500 what\r\n"], `${HELO} | QUIT | UP`],
    ["banner in pieces", ["22", "0 mail", "\r\n", "250 ok\r\n", "221 bye\r\n"], `${HELO} | QUIT | UP`],
    ["a line without end", ["2".repeat(2000)], "DOWN"],
    ["lines without end", ["220-x\r\n".repeat(500)], "DOWN"],
    ["nothing", [], "DOWN"],
  ] as const)("%s", (_why, server, expected) => {
    expect(play(...server)).toBe(expected);
  });

  test("whatever comes, nothing is thrown", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(..."220 |250-|\r\n|\n".split("|")).map(bytes)),
        ),
        (parts) => {
          const talk = createSmtpTalk("x");
          for (const part of parts) talk.feed(part);
          expect(talk.end().ok).toBe(false);
        },
      ),
    );
  });
});

describe("DNS_CHECK", () => {
  const check = (part: Partial<DnsCheck> = {}): DnsCheck => ({
    kind: "DNS_CHECK",
    type: "SOA",
    name: ".",
    ...base,
    ...part,
  });

  test.each([
    ["default (verdicts.json)", {}, "1234010000010000000000000000060001"],
    [
      "name",
      { type: "A", name: "www.example.org" },
      "123401000001000000000000" + "03777777076578616d706c65036f726700" + "00010001",
    ],
    [
      "trailing dot",
      { type: "AAAA", name: "www.example.org." },
      "123401000001000000000000" + "03777777076578616d706c65036f726700" + "001c0001",
    ],
    ["empty name", { name: "" }, "1234010000010000000000000000060001"],
  ] as const)("query: %s", (_why, part, hex) => {
    expect(toHex(dnsQuery(check(part), 0x1234) ?? new Uint8Array())).toBe(hex);
  });

  test.each([["a..b"], ["x".repeat(64)], [Array(60).fill("abcdef").join(".")]])("no query for %p", (name) => {
    expect(dnsQuery(check({ name }), 1)).toBeUndefined();
  });

  test.each([
    ["NOERROR", "1234818000010000000000000000060001", true],
    ["header only", "123481800001000000000000", true],
    ["truncated flag", "1234838000010000000000000000060001", true],
    ["NXDOMAIN", "1234818300010000000000000000060001", false],
    ["SERVFAIL", "1234818200010000000000000000060001", false],
    ["11 bytes with our id", "1234818000010000000000", false],
    ["1 byte of whoever guessed the port", "12", undefined],
    ["11 bytes with another id", "1334818000010000000000", undefined],
    ["another id", "1334818000010000000000000000060001", undefined],
    ["a question", "1234010000010000000000000000060001", undefined],
    ["answers behind the question", "12348180000100010000000000000600010000060001", true],
  ] as const)("answer: %s", (_why, hex, ok) => {
    expect(judgeDnsAnswer(fromHex(hex) ?? new Uint8Array(), 0x1234)?.ok).toBe(ok);
  });
});

describe("UDP_CHECK", () => {
  const check = (replyPattern?: string, part: Partial<UdpCheck> = {}): UdpCheck => ({
    kind: "UDP_CHECK",
    ...base,
    requireReply: true,
    minReplyLength: 0,
    maxReplyLength: 255,
    ...(replyPattern === undefined ? {} : { replyPattern }),
    ...part,
  });

  test("payload (verdicts.json)", () => {
    expect(toHex(udpPayload(check()))).toBe("6b656570616c6976656420636865636b202d206b656570616c69766564206368");
    expect(toHex(udpPayload(check(undefined, { payload: "0a0b0c" })))).toBe("0a0b0c");
  });

  test.each([
    ["any answer", check(), "6869", true],
    ["an empty answer", check(), "", true],
    ["match", check("01020304"), "01020304", true],
    ["mismatch", check("01020304"), "01020305", false],
    ["wildcard nibble", check("010x0304"), "010f0304", true],
    ["wildcard byte", check("01xx0304"), "01ff0304", true],
    ["shorter than the pattern (C7: keepalived says up)", check("01020304"), "0102", false],
    ["longer than the pattern", check("01020304"), "0102030405", true],
    ["length without a pattern is not looked at", check(undefined, { minReplyLength: 10 }), "01", true],
    ["too short", check("0102", { minReplyLength: 10 }), "0102", false],
    ["longer than 255", check("01"), "01".repeat(300), false],
    ["longer than 255 without a pattern", check(), "01".repeat(300), true],
  ] as const)("%s", (_why, settings, hex, ok) => {
    expect(judgeUdpAnswer(fromHex(hex) ?? new Uint8Array(), settings).ok).toBe(ok);
  });
});

describe("PING_CHECK", () => {
  const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const zeros = new Uint8Array(8);

  test("request and reply, IPv4 with checksum", () => {
    const request = echoRequest(4, 0x1234, 7, zeros);
    expect([request.byteLength, toHex(request.subarray(0, 8))]).toEqual([64, "0800e5c412340007"]);
    const reply = Uint8Array.from([0, ...request.subarray(1)]);
    expect(isEchoReply(4, reply, 0x1234, 7, zeros)).toBe(true);
    expect(isEchoReply(4, reply, 0x1234, 8, zeros)).toBe(false);
    expect(isEchoReply(4, reply, 0x1235, 7, zeros)).toBe(false);
    expect(isEchoReply(4, request, 0x1234, 7, zeros)).toBe(false);
    expect(isEchoReply(4, reply.subarray(0, 15), 0x1234, 7, zeros)).toBe(false);
  });

  test("IPv6 types", () => {
    const request = echoRequest(6, 1, 2, nonce);
    expect(request[0]).toBe(128);
    expect(isEchoReply(6, Uint8Array.from([129, ...request.subarray(1)]), 1, 2, nonce)).toBe(true);
  });

  test("who did not see the request can't answer it: the payload must come back", () => {
    const reply = Uint8Array.from([0, ...echoRequest(4, 1, 2, nonce).subarray(1)]);
    expect(isEchoReply(4, reply, 1, 2, nonce)).toBe(true);
    for (let at = 8; at < 16; at++) {
      const forged = reply.slice();
      forged[at] = (forged[at] ?? 0) ^ 1;
      expect(isEchoReply(4, forged, 1, 2, nonce)).toBe(false);
    }
  });
});

describe("FILE_CHECK (lifecycle.json)", () => {
  const check = (weight: number, reverse = false): FileCheck => ({
    kind: "FILE_CHECK",
    id: "f",
    timing: timing(),
    origin: ORIGIN,
    file: "/lab/wf",
    weight,
    reverse,
  });

  test.each([
    ["5\n", 5],
    [" -3", -3],
    ["+7 servers", 7],
    ["junk", 0],
    ["", 0],
    [undefined, 0],
    ["-2147483648", -2147483648],
    ["99999999999", 2147483647],
  ])("%p reads as %p", (text, value) => {
    expect(fileValue(text)).toBe(value);
  });

  test.each([
    ["5", check(1), true, { add: 5 }],
    ["-20", check(1), true, { add: -20 }],
    ["5", check(2), true, { add: 10 }],
    ["5", check(1, true), true, { add: -5 }],
    ["-2147483648", check(1), false, undefined],
    ["1", check(0), false, undefined],
    ["0", check(0), true, undefined],
    ["-1", check(0), false, undefined],
    [undefined, check(0), true, undefined],
  ] as const)("%p", (text, settings, ok, weight) => {
    const outcome = judgeFile(text, settings);
    expect([outcome.ok, outcome.weight]).toEqual([ok, weight]);
  });
});
