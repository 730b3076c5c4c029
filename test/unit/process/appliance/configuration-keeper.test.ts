// Which configuration is in force after a mistake on the partition, a power cut while it is written, or a partition that is gone; and the
// folder over the API. Partitions are folders here.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packFolder } from "../../../../src/appliance/folder/copy.ts";
import type { Files } from "../../../../src/appliance/folder/parts.ts";
import { type ApplianceApi, answerRoute, serveOn } from "../../../../src/process/appliance/api.ts";
import { readFiles } from "../../../../src/process/appliance/configuration.ts";
import {
  type ConfigurationKeeper,
  type ConfigurationPorts,
  createConfigurationKeeper,
} from "../../../../src/process/appliance/configuration-keeper.ts";
import { configurationRoutes } from "../../../../src/process/appliance/configuration-routes.ts";
import {
  readGood,
  readPartition,
  replacePartition,
  type WithFolder,
  writeGood,
} from "../../../../src/process/appliance/configuration-store.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-keeper-"));
  mkdirSync(join(dir, "conf"));
  mkdirSync(join(dir, "esp"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const NETWORK = "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24]}}}\n";
const DIRECTOR =
  "vrrp_instance A {\n  interface eth0\n  virtual_router_id 5\n  virtual_ipaddress {\n    192.0.2.10\n  }\n}\n";
const GOOD = { "keepalived.conf": DIRECTOR, "network.yaml": NETWORK, "appliance.yaml": "hostname: one\n" };

function put(files: Readonly<Record<string, string>>, place = "conf") {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, place, path)), { recursive: true });
    writeFileSync(join(dir, place, path), text);
  }
}
const conf: WithFolder = (_how, act) => act(join(dir, "conf"));
const esp: WithFolder = (_how, act) => act(join(dir, "esp"));

function machine(more: Partial<ConfigurationPorts> = {}) {
  const said: string[] = [];
  const clock = manualClock();
  const well = { director: true, network: true };
  const keeper = createConfigurationKeeper({
    clock,
    say: (level, message) => said.push(`${level}: ${message}`),
    folder: join(dir, `run-${Math.random()}`),
    readPartition: () => readPartition(conf),
    replacePartition: (files) => replacePartition(conf, files),
    readGood: () => readGood(esp),
    writeGood: (files) => writeGood(esp, files),
    isWell: () => Promise.resolve(well),
    ...more,
  });
  const parts = () =>
    Object.fromEntries(
      keeper.status().parts.map(({ name, from, reason }) => [name, reason === undefined ? from : `${from}: ${reason}`]),
    );
  const settle = async () => {
    keeper.watch();
    clock.advance(5000);
    await until("it is judged", () => keeper.status().kept !== "the director has not yet run with it");
  };
  return { keeper, said, clock, parts, settle, well };
}

const text = (files: Files, path: string) => Buffer.from(files.get(path) ?? []).toString();

/** A machine that has run well with GOOD. */
async function afterGoodStart() {
  put(GOOD);
  const { keeper, settle } = machine();
  await keeper.take();
  await settle();
  expect(keeper.status().kept).toBe(true);
}

test("what ran well is the last good one, and is written once", async () => {
  await afterGoodStart();
  const before = readFileSync(join(dir, "esp/lbd/good"));
  rmSync(join(dir, "esp/lbd/good.old"), { force: true });
  const { keeper, settle, parts, said } = machine();
  await keeper.take();
  await settle();
  expect([parts(), said]).toEqual([
    { director: "partition", "network.yaml": "partition", "appliance.yaml": "partition" },
    [],
  ]);
  expect([Buffer.compare(readFileSync(join(dir, "esp/lbd/good")), before), readdirSync(join(dir, "esp/lbd"))]).toEqual([
    0,
    ["good"],
  ]);
});

describe("a certificate that the machine made after it had taken its folder", () => {
  test.each([
    ["and kept", true],
    ["and could not keep", false],
  ])("%s stays the same", async (_what, isKept) => {
    put(GOOD);
    const folder = join(dir, "run");
    const { keeper } = machine({ folder });
    await keeper.take();
    put({ "access/certificate.pem": "own" }, "run");
    if (isKept) put({ "access/certificate.pem": "own" });
    await keeper.take();
    expect(readFileSync(join(folder, "access/certificate.pem"), "utf8")).toBe("own");
    keeper.replace(new Map([["appliance.yaml", Buffer.from("hostname: two\n")]]));
    expect(readFileSync(join(dir, "conf/access/certificate.pem"), "utf8")).toBe("own");
    await keeper.take();
    expect(readFileSync(join(folder, "access/certificate.pem"), "utf8")).toBe("own");
  });

  test("is not taken away by a folder that comes before the next look at it", async () => {
    put(GOOD);
    const folder = join(dir, "run");
    const { keeper } = machine({ folder });
    await keeper.take();
    for (const place of ["run", "conf"]) put({ "access/certificate.pem": "own" }, place);
    keeper.replace(new Map([["appliance.yaml", Buffer.from("hostname: two\n")]]));
    expect(readFileSync(join(dir, "conf/access/certificate.pem"), "utf8")).toBe("own");
  });
});

describe("after a good start", () => {
  test.each([
    ["YAML that is none", "network.yaml", "network: [\n", /^last-good: network\.yaml:\d:\d+: /],
    [
      "an address that is none",
      "network.yaml",
      NETWORK.replace("192.0.2.5/24", "192.0.2.555/24"),
      /expected an address with its prefix length, 192.0.2.5\/24 \(got 192.0.2.555\/24\)/,
    ],
    ["a name that is none", "appliance.yaml", "hostname: -x\n", /^last-good: appliance\.yaml:1:11: /],
    [
      "a director's file that keepalived could not run",
      "keepalived.conf",
      "vrrp_instance A {\n  interface eth0\n}\n",
      /^last-good: keepalived\.conf:1:1: /,
    ],
  ])("%s leaves the last good one, and the rest is the new one", async (_what, name, content, reason) => {
    await afterGoodStart();
    put({ ...GOOD, "keepalived.conf": `# new\n${DIRECTOR}`, [name]: content });
    const { keeper, parts, said, settle } = machine();
    const folder = await keeper.take();
    const part = name === "keepalived.conf" ? "director" : name;
    expect(parts()[part]).toMatch(reason);
    expect(text(keeper.files(), name)).toBe(GOOD[name as keyof typeof GOOD]);
    expect(said.some((line) => line.startsWith(`error: ${name} is the last good one: `))).toBe(true);
    expect([folder.settings.hostname, folder.network.links[0]?.addresses[0]?.ip]).toEqual(["one", "192.0.2.5"]);
    // What runs is good again; the partition's mistake is not.
    await settle();
    expect(text(readGood(esp) ?? new Map(), name)).toBe(GOOD[name as keyof typeof GOOD]);
  });

  test("mistakes that keepalived runs with are run with", async () => {
    await afterGoodStart();
    put({ "keepalived.conf": `nonsense word\n${DIRECTOR}` });
    const { keeper, parts } = machine();
    await keeper.take();
    expect(parts().director).toBe("partition");
    put({ "appliance.yaml": "strict: true\n" });
    const strict = machine();
    await strict.keeper.take();
    expect(strict.parts().director).toMatch(/^last-good: keepalived\.conf:1:1: /);
  });

  test("a partition that is gone or damaged leaves all of it, also a second time", async () => {
    await afterGoodStart();
    const broken = {
      readPartition: () => {
        throw new Error("mount: EINVAL (vfat /dev/vda5)");
      },
    };
    for (let n = 0; n < 2; n++) {
      const { keeper, parts, said } = machine(broken);
      const folder = await keeper.take();
      expect(parts().director).toBe("last-good: mount: EINVAL (vfat /dev/vda5)");
      expect(said[0]).toBe("error: the configuration partition: mount: EINVAL (vfat /dev/vda5)");
      expect(folder.settings.hostname).toBe("one");
    }
  });

  test("a mistake while the machine runs leaves what runs", async () => {
    put(GOOD);
    const { keeper, parts } = machine({ readGood: () => undefined, writeGood: () => {} });
    await keeper.take();
    put({ "network.yaml": "network: [" });
    await keeper.take();
    expect(parts()["network.yaml"]).toMatch(/^last-good: /);
    put({ "network.yaml": NETWORK.replace("192.0.2.5", "192.0.2.6") });
    expect((await keeper.take()).network.links[0]?.addresses[0]?.ip).toBe("192.0.2.6");
    expect(parts()["network.yaml"]).toBe("partition");
  });

  test("a copy that a power cut spoiled is passed over for the one before", async () => {
    await afterGoodStart();
    put({ "appliance.yaml": "hostname: two\n" });
    const { keeper, settle } = machine();
    await keeper.take();
    await settle();
    truncateSync(join(dir, "esp/lbd/good"), 100);
    rmSync(join(dir, "conf"), { recursive: true });
    const after = machine();
    expect((await after.keeper.take()).settings.hostname).toBe("one");
  });
});

describe("a folder is not kept", () => {
  test("before the director runs with it; its network not while that has faults", async () => {
    put(GOOD);
    const { keeper, clock, well } = machine();
    Object.assign(well, { director: false });
    await keeper.take();
    keeper.watch();
    clock.advance(5000);
    await until("it is kept or not", () => keeper.status().kept === "the director does not answer yet");
    expect(existsSync(join(dir, "esp/lbd/good"))).toBe(false);
    Object.assign(well, { director: true, network: false });
    clock.advance(5000);
    await until(
      "it is kept or not",
      () => keeper.status().kept === "network.yaml is not kept while the network has faults",
    );
    expect([...(readGood(esp) ?? []).keys()]).toEqual(["appliance.yaml", "keepalived.conf"]);
    Object.assign(well, { network: true });
    clock.advance(5000);
    await until("it is kept or not", () => keeper.status().kept === true);
    expect(readGood(esp)?.has("network.yaml")).toBe(true);
  });

  test("when nothing is in it, or it can't be written; that is said once", async () => {
    const { keeper, settle } = machine();
    await keeper.take();
    await settle();
    expect(keeper.status().kept).toBe("it is empty");
    put({ large: "", ...GOOD });
    writeFileSync(join(dir, "conf/large"), crypto.getRandomValues(new Uint8Array(65_536)).toString().repeat(40));
    const full = machine({
      writeGood: () => {
        throw new Error("ENOSPC");
      },
    });
    await full.keeper.take();
    await full.settle();
    expect([full.keeper.status().kept, full.said]).toEqual([
      "ENOSPC",
      ["warning: the configuration is not kept as the last good one: ENOSPC"],
    ]);
  });
});

describe("another folder on the partition", () => {
  const before = new Map(
    Object.entries({ a: "1", b: "2", "c/d": "3" }).map(([path, content]) => [path, Buffer.from(content)]),
  );
  const after = new Map(
    Object.entries({ a: "one", "c/e": "four", f: "5" }).map(([path, content]) => [path, Buffer.from(content)]),
  );
  const content = () =>
    Object.fromEntries([...readPartition(conf)].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]));

  test("takes its place as a whole", () => {
    replacePartition(conf, before);
    replacePartition(conf, after);
    expect(content()).toEqual({ a: "one", "c/e": "four", f: "5" });
    expect(readdirSync(join(dir, "conf")).sort()).toEqual(["a", "c", "f"]);
  });

  test.each([
    ["nothing yet", () => {}],
    ["one file", () => rmSync(join(dir, "conf/b"))],
    ["half of the files", () => put({ a: "one", "f.new": "half" })],
  ])("is written to its end after a power cut that came when %s was done", (_what, done) => {
    replacePartition(conf, before);
    writeFileSync(join(dir, "conf/.lbd-new"), packFolder(after));
    done();
    expect(content()).toMatchObject({ a: "one", "c/e": "four", f: "5" });
    expect(existsSync(join(dir, "conf/b"))).toBe(false);
    expect(existsSync(join(dir, "conf/.lbd-new"))).toBe(false);
  });

  test("counts nothing when the power went before the whole of it was there", () => {
    replacePartition(conf, before);
    writeFileSync(join(dir, "conf/.lbd-new"), packFolder(after).slice(0, -1));
    expect(content()).toEqual({ a: "1", b: "2", "c/d": "3" });
  });
});

describe("over the API", () => {
  let api: ApplianceApi | undefined;
  afterEach(() => api?.close());

  async function serve(more: Partial<ConfigurationPorts> = {}) {
    put({ ...GOOD, "tls/a.key": "-----BEGIN PRIVATE KEY-----\nx\n", "access/key.pem": "own", "bin/x": "" });
    writeFileSync(join(dir, "conf/bin/x"), Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff));
    const { keeper } = machine(more);
    await keeper.take();
    const routes = configurationRoutes({ keeper, reload: async () => void (await keeper.take()) });
    const path = join(dir, "api.sock");
    api = await serveOn({ path }, (request, response) => answerRoute(routes, () => {}, request, response));
    return keeper;
  }
  const ask = (method: string, query = "", body?: unknown, headers = {}) =>
    new Promise<{ status: number; etag: string | undefined; body: Record<string, never> & { [key: string]: unknown } }>(
      (resolve, reject) => {
        const asked = httpRequest(
          { socketPath: join(dir, "api.sock"), path: `/v1/appliance/config${query}`, method, headers, agent: false },
          (answer) => {
            let text = "";
            answer.on("data", (chunk: Buffer) => {
              text += chunk.toString();
            });
            answer.on("end", () =>
              resolve({ status: answer.statusCode ?? 0, etag: answer.headers.etag, body: JSON.parse(text) }),
            );
          },
        );
        asked.on("error", reject);
        asked.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
      },
    );
  const onDisk = (keeper: ConfigurationKeeper) =>
    [...readFiles(join(dir, "conf")).keys()].sort().concat(keeper.status().tag === "" ? ["?"] : []);

  test("a folder is told without what is secret of the machine, and what was told can be written back", async () => {
    const keeper = await serve();
    const { status, etag, body } = await ask("GET");
    expect([status, etag]).toEqual([200, `"${keeper.status().tag}"`]);
    expect(body.files).toEqual({ ...GOOD, "tls/a.key": { keep: true }, "bin/x": { base64: "f0VMRv8=" } } as never);
    const back = await ask("PUT", "", { files: body.files }, { "if-match": etag });
    expect([back.status, back.body.tag]).toEqual([200, keeper.status().tag as never]);
    expect(readFileSync(join(dir, "conf/tls/a.key"), "utf8")).toContain("PRIVATE KEY");
    expect(readFileSync(join(dir, "conf/access/key.pem"), "utf8")).toBe("own");
  });

  test("another folder is judged, written, and in force", async () => {
    const keeper = await serve();
    const files = { ...GOOD, "appliance.yaml": "hostname: two\n" };
    expect((await ask("PUT", "?check=true", { files })).body.diagnostics).toEqual([] as never);
    expect(keeper.inForce().settings.hostname).toBe("one");
    expect((await ask("PUT", "", { files })).status).toBe(200);
    expect(keeper.inForce().settings.hostname).toBe("two");
    expect(onDisk(keeper)).toEqual(["access/key.pem", "appliance.yaml", "keepalived.conf", "network.yaml"]);
  });

  test("one with errors is written only by force, and then what runs stays where it can't be used", async () => {
    const keeper = await serve();
    const files = { ...GOOD, "network.yaml": "network: [\n" };
    const { status, body } = await ask("PUT", "", { files });
    expect([status, body.code, readFileSync(join(dir, "conf/network.yaml"), "utf8")]).toEqual([
      422,
      "bad-configuration" as never,
      NETWORK,
    ]);
    expect(body.diagnostics).toContainEqual(
      expect.objectContaining({ file: "network.yaml", code: "yaml-syntax" }) as never,
    );
    expect((await ask("PUT", "?force=true", { files })).status).toBe(200);
    expect(keeper.status().parts.find(({ name }) => name === "network.yaml")?.from).toBe("last-good");
  });

  test.each([
    ["what is no JSON", "files", 400, "bad-body"],
    ["another shape", { files: { a: 1 } }, 400, "bad-body"],
    ["a path that leads out", { files: { "../a": "" } }, 400, "bad-body"],
    ["a path from the root", { files: { "/etc/a": "" } }, 400, "bad-body"],
    ["the machine's own", { files: { "access/key.pem": "mine" } }, 400, "bad-body"],
    ["the machine's own, as FAT takes it for the same", { files: { "ACCESS/key.pem": "mine" } }, 400, "bad-body"],
    ["a file in the place of the machine's folder", { files: { Access: "mine" } }, 400, "bad-body"],
    ["the name of a folder that is being written", { files: { ".LBD-new": "" } }, 400, "bad-body"],
    ["a file that would be taken for another", { files: { "Network.yaml": "" } }, 400, "bad-body"],
    ["a file below a file", { files: { "A/b": "", a: "" } }, 400, "bad-body"],
    ["one name twice", { files: { "a.conf": "", "A.conf": "" } }, 400, "bad-body"],
    ["what is not there to be kept", { files: { "b.pem": { keep: true } } }, 400, "bad-body"],
    ["no base64", { files: { "b.pem": { base64: "?" } } }, 400, "bad-body"],
    ["more than is taken", "x".repeat(17 * 1024 * 1024), 413, "too-large"],
  ])("%s is refused", async (_what, body, status, code) => {
    await serve();
    const answer = await ask("PUT", "", body);
    expect([answer.status, answer.body.code]).toEqual([status, code as never]);
    expect(readFileSync(join(dir, "conf/appliance.yaml"), "utf8")).toBe("hostname: one\n");
  });

  test("a folder that changed meanwhile, and a full partition, are said", async () => {
    const keeper = await serve({
      replacePartition: () => {
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      },
    });
    expect((await ask("PUT", "", { files: GOOD }, { "if-match": '"other"' })).status).toBe(412);
    const full = await ask("PUT", "", { files: GOOD });
    expect([full.status, full.body.code]).toEqual([507, "full" as never]);
    expect(keeper.inForce().settings.hostname).toBe("one");
  });
});
