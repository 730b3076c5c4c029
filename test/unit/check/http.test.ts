import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  createHttpReader,
  httpRequest,
  MAX_BODY_BYTES,
  MAX_FRAMING_BYTES,
  MAX_HEADER_BYTES,
  MAX_READ_BYTES,
  MAX_SEARCHED_BYTES,
  MAX_UNDIGESTED_BYTES,
} from "../../../src/check/http.ts";
import type { Outcome } from "../../../src/check/outcome.ts";
import type { HttpUrl } from "../../../src/config/model/check.ts";
import { httpCheck, httpUrl } from "../../support/model.ts";

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const md5 = (text: string) => createHash("md5").update(latin1(text)).digest("hex");
const OK = "HTTP/1.1 200 OK\r\n";

/** What an answer comes to when the server then keeps the connection open (`more`), and when it closes. */
function read(answer: string, url: Partial<HttpUrl> = {}, pieces = [answer.length]): { open: string; closed: Outcome } {
  const reader = createHttpReader(httpUrl(url));
  const bytes = latin1(answer);
  let outcome: Outcome | undefined;
  let at = 0;
  for (const size of [...pieces, bytes.byteLength]) {
    // A buffer of its own that is spoilt afterwards, as the probe's is.
    const piece = bytes.slice(at, at + size);
    at += piece.byteLength;
    if (piece.byteLength > 0) outcome = reader.feed(piece) ?? outcome;
    piece.fill(0x58);
  }
  return { open: outcome?.code ?? "more", closed: reader.end() };
}

const regex = (pattern: string, part: Partial<NonNullable<HttpUrl["regex"]>> = {}) => ({
  regex: { pattern, options: [], noMatch: false, minOffset: 0, ...part },
});

describe("answers", () => {
  test.each([
    ["length known: done without a close (C2)", `${OK}Content-Length: 2\r\n\r\nhi`, {}, "ok", "ok"],
    ["length not known: until the close", `${OK}\r\nhi`, {}, "more", "ok"],
    ["length in any spelling (C3)", `${OK}CONTENT-length:2\r\n\r\nhi`, {}, "ok", "ok"],
    ["length 0", `${OK}Content-Length: 0\r\n\r\n`, {}, "ok", "ok"],
    ["the same length twice", `${OK}Content-Length: 2\r\nContent-Length: 2, 2\r\n\r\nhi`, {}, "ok", "ok"],
    ["two lengths", `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`, {}, "protocol", "protocol"],
    ["no length at all", `${OK}Content-Length: two\r\n\r\nhi`, {}, "protocol", "protocol"],
    [
      "a body that ends early is judged as it is",
      `${OK}Content-Length: 9\r\n\r\nhi`,
      { digest: md5("hi") },
      "more",
      "ok",
    ],
    [
      "more than announced is not looked at",
      `${OK}Content-Length: 2\r\n\r\nhiEXTRA`,
      { digest: md5("hi") },
      "ok",
      "ok",
    ],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", {}, "ok", "ok"],
    [
      "not modified, when wanted",
      "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n",
      { statusCodes: [[304, 304]] },
      "ok",
      "ok",
    ],
    [
      "interim answers are passed over",
      `HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 X\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      {},
      "ok",
      "ok",
    ],
    ["an interim answer that is wanted", "HTTP/1.1 100 X\r\n\r\n", { statusCodes: [[100, 100]] }, "ok", "ok"],
    ["interim alone", "HTTP/1.1 100 X\r\n\r\n", {}, "more", "protocol"],
    ["switching protocols is final", "HTTP/1.1 101 X\r\n\r\n", {}, "status", "status"],
    ["wrong status is known at the header's end", "HTTP/1.1 503 X\r\n\r\n", {}, "status", "status"],
    [
      "status ranges",
      "HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n",
      {
        statusCodes: [
          [200, 200],
          [301, 302],
        ],
      },
      "ok",
      "ok",
    ],
    ["any first word (keepalived)", "ICY 200 OK\r\n\r\nx", {}, "more", "ok"],
    ["no blank behind the code (keepalived)", "HTTP/1.1 200\r\n\r\nx", {}, "protocol", "protocol"],
    ["no status line", "hello\r\n\r\nworld", {}, "protocol", "protocol"],
    ["letters for a code", "HTTP/1.1 OK 200\r\n\r\n", {}, "protocol", "protocol"],
    ["an LF-only header is no header yet", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", {}, "more", "protocol"],
    ["nothing", "", {}, "more", "protocol"],
    ["lines without a colon are passed over", `${OK}what is this\r\nContent-Length: 0\r\n\r\n`, {}, "ok", "ok"],
    [
      "chunks",
      `${OK}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n`,
      { digest: md5("hello") },
      "ok",
      "ok",
    ],
    [
      "chunked wins over a length",
      `${OK}Content-Length: 1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
      { digest: md5("a") },
      "ok",
      "ok",
    ],
    [
      "chunks whose end is missing are judged as they are",
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`,
      { digest: md5("hel") },
      "more",
      "ok",
    ],
    ["bad chunk size", `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, {}, "protocol", "protocol"],
    ["chunk longer than its size", `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`, {}, "protocol", "protocol"],
    ["chunk line ends in LF only", `${OK}Transfer-Encoding: chunked\r\n\r\n1\na\r\n`, {}, "protocol", "protocol"],
    [
      "chunk size without an end",
      `${OK}Transfer-Encoding: chunked\r\n\r\n${"0".repeat(5000)}`,
      {},
      "protocol",
      "protocol",
    ],
    [
      "digest over the chunks as they came (keepalived, --genhash)",
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      { digest: md5("5\r\nhello\r\n0\r\n\r\n") },
      "ok",
      "ok",
    ],
    ["wrong digest", `${OK}Content-Length: 2\r\n\r\nhi`, { digest: md5("ho") }, "digest", "digest"],
    ["digest of nothing", `${OK}\r\n`, { digest: md5("") }, "more", "ok"],
    ["regex", `${OK}Content-Length: 9\r\n\r\nstatus:ok`, regex("^status:(ok|fine)$"), "ok", "ok"],
    ["regex missing", `${OK}Content-Length: 2\r\n\r\nhi`, regex("ok"), "regex", "regex"],
    [
      "regex that must not occur",
      `${OK}Content-Length: 5\r\n\r\nerror`,
      regex("err", { noMatch: true }),
      "regex",
      "regex",
    ],
    ["regex that does not", `${OK}Content-Length: 2\r\n\r\nhi`, regex("err", { noMatch: true }), "ok", "ok"],
    [
      "regex looks at the decoded body",
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`,
      regex("^abc$"),
      "ok",
      "ok",
    ],
    [
      "regex from an offset on",
      `${OK}Content-Length: 4\r\n\r\nabab`,
      regex("ab", { minOffset: 1, maxOffset: 1 }),
      "regex",
      "regex",
    ],
    ["a regex that can't be used leaves the rest", `${OK}Content-Length: 2\r\n\r\nhi`, regex("(?=x)"), "ok", "ok"],
    ["header of 16 kB", `${OK}X: ${"a".repeat(16_000)}\r\nContent-Length: 0\r\n\r\n`, {}, "ok", "ok"],
    ["header longer than that", `${OK}X: ${"a".repeat(MAX_HEADER_BYTES)}`, {}, "too-large", "too-large"],
    ["interim answers without end", "HTTP/1.1 100 X\r\n\r\n".repeat(1000), {}, "too-large", "too-large"],
    ["announced too much", `${OK}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`, {}, "too-large", "too-large"],
  ] as const)("%s", (_why, answer, url, open, closed) => {
    const got = read(answer, url);
    expect([got.open, got.closed.code]).toEqual([open, closed]);
  });

  test.each([
    [
      "status",
      "HTTP/1.1 503 X\r\n\r\n",
      {
        statusCodes: [
          [200, 200],
          [301, 302],
        ],
      },
      "status 503, wanted 200 301-302",
    ],
    [
      "what stood there, cut and safe",
      `\x1b[2J${"x".repeat(100)}\r\n\r\n`,
      {},
      `no status code in the first line ("\\\\x1b[2J${"x".repeat(56)}…")`,
    ],
    ["how it ended", `${OK}X: 1`, {}, "closed inside the header"],
    ["nothing came", "", {}, "closed without an answer"],
    ["all is well", `${OK}\r\nok`, { digest: md5("ok"), ...regex("ok") }, "status 200, digest as wanted, regex found"],
  ] as const)("reason: %s", (_why, answer, url, reason) => {
    expect(read(answer, url).closed.reason).toBe(reason);
  });

  test.each([
    ["with a digest", { digest: md5("x") }, MAX_BODY_BYTES],
    ["without one", regex("never"), MAX_UNDIGESTED_BYTES],
  ] as const)("an endless body is a failure at its bound, without being kept (%s)", (_why, url, limitBytes) => {
    const reader = createHttpReader(httpUrl(url));
    reader.feed(latin1(`${OK}\r\n`));
    const piece = new Uint8Array(65_536).fill(0x61);
    let fed = 0;
    let outcome: Outcome | undefined;
    while (!outcome && fed < 2 * MAX_BODY_BYTES) {
      outcome = reader.feed(piece);
      fed += piece.byteLength;
    }
    expect([outcome?.code, fed <= limitBytes + piece.byteLength]).toEqual(["too-large", true]);
  });

  test.each([
    ["status alone", {}, MAX_READ_BYTES],
    ["with a digest", { digest: md5("a".repeat(3 * MAX_READ_BYTES)) }, 3 * MAX_READ_BYTES],
  ] as const)("a body of announced length is read as far as somebody looks at it (%s)", (_why, url, readBytes) => {
    const reader = createHttpReader(httpUrl(url));
    reader.feed(latin1(`${OK}Content-Length: ${3 * MAX_READ_BYTES}\r\n\r\n`));
    const piece = new Uint8Array(65_536).fill(0x61);
    let fed = 0;
    let outcome: Outcome | undefined;
    for (; !outcome && fed < 4 * MAX_READ_BYTES; fed += piece.byteLength) outcome = reader.feed(piece);
    expect([outcome?.ok, fed]).toEqual([true, readBytes]);
  });

  test("chunks of one byte without end cost no more than their bound", () => {
    const reader = createHttpReader(httpUrl());
    reader.feed(latin1(`${OK}Transfer-Encoding: chunked\r\n\r\n`));
    const piece = latin1("1\r\na\r\n".repeat(1000));
    let fed = 0;
    let outcome: Outcome | undefined;
    while (!outcome && fed < 2 * MAX_FRAMING_BYTES) {
      outcome = reader.feed(piece);
      fed += piece.byteLength;
    }
    expect([outcome?.code, outcome?.reason]).toEqual(["too-large", "more than 262144 bytes of chunk lines"]);
  });

  test("small chunks of a body that is not small are taken", () => {
    const reader = createHttpReader(httpUrl({ digest: md5("x".repeat(64 * 2000)) }));
    reader.feed(latin1(`${OK}Transfer-Encoding: chunked\r\n\r\n`));
    const outcome = reader.feed(latin1(`${`40\r\n${"x".repeat(64)}\r\n`.repeat(2000)}0\r\n\r\n`));
    expect(outcome?.reason).toBe("status 200, digest as wanted");
  });

  test("a regex sees the beginning of a long body only", () => {
    const body = `${"a".repeat(MAX_SEARCHED_BYTES)}b`;
    const answer = `${OK}Content-Length: ${body.length}\r\n\r\n${body}`;
    expect(read(answer, regex("b")).open).toBe("regex");
    expect(read(answer, regex("a$")).open).toBe("ok");
  });
});

describe("in pieces", () => {
  const answers = [
    `${OK}Content-Length: 5\r\n\r\nhelloEXTRA`,
    `HTTP/1.1 100 X\r\n\r\n${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a\r\n world\r\n0\r\nT: 1\r\n\r\n`,
    `${OK}\r\nuntil the close`,
    "HTTP/1.1 500 X\r\n\r\n",
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n`,
  ];
  test("how an answer is cut changes nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...answers),
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
        fc.constantFrom(md5("hello"), md5("hello world"), undefined),
        (answer, pieces, digest) => {
          const url = { ...(digest === undefined ? {} : { digest }), ...regex("h.*o|until") };
          expect(read(answer, url, pieces)).toEqual(read(answer, url));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("whatever comes, there is an outcome and nothing is thrown", () => {
    const word = fc.constantFrom(
      "HTTP/1.1 ",
      "200 ",
      "100 ",
      "OK",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: ",
      "5",
      "0",
      "chunked",
      "Transfer-Encoding: ",
      "ff",
      ";",
      ":",
      "\n",
      "hello",
    );
    const part = fc.oneof(word.map(latin1), fc.uint8Array({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const reader = createHttpReader(httpUrl({ digest: md5("hello"), ...regex("l+") }));
        for (const bytes of parts) {
          const outcome = reader.feed(bytes);
          if (outcome) expect(outcome.reason).not.toMatch(/[\r\n]/);
        }
        expect(typeof reader.end().ok).toBe("boolean");
      }),
      { numRuns: 20_000 },
    );
  });
});

test.each([
  ["1.0", "GET /p HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: www.example.org\r\n\r\n"],
  ["1.0C", "GET /p HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n"],
  ["1.1", "GET /p HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n"],
] as const)("request %s, byte for byte", (httpProtocol, expected) => {
  const check = httpCheck("10.9.1.1", { httpProtocol });
  expect(httpRequest(check, httpUrl({ path: "/p", host: "www.example.org" }))).toBe(expected);
});
