// The program as a whole, without IPVS: starts, answers, reloads, survives its children, and leaves nothing.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { kill } from "../../../ffi/process.ts";
import { exists, lbdLab, type RunningLbd, ready } from "../../support/lbd.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);
const lab = lbdLab();
afterAll(() => lab.end());

const { signals: SIGNALS } = constants;
const EMPTY = "global_defs {\n router_id lab\n}\n";

async function status(lbd: RunningLbd) {
  return JSON.parse((await lbd.ask("/v1/status"))?.body ?? "null");
}

/** A new pid of the api process that answers. */
async function otherApi(lbd: RunningLbd, old: number | undefined): Promise<number> {
  return until("another api process answers", async () => {
    const pid = lbd.rolePid("api.pid");
    return pid !== undefined && pid !== old && (await lbd.ask("/livez"))?.status === 200 ? pid : undefined;
  });
}

test("starts, answers without rights, and ends on TERM with nothing left", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  expect(readFileSync(join(lbd.runDir, "lbd.pid"), "utf8")).toBe(`${lbd.pid}\n`);
  expect(statSync(lbd.runDir).mode & 0o777).toBe(0o755);
  expect(statSync(join(lbd.runDir, "api.sock")).mode & 0o777).toBe(0o660);
  const api = lbd.rolePid("api.pid") ?? 0;
  const facts = readFileSync(`/proc/${api}/status`, "utf8");
  if (process.getuid?.() === 0) {
    expect(facts).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(facts).toMatch(/^Groups:\t\s*$/m);
    expect(facts).toMatch(/^CapPrm:\t0+$/m);
  }
  expect(facts).toMatch(/^NoNewPrivs:\t1$/m);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
  expect(exists(api)).toBe(false);
  for (const file of ["lbd.pid", "api.pid", "api.sock"]) expect(existsSync(join(lbd.runDir, file))).toBe(false);
});

test("a second director is told who is there, and nothing happens to the first", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  const second = lab.beside(lbd);
  expect(await second.exited).toBe(3);
  expect(second.log()).toContain(`already running: pid ${lbd.pid} holds ${lbd.runDir}/lbd.lock`);
  expect((await lbd.ask("/readyz"))?.status).toBe(200);
  lbd.signal("SIGINT");
  expect(await lbd.exited).toBe(0);
});

test("a reload with a broken file keeps the old one, a good one heals it", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  const first = await until("the hash is known", async () => {
    const now = await status(lbd);
    return now?.director.config.sha256 ? now : undefined;
  });
  lbd.configure("global_defs {\n router_id lab\n");
  lbd.signal("SIGHUP");
  const stale = await until("the reload is refused", async () => {
    const now = await status(lbd);
    return now?.director.config.stale ? now : undefined;
  });
  expect(stale.director.config.errors[0]).toStartWith(`${lbd.configFile}:1:`);
  expect(stale.director.config.sha256).toBe(first.director.config.sha256);
  expect(lbd.log()).toContain("reload refused");
  const metrics = (await lbd.ask("/metrics"))?.body ?? "";
  expect(metrics).toContain("lbd_config_stale 1\n");
  lbd.configure("global_defs {\n router_id other\n}\n");
  lbd.signal("SIGHUP");
  await until("the reload is taken", async () => {
    const now = await status(lbd);
    return now?.director.config.stale === false && now.director.config.reloads === 2;
  });
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
});

test("the reload command says what came of it", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  expect(await lab.run("reload", "--run-dir", lbd.runDir)).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^reloaded in \d+ ms: nothing changed\n$/),
  });
  lbd.configure("global_defs {\n");
  const refused = await lab.run("reload", "--run-dir", lbd.runDir);
  expect(refused.status).toBe(1);
  expect(refused.err).toMatch(
    new RegExp(`^lbd: refused, the old configuration stays in force:\n  ${lbd.configFile}:1:`),
  );
  expect(refused.err).not.toContain("\\x0a");
  lbd.signal("SIGTERM");
  await lbd.exited;
});

test("a killed api process comes back and knows everything", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  const old = lbd.rolePid("api.pid") ?? 0;
  process.kill(old, "SIGKILL");
  await otherApi(lbd, old);
  await ready(lbd);
  const now = await status(lbd);
  expect(now.processes).toMatchObject([{ role: "api", restarts: 1 }]);
  expect(JSON.parse((await lbd.ask("/v1/config"))?.body ?? "").effective.blocks.length).toBeGreaterThan(0);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
});

test("when the parent is killed its children end, and the next director starts clean", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  const api = lbd.rolePid("api.pid") ?? 0;
  lbd.signal("SIGKILL");
  await lbd.exited;
  await until("the api process has ended", () => !exists(api));
  expect(existsSync(join(lbd.runDir, "lbd.pid"))).toBe(true);
  const next = lab.beside(lbd);
  await ready(next);
  next.signal("SIGTERM");
  expect(await next.exited).toBe(0);
});

test("a configuration with errors runs and says so; --strict ends with status 2 and the place", async () => {
  const lbd = lab.start("global_defs {\n router_id lab\n quorum 2\n}\n");
  await ready(lbd);
  const { body } = (await lbd.ask("/readyz")) ?? {};
  expect(JSON.parse(body ?? "")).toEqual({ status: "ready", details: ["configuration: loaded with 1 error"] });
  expect((await status(lbd)).director.config).toMatchObject({
    errorCount: 1,
    tolerated: [expect.stringContaining(`${lbd.configFile}:3:2: `)],
  });
  expect((await lbd.ask("/metrics"))?.body).toContain("lbd_config_errors 1\n");
  expect((await lab.run("status", "--run-dir", lbd.runDir)).out).toContain("loaded with 1 error,");
  // What stands in force with an error is taken again with it.
  expect((await lab.run("reload", "--run-dir", lbd.runDir)).out).toContain("with 1 error that it had before");
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
  const strict = await lab.run("--strict", "-f", lbd.configFile, "--run-dir", lbd.runDir);
  expect(strict.status).toBe(2);
  expect(strict.err).toContain(`${lbd.configFile}:3:2: `);
});

test("a configuration that can't be used ends with status 2", async () => {
  const lbd = lab.start("vrrp_instance A {\n virtual_router_id 3\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n");
  expect(await lbd.exited).toBe(2);
  expect(lbd.log()).toContain(`${lbd.configFile}:1:`);
  const missing = await lab.run("-f", "/nonexistent/k.conf", "--run-dir", lbd.runDir);
  expect(missing.status).toBe(2);
  expect(missing.err).toContain("/nonexistent/k.conf");
});

test("signals that keepalived knows end nothing", async () => {
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  for (const pid of [lbd.pid, lbd.rolePid("api.pid") ?? 0])
    for (const number of [36, 63, SIGNALS.SIGPIPE, SIGNALS.SIGCHLD, SIGNALS.SIGWINCH]) kill(pid, number);
  for (const name of ["SIGUSR1", "SIGUSR2"] as const) lbd.signal(name);
  expect((await lbd.ask("/livez"))?.status).toBe(200);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
});

test("TERM in the first moments ends it all the same", async () => {
  for (let i = 0; i < 5; i++) {
    const lbd = lab.start(EMPTY);
    await until("the lock is held", () => existsSync(join(lbd.runDir, "lbd.pid")));
    lbd.signal("SIGTERM");
    expect(await lbd.exited).toBe(0);
  }
});

test("a role without a parent does nothing", async () => {
  const alone = await lab.run("@role", "api");
  expect(alone.status).toBe(1);
  expect(alone.err).toContain("started by lbd itself");
  expect((await lab.run("@role", "nothing")).status).toBe(1);
});

test.each([
  ["BUN_OPTIONS", "--smol"],
  ["BUN_INSPECT", ""],
  ["NODE_OPTIONS", "--no-warnings"],
  ["LBD_DEPTH", "1"],
])("an environment with %s, which makes it another program, is refused", async (name, value) => {
  const refused = await lab.runWith({ [name]: value }, "-f", "/nonexistent/k.conf", "--api", "off");
  expect(refused.err).toContain(`the environment sets ${name}`);
  expect(refused.status).toBe(1);
});

test("other variables of the engine are gone when the program itself begins, and it says so", async () => {
  const extra = { NODE_ENV: "production", BUN_JSC_useDFGJIT: "1", DENO_DIR: "/nonexistent" };
  const run = await lab.runWith(extra, "-f", "/nonexistent/k.conf", "--api", "off", "--run-dir", "run-of-variables");
  expect(run.err).toContain("started again without NODE_ENV, BUN_JSC_useDFGJIT, DENO_DIR of the environment");
  expect(run.err).not.toContain("the environment sets");
});

test("core files are off in every process, and --core-dump and --core-dump-pattern permit them", async () => {
  const limit = (pid: number) => /Max core file size +(\S+)/.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1];
  const lbd = lab.start(EMPTY);
  await ready(lbd);
  expect([lbd.pid, lbd.rolePid("api.pid") ?? 0].map(limit)).toEqual(["0", "0"]);
  const hard = /Max core file size +\S+ +(\S+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "";
  for (const option of ["--core-dump", "--core-dump-pattern"]) {
    const open = lab.start(EMPTY, option);
    await ready(open);
    expect([open.pid, open.rolePid("api.pid") ?? 0].map(limit)).toEqual([hard, hard]);
  }
});

test.each([
  ["--help", 0, "Usage: lbd"],
  ["--version", 0, "lbd 0.1.0"],
  ["--signum=DATA", 0, "10"],
  ["--signum=STATS_CLEAR", 0, "63"],
] as const)("%s", async (option, exit, text) => {
  const ran = await lab.run(option);
  expect([ran.status, ran.out]).toEqual([exit, expect.stringContaining(text)]);
});

test.each([
  [["--confg", "x"], 1, "unknown option --confg; did you mean --config?"],
  [["chek"], 1, "unknown command chek"],
  [["status", "--jsn"], 2, "unknown option --jsn; did you mean --json?"],
  [["status", "now", "--run-dir", "/nonexistent"], 3, "no director runs"],
  [["reload", "now"], 2, "stray word now"],
  [["status", "--run-dir", "/nonexistent"], 3, "no director runs with the run directory /nonexistent"],
  [["reload", "--run-dir", "/nonexistent"], 3, "no director runs with the run directory /nonexistent"],
  [["--signum=NOTHING"], 1, "expected STOP RELOAD"],
] as const)("%j is an error that says what to do", async (argv, exit, text) => {
  const ran = await lab.run(...argv);
  expect([ran.status, ran.err]).toEqual([exit, expect.stringContaining(text)]);
});

async function tcpFacts(lbd: RunningLbd): Promise<{ tcp: string; tcpAddress: string } | undefined> {
  return (await status(lbd))?.facts.api;
}

test("TCP is for loopback names only, and --api off is off", async () => {
  const lbd = lab.start(EMPTY, "--api", "127.0.0.1:0");
  await ready(lbd);
  const facts = await until("it listens", async () => {
    const now = await tcpFacts(lbd);
    return now?.tcp === "listening" ? now : undefined;
  });
  const url = `http://${facts.tcpAddress}/v1/status`;
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(url, { headers: { host: "rebound.example" } })).status).toBe(403);
  expect((await fetch(url, { headers: { origin: "http://evil.example" } })).status).toBe(403);
  expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(405);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
  const off = lab.start(EMPTY);
  await ready(off);
  expect(await tcpFacts(off)).toMatchObject({ tcp: "off" });
  off.signal("SIGTERM");
  await off.exited;
});

test("a port that is taken is said, does no harm, and is used once it is free", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const lbd = lab.start(EMPTY, "--api", `127.0.0.1:${port}`);
  await ready(lbd);
  const facts = await until("it is said", () => tcpFacts(lbd));
  expect(facts.tcp).toMatch(new RegExp(`^can't listen: another program has the port \\(.+, pid ${process.pid}\\)$`));
  const said = () => lbd.log().match(new RegExp(`error api: can't listen on 127.0.0.1:${port}`, "g"))?.length;
  expect(said()).toBe(1);
  other.close();
  await until("it listens", async () => (await tcpFacts(lbd))?.tcp === "listening", 20_000);
  expect(said()).toBe(1);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
});

test("with --keep-health a server that was down at the end is down at the next start, and asked at once", async () => {
  const listening = (port: number) =>
    new Promise<Server>((resolve) => {
      const server = createServer((socket) => socket.destroy());
      server.listen({ port, host: "127.0.0.1" }, () => resolve(server));
    });
  const first = await listening(0);
  const address = first.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await new Promise((resolve) => first.close(resolve));
  const check = ["TCP_CHECK {", "connect_timeout 5", "retry 0", "delay_loop 600", "warmup 0", "}"];
  const server80 = [
    "virtual_server 192.0.2.1 80 {",
    "protocol TCP",
    `real_server 127.0.0.1 ${port} {`,
    ...check,
    "}",
    "}",
  ];
  const lbd = lab.start(`${server80.join("\n")}\n`, "--keep-health");
  await until("it is down", () => lbd.log().includes("up → down"));
  lbd.signal("SIGTERM");
  await lbd.exited;
  expect(existsSync(join(lbd.runDir, "checker.d/health.journal"))).toBeTrue();
  const server = await listening(port);
  try {
    const next = lab.beside(lbd, "--keep-health");
    await until("it is up again", () => next.log().includes("down → up"));
    next.signal("SIGTERM");
    await next.exited;
    expect(existsSync(join(lbd.runDir, "checker.d/health.journal"))).toBeFalse();
  } finally {
    server.close();
  }
});
