// Ring netns: a whole machine but for its hardware in a namespace (test/support/appliance-child.ts), asked by `lbd --host` through the real gate:
// every route as nobody and as each role, the folder read and replaced, mistakes in it, the network changed under it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** What `lbd config put` is given: the folder with these changes. */
function folderWith(changed: Readonly<Record<string, string | undefined>>): string {
  const name = "laptop";
  rmSync(join(dir, name), { recursive: true, force: true });
  for (const [file, text] of Object.entries({ ...FOLDER, ...changed }))
    if (text !== undefined) put(name, { [file]: text });
  return join(dir, name);
}

const addresses = (link: string) => machine.ip(`-4 -o addr show dev ${link}`);
const onPartition = (name: string) => readFileSync(join(dir, "conf", name), "utf8");
const partsOf = async () => {
  const { configuration } = JSON.parse((await ask("/v1/appliance", "GET", "read")).text);
  return Object.fromEntries(configuration.parts.map((part: { name: string; from: string }) => [part.name, part.from]));
};

describe.skipIf(reason !== undefined)("the configuration folder", () => {
  beforeAll(async () => {
    put("conf", { "tls.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" });
    expect((await lbd("operate", "reload")).status).toBe(0);
    await until("the folder is kept as a good one", async () => {
      const { configuration } = JSON.parse((await ask("/v1/appliance", "GET", "read")).text);
      return configuration.kept === true && existsSync(join(dir, "esp/lbd/good"));
    });
  });

  test("comes to a laptop as it is, but for keys", async () => {
    const fresh = join(dir, "fresh");
    const { status, out, err } = await lbd("admin", "config", "get", fresh);
    expect([status, out, err]).toEqual([
      0,
      "director: partition\nnetwork.yaml: partition\nappliance.yaml: partition\n",
      "stays on the machine: tls.key\n",
    ]);
    for (const [name, text] of Object.entries(FOLDER)) expect(readFileSync(join(fresh, name), "utf8")).toBe(text);
    expect(existsSync(join(fresh, "tls.key"))).toBe(false);
    expect((await lbd("admin", "config", "get", fresh)).err).toContain("is not empty: nothing was written");
    expect((await lbd("operate", "config", "get", join(dir, "other"))).err).toContain("the role admin is needed");
  });

  test("changes the network in the kernel: what is new comes, what is gone goes, what both have stays", async () => {
    expect(addresses("eth0")).toContain("192.0.2.5/24");
    const index = machine.ip("-o link show dev eth0").split(":")[0];
    const network = [
      "network:",
      "  version: 2",
      "  ethernets:",
      "    eth0: {addresses: [192.0.2.6/24], routes: [{to: 203.0.113.0/24, via: 192.0.2.1}]}",
      "    eth1: {mtu: 1400}",
      "  bridges:",
      "    br0: {interfaces: [eth1], addresses: [198.51.100.5/24]}",
      "",
    ].join("\n");
    const judged = await lbd("admin", "config", "put", "--check", folderWith({ "network.yaml": network }));
    expect([judged.status, judged.out]).toEqual([0, "it would be taken\n"]);
    expect(addresses("eth0")).toContain("192.0.2.5/24");
    const { status, out, err } = await lbd("admin", "config", "put", folderWith({ "network.yaml": network }));
    expect([status, err]).toEqual([0, "stays on the machine: tls.key\n"]);
    expect(out).toContain("network.yaml: partition\n");
    await until("the bridge has its address", () => /198\.51\.100\.5/.test(machine.run("ip", "addr").stdout));
    expect(addresses("eth0")).toContain("192.0.2.6/24");
    expect(addresses("eth0")).not.toContain("192.0.2.5/24");
    expect(machine.ip("-o link show dev eth0").split(":")[0]).toBe(`${index}`);
    expect(machine.ip("route show proto static")).toContain("203.0.113.0/24 via 192.0.2.1 dev eth0");
    expect(machine.ip("-d -o link show dev eth1")).toMatch(/mtu 1400 .*master br0/);
    expect(onPartition("network.yaml")).toBe(network);
    expect(onPartition("tls.key")).toContain("PRIVATE KEY");
    expect(onPartition("access/certificate.pem")).toContain("CERTIFICATE");

    expect((await lbd("admin", "config", "put", folderWith({}))).status).toBe(0);
    await until("the bridge is gone", () => !machine.run("ip", "link").stdout.includes("br0"));
    expect(addresses("eth0")).toContain("192.0.2.5/24");
    expect(machine.ip("route show proto static")).toBe("");
  });

  test("with a mistake is refused with its place, and nothing is changed", async () => {
    const wrong = folderWith({
      "network.yaml": "network:\n  version: 2\n  ethernets:\n    eth0: {adresses: [192.0.2.7/24]}\n",
    });
    const { status, out, err } = await lbd("admin", "config", "put", wrong);
    expect([status, out]).toEqual([1, ""]);
    expect(err).toContain("network.yaml:4:12: error[unknown-key]: unknown key adresses (did you mean addresses?)\n");
    expect(err).toContain("lbd: the folder has 1 error, nothing was changed: network.yaml:4: unknown key adresses\n");
    expect(onPartition("network.yaml")).toBe(NETWORK);
    expect(addresses("eth0")).toContain("192.0.2.5/24");
    const judged = await lbd("admin", "config", "put", "--check", wrong);
    expect([judged.status, judged.out]).toEqual([1, "1 errors: it would be refused\n"]);
  });

  test("that is forced in has the last good part in force, said by log, API and events; the other parts are the new ones", async () => {
    const at = lines.length;
    const forced = folderWith({
      "network.yaml": "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.5]}}}\n",
      "appliance.yaml": APPLIANCE.replace("director1", "director2"),
    });
    const { status, out, err } = await lbd("admin", "config", "put", "--force", forced);
    expect(status).toBe(0);
    expect(err).toContain("network.yaml:1:54: error[bad-value]: expected an address with its prefix length");
    expect(out).toMatch(/^network\.yaml: last-good, network\.yaml:1:54: expected an address/m);
    expect(addresses("eth0")).toContain("192.0.2.5/24");
    expect(lines.slice(at)).toContain("host director2");
    expect(lines.slice(at).some((line) => line.includes("network.yaml is the last good one"))).toBe(true);
    expect(await partsOf()).toEqual({
      director: "partition",
      "network.yaml": "last-good",
      "appliance.yaml": "partition",
    });
    const { out: told } = await lbd("read", "events");
    expect(told).toContain("audit PUT /v1/appliance/config: 200 (adminer (admin) from 127.0.0.1:");
    expect((await lbd("admin", "config", "put", folderWith({}))).status).toBe(0);
    expect(await partsOf()).toEqual({
      director: "partition",
      "network.yaml": "partition",
      "appliance.yaml": "partition",
    });
  });

  test("whose keepalived.conf can't be run leaves the director with the last good one", async () => {
    const before = (await lbd("read", "status", "--json")).out;
    put("conf", { "keepalived.conf": "vrrp_instance A {\n  interface eth0\n}\n" });
    const at = lines.length;
    await lbd("operate", "reload");
    await until("it is said", () =>
      lines.slice(at).some((line) => line.includes("keepalived.conf is the last good one")),
    );
    expect((await ask("/readyz", "GET", "read")).status).toBe(200);
    const pid = (text: string) => JSON.parse(text).director.pid;
    expect(pid((await lbd("read", "status", "--json")).out)).toBe(pid(before));
    expect((await partsOf()).director).toBe("last-good");
    put("conf", { "keepalived.conf": DIRECTOR });
    await lbd("operate", "reload");
    await until("it is the partition's again", async () => (await partsOf()).director === "partition");
  });

  test("that somebody else has changed meanwhile is not written over", async () => {
    const { status, text } = await ask("/v1/appliance/config", "GET", "admin");
    expect(status).toBe(200);
    const { tag } = JSON.parse(text);
    const { out } = await run([
      ...["curl", "-sk", "-X", "PUT", "-H", "authorization: Bearer lbd_admin", "-H", 'if-match: "0000"'],
      ...["--data-binary", '{"files":{}}', `https://127.0.0.1:${PORT}/v1/appliance/config`],
    ]);
    expect(JSON.parse(out)).toMatchObject({ status: 412, code: "changed", detail: expect.stringContaining(tag) });
    expect(onPartition("network.yaml")).toBe(NETWORK);
  });
});
