// Runs Debian's keepalived on a configuration in a namespace, reads what it says of it, and sets our model beside it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { ConfigFiles } from "../../src/config/expand/include.ts";
import type { LoadResult } from "../../src/config/load.ts";
import type { Config } from "../../src/config/model/config.ts";
import { bindFiles, bindText } from "../support/config.ts";
import type { Namespace } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { factsOfDump, factsOfModel } from "./dump.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** Why a file of ours can't be compared with keepalived 2.2.7. Words that are newer change how the rest is read. */
export const NOT_COMPARED: Readonly<Record<string, string>> = {
  "core-macros.conf": "_ENV, include_check and reload_check_config are newer than 2.2.7",
  "core-net-namespace.conf": "the daemon would leave the namespace of the test",
  "real_server_range.conf": "keepalived knows no ranges of real servers",
  "core-vrrp3-ipv6.conf": "vrrp_strict takes a value since 2.2.8 only, and the virtual MAC would be made",
};

/** The configurations of the specification and our own examples. */
export function exampleFiles(): readonly string[] {
  return ["test/golden/examples", "conf/examples"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith(".conf"))
      .map((name) => join(folder, name))
      .sort(),
  );
}

export function comparedFiles(): readonly string[] {
  return exampleFiles().filter((path) => NOT_COMPARED[basename(path)] === undefined);
}

export type Part = "vrrp" | "services";

/** The dump of one worker alone: two would write into each other's lines. */
export async function keepalivedDump(host: Namespace, path: string, part: Part): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "lbd-dump-"));
  const pids = ["-p", join(dir, "p"), "-r", join(dir, "r"), "-c", join(dir, "c"), "-b", join(dir, "b")];
  const only = part === "vrrp" ? "-P" : "-C";
  const args = ["-n", "-l", "-d", "-G", "-B", only, "-f", path, ...pids];
  const child = host.spawn("keepalived", args);
  let output = "";
  child.stdout?.on("data", (bytes: Buffer) => (output += bytes));
  child.stderr?.on("data", (bytes: Buffer) => (output += bytes));
  // The dump is written in one go, so the whole of it is there when the worker has ended.
  const mark = part === "vrrp" ? "------< Interfaces >------" : "------< LVS Topology >------";
  await until(`${mark} of ${path}`, () => output.includes(mark) || child.exitCode !== null, 60_000);
  child.kill("SIGTERM");
  await until("keepalived ends", () => child.exitCode !== null || child.signalCode !== null, 60_000);
  rmSync(dir, { recursive: true });
  // Each line begins with the time of day.
  return output.replace(/^[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \d{4}: /gm, "");
}

/** What both sides say, and what only one does. */
export function compareWithModel(
  dump: string,
  path: string,
  part: Part,
): { readonly keepalived: string[]; readonly lbd: string[] } {
  return compareWithConfig(dump, loadedConfig(path).config, part);
}

/** The same for a text that is in no file yet; with the text, so that a test that fails shows it. */
export async function compareText(host: Namespace, text: string, part: Part) {
  const folder = mkdtempSync(join(tmpdir(), "lbd-dump-"));
  try {
    const path = join(folder, "keepalived.conf");
    writeFileSync(path, text);
    return { text, ...compareWithConfig(await keepalivedDump(host, path, part), bindText(text).config, part) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compareWithConfig(
  dump: string,
  config: Config,
  part: Part,
): { readonly keepalived: string[]; readonly lbd: string[] } {
  const theirs = new Set(factsOfDump(dump).filter((fact) => !isSkipped(fact)));
  const ours = new Set(
    factsOfModel(config, { services: part === "services", vrrp: part === "vrrp" }).filter((fact) => !isSkipped(fact)),
  );
  return {
    keepalived: [...theirs].filter((fact) => !ours.has(fact)),
    lbd: [...ours].filter((fact) => !theirs.has(fact)),
  };
}

/** BFD sessions belong to a third worker. A program that is not on this machine is left out by keepalived, not by us. */
function isSkipped(fact: string): boolean {
  return fact.startsWith("bfd ") || (fact.includes(" MISC_CHECK ") && !existsSync("/usr/bin/test"));
}

export function hasPart(path: string, part: Part): boolean {
  const text = readFileSync(join(ROOT, path), "utf8");
  return part === "vrrp" ? /^vrrp_instance/m.test(text) : /^virtual_server /m.test(text);
}

/** The sync daemon is a part of ip_vs, without which keepalived's VRRP worker gives up. */
export function needsIpvs(path: string): boolean {
  return readFileSync(join(ROOT, path), "utf8").includes("lvs_sync_daemon");
}

/** A file of the repository as lbd reads it. */
export function loadedConfig(path: string): LoadResult {
  return bindFiles(diskFiles, join(ROOT, path), {});
}

const diskFiles: ConfigFiles = {
  read: (path) =>
    existsSync(path)
      ? { ok: true, value: new Uint8Array(readFileSync(path)) }
      : { ok: false, error: { kind: "missing" } },
  list: (directory) => (existsSync(directory) ? readdirSync(directory) : undefined),
  exists: existsSync,
  resolve: (path) => (existsSync(path) ? realpathSync(path) : path),
};
