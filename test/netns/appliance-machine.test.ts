// Ring netns: a whole machine but for its hardware in a namespace (test/support/appliance-child.ts), asked by `lbd --host` through the real gate:
// every route as nobody and as each role, the folder read and replaced, mistakes in it, the network changed under it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROUTES } from "../../src/api/routes/table.ts";
import { hashOf, ROLES } from "../../src/appliance/access/permits.ts";
import { PROGRAM } from "../support/lbd.ts";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { plainEnvironment } from "../support/plain-environment.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const dir = mkdtempSync(join(tmpdir(), "lbd-machine-"));
const PORT = 8443;
const lines: string[] = [];
let machine: Namespace;
let neighbour: Namespace;
let child: ReturnType<Namespace["spawn"]>;
let fingerprint = "";

const APPLIANCE = [
  "hostname: director1",
  "api:",
  "  listen: 127.0.0.1",
  `  port: ${PORT}`,
  "  tokens:",
  ...ROLES.map((role) => `    ${role}er: {role: ${role}, sha256: ${hashOf(`lbd_${role}`)}}`),
  "",
].join("\n");
const NETWORK = "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24]}, eth1: {}}}\n";
const DIRECTOR = "global_defs {\n  router_id one\n}\n";
const FOLDER = { "appliance.yaml": APPLIANCE, "network.yaml": NETWORK, "keepalived.conf": DIRECTOR };

beforeAll(async () => {
  if (reason) return;
  [machine, neighbour] = [new Namespace("machine"), new Namespace("neighbour")];
  connect(machine, "eth0", neighbour, "eth0");
  connect(machine, "eth1", neighbour, "eth1");
  put("conf", FOLDER);
  writeFileSync(join(dir, "slot"), Buffer.alloc(8 * 1024 * 1024));
  // The gate has an account of its own, and walks to the door below.
  chmodSync(dir, 0o711);
  const script = join(import.meta.dir, "../support/appliance-child.ts");
  child = machine.spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until("the machine listens", () => lines.some((line) => line.includes("listening on https://")), 60_000);
  fingerprint = /fingerprint (\S+)/.exec(lines.find((line) => line.includes("listening on")) ?? "")?.[1] ?? "";
  await until("the director is ready", async () => (await ask("/readyz", "GET", "read")).status === 200, 60_000);
}, 120_000);

afterAll(async () => {
  if (reason) return;
  child.kill("SIGTERM");
  await until("it ends", () => child.exitCode !== null, 30_000);
  machine[Symbol.dispose]();
  neighbour[Symbol.dispose]();
  rmSync(dir, { recursive: true });
}, 60_000);

function put(place: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(dir, place), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, place, name), text);
}

/** Runs in the machine's namespace to its end. */
function run(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<{ status: number | null; out: string; err: string }>((resolve) => {
    const [program = "", ...rest] = words;
    const running = machine.spawn(program, rest, { env: { ...plainEnvironment(), XDG_CONFIG_HOME: dir, ...env } });
    const said = { out: "", err: "" };
    running.stdout?.on("data", (chunk: Buffer) => {
      said.out += chunk.toString();
    });
    running.stderr?.on("data", (chunk: Buffer) => {
      said.err += chunk.toString();
    });
    running.on("close", (status) => resolve({ status, ...said }));
  });
}

type Who = (typeof ROLES)[number] | "nobody";

const lbd = (who: Who, ...words: readonly string[]) =>
  run([...PROGRAM, "--host", `127.0.0.1:${PORT}`, "--fingerprint", fingerprint, ...words], { LBD_TOKEN: `lbd_${who}` });

/** By curl in the namespace: status and headers, then the body's beginning. */
async function ask(path: string, method: string, who: Who, body?: string) {
  const { out } = await run([
    ...["curl", "-sk", "-m", "20", "-X", method, "-w", "\n%{http_code}"],
    ...(who === "nobody" ? [] : ["-H", `authorization: Bearer lbd_${who}`]),
    ...(body === undefined ? [] : ["--data-binary", body]),
    `https://127.0.0.1:${PORT}${path}`,
  ]);
  const at = out.lastIndexOf("\n");
  return { status: Number(out.slice(at + 1)), text: out.slice(0, at) };
}

describe.skipIf(reason !== undefined)("every route", () => {
  interface Operation {
    readonly "x-lbd-role": (typeof ROLES)[number];
    readonly responses: Readonly<Record<string, unknown>>;
  }
  let document: { paths: Record<string, Record<string, Operation>>; components: { securitySchemes: object } };
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    );
  beforeAll(async () => {
    document = JSON.parse((await ask("/openapi.json", "GET", "read")).text);
  });

  test("is in the document, with its method, its role and what a caller without it is told", async () => {
    expect(operations().map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        ...ROUTES.map(({ method, path }) => `${method} ${path}`),
        ...["GET /v1/appliance", "GET /v1/appliance/check", "GET /v1/appliance/config", "PUT /v1/appliance/config"],
        ...["PUT /v1/appliance/update", "POST /v1/appliance/reboot", "POST /v1/appliance/poweroff"],
        ...["GET /v1/logs", "GET /v1/audit", "POST /v1/reload", "GET /", "GET /openapi.json"],
      ]),
    );
    for (const { operation } of operations()) {
      expect(ROLES).toContain(operation["x-lbd-role"]);
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["401", "403", "429"]));
    }
    expect(Object.keys(document.components.securitySchemes)).toEqual(["token", "certificate"]);
    // The index has what can be read.
    const { links } = JSON.parse((await ask("/", "GET", "read")).text);
    const readable = operations().filter(({ method, path }) => method === "GET" && path !== "/");
    expect(Object.keys(links).sort()).toEqual(readable.map(({ path }) => path).sort());
  });

  test("answers each caller as the document says", async () => {
    const wrong: string[] = [];
    for (const { path, method, operation } of operations()) {
      const needed = ROLES.indexOf(operation["x-lbd-role"]);
      // Streams would not end, and what is done to the machine is asked for once by who may.
      const asked = path.replace(/\{\w+\}/g, "none").replace(/^\/v1\/events$/, "/v1/events?lastEventId=none");
      if (path === "/v1/events") continue;
      for (const who of ["nobody", ...ROLES] as const) {
        const body = method === "PUT" ? "x" : undefined;
        const { status, text } = await ask(asked, method, who, body);
        const may = who !== "nobody" && ROLES.indexOf(who) >= needed;
        const fits = who === "nobody" ? status === 401 : may ? ![401, 403, 405, 429].includes(status) : status === 403;
        if (!fits) wrong.push(`${method} ${path} as ${who}: ${status} ${text.slice(0, 100)}`);
      }
    }
    expect(wrong).toEqual([]);
    // Who might end the machine did, and nobody else.
    expect(lines.filter((line) => line.startsWith("finish "))).toEqual([
      ...["finish restart", "finish restart"],
      "finish power-off",
    ]);
  }, 300_000);

  test("that changes something is an event, whoever asked", async () => {
    const { out } = await lbd("read", "events");
    for (const [who, call, status] of [
      ["reader (read)", "POST /v1/appliance/reboot", 403],
      ["operateer (operate)", "POST /v1/appliance/reboot", 202],
      ["operateer (operate)", "PUT /v1/appliance/config", 403],
      ["adminer (admin)", "POST /v1/appliance/poweroff", 202],
      ["adminer (admin)", "PUT /v1/appliance/update", 400],
    ])
      expect(out).toContain(`audit ${call}: ${status} (${who} from 127.0.0.1: ${call}: ${status}`);
  });
});
