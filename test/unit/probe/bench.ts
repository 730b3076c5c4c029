// What the probe tests share: real probes on real sockets, and servers that are told what to do.
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Outcome } from "../../../src/check/outcome.ts";
import type { Check } from "../../../src/config/model/check.ts";
import { openPing, openTcp, openUdp } from "../../../src/kernel/check-socket.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import { readWhole } from "../../../src/kernel/regular-file.ts";
import { createScriptRunner } from "../../../src/kernel/script-runner.ts";
import { systemTls } from "../../../src/kernel/system-tls.ts";
import { createProbes } from "../../../src/probe/probes.ts";
import { programSpawner } from "../../../src/roles/starter/spawn-program.ts";
import { selfSigned } from "../../support/certificate.ts";

const clock = systemClock();
export const readiness = openReadiness();
const scripts = createScriptRunner(
  clock,
  {
    user: "root",
    enabled: false,
    useSymlinkPaths: false,
    supplementaryGroups: false,
  },
  programSpawner(() => undefined),
);

export const probes = createProbes({
  clock,
  readiness,
  openTcp,
  openUdp,
  openPing,
  openSystemTls: systemTls(),
  random: Math.random,
  runProgram: (command, extraArgs, limitMs, end) => scripts.run(command, extraArgs, limitMs, undefined, end),
  readFile: (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
  readWhole,
  session: () => undefined,
});

export interface Tried extends Outcome {
  readonly durationMs: number;
}

/** One try with the real probes. */
export function attempt(check: Check, part = 0): Promise<Tried> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    probes.start({ check, part }, (outcome) => resolve({ ...outcome, durationMs: performance.now() - startedAt }));
  });
}

/** All parts of a check as the runner goes through them: the first failure, or the last success. */
export async function attemptAll(check: Check, parts: number): Promise<Tried> {
  let last = await attempt(check, 0);
  for (let part = 1; part < parts && last.ok; part++) last = await attempt(check, part);
  return last;
}

export interface Scripted {
  readonly port: number;
  /** Everything each connection sent, in order of the connections. */
  readonly received: string[];
  close(): void;
}

/** A TCP server on 127.0.0.1 whose connections are handled by `serve`; `request` is what has come so far. */
export async function serve(
  onData: (socket: Socket, request: string) => void,
  onConnect: (socket: Socket) => void = () => {},
): Promise<Scripted> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    const index = received.push("") - 1;
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      received[index] += data.toString("latin1");
      onData(socket, received[index] ?? "");
    });
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    received,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A TLS server that answers, and notes the names and certificates that it is shown. */
export async function serveTls(answer: string, settings: { minVersion?: "TLSv1.3"; requestCert?: boolean } = {}) {
  const seen: string[] = [];
  const own = selfSigned("www.example.org");
  const server = createTlsServer({ ...own, ...settings, rejectUnauthorized: false }, (socket) => {
    const peer = socket.getPeerCertificate();
    seen.push(`${socket.servername || "no name"}, ${peer?.subject?.CN ?? "no certificate"}`);
    socket.on("error", () => {});
    socket.on("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, seen, close: () => server.close() };
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = await serve(() => {});
  server.close();
  return server.port;
}
