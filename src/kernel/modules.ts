// Adapter: loads kernel modules, on systems with modprobe and on images without. What a module needs is read from the files depmod
// made in /lib/modules/RELEASE; «pre» soft dependencies count too: without crc32c, libcrc32c and with it ip_vs fail with ENOENT.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { EEXIST, SyscallError } from "../../ffi/errno.ts";
import { close, O_RDONLY, open } from "../../ffi/fd.ts";
import { loadModule, MODULE_INIT_COMPRESSED_FILE } from "../../ffi/module.ts";
import { CAP_SYS_MODULE, capabilities } from "../../ffi/process.ts";
import { keptEnvironment } from "../base/environment.ts";

export type ModuleOutcome =
  | { readonly kind: "present" | "loaded" }
  /** In words, for a log line: what is missing and where it was looked for. */
  | { readonly kind: "failed"; readonly reason: string };

export interface KernelModules {
  /**
   * Makes sure that a module is there. The answer is remembered: a missing one is not looked for again.
   * @param parameters `conn_tab_bits=20`, for a module that is not there yet
   */
  load(name: string, parameters?: string): ModuleOutcome;
}

export interface ModulePlaces {
  /** `/lib/modules/6.1.0`. */
  readonly directory: string;
  /** Where loaded modules are shown: `/sys/module`. */
  readonly loaded: string;
  /** Programs to try. */
  readonly modprobe: readonly string[];
}

const MODPROBE = ["/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe", "/usr/bin/modprobe"];
/** modprobe on a slow machine. */
const MODPROBE_LIMIT_MS = 20_000;
/** Soft dependencies of soft dependencies …: depmod's files have no loops, a broken file may. */
const MAX_DEPTH = 8;

/** Modules of the running kernel. */
export function kernelModules(places: ModulePlaces = systemPlaces()): KernelModules {
  const outcomes = new Map<string, ModuleOutcome>();
  let tables: ModuleTables | undefined;
  /** Drivers come by the dozen in one go: depmod's files are read once for them, and not kept beyond it. */
  const tablesNow = () => {
    if (!tables) queueMicrotask(() => (tables = undefined));
    tables ??= moduleTables(places.directory);
    return tables;
  };
  return {
    load(name, parameters = "") {
      const known = outcomes.get(name);
      if (known) return known;
      const outcome = loadOnce({ ...places, tables: tablesNow }, name, parameters);
      outcomes.set(name, outcome);
      return outcome;
    },
  };
}

function systemPlaces(): ModulePlaces {
  return { directory: `/lib/modules/${release()}`, loaded: "/sys/module", modprobe: MODPROBE };
}

/** What depmod wrote, read when it is asked for. */
interface ModuleTables {
  builtIn(): ReadonlySet<string>;
  /** @throws Error without modules.dep */
  index(): ModuleIndex;
}

type Places = ModulePlaces & { tables(): ModuleTables };

function moduleTables(directory: string): ModuleTables {
  let builtIn: ReadonlySet<string> | undefined;
  let index: ModuleIndex | undefined;
  return {
    builtIn() {
      builtIn ??= new Set(readOptional(`${directory}/modules.builtin`).split("\n").map(moduleName));
      return builtIn;
    },
    index() {
      index ??= readIndex(directory);
      return index;
    },
  };
}

function loadOnce(places: Places, name: string, parameters: string): ModuleOutcome {
  if (isThere(places, name)) return { kind: "present" };
  if (!mayLoad()) return { kind: "failed", reason: `${name} is not there, and this process has no right to load it` };
  const program = places.modprobe.find((path) => existsSync(path));
  if (program === undefined) return loadByHand(places, name, parameters);
  // modprobe first: it knows the administrator's options, aliases and blacklists in /etc/modprobe.d.
  const run = spawnSync(program, ["-q", "--", name, ...parameters.split(" ").filter(Boolean)], {
    timeout: MODPROBE_LIMIT_MS,
    encoding: "utf8",
    env: keptEnvironment(process.env),
  });
  if (run.status === 0) return { kind: "loaded" };
  const byHand = loadByHand(places, name, parameters);
  if (byHand.kind !== "failed") return byHand;
  const why = run.error?.message ?? (run.stderr.trim() || `status ${run.status ?? run.signal}`);
  return { kind: "failed", reason: `${byHand.reason}; ${program}: ${why}` };
}

/** The parent loads what a configuration needs; the roles have given up CAP_SYS_MODULE by then. */
function mayLoad(): boolean {
  const { permitted } = capabilities();
  return ((permitted >> BigInt(CAP_SYS_MODULE)) & 1n) === 1n;
}

function loadByHand(places: Places, name: string, parameters: string): ModuleOutcome {
  let index: ModuleIndex;
  try {
    index = places.tables().index();
  } catch {
    return { kind: "failed", reason: `${places.directory} has no modules.dep for this kernel` };
  }
  if (!index.files.has(moduleName(name)))
    return { kind: "failed", reason: `${places.directory} has no module ${name}` };
  for (const step of loadOrder(index, name)) {
    const failure = insert(places, step, step.name === moduleName(name) ? parameters : "");
    if (failure !== undefined && !step.optional) return { kind: "failed", reason: failure };
  }
  return { kind: "loaded" };
}

function isThere(places: Places, name: string): boolean {
  return existsSync(`${places.loaded}/${moduleName(name)}`) || places.tables().builtIn().has(moduleName(name));
}

/** Why it could not be inserted; undefined when it is in. */
function insert(places: Places, step: LoadStep, parameters: string): string | undefined {
  if (isThere(places, step.name)) return undefined;
  const path = `${places.directory}/${step.file}`;
  try {
    const file = open(path, O_RDONLY);
    try {
      loadModule(file, parameters, path.endsWith(".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE);
    } finally {
      close(file);
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    if (error.errno !== EEXIST) return `${path}: ${error.message}`;
  }
  return undefined;
}

export interface ModuleIndex {
  /** File below the directory by module name. */
  readonly files: ReadonlyMap<string, string>;
  /** Modules that must be there first, in the order to load them. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  /** Names, aliases among them, that should be there first. */
  readonly softNeeds: ReadonlyMap<string, readonly string[]>;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

export interface LoadStep {
  readonly name: string;
  readonly file: string;
  /** A soft dependency: one that fails is passed over (crc32c_intel on a CPU without it). */
  readonly optional: boolean;
}

function readIndex(directory: string): ModuleIndex {
  return parseIndex(
    readFileSync(`${directory}/modules.dep`, "utf8"),
    readOptional(`${directory}/modules.softdep`),
    readOptional(`${directory}/modules.alias`),
  );
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Reads modules.dep, modules.softdep and modules.alias. Lines that are none of theirs are passed over. */
export function parseIndex(dep: string, softdep: string, alias: string): ModuleIndex {
  const files = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of dep.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const file = line.slice(0, colon);
    files.set(moduleName(file), file);
    // modprobe inserts from the last to the first.
    const needed = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .reverse();
    needs.set(moduleName(file), needed.map(moduleName));
  }
  const softNeeds = new Map<string, string[]>();
  for (const line of softdep.split("\n")) {
    const [word, name, ...rest] = line.trim().split(/\s+/);
    if (word !== "softdep" || name === undefined) continue;
    softNeeds.set(moduleName(name), beforePost(rest));
  }
  const aliases = new Map<string, string[]>();
  for (const line of alias.split("\n")) {
    const [word, pattern, name] = line.trim().split(/\s+/);
    // Patterns with stars are for devices.
    if (word !== "alias" || pattern === undefined || name === undefined || pattern.includes("*")) continue;
    aliases.set(moduleName(pattern), [...(aliases.get(moduleName(pattern)) ?? []), moduleName(name)]);
  }
  return { files, needs, softNeeds, aliases };
}

/** `pre: a b post: c` → a, b. */
function beforePost(words: readonly string[]): string[] {
  const found: string[] = [];
  let taking = false;
  for (const word of words) {
    if (word.endsWith(":")) taking = word === "pre:";
    else if (taking) found.push(moduleName(word));
  }
  return found;
}

/** Everything to insert for a module, in order, each once, the module itself last. */
export function loadOrder(index: ModuleIndex, name: string): LoadStep[] {
  const steps = new Map<string, LoadStep>();
  const add = (module: string, optional: boolean, depth: number): void => {
    const file = index.files.get(module);
    if (file === undefined || steps.has(module) || depth > MAX_DEPTH) return;
    for (const needed of index.needs.get(module) ?? []) addWithSoft(needed, optional, depth + 1);
    addSoft(module, depth + 1);
    steps.set(module, { name: module, file, optional });
  };
  const addSoft = (module: string, depth: number): void => {
    for (const soft of index.softNeeds.get(module) ?? [])
      for (const real of index.aliases.get(soft) ?? [soft]) add(real, true, depth);
  };
  const addWithSoft = (module: string, optional: boolean, depth: number): void => {
    addSoft(module, depth);
    add(module, optional, depth);
  };
  add(moduleName(name), false, 0);
  return [...steps.values()];
}

/** `kernel/lib/libcrc32c.ko.xz` → `libcrc32c`; dashes are underscores. */
export function moduleName(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  return base.replace(/\.ko(\.(gz|xz|zst))?$/, "").replaceAll("-", "_");
}
