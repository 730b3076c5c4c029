// Words about what a check asks and how it judges the answer: each from the text of a configuration to what is sent and what an answer comes to.
import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { dnsQuery } from "../../../src/check/dns.ts";
import { judgeFile } from "../../../src/check/file.ts";
import { createHttpReader, httpRequest } from "../../../src/check/http.ts";
import { createSmtpTalk } from "../../../src/check/smtp.ts";
import { judgeUdpAnswer, udpPayload } from "../../../src/check/udp.ts";
import type { Check } from "../../../src/config/model/check.ts";
import type { Config } from "../../../src/config/model/config.ts";
import { configOf, expectWord, serviceText, type WordCase } from "../../support/words.ts";
import { bench } from "../roles/checker/bench.ts";

const REAL = "virtual_server/real_server";

/** The first check of a kind. */
function checkOf<K extends Check["kind"]>(config: Config, kind: K): Check & { readonly kind: K } {
  const checks = config.virtualServers.flatMap((service) => service.realServers.flatMap((server) => server.checks));
  const check = checks.find((one): one is Check & { readonly kind: K } => one.kind === kind);
  if (!check) throw new Error(`no ${kind}`);
  return check;
}

describe.each(["HTTP_GET", "SSL_GET"] as const)("%s", (kind) => {
  const http = (lines: string, url = "") => serviceText("", `${kind} {\n${lines}\nurl {\npath /\n${url}\n}\n}`);
  const check = (config: Config) => checkOf<"HTTP_GET" | "SSL_GET">(config, kind);

  /** The lines of the request for the first page. */
  const request = (config: Config) => {
    const [url] = check(config).urls;
    return (
      url &&
      httpRequest(check(config), url)
        .split("\r\n")
        .filter((line) => line !== "")
    );
  };
  const USUAL = ["GET / HTTP/1.0", "User-Agent: KeepAliveClient", "Host: 192.0.2.81:80"];
  const asking = (line: string) => USUAL.with(0, line);
  const from = (host: string) => USUAL.with(2, `Host: ${host}`);
  test.each<WordCase<readonly string[] | undefined>>([
    [
      `${REAL}/${kind}/http_protocol`,
      http("«http_protocol 1.1»"),
      asking("GET / HTTP/1.1").toSpliced(2, 0, "Connection: close"),
      USUAL,
    ],
    [`${REAL}/${kind}/url/path`, http("", "«path /other»"), asking("GET /other HTTP/1.0"), USUAL],
    [`${REAL}/${kind}/url/virtualhost`, http("", "«virtualhost www.example.net»"), from("www.example.net"), USUAL],
    [`${REAL}/${kind}/virtualhost`, http("«virtualhost www.example.net»"), from("www.example.net"), USUAL],
    [
      `${REAL}/virtualhost`,
      serviceText("", `«virtualhost www.example.net»\n${kind} {\nurl {\npath /\n}\n}`),
      from("www.example.net"),
      USUAL,
    ],
    [
      "virtual_server/virtualhost",
      serviceText("«virtualhost www.example.net»", `${kind} {\nurl {\npath /\n}\n}`),
      from("www.example.net"),
      USUAL,
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, request, seen, otherwise));

  /** What an answer comes to: the reason's code. */
  const verdict = (answer: string) => (config: Config) => {
    const [url] = check(config).urls;
    if (!url) return undefined;
    const reader = createHttpReader(url);
    const known = reader.feed(new TextEncoder().encode(`HTTP/1.0 ${answer}`));
    return (known ?? reader.end()).code;
  };
  const HELLO = "200 OK\r\n\r\nhello world";
  test.each<readonly [...WordCase<string | undefined>, answer: string]>([
    ["status_code", http("", "«status_code 404»"), "ok", "status", "404 Not Found\r\n\r\n"],
    ["digest", http("", `«digest ${"0".repeat(32)}»`), "digest", "ok", HELLO],
    ["regex", http("", "«regex goodbye»"), "regex", "ok", HELLO],
    ["regex_no_match", http("", "regex hello\n«regex_no_match»"), "regex", "ok", HELLO],
    ["regex_options", http("", "regex HELLO\n«regex_options caseless»"), "ok", "regex", HELLO],
    ["regex_min_offset", http("", "regex hello\n«regex_min_offset 1»"), "regex", "ok", HELLO],
    ["regex_max_offset", http("", "regex world\n«regex_max_offset 3»"), "regex", "ok", HELLO],
  ])(`${REAL}/${kind}/url/%s`, (_id, text, seen, otherwise, answer) =>
    expectWord(text, verdict(answer), seen, otherwise),
  );

  const pages = (config: Config) => check(config).urls.map(({ path }) => path);
  test(`${REAL}/${kind}/url`, () => expectWord(http("«url {\npath /second\n}»"), pages, ["/second", "/"], ["/"]));

  test.each([
    ["fast_recovery", http("fast_recovery\nurl {\npath /second\n}")],
    ["no word, unlike keepalived (compat-notes.md)", http("url {\npath /second\n}")],
  ])("all pages are asked for one after the other, with %s", (_why, text) => {
    const b = bench();
    b.start(configOf(text));
    b.clock.advance(1500);
    expect(b.starts.map(({ attempt }) => attempt.part)).toEqual([0, 1]);
  });
});

describe("kinds of checks", () => {
  const kinds = (config: Config) => {
    const b = bench();
    b.start(config);
    b.clock.advance(2000);
    return b.starts.map(({ attempt }) => attempt.check.kind);
  };
  test.each<WordCase<readonly string[]>>(
    [
      ["TCP_CHECK", ""],
      ["HTTP_GET", "url {\npath /\n}"],
      ["SSL_GET", "url {\npath /\n}"],
      ["SMTP_CHECK", ""],
      ["DNS_CHECK", ""],
      ["UDP_CHECK", ""],
      ["PING_CHECK", ""],
      ["MISC_CHECK", "misc_path /bin/true"],
    ].map(([kind, needs]) => [`${REAL}/${kind}`, serviceText("", `«${kind} {\n${needs}\n}»`), [`${kind}`], []]),
  )("%s is run", (_id, text, seen, otherwise) => expectWord(text, kinds, seen, otherwise));
});

describe("DNS_CHECK", () => {
  const dns = (line: string) => serviceText("", `DNS_CHECK {\n${line}\n}`);
  const query = (config: Config) => toHex(dnsQuery(checkOf(config, "DNS_CHECK"), 0)?.subarray(12) ?? new Uint8Array());
  test.each<WordCase<string>>([
    [`${REAL}/DNS_CHECK/type`, dns("«type A»"), "0000010001", "0000060001"],
    [`${REAL}/DNS_CHECK/name`, dns("«name a.bc»"), "016102626300" + "00060001", "0000060001"],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, query, seen, otherwise));
});

describe("SMTP_CHECK", () => {
  const smtp = (lines: string) => serviceText("", `SMTP_CHECK {\n${lines}\n}`);
  test(`${REAL}/SMTP_CHECK/helo_name`, () =>
    expectWord(
      smtp("«helo_name lb.example.net»"),
      (config) => createSmtpTalk(checkOf(config, "SMTP_CHECK").heloName).feed(new TextEncoder().encode("220 mail\r\n")),
      { send: "HELO lb.example.net\r\n" },
      { send: "HELO smtpchecker.keepalived.org\r\n" },
    ));
  test(`${REAL}/SMTP_CHECK/host`, () =>
    expectWord(
      // Two tell it from a connect_ip of the check itself, of which the first counts.
      smtp("«host {\nconnect_ip 192.0.2.83\n}\nhost {\nconnect_ip 192.0.2.82\n}»"),
      (config) => {
        const b = bench();
        b.fails("192.0.2.82");
        b.start(config);
        b.clock.advance(2000);
        return b.shown();
      },
      "192.0.2.80:80 rr:",
      "192.0.2.80:80 rr: 192.0.2.81=1",
    ));
});

describe("UDP_CHECK", () => {
  const udp = (lines: string) => serviceText("", `UDP_CHECK {\n${lines}\n}`);
  const verdict = (hex: string) => (config: Config) =>
    judgeUdpAnswer(fromHex(hex) ?? new Uint8Array(), checkOf(config, "UDP_CHECK")).ok;
  test.each<readonly [...WordCase<boolean>, answer: string]>([
    ["require_reply", udp("«require_reply 0102»"), false, true, "0304"],
    ["min_reply_length", udp("require_reply 01\n«min_reply_length 3»"), false, true, "0102"],
    ["max_reply_length", udp("require_reply 01\n«max_reply_length 1»"), false, true, "0102"],
  ])(`${REAL}/UDP_CHECK/%s`, (_id, text, seen, otherwise, answer) =>
    expectWord(text, verdict(answer), seen, otherwise),
  );

  test(`${REAL}/UDP_CHECK/payload`, () =>
    expectWord(
      udp("«payload 0a0b»"),
      (config) => toHex(udpPayload(checkOf(config, "UDP_CHECK"))),
      "0a0b",
      "6b656570616c6976656420636865636b202d206b656570616c69766564206368",
    ));
});

describe("FILE_CHECK", () => {
  test(`${REAL}/FILE_CHECK/weight`, () =>
    expectWord(
      `track_file load {\nfile /run/load\n}\n${serviceText("", "FILE_CHECK {\ntrack_file load\n«weight 3»\n}")}`,
      (config) => judgeFile("5", checkOf(config, "FILE_CHECK")).weight,
      { add: 15 },
      { add: 5 },
    ));
});
