// SSL_GET reaches every server that OpenSSL's own client reaches, and so keepalived: what the runtime's TLS can't agree on goes by
// way of the system's library. One server of each kind, by Debian's openssl.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import type { HttpCheck } from "../../../src/config/model/check.ts";
import { openPing, openTcp, openUdp } from "../../../src/kernel/check-socket.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { readWhole } from "../../../src/kernel/regular-file.ts";
import { type OpenSystemTls, systemTls } from "../../../src/kernel/system-tls.ts";
import { createProbes } from "../../../src/probe/probes.ts";
import { endpoint, httpCheck, httpUrl } from "../../support/model.ts";
import { clientAgrees, createKeyRing, openSslServer } from "../../support/tls-server.ts";
import { readiness, type Scripted, serve } from "./bench.ts";

const keys = createKeyRing();
afterAll(() => keys.remove());

function sslGet(port: number, connectTimeoutMs = 30_000): HttpCheck {
  return httpCheck("127.0.0.1", {
    kind: "SSL_GET",
    endpoint: endpoint("127.0.0.1", port, { connectTimeoutMs }),
    urls: [httpUrl({ path: "/", statusCodes: [[200, 200]] })],
  });
}

/** Probes that count how often the system's library was asked for. */
function probesWith(openSystemTls: OpenSystemTls) {
  let asked = 0;
  const probes = createProbes({
    clock: systemClock(),
    readiness,
    openTcp,
    openUdp,
    openPing,
    openSystemTls: () => {
      asked++;
      return openSystemTls();
    },
    random: Math.random,
    runProgram: () => Promise.resolve({ kind: "cannot-start", reason: "not in this test" }),
    readFile: () => undefined,
    readWhole,
    session: () => undefined,
  });
  return {
    probes,
    asked: () => asked,
    attempt: (check: HttpCheck) =>
      new Promise<{ ok: boolean; code: string; reason: string }>((resolve) => {
        probes.start({ check, part: 0 }, resolve);
      }),
  };
}

const LOW = "DEFAULT@SECLEVEL=0";

/** `runtime`, `system`: who reaches it; `nobody`: keepalived with Debian's OpenSSL does not either. */
const KINDS: readonly (readonly [why: string, key: string, options: string, who: "runtime" | "system" | "nobody"])[] = [
  ["TLS 1.3", "rsa:2048", "-tls1_3", "runtime"],
  ["TLS 1.2", "rsa:2048", "-tls1_2", "runtime"],
  ["ECDHE, AES-GCM", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", "runtime"],
  ["ECDHE, ChaCha20", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", "runtime"],
  ["ECDHE, CBC with SHA-1", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA", "runtime"],
  ["ECDHE, CBC with SHA-256", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", "system"],
  ["ECDHE, CBC with SHA-384", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", "system"],
  ["ECDHE, Camellia", "rsa:2048", "-tls1_2 -cipher ECDHE-RSA-CAMELLIA256-SHA384", "nobody"],
  ["ECDHE, ARIA", "rsa:2048", "-tls1_2 -cipher ECDHE-ARIA256-GCM-SHA384", "nobody"],
  ["RSA key exchange, AES-GCM", "rsa:2048", "-tls1_2 -cipher AES256-GCM-SHA384", "runtime"],
  ["RSA key exchange, CBC with SHA-1", "rsa:2048", "-tls1_2 -cipher AES128-SHA", "runtime"],
  ["RSA key exchange, CBC with SHA-256", "rsa:2048", "-tls1_2 -cipher AES256-SHA256", "system"],
  ["DHE, AES-GCM", "rsa:2048", "-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", "system"],
  ["DHE, ChaCha20", "rsa:2048", "-tls1_2 -cipher DHE-RSA-CHACHA20-POLY1305", "system"],
  ["DHE, CBC with SHA-256", "rsa:2048", "-tls1_2 -cipher DHE-RSA-AES128-SHA256", "system"],
  ["TLS 1.3 with X25519", "rsa:2048", "-tls1_3 -groups X25519", "runtime"],
  ["TLS 1.3 with P-384", "rsa:2048", "-tls1_3 -groups P-384", "runtime"],
  ["TLS 1.3 with P-521", "rsa:2048", "-tls1_3 -groups P-521", "system"],
  ["TLS 1.3 with X448", "rsa:2048", "-tls1_3 -groups X448", "system"],
  ["TLS 1.2 with P-521", "rsa:2048", "-tls1_2 -groups P-521", "runtime"],
  ["TLS 1.3, AES-CCM", "rsa:2048", "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", "nobody"],
  ["key on P-256", "ec:P-256", "-tls1_2", "runtime"],
  ["key on P-384", "ec:P-384", "-tls1_3", "runtime"],
  ["key on P-521", "ec:P-521", "-tls1_3", "runtime"],
  ["key of Ed25519", "ed25519", "-tls1_3", "runtime"],
  ["key of Ed448", "ed448", "-tls1_3", "system"],
  ["RSA key of 4096 bits", "rsa:4096", "-tls1_2", "runtime"],
  ["RSA key of 1024 bits", "rsa:1024", `-tls1_2 -cipher ${LOW}`, "runtime"],
  ["TLS 1.1", "rsa:2048", `-tls1_1 -cipher ${LOW}`, "nobody"],
  ["TLS 1.0", "rsa:2048", `-tls1 -cipher ${LOW}`, "nobody"],
];

describe("a server of each kind, beside OpenSSL's own client", () => {
  test.each(KINDS)("%s, %s", async (_why, key, options, who) => {
    const server = await openSslServer(keys.pair(key), options.split(" "));
    try {
      const { attempt, asked } = probesWith(systemTls());
      const check = sslGet(server.port);
      const first = await attempt(check);
      const reached = !first.ok ? "nobody" : asked() > 0 ? "system" : "runtime";
      expect([reached, clientAgrees(server.port), first.reason]).toEqual([
        who,
        who !== "nobody",
        who === "nobody" ? expect.stringMatching(/^TLS handshake: /) : "status 200",
      ]);
    } finally {
      server.close();
    }
  });
});

/** A server that ends each handshake in its own way. */
function unwilling(answer: "alert" | "close" | "silence-later") {
  let connections = 0;
  return serve((socket) => {
    connections++;
    if (answer === "close") socket.destroy();
    else if (answer === "alert" || connections === 1) socket.end(Buffer.from("15030300020228", "hex"));
  });
}

describe("which way", () => {
  let server: Scripted;
  afterAll(() => server.close());

  test("that a server needs the second one is remembered: each later run is one connection", async () => {
    const behind = await openSslServer(keys.pair("rsa:2048"), "-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384".split(" "));
    let connections = 0;
    const front = createServer((client) => {
      connections++;
      const there = connect(behind.port, "127.0.0.1");
      for (const socket of [client, there]) socket.on("error", () => {});
      client.pipe(there);
      there.pipe(client);
    });
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const address = front.address();
    const check = sslGet(typeof address === "object" && address ? address.port : 0);
    const { attempt } = probesWith(systemTls());
    const counts: number[] = [];
    for (let run = 0; run < 3; run++) {
      const before = connections;
      expect((await attempt(check)).reason).toBe("status 200");
      counts.push(connections - before);
    }
    front.close();
    behind.close();
    expect(counts).toEqual([2, 1, 1]);
  });

  test.each(["alert", "close"] as const)("neither: one connection a run after the first one (%s)", async (answer) => {
    server = await unwilling(answer);
    const { attempt } = probesWith(systemTls());
    const check = sslGet(server.port);
    const counts: number[] = [];
    for (let run = 0; run < 4; run++) {
      const before = server.received.length;
      const outcome = await attempt(check);
      expect([outcome.code, outcome.reason.startsWith("TLS handshake: ")]).toEqual(["tls", true]);
      counts.push(server.received.length - before);
    }
    server.close();
    expect(counts).toEqual([2, 1, 1, 1]);
  });

  test("a server that answers the second one with silence is given up in the time of one attempt", async () => {
    server = await unwilling("silence-later");
    const startedAt = performance.now();
    const outcome = await probesWith(systemTls()).attempt(sslGet(server.port, 300));
    const tookMs = performance.now() - startedAt;
    expect(outcome.reason).toBe("no TLS handshake within 300 ms");
    // An attempt that knew no limit would go on for ever; the rest is what a loaded machine may add.
    expect(tookMs).toBeLessThan(2 * 300 + 5000);
  });

  test("no library on this machine: the failure says what to do", async () => {
    server = await unwilling("alert");
    const { attempt } = probesWith(() => ({ ok: false, error: "no library of libssl.so.3 can be opened" }));
    const { reason } = await attempt(sslGet(server.port));
    expect(reason).toContain("this runtime can't speak what the server offers");
    expect(reason).toContain("libssl3");
    expect(server.received).toHaveLength(1);
  });
});

describe("by the system's library", () => {
  let server: Awaited<ReturnType<typeof openSslServer>>;
  const DHE = ["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"];

  beforeAll(async () => {
    server = await openSslServer(keys.pair("rsa:2048"), DHE);
  });
  afterAll(() => server.close());

  test("an answer of many records is read to its end", async () => {
    const { attempt } = probesWith(systemTls());
    const check = {
      ...sslGet(server.port),
      urls: [httpUrl({ path: "/", statusCodes: [[200, 200]], digest: "0".repeat(32) })],
    };
    expect((await attempt(check)).reason).toMatch(/^digest [0-9a-f]{32} of \d{3,} body bytes/);
  });

  test.each([
    ["plain", "plain", undefined],
    ["with a password", "locked", "open sesame"],
  ] as const)("the certificate of the SSL block is shown (%s)", async (_why, file, password) => {
    const asking = await openSslServer(keys.pair("rsa:2048"), [...DHE, "-Verify", "1"]);
    const [plain, certificate] = keys.pair("ec:P-256");
    const key = file === "plain" ? plain : keys.locked("ec:P-256", password ?? "");
    const { attempt, probes } = probesWith(systemTls());
    const check = sslGet(asking.port);
    expect((await attempt(check)).ok).toBe(false);
    expect(probes.setSslClient({ certificate, key, ...(password === undefined ? {} : { password }) })).toBeUndefined();
    expect((await attempt({ ...check })).reason).toBe("status 200");
    asking.close();
  });

  test("a key that a wrong password does not open is said, and nothing is asked on the terminal", async () => {
    const [, certificate] = keys.pair("ec:P-256");
    const { attempt, probes } = probesWith(systemTls());
    probes.setSslClient({ certificate, key: keys.locked("ec:P-256", "open sesame") });
    const { code, ok } = await attempt(sslGet(server.port));
    expect([code, ok]).toEqual(["tls", false]);
  });

  test("the name of enable_sni is sent", async () => {
    const [key, cert] = keys.pair("rsa:2048");
    const named = await openSslServer(
      [key, cert],
      [...DHE, "-servername", "www.example.org", "-servername_fatal", "-key2", key, "-cert2", cert],
    );
    const { attempt } = probesWith(systemTls());
    const check = sslGet(named.port);
    const asks = (sniName: string) => attempt({ ...check, enableSni: true, sniName });
    expect((await asks("www.example.net")).ok).toBe(false);
    expect((await asks("www.example.org")).reason).toBe("status 200");
    named.close();
  });

  test("sessions are freed: hundreds of runs cost no memory", async () => {
    const { attempt } = probesWith(systemTls());
    const check = sslGet(server.port);
    const rss = async (runs: number) => {
      for (let run = 0; run < runs; run++) expect((await attempt(check)).ok).toBe(true);
      return process.memoryUsage.rss();
    };
    const before = await rss(100);
    // A session that is not freed keeps some 50 kB.
    expect((await rss(300)) - before).toBeLessThan(6 * 1024 * 1024);
  });
});
