// Words about the connection of a check: each from the text of a configuration to an attempt, on a clock that is moved by hand where
// nobody answers, on a real socket where TLS is spoken.
import { afterAll, beforeAll, describe, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_FD } from "../../../ffi/fd.ts";
import type { Check } from "../../../src/config/model/check.ts";
import type { Config } from "../../../src/config/model/config.ts";
import type { CheckSocket, PingSocket, SocketSource } from "../../../src/kernel/check-socket.ts";
import type { Readiness } from "../../../src/kernel/readiness.ts";
import { readWhole } from "../../../src/kernel/regular-file.ts";
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

/** The kinds of checks that connect, and the block of each in which the words of a connection may stand. */
const KINDS = ["TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "PING_CHECK"] as const;
const BLOCKS: readonly (readonly [id: string, text: (lines: string) => string])[] = [
  ...KINDS.map((kind) => {
    const url = kind.endsWith("_GET") ? "url {\npath /\n}\n" : "";
    return [`${REAL}/${kind}`, (lines: string) => serviceText("", `${kind} {\n${url}${lines}\n}`)] as const;
  }),
  [`${REAL}/SMTP_CHECK/host`, (lines) => serviceText("", `SMTP_CHECK {\nhost {\n${lines}\n}\n}`)],
];

/** One attempt that nobody answers: where it goes, where it comes from, and after how many seconds it is over. */
function lonelyAttempt(config: Config) {
  const SILENT: CheckSocket & PingSocket = {
    fd: NO_FD,
    connect(ip, port) {
      target = `${ip}:${port}`;
      return undefined;
    },
    takeError: () => undefined,
    read: () => ({ kind: "again" }),
    write: ({ byteLength }) => ({ kind: "done", count: byteLength }),
    send(ip, { byteLength }) {
      target = ip;
      return { kind: "done", count: byteLength };
    },
    receive: () => undefined,
    shutdownWrite() {},
    reset() {},
    handOver: () => NO_FD,
    close() {},
  };
  const watch = () => ({ setInterest() {}, remove() {}, leave() {} });
  const deaf: Readiness = { add: watch, addBrief: watch, watched: () => 0, [Symbol.dispose]() {} };

  let target = "";
  let source: SocketSource | undefined;
  let over: number | undefined;
  const open = (from: SocketSource) => {
    source = from;
    return { ok: true, value: SILENT } as const;
  };
  const clock = manualClock();
  const lonely = createProbes({
    clock,
    readiness: deaf,
    openTcp: open,
    openUdp: open,
    openPing: open,
    openSystemTls: () => ({ ok: false, error: "not in this test" }),
    random: () => 0,
    runProgram: () => new Promise(() => {}),
    readFile: () => undefined,
    readWhole,
    session: () => undefined,
  });
  lonely.start({ check: firstCheck(config), part: 0 }, () => {
    over = clock.now() / 1000;
  });
  clock.advance(60_000);
  return { target, source, over };
}

describe("a connection", () => {
  test.each<WordCase<number | undefined>>([
    ...BLOCKS.map(
      ([id, text]): WordCase<number | undefined> => [`${id}/connect_timeout`, text("«connect_timeout 7»"), 7, 5],
    ),
    [`${REAL}/connect_timeout`, serviceText("", "«connect_timeout 7»\nTCP_CHECK {\n}"), 7, 5],
    ["virtual_server/connect_timeout", serviceText("«connect_timeout 7»", "TCP_CHECK {\n}"), 7, 5],
  ])("%s: given up after", (_id, text, seen, otherwise) =>
    expectWord(text, (config) => lonelyAttempt(config).over, seen, otherwise),
  );

  const withPorts = BLOCKS.filter(([id]) => !id.endsWith("PING_CHECK"));
  test.each<WordCase<string>>([
    ...withPorts.flatMap(([id, text]): WordCase<string>[] => [
      [`${id}/connect_ip`, text("«connect_ip 192.0.2.7»"), "192.0.2.7:80", "192.0.2.81:80"],
      [`${id}/connect_port`, text("«connect_port 8081»"), "192.0.2.81:8081", "192.0.2.81:80"],
    ]),
    [
      `${REAL}/PING_CHECK/connect_ip`,
      serviceText("", "PING_CHECK {\n«connect_ip 192.0.2.7»\n}"),
      "192.0.2.7",
      "192.0.2.81",
    ],
  ])("%s: where it goes", (_id, text, seen, otherwise) =>
    expectWord(text, (config) => lonelyAttempt(config).target, seen, otherwise),
  );

  const sources: readonly (readonly [line: string, seen: Partial<SocketSource>])[] = [
    ["bindto 192.0.2.8", { bindIp: "192.0.2.8" }],
    ["bind_port 40022", { bindPort: 40022 }],
    ["bind_if eth7", { bindInterface: "eth7" }],
    ["fwmark 7", { fwmark: 7 }],
  ];
  const PLAIN: SocketSource = { family: 4, fwmark: 0 };
  test.each(
    BLOCKS.flatMap(([id, text]) =>
      sources
        .filter(([line]) => !(id.endsWith("PING_CHECK") && line.startsWith("bind_port")))
        .map(
          ([line, seen]): WordCase<SocketSource> => [
            `${id}/${line.split(" ")[0]}`,
            text(`«${line}»`),
            { ...PLAIN, ...seen },
            PLAIN,
          ],
        ),
    ),
  )("%s: where it comes from", (_id, text, seen, otherwise) =>
    expectWord<SocketSource | undefined>(text, (config) => lonelyAttempt(config).source, seen, otherwise),
  );
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
