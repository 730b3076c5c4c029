// Ring netns: the way in from the network, with the real gate as a process and a real director behind it: TLS, tokens and client
// certificates, roles, what a stranger gets, and what the audit and the log say of it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import type { Audit } from "../../src/appliance/access/audit.ts";
import { DEFAULT_SETTINGS } from "../../src/appliance/settings.ts";
import type { Access } from "../../src/process/appliance/access/access.ts";
import { GATE_ID } from "../../src/process/appliance/access/gate-protocol.ts";
import type { ApplianceRoute } from "../../src/process/appliance/api.ts";
import { type AccessLab, accessLab } from "../support/access-lab.ts";
import { netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

let received = 0;
let lab: AccessLab;
let access: Access;
let audit: Audit;
let port: number;
let folder: string;
let fingerprint: string;
const said = () => lab.said();

const upload: ApplianceRoute = {
  method: "PUT",
  path: "/v1/appliance/update",
  role: "admin",
  summary: "",
  async answer(incoming, response) {
    received = 0;
    for await (const chunk of incoming) received += (chunk as Buffer).byteLength;
    response.end("taken\n");
  },
};

beforeAll(async () => {
  if (reason) return;
  lab = await accessLab([upload]);
  ({ access, audit, port, folder } = lab);
  fingerprint = access.status().fingerprint ?? "";
});

afterAll(() => lab?.end());

interface Ask {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly client?: { readonly key: string; readonly cert: string };
}

function ask(path: string, { method = "GET", token, headers = {}, body, client }: Ask = {}) {
  const all = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers };
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, headers: all, rejectUnauthorized: false, agent: false };
    const asked = request({ ...options, ...client }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** What `/v1/events` has kept: up to the number that a new reader is told first. */
async function eventsSoFar(): Promise<{ kind: string; subject: string; to: string; reason: string }[]> {
  const last = /^id: \w+-(\d+)$/m.exec(await readEvents({}, (text) => text.includes("id: ")))?.[1];
  const all = await readEvents(
    { "last-event-id": "0" },
    (text) => text.includes(`-${last}\nevent:`) && text.endsWith("\n\n"),
  );
  return [...all.matchAll(/^data: (\{.*"kind".*\})$/gm)].map(([, json = ""]) => JSON.parse(json));
}

function readEvents(headers: Readonly<Record<string, string>>, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const all = { authorization: "Bearer lbd_read", ...headers };
    const options = { host: "127.0.0.1", port, path: "/v1/events", headers: all, rejectUnauthorized: false };
    const asked = request({ ...options, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (!isEnough(text)) return;
        resolve(text);
        asked.destroy();
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe.skipIf(reason !== undefined)("the way in", () => {
  test("has a certificate of its own, which is kept and stays the same", async () => {
    expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(lab.kept).toEqual(["access/key.pem", "access/certificate.pem"]);
    expect(said()).toContain(`listening on https://127.0.0.1:${port}, fingerprint ${fingerprint}`);
    const shown = await new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on("error", reject);
    });
    expect(shown).toBe(fingerprint);
    const text = execFileSync("openssl", ["x509", "-in", join(folder, "access/certificate.pem"), "-noout", "-text"], {
      encoding: "utf8",
    });
    expect(text).toContain("DNS:director1, IP Address:127.0.0.1");
    await access.apply(lab.settingsWith({}));
    expect(access.status().fingerprint).toBe(fingerprint);
  });

  test("is a process without rights of its own", () => {
    const status = readFileSync(`/proc/${lab.gatePid()}/status`, "utf8");
    expect(/^Uid:\t(.*)$/m.exec(status)?.[1]?.split("\t")).toEqual(Array(4).fill(`${GATE_ID}`));
    expect(/^CapEff:\t(\d+)$/m.exec(status)?.[1]).toBe("0000000000000000");
    // Born without: what an earlier step of the same process had, Landlock's rule among it, is none of a thread's.
    expect(/^CapBnd:\t(\d+)$/m.exec(status)?.[1]).toBe("0000000000000000");
    expect(/^Seccomp:\t(\d)$/m.exec(status)?.[1]).toBe("2");
    expect(/^NoNewPrivs:\t(\d)$/m.exec(status)?.[1]).toBe("1");
    const limits = readFileSync(`/proc/${lab.gatePid()}/limits`, "utf8");
    expect(/^Max open files +(\d+) +(\d+)/m.exec(limits)?.slice(1)).toEqual(["512", "512"]);
    // The first to go when memory runs out.
    expect(Number(readFileSync(`/proc/${lab.gatePid()}/oom_score_adj`, "latin1"))).toBeGreaterThanOrEqual(500);
  });

  test.each([
    ["GET", "/v1/status", "lbd_read", 200],
    ["GET", "/v1/logs", "lbd_read", 200],
    ["GET", "/openapi.json", "lbd_read", 200],
    ["GET", "/v1/config", "lbd_read", 403],
    ["GET", "/v1/config", "lbd_operate", 200],
    // However it is written, the same path needs the same role.
    ["GET", "/v1/virtual-servers/../config", "lbd_read", 403],
    ["GET", "/v1/%63onfig", "lbd_read", 403],
    ["GET", "/v1/x/%2e%2e/config", "lbd_read", 403],
    ["GET", "//v1/config", "lbd_read", 404],
    ["GET", "/v1/audit", "lbd_read", 403],
    ["GET", "/v1/audit", "lbd_operate", 200],
    ["POST", "/v1/reload", "lbd_read", 403],
    ["POST", "/v1/reload", "lbd_operate", 202],
    ["POST", "/v1/appliance/poweroff", "lbd_operate", 403],
    ["PUT", "/v1/appliance/update", "lbd_operate", 403],
    ["DELETE", "/v1/status", "lbd_admin", 405],
    ["GET", "/v1/nothing", "lbd_admin", 404],
    ["GET", "/v1/status", "lbd_other", 401],
    ["GET", "/v1/status", undefined, 401],
    ["POST", "/v1/reload", undefined, 401],
  ])("%s %s with %p is %d", async (method, path, token, status) => {
    const answer = await ask(path, { method, ...(token !== undefined && { token }) });
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers["www-authenticate"]).toBe("Bearer");
    if (status >= 400) expect(JSON.parse(answer.text).status).toBe(status);
  });

  test("takes no word of a client for who he is", async () => {
    const headers = { "lbd-certificate": "admin root", "lbd-from": "192.0.2.1" };
    expect((await ask("/v1/reload", { method: "POST", headers })).status).toBe(401);
    expect((await ask("/v1/reload", { method: "POST", headers, token: "lbd_read" })).status).toBe(403);
    expect(audit.after(0).at(-1)?.from).toBe("127.0.0.1");
  });

  test.each(["GET", "HEAD"])("takes no body with %s", async (method) => {
    const headers = { "content-length": "5" };
    const answer = await ask("/v1/status", { method, token: "lbd_read", headers, body: Buffer.from("GET /") });
    expect([answer.status, answer.headers.connection]).toEqual([413, "close"]);
  });

  test("lets no page of another site ask with what a browser has", async () => {
    const token = "lbd_admin";
    expect((await ask("/v1/status", { token, headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect((await ask("/v1/status", { token, headers: { "sec-fetch-site": "cross-site" } })).status).toBe(403);
  });

  test("streams a large body, for whoever may, and none of it for others", async () => {
    const body = Buffer.alloc(20_000_000, 1);
    expect((await ask("/v1/appliance/update", { method: "PUT", token: "lbd_admin", body })).text).toBe("taken\n");
    expect(received).toBe(body.byteLength);
    received = 0;
    const refused = await ask("/v1/appliance/update", { method: "PUT", token: "lbd_read", body });
    expect(refused.status).toBe(403);
    expect(audit.after(0).at(-1)?.outcome).toBe("the role admin is needed");
    expect(received).toBe(0);
  });

  test("serves many requests of one connection as it serves one", async () => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    const REQUESTS = 25;
    for (let n = 1; n <= REQUESTS; n++) {
      socket.write("GET /v1/logs?limit=0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer lbd_read\r\n\r\n");
      await until(`answer ${n}`, () => text.split("HTTP/1.1 200").length > n);
    }
    socket.destroy();
    // The gate's own warnings come after what it has answered.
    expect((await ask("/v1/appliance", { token: "lbd_read" })).status).toBe(404);
    expect(said().filter((line) => line.startsWith("gate: "))).toEqual([]);
  });

  test.each([
    ["nobody's token", "lbd_guess"],
    ["a right one", "lbd_read"],
  ])("ends a connection that asks far ahead of its answers, with %s", async (_whose, token) => {
    const line = `GET /v1/logs?limit=0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => {
        const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
        socket.on("error", () => {});
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk;
        });
        socket.write(line.repeat(500));
        return new Promise<number>((resolve) =>
          socket.once("close", () => resolve(text.split("HTTP/1.1 ").length - 1)),
        );
      }),
    );
    // Some may have been answered by then, and none of those that wait behind them.
    expect(Math.max(...answers)).toBeLessThan(20);
    expect((await ask("/v1/status", { token: "lbd_read" })).status).toBe(200);
  });

  test.each(["authorization: Bearer lbd_guess\r\n", ""])(
    "has whoever comes without a right token come anew: %p",
    async (line) => {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.write(`GET /v1/status HTTP/1.1\r\nhost: localhost\r\n${line}\r\n`);
      await until("the answer", () => text.includes("\r\n\r\n"));
      socket.destroy();
      expect(text.toLowerCase()).toContain("\r\nconnection: close\r\n");
    },
  );

  test("streams what happens as it happens", async () => {
    const got = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: "Bearer lbd_read" };
      const asked = request(
        { host: "127.0.0.1", port, path: "/v1/logs?follow=true&limit=0", headers, rejectUnauthorized: false },
        (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => {
            text += chunk.toString();
            if (!text.includes("data:")) return;
            resolve(text);
            asked.destroy();
          });
          lab.log({ level: "info", area: "test", message: "just now" });
        },
      );
      asked.on("error", reject);
      asked.end();
    });
    expect(got).toContain('"message":"just now"');
  });

  test("writes down who changed what, and who was refused", async () => {
    await ask("/v1/reload?allow-empty=1", { method: "POST", token: "lbd_operate" });
    await until("the director was asked", () => lab.done.at(-1) === "reload, may be empty");
    await until("the audit has it", () => audit.after(0).at(-1)?.call === "POST /v1/reload");
    const { who, role, from, status } = audit.after(0).at(-1) ?? {};
    expect([who, role, from, status]).toEqual(["operateer", "operate", "127.0.0.1", 202]);
    expect(said()).toContain("audit: operateer (operate) from 127.0.0.1: POST /v1/reload: 202");
    expect(said()).toContain("audit: reader (read) from 127.0.0.1: POST /v1/reload: 403, the role operate is needed");
  });

  test("holds up whoever comes with ever new tokens, and nobody who has a right one", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await ask("/v1/status", { token: `lbd_${i}` })).status);
    expect(statuses.at(-1)).toBe(429);
    const before = audit.after(0).length;
    expect((await ask("/v1/status", { token: "lbd_guess" })).headers["retry-after"]).toMatch(/^\d+$/);
    expect(audit.after(0)).toHaveLength(before);
    expect((await ask("/v1/status", { token: "lbd_read" })).status).toBe(200);
    // Each wrong token up to the limit is an event, and nobody is named that is not known.
    const strangers = () => eventsSoFar().then((all) => all.filter(({ subject }) => subject === "GET /v1/status"));
    await until("the events have them", async () => (await strangers()).length > 0);
    for (const event of await strangers())
      expect(event).toMatchObject({
        kind: "audit",
        to: "401",
        reason: "somebody unknown from 127.0.0.1: GET /v1/status: 401, no token of this machine",
      });
  });

  test("outlives junk, plain HTTP and connections that say nothing", async () => {
    const idle = Array.from({ length: 150 }, () => connectTcp(port, "127.0.0.1").on("error", () => {}));
    const plain = connectTcp(port, "127.0.0.1").on("error", () => {});
    plain.write("GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => plain.once("close", resolve));
    expect((await ask("/v1/status", { token: "lbd_read" })).status).toBe(200);
    for (const socket of idle) socket.destroy();
  });

  test("ends the machine behind its answer", async () => {
    expect((await ask("/v1/appliance/reboot", { method: "POST", token: "lbd_operate" })).status).toBe(202);
    await until("the machine ends", () => lab.done.at(-1) === "restart");
  });

  test("comes again by itself when its process ends", async () => {
    const before = lab.gatePid();
    process.kill(before, "SIGKILL");
    await until(
      "a new gate answers",
      async () =>
        lab.gatePid() !== before &&
        (await ask("/v1/status", { token: "lbd_read" }).catch(() => undefined))?.status === 200,
    );
  });

  test("takes client certificates of the authority, with the role of their unit", async () => {
    const at = (name: string) => join(folder, name);
    const openssl = (...words: string[]) =>
      execFileSync("openssl", words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...newKey, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem");
    for (const [name, subject, authority] of [
      ["operator", "/OU=operate/CN=anna", "ca"],
      ["nobody", "/CN=bert", "ca"],
      ["forged", "/OU=admin/CN=eve", "forged-ca"],
    ] as const) {
      if (authority === "forged-ca")
        openssl(
          "req",
          "-x509",
          ...newKey,
          "-subj",
          "/CN=authority",
          "-keyout",
          "forged-ca.key",
          "-out",
          "forged-ca.pem",
        );
      openssl("req", ...newKey, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        `${authority}.pem`,
        "-CAkey",
        `${authority}.key`,
        "-CAcreateserial",
        "-out",
        `${name}.pem`,
      );
    }
    const pair = (name: string) => ({
      key: readFileSync(at(`${name}.key`), "utf8"),
      cert: readFileSync(at(`${name}.pem`), "utf8"),
    });
    await access.apply(lab.settingsWith({ clientAuthority: "ca.pem" }));
    await until("the gate listens again", () => access.status().state === "listening");
    expect((await ask("/v1/reload", { method: "POST", client: pair("operator") })).status).toBe(202);
    expect(audit.after(0).at(-1)?.who).toBe("anna");
    expect((await ask("/v1/appliance/poweroff", { method: "POST", client: pair("operator") })).status).toBe(403);
    expect((await ask("/v1/status", { client: pair("nobody") })).status).toBe(401);
    expect((await ask("/v1/status", { client: pair("forged") })).status).toBe(401);
    // A token counts beside it.
    expect((await ask("/v1/status", { token: "lbd_read" })).status).toBe(200);
  });

  test("shows a given certificate, and its own when that one is no use", async () => {
    mkdirSync(join(folder, "tls"));
    writeFileSync(join(folder, "tls/a.pem"), readFileSync(join(folder, "ca.pem")));
    writeFileSync(join(folder, "tls/a.key"), readFileSync(join(folder, "ca.key")));
    await access.apply(lab.settingsWith({ certificate: "tls/a.pem", key: "tls/a.key" }));
    expect(access.status()).toMatchObject({ certificate: "given" });
    expect(access.status().fingerprint).not.toBe(fingerprint);
    writeFileSync(join(folder, "tls/a.key"), readFileSync(join(folder, "operator.key")));
    await access.apply(lab.settingsWith({ certificate: "tls/a.pem", key: "tls/a.key" }));
    expect(access.status()).toMatchObject({ certificate: "own", fingerprint });
    expect(said()).toContain(
      "tls/a.pem, tls/a.key: the key is not the certificate's: the machine's own certificate is shown instead",
    );
  });

  test("is shut when appliance.yaml no longer asks for it", async () => {
    await access.apply(DEFAULT_SETTINGS);
    expect(access.status()).toEqual({ state: "off" });
    expect(await ask("/v1/status", { token: "lbd_read" }).catch((error) => error.code)).toBe("ECONNREFUSED");
  });
});
