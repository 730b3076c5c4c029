// Real servers that are broken or mean: each is judged down in time, and costs nothing that stays.
import { afterAll, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import type { HttpCheck } from "../../../src/config/model/check.ts";
import { selfSigned } from "../../support/certificate.ts";
import { endpoint, httpCheck, httpUrl, miscCheck, tcpCheck } from "../../support/model.ts";
import { until } from "../../support/until.ts";
import { attempt, closedPort, probes, readiness, serve, serveTls } from "./bench.ts";

const LIMIT_MS = 200;
/** What a loaded machine may add to a time limit: an attempt that knew none would go on for ever. */
const SLACK_MS = 5000;

const directory = mkdtempSync(join(tmpdir(), "lbd-probe-"));
afterAll(() => rmSync(directory, { recursive: true }));

function get(port: number, part: Partial<HttpCheck> = {}): HttpCheck {
  return httpCheck("127.0.0.1", { endpoint: endpoint("127.0.0.1", port, { connectTimeoutMs: LIMIT_MS }), ...part });
}

/** For what is to succeed, however busy the machine is. */
function patientGet(port: number, part: Partial<HttpCheck> = {}): HttpCheck {
  return get(port, { endpoint: endpoint("127.0.0.1", port, { connectTimeoutMs: 60_000 }), ...part });
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Sends `text` again and again, `everyMs` apart, until the connection is gone. */
function drip(socket: Socket, text: string, everyMs: number): void {
  if (socket.destroyed) return;
  socket.write(text, () => setTimeout(() => drip(socket, text, everyMs), everyMs));
}

describe("HTTP_GET", () => {
  const OK = "HTTP/1.1 200 OK\r\n";
  const answers: [string, string, (socket: Socket) => void][] = [
    ["never answers", "timeout", () => {}],
    ["a header byte now and then", "timeout", (s) => drip(s, "H", 20)],
    ["a header line now and then", "timeout", (s) => drip(s, "X: y\r\n", 20)],
    [
      "a body byte now and then",
      "timeout",
      (s) => s.write(`${OK}Content-Length: 9999\r\n\r\n`, () => drip(s, "x", 20)),
    ],
    ["stops inside the body", "timeout", (s) => s.write(`${OK}Content-Length: 99\r\n\r\nx`)],
    [
      "a chunk now and then",
      "timeout",
      (s) => s.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`, () => drip(s, "1\r\nx\r\n", 20)),
    ],
    ["interim answers now and then", "timeout", (s) => drip(s, "HTTP/1.1 100 Continue\r\n\r\n", 20)],
    ["a giant header", "too-large", (s) => s.write(`${OK}X: ${"x".repeat(200_000)}`)],
    ["a giant status line", "too-large", (s) => s.write("H".repeat(200_000))],
    ["garbage", "protocol", (s) => s.write("\0\x01\xff\r\n\r\n")],
    ["closes at once", "protocol", (s) => s.end()],
    ["resets", "reset", (s) => s.resetAndDestroy()],
    ["half-closes inside the header", "protocol", (s) => s.end(OK)],
    ["a length that is none", "protocol", (s) => s.write(`${OK}Content-Length: -1\r\n\r\n`)],
    ["says it is huge", "too-large", (s) => s.write(`${OK}Content-Length: 99999999999\r\n\r\n`)],
  ];
  test.each(answers)("%s", async (_why, code, answer) => {
    const server = await serve((socket, request) => request.endsWith("\r\n\r\n") && answer(socket));
    const got = await attempt(get(server.port));
    expect(`${got.ok} ${got.code}`).toBe(`false ${code}`);
    expect(got.durationMs).toBeLessThan(2 * LIMIT_MS + SLACK_MS);
    server.close();
  });

  test("a body without end, as fast as it goes", async () => {
    const piece = Buffer.alloc(65_536, "x");
    const pump = (socket: Socket) => {
      while (!socket.destroyed && socket.write(piece)) {}
    };
    const server = await serve((socket, request) => {
      if (!request.endsWith("\r\n\r\n")) return;
      socket.on("drain", () => pump(socket));
      socket.write(`${OK}\r\n`);
      pump(socket);
    });
    const before = process.memoryUsage().rss;
    const got = await attempt(get(server.port));
    expect([got.ok, ["timeout", "too-large"].includes(got.code)]).toEqual([false, true]);
    expect(got.durationMs).toBeLessThan(2 * LIMIT_MS + SLACK_MS);
    // Most of this is the server's side of it, in the same process.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    server.close();
  });

  test("a hundred that hang delay nobody", async () => {
    const silent = await serve(() => {});
    const lively = await serve((socket) => socket.write(`${OK}Content-Length: 0\r\n\r\n`));
    let told = 0;
    const cancels = Array.from({ length: 100 }, () =>
      probes.start({ check: patientGet(silent.port), part: 0 }, () => told++),
    );
    expect([(await attempt(patientGet(lively.port))).ok, told]).toEqual([true, 0]);
    for (const cancel of cancels) cancel();
    silent.close();
    lively.close();
  });

  test("given up on the way: no outcome, no descriptor", async () => {
    const before = openDescriptors();
    const server = await serve(() => {});
    let told = 0;
    const cancels = Array.from({ length: 20 }, () => probes.start({ check: get(server.port), part: 0 }, () => told++));
    await until("all are connected", () => server.received.filter((text) => text !== "").length === 20);
    for (const cancel of cancels) cancel();
    server.close();
    await until("all are closed", () => openDescriptors() <= before);
    expect([told, readiness.watched()]).toEqual([0, 0]);
  });
});

describe("connecting", () => {
  test("nobody there", async () => {
    const got = await attempt(tcpCheck("127.0.0.1", { endpoint: endpoint("127.0.0.1", await closedPort()) }));
    expect([got.code, got.reason]).toEqual(["refused", "connection refused (connect: ECONNREFUSED)"]);
  });

  test("no answer to the connection attempt: down within connect_timeout", async () => {
    // A queue of one place that is taken: the kernel leaves further attempts without an answer.
    const blocked = await fullQueue();
    const got = await attempt(
      tcpCheck("127.0.0.1", { endpoint: endpoint("127.0.0.1", blocked.port, { connectTimeoutMs: LIMIT_MS }) }),
    );
    expect([got.code, got.reason]).toEqual(["timeout", `no connection within ${LIMIT_MS} ms`]);
    expect(got.durationMs).toBeLessThan(LIMIT_MS + SLACK_MS);
    blocked.close();
  });

  test.each([
    ["a source address that is not ours", { bindIp: "192.0.2.77" }, "local", /EADDRNOTAVAIL/],
    ["an interface that is not there", { bindInterface: "nosuchif0" }, "local", /ENODEV/],
  ] as const)("%s", async (_why, part, code, reason) => {
    const got = await attempt(tcpCheck("127.0.0.1", { endpoint: endpoint("127.0.0.1", 9, part) }));
    expect(got.code).toBe(code);
    expect(got.reason).toMatch(reason);
  });

  test("source address, source port and interface are used, the port again and again", async () => {
    const peers: string[] = [];
    const server = await serve((socket, request) => {
      if (!request.endsWith("\r\n\r\n")) return;
      peers.push(`${socket.remoteAddress}:${socket.remotePort}`);
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const bindPort = await closedPort();
    const check = httpCheck("127.0.0.1", {
      endpoint: endpoint("127.0.0.1", server.port, { bindIp: "127.0.0.9", bindPort, bindInterface: "lo", fwmark: 7 }),
    });
    for (let i = 0; i < 3; i++) expect((await attempt(check)).reason).toBe("status 200");
    expect(peers).toEqual(Array(3).fill(`127.0.0.9:${bindPort}`));
    server.close();
  });
});

test("a process that was held up reads what came in before it judges by the time", async () => {
  // A server of its own: this process stands still.
  const script = resolve(import.meta.dir, "../../support/web-server.ts");
  const port = await closedPort();
  await using server = Bun.spawn([process.execPath, script, String(port)], { stdout: "pipe" });
  await server.stdout.getReader().read();
  const answers = [
    get(port),
    tcpCheck("127.0.0.1", { endpoint: endpoint("127.0.0.1", port, { connectTimeoutMs: 50 }) }),
  ].map((check) => attempt(check));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * LIMIT_MS);
  expect((await Promise.all(answers)).map(({ reason }) => reason)).toEqual(["status 200", "connected"]);
});

/** A listener that takes no more connections: a queue of length 0 with one that nobody accepts. */
async function fullQueue(): Promise<{ port: number; close(): void }> {
  const { bind, connect, getsockname, listen, SOCK_NONBLOCK, SOCK_STREAM, socket } = await import(
    "../../../ffi/socket.ts"
  );
  const { close } = await import("../../../ffi/fd.ts");
  const { AF_INET, inetAddress } = await import("../../../ffi/sockaddr.ts");
  const loopback = Uint8Array.of(127, 0, 0, 1);
  const listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  bind(listener, inetAddress(loopback, 0));
  listen(listener, 0);
  const name = getsockname(listener);
  if (name.family !== "inet") throw new Error("not an IPv4 socket");
  const fillers = Array.from({ length: 4 }, () => {
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fd, inetAddress(loopback, name.port));
    return fd;
  });
  return {
    port: name.port,
    close() {
      for (const fd of [listener, ...fillers]) close(fd);
    },
  };
}

describe("SSL_GET", () => {
  const ssl = (port: number) => get(port, { kind: "SSL_GET" });
  const patientSsl = (port: number, part: Partial<HttpCheck> = {}) => patientGet(port, { kind: "SSL_GET", ...part });

  test("an answer over TLS; the certificate is not verified (C5); no name is sent unless asked for", async () => {
    const server = await serveTls("HTTP/1.0 200 OK\r\n\r\nhi");
    const got = await attempt(
      patientSsl(server.port, { urls: [httpUrl({ digest: "49f68a5c8493ec2c0bf489821c21fc3b" })] }),
    );
    expect([got.reason, server.seen]).toEqual(["status 200, digest as wanted", ["no name, no certificate"]]);
    server.close();
  });

  test.each([
    [
      "sni_name first",
      { enableSni: true, sniName: "sni.example.org", urls: [httpUrl({ virtualHost: "v.example.org" })] },
      "sni.example.org",
    ],
    ["then the virtual host", { enableSni: true, urls: [httpUrl({ virtualHost: "v.example.org" })] }, "v.example.org"],
    ["not without enable_sni", { sniName: "sni.example.org" }, "no name"],
  ] as const)("SNI: %s", async (_why, part, name) => {
    const server = await serveTls("HTTP/1.0 200 OK\r\n\r\n");
    expect((await attempt(patientSsl(server.port, part))).ok).toBe(true);
    expect(server.seen).toEqual([`${name}, no certificate`]);
    server.close();
  });

  test("a client certificate is shown, its key opened with the password; ca does not make servers verified (C5)", async () => {
    const client = selfSigned("director");
    const password = "open sesame";
    const certificate = join(directory, "client.pem");
    const key = join(directory, "client.key");
    const ca = join(directory, "ca.pem");
    const sealed = createPrivateKey(client.key).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: password,
    });
    writeFileSync(certificate, client.cert);
    writeFileSync(key, sealed, { mode: 0o600 });
    writeFileSync(ca, selfSigned("an authority that signed nothing").cert);
    const server = await serveTls("HTTP/1.0 200 OK\r\n\r\n", { requestCert: true });
    expect(probes.setSslClient({ certificate, key, password, ca })).toBeUndefined();
    expect((await attempt(patientSsl(server.port))).reason).toBe("status 200");
    expect(server.seen).toEqual(["no name, director"]);
    probes.setSslClient({ certificate, key, password: "wrong", ca });
    expect((await attempt(patientSsl(server.port))).code).toBe("tls");
    expect(probes.setSslClient({ ca: join(directory, "no-ca.pem") })).toMatch(/no-ca\.pem/);
    expect(probes.setSslClient(undefined)).toBeUndefined();
    server.close();
  });

  test("certificate files that can't be used are named", async () => {
    expect(probes.setSslClient({ certificate: join(directory, "missing.pem") })).toMatch(/missing\.pem/);
    expect((await attempt(ssl(9))).code).toBe("tls");
    const junk = join(directory, "junk.pem");
    writeFileSync(junk, "junk");
    probes.setSslClient({ certificate: junk, key: junk });
    const server = await serveTls("");
    const before = openDescriptors();
    for (let i = 0; i < 5; i++) expect((await attempt(patientSsl(server.port))).code).toBe("tls");
    await until("no descriptor is left", () => openDescriptors() <= before);
    probes.setSslClient(undefined);
    server.close();
  });

  test.each([
    ["no TLS at all", "tls", (s: Socket) => s.write("HTTP/1.0 200 OK\r\n\r\n")],
    ["silence", "timeout", () => {}],
    ["closes", "tls", (s: Socket) => s.end()],
    ["resets", "tls", (s: Socket) => s.resetAndDestroy()],
    ["a record that never ends", "timeout", (s: Socket) => drip(s, "\x16\x03\x03\x3f\xff", 20)],
  ] as const)("%s", async (_why, code, answer) => {
    const server = await serve(answer);
    const before = openDescriptors();
    const got = await attempt(ssl(server.port));
    expect(got.ok).toBe(false);
    expect(["tls", code]).toContain(got.code);
    expect(got.durationMs).toBeLessThan(2 * LIMIT_MS + SLACK_MS);
    server.close();
    await until("no descriptor is left", () => openDescriptors() <= before);
  });

  test("a slow body ends at the limit", async () => {
    const server = createTlsServer(selfSigned("www.example.org"), (socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n");
      const more = () => socket.destroyed || socket.write("x", () => setTimeout(more, 20));
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const got = await attempt(ssl((server.address() as AddressInfo).port));
    expect(got.code).toBe("timeout");
    expect(got.durationMs).toBeLessThan(2 * LIMIT_MS + SLACK_MS);
    server.close();
  });

  test("nobody there", async () => {
    expect((await attempt(ssl(await closedPort()))).code).toBe("refused");
  });
});

describe("MISC_CHECK", () => {
  test.each([
    ["status 0", ["/bin/true"], {}, true, "exit status 0"],
    ["status 1", ["/bin/false"], {}, false, "exit status 1"],
    ["dynamic weight", ["/bin/sh", "-c", "exit 52"], { dynamic: true }, true, "exit status 52: weight 50"],
    ["not there", ["/no/such/program"], {}, false, /could not be run/],
    [
      "unknown user",
      ["/bin/true"],
      { command: { argv: ["/bin/true"], user: "nobody-here", origin: miscCheck([]).origin } },
      false,
      /unknown user/,
    ],
    ["a signal", ["/bin/sh", "-c", "kill -9 $$"], {}, false, "ended by SIGKILL"],
  ] as const)("%s", async (_why, argv, part, ok, reason) => {
    const got = await attempt(miscCheck(argv, part));
    expect(got.ok).toBe(ok);
    if (typeof reason === "string") expect(got.reason).toBe(reason);
    else expect(got.reason).toMatch(reason);
  });

  test("the time limit ends the whole group", async () => {
    const mark = join(directory, "alive");
    // A child of the program that would write long after its parent was ended.
    const script = `(sleep 1; echo > ${mark}) & sleep 60`;
    const got = await attempt(miscCheck(["/bin/sh", "-c", script], { timeoutMs: 150 }));
    expect([got.code, got.reason]).toEqual(["timeout", "no end within 150 ms"]);
    expect(got.durationMs).toBeLessThan(150 + SLACK_MS);
    const started = performance.now();
    await until("the child would have written", () => performance.now() - started > 1200);
    expect(readdirSync(directory)).not.toContain("alive");
  });

  test("one run at a time: a run that was given up is ended, and gone before the next begins", async () => {
    const log = join(directory, "log");
    const slow = `trap 'echo end >> ${log}; exit 0' TERM; echo start >> ${log}; sleep 100 & wait`;
    const check = miscCheck(["/bin/sh", "-c", `[ ! -e ${log} ] || { echo next >> ${log}; exit 0; }; ${slow}`]);
    const cancel = probes.start({ check, part: 0 }, () => expect.unreachable());
    await until("it runs", () => readdirSync(directory).includes("log"));
    cancel();
    expect((await attempt(check)).ok).toBe(true);
    expect(await Bun.file(log).text()).toBe("start\nend\nnext\n");
  });
});
