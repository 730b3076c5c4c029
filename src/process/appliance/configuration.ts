// Process layer, appliance: the configuration partition. It is mounted for the moment of reading and copied into memory: a stick that is
// pulled out, or a file system that breaks later, changes nothing. What is damaged leaves the last good copy in force.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Files } from "../../appliance/folder/parts.ts";
import { isProgram } from "../../appliance/image.ts";
import type { Network } from "../../appliance/network/model.ts";
import { readNetwork } from "../../appliance/network/read.ts";
import { type ApplianceSettings, DEFAULT_SETTINGS, readSettings } from "../../appliance/settings.ts";
import { messageOf } from "../../base/errors.ts";
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import { createFindings } from "../../config/findings/findings.ts";
import type { SourceFile } from "../../config/text/span.ts";

export const KEEPALIVED_CONF = "keepalived.conf";
export const NETWORK_YAML = "network.yaml";
export const APPLIANCE_YAML = "appliance.yaml";
/** A larger file is none that anybody wrote by hand. */
const MAX_YAML_BYTES = 1024 * 1024;
/** Everything that is copied lies in memory from then on; what the partition holds beside it (an image, a log) stays there. */
const MAX_FOLDER_BYTES = 48 * 1024 * 1024;

export interface Folder {
  readonly network: Network;
  readonly settings: ApplianceSettings;
  readonly findings: readonly Diagnostic[];
  /** Files that are not there. */
  readonly missing: readonly string[];
  /** The YAML files that were read. */
  readonly sources: readonly SourceFile[];
}

/**
 * Reads the YAML files of a configuration folder. Never throws.
 * @param called what a file is called in findings, by its name
 */
export function readFolder(folder: string, called: (name: string) => string = (name) => name): Folder {
  const findings = createFindings();
  const missing: string[] = [];
  const sources: SourceFile[] = [];
  const source = (name: string) => {
    const path = join(folder, name);
    if (!existsSync(path)) {
      missing.push(name);
      return undefined;
    }
    try {
      const { size } = statSync(path);
      if (size > MAX_YAML_BYTES) throw new Error(`it has ${size} bytes, and at most ${MAX_YAML_BYTES} are read`);
      const file = { name: called(name), text: readFileSync(path, "utf8") };
      sources.push(file);
      return file;
    } catch (error) {
      const file = { name: called(name), text: "" };
      const span = { file, line: 1, column: 1, endLine: 1, endColumn: 2 };
      findings.add("error", span, { code: "file-unreadable", message: messageOf(error) });
      return undefined;
    }
  };
  const [network, settings] = [source(NETWORK_YAML), source(APPLIANCE_YAML)];
  if (!existsSync(join(folder, KEEPALIVED_CONF))) missing.push(KEEPALIVED_CONF);
  return {
    network: network ? readNetwork(network, findings) : { links: [] },
    settings: settings ? readSettings(settings, findings) : DEFAULT_SETTINGS,
    findings: findings.list,
    missing,
    sources,
  };
}

/** What laptops leave on every disk that they see, and what this machine has begun to write. */
const LITTER =
  /^(\.lbd-new.*|\._.*|\.DS_Store|\.Trash.*|\.Spotlight-.*|\.fseventsd|System Volume Information|\$RECYCLE\.BIN)$/;

/**
 * Content of every file of a folder by its path below it, sorted; without what laptops leave there.
 * @throws Error when something can't be read, is no file, or all is too much
 */
export function readFiles(folder: string): Files {
  const files = new Map<string, Uint8Array>();
  let left = MAX_FOLDER_BYTES;
  const walk = (below: string) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      if (LITTER.test(name)) continue;
      const path = below === "" ? name : `${below}/${name}`;
      const stat = statSync(join(folder, path));
      if (stat.isDirectory()) walk(path);
      else if (stat.isFile()) {
        left -= stat.size;
        if (left < 0) throw new Error(`more than ${MAX_FOLDER_BYTES / 1024 / 1024} MiB: ${path} is too much`);
        files.set(path, readFileSync(join(folder, path)));
      } else throw new Error(`${path} is neither a file nor a folder`);
    }
  };
  walk("");
  return files;
}

/**
 * Puts files where the director reads them; an older copy goes when the new one is whole. FAT knows no modes and the kernel shows every
 * file as executable, which a configuration must not be: a file is a program by how it begins. Programs may be run by every account that
 * `script_user` names; only root reads the other files.
 * @throws Error ENOSPC
 */
export function putFiles(files: Files, to: string): void {
  const fresh = `${to}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o755 });
  for (const [path, content] of files) {
    const copy = join(fresh, path);
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
    writeFileSync(copy, content, { mode: isProgram(content) ? 0o755 : 0o600 });
  }
  rmSync(`${to}.old`, { recursive: true, force: true });
  if (existsSync(to)) renameSync(to, `${to}.old`);
  renameSync(fresh, to);
  rmSync(`${to}.old`, { recursive: true, force: true });
}

/** A machine without a director's file has a director without services: it answers, and says what is missing. */
export function withDirectorFile(folder: string): void {
  const path = join(folder, KEEPALIVED_CONF);
  if (existsSync(path)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, `# The configuration partition has no ${KEEPALIVED_CONF}.\n`, { mode: 0o600 });
}
