// Reloads of the real program: files in pieces, empty ones, and more signals than anybody sends.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lbdLab, type RunningLbd } from "../../support/lbd.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);
const lab = lbdLab();
afterAll(() => lab.end());

/** Nothing listens there, and nothing is balanced: the checker says that there is no IPVS, or the table holds it. */
const service = (port: number) =>
  `virtual_server 127.0.0.1 ${port} {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 127.0.0.2 80 {\n }\n}\n`;

async function services(lbd: RunningLbd): Promise<string[]> {
  const body = JSON.parse((await lbd.ask("/v1/virtual-servers"))?.body ?? "null");
  return (body?.virtualServers ?? []).map(({ id }: { id: string }) => id);
}

async function config(lbd: RunningLbd) {
  return JSON.parse((await lbd.ask("/v1/status"))?.body ?? "null")?.director.config;
}

async function ended(lbd: RunningLbd): Promise<void> {
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
}

test("an emptied file takes nothing away, until somebody says that it is meant", async () => {
  const lbd = lab.start(service(8081));
  await until("the service is there", async () => (await services(lbd)).length === 1);
  lbd.configure("");
  const refused = await lab.run("reload", "--run-dir", lbd.runDir);
  expect(refused.status).toBe(1);
  expect(refused.err).toContain(`${lbd.configFile}: nothing stands in it; if it is meant: lbd reload --allow-empty`);
  expect(await services(lbd)).toEqual(["127.0.0.1:8081/tcp"]);
  expect(await config(lbd)).toMatchObject({ stale: true });
  lbd.signal("SIGHUP");
  await until("a signal says no more than before", async () => (await config(lbd)).reloads === 2);
  expect(await services(lbd)).toHaveLength(1);
  expect(await lab.run("reload", "--allow-empty", "--run-dir", lbd.runDir)).toMatchObject({ status: 0 });
  await until("it is gone", async () => (await services(lbd)).length === 0);
  expect(readdirSync(lbd.runDir).filter((name) => name.startsWith("reload"))).toEqual([]);
  await ended(lbd);
});

test("a file that is written in pieces is taken when it is whole", async () => {
  const lbd = lab.start(service(8081));
  await until("the service is there", async () => (await services(lbd)).length === 1);
  const text = service(8082) + service(8083);
  // Each piece is read by nobody: the next one comes sooner than the quiet that is waited for.
  writeFileSync(lbd.configFile, "");
  lbd.signal("SIGHUP");
  for (const piece of [text.slice(0, 30), text.slice(30, 120), text.slice(120)]) {
    appendFileSync(lbd.configFile, piece);
    lbd.signal("SIGHUP");
    await new Promise(setImmediate);
  }
  await until("both are there", async () => (await services(lbd)).join() === "127.0.0.1:8082/tcp,127.0.0.1:8083/tcp");
  expect(lbd.log()).not.toContain("reload refused");
  await ended(lbd);
});

test("hundreds of signals, from the first moment that the runtime lets us have one", async () => {
  const lbd = lab.start(service(8081));
  // Bit 0: SIGHUP has a handler.
  const handles = () => /^SigCgt:\t.*[13579bdf]$/m.test(readFileSync(`/proc/${lbd.pid}/status`, "utf8"));
  await until("it has a handler", handles, 10_000);
  for (let port = 9000; port < 9300; port++) {
    writeFileSync(`${lbd.configFile}.new`, service(port));
    renameSync(`${lbd.configFile}.new`, lbd.configFile);
    lbd.signal("SIGHUP");
    if (port % 20 === 0) await new Promise(setImmediate);
  }
  await until("the last content runs", async () => (await services(lbd)).join() === "127.0.0.1:9299/tcp");
  expect((await config(lbd)).reloads).toBeLessThan(300);
  expect(existsSync(`/proc/${lbd.pid}`)).toBe(true);
  await ended(lbd);
});

test("words about reloads: a time, a file that is there meanwhile, and what was found", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lbd-reload-words-"));
  const file = (name: string) => join(folder, name);
  const words = `global_defs {\n reload_time_file ${file("at")}\n reload_check_config ${file("found")}\n reload_file ${file("mark")}\n}\n`;
  writeFileSync(file("mark"), "");
  const lbd = lab.start(words + service(8081));
  await until("the service is there", async () => (await services(lbd)).length === 1);
  expect(existsSync(file("mark"))).toBe(false);
  lbd.configure(`${words}${service(8082)}nonsense\n`);
  writeFileSync(file("at"), `${new Date(Date.now() + 3000).toISOString().slice(0, 19).replace("T", " ")}Z\n`);
  await until("it was refused", () => lbd.log().includes("reload refused"));
  expect(existsSync(file("at"))).toBe(false);
  expect(existsSync(file("mark"))).toBe(false);
  expect(readFileSync(file("found"), "utf8")).toContain("nonsense");
  expect(await services(lbd)).toEqual(["127.0.0.1:8081/tcp"]);
  await ended(lbd);
  rmSync(folder, { recursive: true });
});
