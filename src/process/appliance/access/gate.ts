// Process layer, appliance: the gate, the one process that strangers on the network speak to. It has the key of TLS, an account of its own and
// no right besides: it can't start a program, write a file, or open any connection but to the door (door.ts), which judges each request
// again. TLS is 1.2 or newer, as the runtime's BoringSSL has it. Bounds: connections, handshakes, headers, time without a request.
import "../../host/signals.ts";
import {
  type IncomingMessage,
  request as requestHttp,
  type Server,
  type ServerResponse,
  createServer as serveHttp,
} from "node:http";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { createServer as serveTls, TLSSocket } from "node:tls";
import * as v from "valibot";
import { RLIMIT_NOFILE, setResourceLimit } from "../../../../ffi/process.ts";
import { type Connections, createConnections } from "../../../api/connections.ts";
import { hostName, isRead } from "../../../api/guard.ts";
import { hasBody, rawProblem } from "../../../api/request.ts";
import { certificateOwner } from "../../../appliance/access/permits.ts";
import type { Clock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { systemClock } from "../../../kernel/clock.ts";
import { becomeNobody, keepMemoryPrivate, nameProcess, refuseSystemCalls } from "../../../kernel/confinement.ts";
import { goFirst } from "../../../kernel/oom-score.ts";
import { takeSignal } from "../../host/signals.ts";
import { sendProblem } from "../api.ts";
import { CERTIFICATE_HEADER, FROM_HEADER, GATE_ID, GateOrder, type GateReport, JUDGE_HEADER } from "./gate-protocol.ts";

const HANDSHAKE_LIMIT_MS = 5000;
const MAX_HEADER_BYTES = 8192;
const BUSY = "the machine does not answer at this moment";
const LOOK_EVERY_MS = 2000;
/**
 * Requests of one connection that wait for their answers. Each costs memory here and a connection to the door, before anybody knows whose it
 * is: of all connections together there is room for so many, with MAX_DESCRIPTORS and at the door.
 */
const MAX_PIPELINED = 2;
/** Its connections (MAX_CONNECTIONS), the door's for their requests, and the runtime's own. */
const MAX_DESCRIPTORS = 512n;
/** The door answers at once, or streams; a client that takes nothing for so long is gone. */
const SILENCE_MS = 120_000;
/** Headers of a request that say something about one connection only (RFC 9110 §7.6.1), and those that only the gate may write. */
const NOT_PASSED_ON = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
  "trailer",
  "host",
  "expect",
]);
const NOT_PASSED_BACK = new Set(["connection", "keep-alive", "transfer-encoding"]);
/** For a year: a browser that was here once asks by no plain HTTP any more (RFC 6797). */
const STRICT_TRANSPORT = "max-age=31536000";

/** Serves as standard input orders, until that ends. Called once, as the whole of this process. */
export function runGate(): void {
  const parent = process.ppid;
  goFirst();
  keepMemoryPrivate(false);
  nameProcess("lbd-gate");
  setResourceLimit(RLIMIT_NOFILE, { soft: MAX_DESCRIPTORS, hard: MAX_DESCRIPTORS });
  for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2"] as const) takeSignal(signal, () => {});
  takeSignal("SIGTERM", () => process.exit(0));
  const tell = (report: GateReport) => process.stdout.write(`${JSON.stringify(report)}\n`);
  const lines = createInterface({ input: process.stdin });
  lines.on("close", () => process.exit(0));
  lines.once("line", (line) => {
    const order = v.parse(GateOrder, JSON.parse(line));
    void openGate(order, systemClock(), tell, () => {
      becomeNobody(parent, GATE_ID);
      const unfiltered = refuseSystemCalls("gate");
      if (unfiltered !== undefined) tell({ kind: "note", message: `no filter of system calls here: ${unfiltered}` });
    });
  });
}

/** Listens as soon as the address is there; `confine` takes the rights away before the first client is taken. */
async function openGate(
  order: GateOrder,
  clock: Clock,
  tell: (report: GateReport) => void,
  confine: () => void,
): Promise<{ close(): void }> {
  let ready = false;
  const connections = createConnections(clock, () => ready, undefined);
  const http = httpServer(order, clock, connections);
  const { certificate: cert, key, clientAuthority } = order;
  const asksCertificate = clientAuthority !== undefined;
  const server = serveTls(
    {
      cert,
      key,
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_LIMIT_MS,
      // One that shows none may have a token.
      ...(asksCertificate && { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }),
    },
    (socket) => {
      // Once for all requests of the connection; each of them says for how long.
      socket.on("timeout", () => socket.destroy());
      http.emit("connection", socket);
    },
  );
  server.on("connection", (socket: Socket) => connections.admit(socket));
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  for (let told: string | undefined; ; ) {
    try {
      const port = await listenOn(server, order);
      confine();
      ready = true;
      tell({ kind: "listening", port });
      break;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told) tell({ kind: "waiting", reason });
      told = reason;
      await new Promise<void>((resolve) => clock.at(clock.now() + LOOK_EVERY_MS, resolve));
    }
  }
  return {
    close() {
      server.close();
      connections.closeAll();
    },
  };
}

/** @throws Error (by rejection) EADDRINUSE, EADDRNOTAVAIL */
function listenOn(server: ReturnType<typeof serveTls>, { address, port }: GateOrder): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error);
    server.once("error", failed);
    server.listen(port, address, () => {
      server.off("error", failed);
      server.on("error", () => {});
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

function httpServer(order: GateOrder, clock: Clock, connections: Connections): Server {
  const server = serveHttp({ maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true }, (request, response) => {
    const connection = connections.of(request.socket);
    if (connection && ++connection.busy > MAX_PIPELINED) {
      request.socket.destroy();
      return;
    }
    response.once("close", () => {
      if (!connection) return;
      connection.busy--;
      connection.lastAt = clock.now();
    });
    response.on("error", () => {});
    serve(order, request, response);
  });
  // An update takes longer than any limit for a whole request; silence is bounded instead.
  server.requestTimeout = 0;
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end(rawProblem("bad-request", "this is no HTTP, or no method that is known"));
    else socket.destroy();
  });
  server.on("connect", (_request: IncomingMessage, socket: Socket) => socket.destroy());
  return server;
}

function serve(
  { socket: socketPath, clientAuthority }: GateOrder,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.setHeader("strict-transport-security", STRICT_TRANSPORT);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  const { socket: client } = request;
  const certificate = clientAuthority !== undefined && client instanceof TLSSocket ? ownerOf(client) : undefined;
  const foreign = foreignPage(request);
  if (foreign !== undefined) refuse(request, response, 403, "foreign-origin", foreign);
  else if (hasBody(request) && isRead(request.method)) {
    response.setHeader("connection", "close");
    refuse(request, response, 413, "body-not-served", "GET and HEAD with a body are not served");
  } else if (request.headers.authorization === undefined && certificate === undefined) {
    response.setHeader("www-authenticate", "Bearer");
    response.setHeader("connection", "close");
    refuse(request, response, 401, "unknown-caller", "a token or a client certificate is needed");
  } else passOn(socketPath, certificate, request, response);
}

/** Asks the door the same, with who asks as far as the gate knows. */
function passOn(
  socketPath: string,
  certificate: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { socket: client } = request;
  const headers: Record<string, string> = { host: "localhost" };
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string" && !NOT_PASSED_ON.has(name) && !name.startsWith("lbd-")) headers[name] = value;
  headers[FROM_HEADER] = client.remoteAddress ?? "unknown";
  if (certificate !== undefined) headers[CERTIFICATE_HEADER] = certificate;
  client.setTimeout(SILENCE_MS);
  if (!hasBody(request)) {
    ask(socketPath, headers, request, response);
    return;
  }
  // Who may not is told before the body is on its way: an answer in the middle of it would be lost.
  const { method, url: path } = request;
  const judge: Record<string, string> = { ...headers, [JUDGE_HEADER]: "1" };
  delete judge["content-length"];
  const judged = requestHttp({ socketPath, method, path, headers: judge, agent: false }, (answer) => {
    if (answer.statusCode === 204) {
      answer.resume();
      ask(socketPath, headers, request, response);
      return;
    }
    request.resume();
    passBack(answer, response);
  });
  judged.on("error", () => refuse(request, response, 503, "busy", BUSY));
  judged.end();
}

function ask(
  socketPath: string,
  headers: Readonly<Record<string, string>>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url: path } = request;
  const asked = requestHttp({ socketPath, method, path, headers, agent: false }, (answer) =>
    passBack(answer, response),
  );
  asked.on("error", () => {
    if (response.headersSent) response.destroy();
    else refuse(request, response, 503, "busy", BUSY);
  });
  response.once("close", () => asked.destroy());
  request.on("error", () => asked.destroy());
  request.pipe(asked);
}

function passBack(answer: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !NOT_PASSED_BACK.has(name)) response.setHeader(name, value);
  // Who has no right token makes a connection for each try.
  if (answer.statusCode === 401 || answer.statusCode === 429) response.setHeader("connection", "close");
  response.writeHead(answer.statusCode ?? 502);
  response.flushHeaders();
  answer.on("error", () => response.destroy());
  answer.pipe(response);
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
): void {
  if (!request.complete) response.setHeader("connection", "close");
  sendProblem(response, status, code, detail);
}

/** A browser shows a client certificate to any page's requests: those of other pages are turned away. */
function foreignPage({ headers }: IncomingMessage): string | undefined {
  const { host = "", origin } = headers;
  if (hostName(host) === undefined) return "the Host header can't be understood";
  if (origin !== undefined && origin !== `https://${host}`) return "requests from other origins are refused";
  return headers["sec-fetch-site"] === "cross-site" ? "requests from other sites are refused" : undefined;
}

/** Role and name of a client certificate that the authority signed, as the door takes them. */
function ownerOf(client: TLSSocket): string | undefined {
  if (!client.authorized) return undefined;
  const owner = certificateOwner(client.getPeerCertificate().subject ?? {});
  return owner && `${owner.role} ${encodeURIComponent(owner.name)}`;
}
