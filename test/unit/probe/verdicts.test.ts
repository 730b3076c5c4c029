// Plays test/golden/vectors/checkers/verdicts.json (keepalived 2.4.3 on a real machine) against the real probes. Where lbd differs on
// purpose, DEVIATIONS says why; everything else must be as keepalived has it.
import { afterAll, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import type { Socket } from "node:net";
import { fromHex } from "../../../src/base/bytes.ts";
import { partCount } from "../../../src/check/runner.ts";
import type { Check, DnsCheck, HttpUrl } from "../../../src/config/model/check.ts";
import vectors from "../../golden/vectors/checkers/verdicts.json";
import { endpoint, httpCheck, ORIGIN, timing } from "../../support/model.ts";
import { attemptAll, closedPort, serve } from "./bench.ts";

const DEVIATIONS: Readonly<Record<string, string>> = {
  "http chunked: digest of the decoded body": "C3: both the decoded and the raw digest are accepted",
  "http server keeps the connection open": "C2: Content-Length ends the answer",
  "http lower case content-length header": "C3: header names in any case",
  "http header over 4095 bytes": "16 kB of header are taken",
  "http two urls ok": "C4: urls are checked in one run",
  "smtp multi line banner": "C6",
  "smtp 220 with CR only after code": "C6",
  "smtp multi line HELO reply": "C6",
  "smtp HELO 250 with CR": "C6",
  "udp reply shorter than pattern": "C7: an answer that ends before the pattern is a failure",
};

/** Longer than any answer takes, short enough for a test. */
const LIMIT_MS = 1000;
const closers: (() => void)[] = [];
afterAll(() => {
  for (const close of closers) close();
});

type Vector = (typeof vectors.verdicts)[number];

/** The words of a checker block: `url { path / }` gives `path` under `url`. */
function words(text: string): { lines: string[][]; urls: string[][][] } {
  const lines: string[][] = [];
  const urls: string[][][] = [];
  let block = lines;
  for (const line of text.replaceAll("}url", "}\nurl").split("\n").slice(1, -1)) {
    const parts = line.trim().split(/\s+/);
    if (parts[0] === "url") {
      block = [];
      urls.push(block);
    } else if (parts[0] === "}") block = lines;
    else block.push(parts);
  }
  return { lines, urls };
}

function toCheck(text: string, port: number): Check {
  const { lines, urls } = words(text);
  const value = (name: string) => lines.find((line) => line[0] === name)?.[1];
  const has = (name: string) => lines.some((line) => line[0] === name);
  const target = endpoint("127.0.0.1", port, { connectTimeoutMs: LIMIT_MS });
  const base = { id: "x", timing: timing(), origin: ORIGIN };
  switch (text.split(" ")[0]) {
    case "HTTP_GET":
      return httpCheck("127.0.0.1", {
        endpoint: target,
        httpProtocol: value("http_protocol") === "1.1" ? "1.1" : value("http_protocol") === "1.0C" ? "1.0C" : "1.0",
        urls: urls.map((url) => toUrl(url, value("virtualhost"), port)),
      });
    case "TCP_CHECK":
      return { ...base, kind: "TCP_CHECK", endpoint: target };
    case "PING_CHECK":
      return { ...base, kind: "PING_CHECK", endpoint: target };
    case "SMTP_CHECK":
      return {
        ...base,
        kind: "SMTP_CHECK",
        heloName: value("helo_name") ?? "smtpchecker.keepalived.org",
        hosts: [target],
      };
    case "DNS_CHECK":
      return {
        ...base,
        kind: "DNS_CHECK",
        endpoint: target,
        type: (value("type") ?? "SOA") as DnsCheck["type"],
        name: value("name") ?? ".",
      };
    default: {
      const replyPattern = value("require_reply");
      const payload = value("payload");
      return {
        ...base,
        kind: "UDP_CHECK",
        endpoint: target,
        requireReply: has("require_reply"),
        minReplyLength: Number(value("min_reply_length") ?? 0),
        maxReplyLength: 255,
        ...(replyPattern === undefined ? {} : { replyPattern }),
        ...(payload === undefined ? {} : { payload }),
      };
    }
  }
}

function toUrl(lines: string[][], virtualHost: string | undefined, port: number): HttpUrl {
  const value = (name: string) => lines.find((line) => line[0] === name)?.[1];
  const digest = value("digest");
  const codes = lines.find((line) => line[0] === "status_code")?.slice(1) ?? ["200-299"];
  return {
    path: value("path") ?? "/",
    host: value("virtualhost") ?? virtualHost ?? `127.0.0.1:${port}`,
    statusCodes: codes.map((code) => {
      const [from, to] = code.split("-").map(Number);
      return [from ?? 0, to ?? from ?? 0] as const;
    }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The recording cut long texts; their whole length is written behind them. */
function whole(reply: string): string {
  const cut = /^(.*)\.\.\.\((\d+) characters\)$/s.exec(reply);
  if (!cut) return reply;
  const head = cut[1] ?? "";
  const total = Number(cut[2]);
  const tail = head.includes("X-A:") ? "\r\n\r\n" : "";
  return head + (head.at(-1) ?? "").repeat(total - head.length - tail.length) + tail;
}

/** Starts the server that a vector describes and gives its port. */
async function startServer(vector: Vector): Promise<number> {
  const kind = vector.checker.split("_")[0];
  if (vector.server === "port closed") return closedPort();
  if (vector.server === "host answers echo") return 0;
  if (kind === "UDP" || kind === "DNS") return startDatagrams(vector);
  return kind === "SMTP" ? startSmtp(vector) : startHttp(vector);
}

function field(vector: Vector, name: string): string | undefined {
  if (typeof vector.server === "string") return undefined;
  const value = Object.entries(vector.server).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}

async function startHttp(vector: Vector): Promise<number> {
  const keeps = field(vector, "then") !== undefined;
  const size = Number(/pieces of (\d+)/.exec(field(vector, "sent") ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  const server = await serve((socket, request) => {
    if (!request.includes("\r\n\r\n")) return;
    const listed = /^GET \/(a|ok) /.test(request)
      ? field(vector, "request for /a or /ok")
      : field(vector, "other request");
    sendPieces(socket, whole(field(vector, "reply") ?? listed ?? ""), size, keeps);
  });
  closers.push(() => server.close());
  return server.port;
}

function sendPieces(socket: Socket, text: string, size: number, keepOpen: boolean): void {
  if (text.length > size) {
    socket.write(text.slice(0, size), () => setTimeout(() => sendPieces(socket, text.slice(size), size, keepOpen), 2));
    return;
  }
  if (text.length > 0) socket.write(text);
  if (!keepOpen) socket.end();
}

async function startSmtp(vector: Vector): Promise<number> {
  const split = typeof vector.server === "string";
  const lineAfter = (name: string, normal: string) => (split ? normal : field(vector, name));
  const server = await serve(
    (socket, request) => {
      if (request.endsWith("QUIT\r\n")) {
        const answer = lineAfter("after QUIT", "221 bye\r\n");
        if (answer !== "connection closed" && answer !== undefined) socket.write(answer);
        socket.end();
      } else if (request.startsWith("HELO")) socket.write(lineAfter("after HELO", "250 ok\r\n") ?? "");
    },
    (socket) => {
      if (!split) socket.write(field(vector, "banner") ?? "");
      else socket.write("22", () => setTimeout(() => socket.write("0 mail\r\n"), 50));
    },
  );
  closers.push(() => server.close());
  return server.port;
}

function startDatagrams(vector: Vector): Promise<number> {
  const socket = createSocket("udp4");
  closers.push(() => socket.close());
  const hex = field(vector, "reply_hex");
  const long = hex?.endsWith("(300 bytes)") ? "01".repeat(300) : hex;
  const example = field(vector, "query_used_for_the_example");
  socket.on("message", (query, peer) => {
    if (long === undefined) return;
    const reply = fromHex(long) ?? new Uint8Array();
    // The example's query had id 1234; an answer with that id answers ours.
    if (example && long.startsWith("1234")) reply.set(query.subarray(0, 2), 0);
    if (example && long.startsWith("1334")) reply.set([((query[0] ?? 0) + 1) & 0xff, query[1] ?? 0], 0);
    socket.send(reply, peer.port, peer.address);
  });
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(socket.address().port)));
}

const played = vectors.verdicts.filter((vector) => vector.server !== "nothing answers");

test("the list of deviations names vectors", () => {
  expect(Object.keys(DEVIATIONS).filter((name) => !played.some((vector) => vector.name === name))).toEqual([]);
});

test.each(played.map((vector) => [vector.name, vector] as const))("%s", async (name, vector) => {
  const check = toCheck(vector.checker, await startServer(vector));
  const outcome = await attemptAll(check, partCount(check));
  const asKeepalived = (outcome.ok ? "UP" : "DOWN") === vector.verdict;
  expect({ asKeepalived, reason: outcome.reason }).toEqual({
    asKeepalived: DEVIATIONS[name] === undefined,
    reason: outcome.reason,
  });
});
