// What `keepalived -t` makes of configurations with something odd in them, and what our -t makes of them: both pass, or both
// refuse. Debian's 2.2.7 is the judge. Where we differ on purpose the case says why.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configTest, REPORTED_CODES } from "../../src/cli/config-test.ts";
import { Namespace, netnsReason } from "../support/netns.ts";

const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`verdicts.test.ts is skipped: ${reason}`);

/** `=== name`, an optional `# differs: why`, and the configuration. */
const CASES = readFileSync(join(import.meta.dir, "../golden/verdicts.case"), "utf8")
  .split(/^=== /m)
  .slice(1)
  .map((text) => {
    const end = text.indexOf("\n");
    const config = text.slice(end + 1);
    return { name: text.slice(0, end), config, same: !config.startsWith("# differs: ") };
  });

const INTERFACES: readonly string[] = ["lo", "eth0", "peer0", "eth1", "peer1"];
const SAMPLES = "/usr/share/doc/keepalived/samples";
const samples = existsSync(SAMPLES) ? readdirSync(SAMPLES).filter((name) => name.startsWith("keepalived.conf.")) : [];

describe.skipIf(reason !== undefined)("-t passes and refuses what keepalived 2.2.7 passes and refuses", () => {
  const host = reason === undefined ? new Namespace("verdicts") : undefined;
  for (let i = 0; i < 2; i++) host?.ip(`link add eth${i} type veth peer name peer${i}`);
  const dir = mkdtempSync(join(tmpdir(), "lbd-verdicts-"));
  afterAll(() => {
    host?.[Symbol.dispose]();
    rmSync(dir, { recursive: true });
  });

  test.each(CASES.map((one) => [one.name, one] as const))("%s", (_name, { config, same }) => {
    const path = join(dir, "k.conf");
    writeFileSync(path, config);
    if (host) expect(lbdPasses(path, dir) === keepalivedPasses(host, path)).toBe(same);
  });

  test.each(samples)("the sample %s", (name) => {
    const path = join(SAMPLES, name);
    if (host && keepalivedPasses(host, path)) expect(lbdPasses(path, dir)).toBe(true);
  });
});

/** Script security is not judged, here as below. */
function lbdPasses(path: string, dir: string): boolean {
  const log = join(dir, "log");
  writeFileSync(log, "");
  // The interfaces are those of the namespace in which keepalived is asked.
  const machine = { hasInterface: (name: string) => INTERFACES.includes(name), hasModule: () => true };
  const status = configTest({ configFile: path, allConfig: false, logFile: log, machine });
  const told = ["error[", ...REPORTED_CODES.map((code) => `warning[${code}]`)];
  // Programs that samples name and this machine lacks are no matter of the language; keepalived -t passes over most of them.
  const said = readFileSync(log, "utf8").replaceAll("error[program-unusable]", "");
  return status === 0 || (status === 6 && !told.some((text) => said.includes(text)));
}

/**
 * Script security is not judged: keepalived says so with status 6, or ends in another way. It gets a process group of its own.
 */
function keepalivedPasses(host: Namespace, path: string): boolean {
  const { status, stderr } = host.run("setsid", "--wait", "keepalived", "-t", "-f", path);
  const said = stderr.split("\n").filter((line) => line !== "" && !line.includes("SECURITY VIOLATION"));
  return status === 0 || (said.length === 0 && status !== 2 && status !== 4 && status !== 5);
}
