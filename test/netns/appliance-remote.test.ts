// Ring netns: a laptop's `lbd --host NAME …` against the way in to an appliance: the certificate that it must show before a token goes out,
// where the token comes from, each command, and what is said when something is not as it should be.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { type AccessLab, accessLab } from "../support/access-lab.ts";
import { selfSigned } from "../support/certificate.ts";
import type { Ended } from "../support/lbd.ts";
import { netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const home = mkdtempSync(join(tmpdir(), "lbd-laptop-"));
const known = join(home, "lbd", "known_hosts");
const tokenFile = join(home, "token");
let lab: AccessLab;
let where: string;
let fingerprint: string;

beforeAll(async () => {
  if (reason) return;
  lab = await accessLab();
  where = `127.0.0.1:${lab.port}`;
  fingerprint = lab.access.status().fingerprint ?? "";
  writeFileSync(tokenFile, "lbd_operate\n", { mode: 0o600 });
});

afterAll(async () => {
  await lab?.end();
  rmSync(home, { recursive: true });
});

/** `lbd WORDS` on the laptop; a token only where one is given. */
function lbd(words: readonly string[], token?: string): Promise<Ended> {
  return lab.lab.runWith({ XDG_CONFIG_HOME: home, ...(token === undefined ? {} : { LBD_TOKEN: token }) }, ...words);
}

const host = (...words: string[]) => ["--host", where, ...words];

describe.skipIf(reason !== undefined)("lbd --host", () => {
  test("asks no machine that is not known, and says how it gets to be", async () => {
    const { status, err, out } = await lbd(host("status"), "lbd_read");
    expect([status, out]).toEqual([3, ""]);
    expect(err).toContain(`${where} is not known yet and shows ${fingerprint}`);
    expect(err).toContain(`--fingerprint ${fingerprint}`);
    expect(existsSync(known)).toBe(false);
    expect(lab.audit.after(0)).toEqual([]);
  });

  test("takes no other certificate than the one that was named", async () => {
    const other = `${"00:".repeat(31)}00`;
    const { status, err } = await lbd([...host("--fingerprint", other), "status"], "lbd_read");
    expect(status).toBe(3);
    expect(err).toContain(`another certificate than --fingerprint: ${fingerprint}`);
    expect((await lbd([...host("--fingerprint", "12"), "status"], "lbd_read")).err).toContain("64 hexadecimal digits");
    expect(existsSync(known)).toBe(false);
  });

  test("knows a machine from the first time on", async () => {
    const words = ["status", "--host", where, "--fingerprint", fingerprint.replaceAll(":", "").toLowerCase()];
    expect((await lbd(words, "lbd_read")).out).toContain("ready");
    expect(readFileSync(known, "utf8")).toBe(`${where} ${fingerprint}\n`);
    expect(statSync(known).mode & 0o777).toBe(0o600);
    const { status, out } = await lbd(host("status", "--json"), "lbd_read");
    expect(status).toBe(0);
    expect(JSON.parse(out).director.pid).toBe(lab.director.pid);
  });

  test("takes a token from a file that nobody else may read", async () => {
    expect((await lbd([...host("--token-file", tokenFile), "vrrp"])).out).toContain("no VRRP instances");
    chmodSync(tokenFile, 0o640);
    const { status, err } = await lbd([...host("--token-file", tokenFile), "vrrp"]);
    expect([status, err]).toEqual([2, `lbd: ${tokenFile}: others may read this token: chmod 600 ${tokenFile}\n`]);
    expect((await lbd(host("vrrp"))).err).toContain("LBD_TOKEN is not set, and --token-file names none");
    writeFileSync(join(home, "lbd", "token"), "lbd_read\n", { mode: 0o600 });
    expect((await lbd(host("vrrp"))).status).toBe(0);
  });

  test("says what the machine said", async () => {
    expect((await lbd(host("status"), "lbd_wrong")).err).toBe("lbd: this token is none of this machine's\n");
    const { status, err } = await lbd(host("reload"), "lbd_read");
    expect([status, err]).toEqual([1, "lbd: reader has the role read: the role operate is needed\n"]);
  });

  test("reloads, and says what came of it", async () => {
    lab.director.configure("global_defs { router_id y }\nvrrp_script a { script /bin/true }\n");
    const { status, out, err } = await lbd(host("reload"), "lbd_operate");
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatch(/^reloaded in \d+ ms/);
    lab.director.configure("global_defs {\n  nonsense\n}\n");
    const refused = await lbd(host("reload"), "lbd_operate");
    expect(refused.status).toBe(1);
    expect(refused.err).toContain(".conf:2:3: unknown keyword");
    lab.director.configure("global_defs { router_id x }\n");
    expect((await lbd(host("reload"), "lbd_operate")).status).toBe(0);
  });

  test("checks the folder that the machine has", async () => {
    writeFileSync(
      join(lab.folder, "keepalived.conf"),
      "vrrp_instance a {\n  interface lan9\n  virtual_router_id 5\n}\n",
    );
    writeFileSync(join(lab.folder, "network.yaml"), "network:\n  version: 2\n  ethernet: {}\n");
    const { status, out } = await lbd(host("check"), "lbd_operate");
    expect(status).toBe(1);
    expect(out).toMatch(/network\.yaml:3:3: error/);
    expect(out).toMatch(/keepalived\.conf:2:\d+: \w+\[.*lan9/);
    const json = await lbd(host("check", "--json"), "lbd_operate");
    expect(JSON.parse(json.out)).toBeObject();
    expect((await lbd(host("check", "a.conf"), "lbd_operate")).err).toContain("goes without a.conf");
    expect((await lbd(host("check"), "lbd_read")).err).toContain("the role operate is needed");
  });

  test("shows log, events and audit", async () => {
    const logs = await lbd(host("logs", "-n", "500"), "lbd_read");
    expect(logs.out).toContain(`info api: audit: operateer (operate) from 127.0.0.1: POST /v1/reload: 202\n`);
    expect((await lbd(host("logs", "-n", "1"), "lbd_read")).out.trim().split("\n")).toHaveLength(1);
    const events = await lbd(host("events", "--json"), "lbd_read");
    expect(
      events.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).kind),
    ).toContain("config");
    // What was done and what was refused stands among the events, for whoever may read.
    const { out: told } = await lbd(host("events"), "lbd_read");
    expect(told).toMatch(
      /^\S+ audit POST \/v1\/reload: 202 \(operateer \(operate\) from 127\.0\.0\.1: POST \/v1\/reload: 202\)$/m,
    );
    expect(told).toMatch(
      /^\S+ audit POST \/v1\/reload: 403 \(reader \(read\) from .*: 403, the role operate is needed\)$/m,
    );
    expect((await lbd(host("audit"), "lbd_operate")).out).toContain(
      "reader (read) from 127.0.0.1: POST /v1/reload: 403",
    );
    expect((await lbd(host("audit"), "lbd_read")).status).toBe(1);
  });

  test("follows the log until it is interrupted", async () => {
    const env = { XDG_CONFIG_HOME: home, LBD_TOKEN: "lbd_read" };
    const following = lab.lab.follow(env, ...host("logs", "-f", "-n", "0"));
    await until("it follows", () => {
      lab.log({ level: "info", area: "test", message: "\u001b[2Jhere" });
      return following.out().includes("info test: \\x1b[2Jhere\n");
    });
    following.interrupt();
    expect(await following.exited).toBe(130);
  });

  test("ends the machine only where it was said twice", async () => {
    expect((await lbd(host("reboot"), "lbd_operate")).err).toContain("--yes does it without a question");
    expect(lab.done).not.toContain("restart");
    expect((await lbd(host("reboot", "--yes"), "lbd_operate")).out).toBe("it ends now\n");
    expect(lab.done).toContain("restart");
    expect((await lbd(host("poweroff", "--yes"), "lbd_operate")).err).toContain("the role admin is needed");
  });

  test("gives no token to a machine that shows another certificate than before", async () => {
    const got: (string | Buffer)[] = [];
    const certificate = selfSigned("evil");
    const evil = createServer(certificate, (socket) => socket.on("data", (chunk) => got.push(chunk)));
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    const address = evil.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    writeFileSync(known, `127.0.0.1:${port} ${fingerprint}\n`);
    const { status, err } = await lbd(["--host", `127.0.0.1:${port}`, "status"], "lbd_admin");
    evil.close();
    expect(status).toBe(3);
    expect(err).toContain("shows another certificate than before");
    expect(got).toEqual([]);
  });

  test.each([
    [["--host", "a b", "status"], 2, "expected NAME, NAME:PORT or [IPV6]:PORT"],
    [["--host", "127.0.0.1:1", "status"], 3, "127.0.0.1:1: nothing listens there"],
    [["--host", "127.0.0.1"], 2, "expected --host NAME and a command"],
    [["--host", "127.0.0.1", "explain", "quorum"], 2, "unknown option --host"],
    [["logs"], 3, "this machine is no appliance"],
  ])("%p is status %d: %s", async (words, status, text) => {
    const ended = await lbd(words, "lbd_read");
    expect(ended.status).toBe(status);
    expect(ended.err).toContain(text);
  });
});
