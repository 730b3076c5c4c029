// Words about the connection of a check: each from the text of a configuration to an attempt, on a clock that is moved by hand where
// nobody answers, on a real socket where TLS is spoken.
import { afterAll, beforeAll, describe, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_FD } from "../../../ffi/fd.ts";
import type { Check, Config } from "../../../src/config/model.ts";
import type { CheckSocket, PingSocket } from "../../../src/kernel/check-socket.ts";
import type { Readiness } from "../../../src/kernel/readiness.ts";
import { createProbes } from "../../../src/probe/probes.ts";
import { selfSigned } from "../../support/certificate.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { expectWord, serviceText, type WordCase } from "../../support/words.ts";
import { attempt, probes, serveTls } from "../probe/bench.ts";

const REAL = "virtual_server/real_server";

function firstCheck({ virtualServers }: Config): Check {
  const check = virtualServers[0]?.realServers[0]?.checks[0];
  if (!check) throw new Error("no check");
  return check;
}

describe("connect_timeout", () => {
  const SILENT: CheckSocket & PingSocket = {
    fd: NO_FD,
    connect: () => undefined,
    takeError: () => undefined,
    read: () => ({ kind: "again" }),
    write: ({ byteLength }) => ({ kind: "done", count: byteLength }),
    send: (_ip, { byteLength }) => ({ kind: "done", count: byteLength }),
    receive: () => undefined,
    shutdownWrite() {},
    reset() {},
    handOver: () => NO_FD,
    close() {},
  };
  const watch = () => ({ setInterest() {}, remove() {}, leave() {} });
  const deaf: Readiness = { add: watch, addBrief: watch, watched: () => 0, [Symbol.dispose]() {} };

  /** Seconds until an attempt that nobody answers is over. */
  const givenUp = (config: Config) => {
    const clock = manualClock();
    const silent = createProbes({
      clock,
      readiness: deaf,
      openTcp: () => ({ ok: true, value: SILENT }),
      openUdp: () => ({ ok: true, value: SILENT }),
      openPing: () => ({ ok: true, value: SILENT }),
      random: () => 0,
      runProgram: () => new Promise(() => {}),
      readFile: () => undefined,
    });
    let over: number | undefined;
    silent.start({ check: firstCheck(config), part: 0 }, () => {
      over = clock.now() / 1000;
    });
    clock.advance(60_000);
    return over;
  };
  const kinds = ["TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "PING_CHECK"];
  const url = (kind: string) => (kind.endsWith("_GET") ? "url {\npath /\n}" : "");
  test.each<WordCase<number | undefined>>([
    ...kinds.map(
      (kind): WordCase<number | undefined> => [
        `${REAL}/${kind}/connect_timeout`,
        serviceText("", `${kind} {\n${url(kind)}\n«connect_timeout 7»\n}`),
        7,
        5,
      ],
    ),
    [
      `${REAL}/SMTP_CHECK/host/connect_timeout`,
      serviceText("", "SMTP_CHECK {\nhost {\n«connect_timeout 7»\n}\n}"),
      7,
      5,
    ],
    [`${REAL}/connect_timeout`, serviceText("", "«connect_timeout 7»\nTCP_CHECK {\n}"), 7, 5],
    ["virtual_server/connect_timeout", serviceText("«connect_timeout 7»", "TCP_CHECK {\n}"), 7, 5],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, givenUp, seen, otherwise));
});

describe("TLS", () => {
  const directory = mkdtempSync(join(tmpdir(), "lbd-words-"));
  const at = (name: string) => join(directory, name);
  beforeAll(() => {
    const { cert, key } = selfSigned("director");
    const sealed = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open-sesame" } as const;
    writeFileSync(at("cert"), cert);
    writeFileSync(at("key"), key);
    writeFileSync(at("sealed"), createPrivateKey(key).export(sealed));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** What an attempt comes to, and the name and certificate that the server is shown. */
  async function tried(config: Config): Promise<string> {
    const server = await serveTls("HTTP/1.0 200 OK\r\n\r\n", { requestCert: true });
    const check = firstCheck(config);
    if (check.kind !== "SSL_GET") throw new Error("no SSL_GET");
    probes.setSslClient(config.ssl);
    const { code } = await attempt({ ...check, endpoint: { ...check.endpoint, ip: "127.0.0.1", port: server.port } });
    probes.setSslClient(undefined);
    server.close();
    return [code, ...server.seen].join(", ");
  }
  const get = (lines = "") =>
    serviceText("", `SSL_GET {\nconnect_timeout 60\n${lines}\nurl {\npath /\nvirtualhost www.example.net\n}\n}`);
  const client = (lines: string) => `SSL {\n${lines}\n}\n${get()}`;
  const PLAIN = "ok, no name, no certificate";
  const KNOWN = "ok, no name, director";
  test.each<WordCase<string>>([
    [`${REAL}/SSL_GET/enable_sni`, get("«enable_sni»"), "ok, www.example.net, no certificate", PLAIN],
    [`${REAL}/SSL_GET/sni_name`, get("«sni_name sni.example.net»"), "ok, sni.example.net, no certificate", PLAIN],
    ["SSL", `«SSL {\ncertificate ${at("cert")}\nkey ${at("key")}\n}\n»${get()}`, KNOWN, PLAIN],
    ["SSL/certificate", client(`«certificate ${at("cert")}»\nkey ${at("key")}`), KNOWN, PLAIN],
    ["SSL/key", client(`certificate ${at("cert")}\n«key ${at("key")}»`), KNOWN, PLAIN],
    ["SSL/password", client(`certificate ${at("cert")}\nkey ${at("sealed")}\n«password open-sesame»`), KNOWN, "tls"],
    // Servers are not verified with it (C5), but it is read.
    ["SSL/ca", client(`«ca ${at("missing")}»`), "tls", PLAIN],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, tried, seen, otherwise));
});
