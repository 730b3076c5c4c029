// Appliance: gathers files of this machine into a first root: programs with the libraries they link, kernel modules, trees.
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CpioEntry } from "./cpio.ts";
import { type Kernel, type ModuleFile, moduleName } from "./kernel.ts";

export function file(path: string, from: string, mode = statSync(from).mode & 0o777): CpioEntry {
  return { kind: "file", path, mode, content: readFileSync(from) };
}

export function text(path: string, content: string, mode = 0o644): CpioEntry {
  return { kind: "file", path, mode, content: Buffer.from(content) };
}

/** A program at `path` and the libraries it links, at their own places. */
export function program(path: string, from: string): CpioEntry[] {
  return [
    file(path, realpathSync(from), 0o755),
    ...libraries(from).map((library) => file(library.slice(1), realpathSync(library), 0o755)),
  ];
}

function libraries(from: string): string[] {
  let listed = "";
  try {
    listed = execFileSync("ldd", [from], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return []; // Statically linked.
  }
  return listed
    .split("\n")
    .map((line) => /=> (\/\S+)/.exec(line)?.[1] ?? /^\s*(\/\S+)/.exec(line)?.[1])
    .filter((path) => path !== undefined);
}

/** Module files below lib/modules/RELEASE with the tables that lbd reads, cut to what is there: of aliases that is a ninth. */
export function modules(kernel: Kernel, files: readonly ModuleFile[]): CpioEntry[] {
  const base = `lib/modules/${kernel.release}`;
  const present = new Set(files.map((module) => module.path));
  const dependencies = readFileSync(join(kernel.modulesDir, "modules.dep"), "utf8")
    .split("\n")
    .filter((line) => present.has(line.split(":")[0] ?? ""));
  const names = new Set(files.map(({ name }) => name));
  const aliases = readFileSync(join(kernel.modulesDir, "modules.alias"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("alias ") && names.has(moduleName(line.slice(line.lastIndexOf(" ") + 1))));
  return [
    ...files.map((module) => file(`${base}/${module.path}`, join(kernel.modulesDir, module.path), 0o644)),
    text(`${base}/modules.dep`, `${dependencies.join("\n")}\n`),
    text(`${base}/modules.alias`, `${aliases.join("\n")}\n`),
    ...["modules.builtin", "modules.softdep"]
      .filter((name) => existsSync(join(kernel.modulesDir, name)))
      .map((name) => file(`${base}/${name}`, join(kernel.modulesDir, name), 0o644)),
  ];
}

/** A whole directory, without what `skip` names. */
export function tree(path: string, from: string, skip: (relative: string) => boolean = () => false): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const walk = (relative: string) => {
    for (const name of readdirSync(join(from, relative)).sort()) {
      const below = relative === "" ? name : `${relative}/${name}`;
      if (skip(below)) continue;
      const full = join(from, below);
      const stat = lstatSync(full);
      if (stat.isDirectory()) walk(below);
      else if (stat.isSymbolicLink())
        entries.push({ kind: "link", path: `${path}/${below}`, target: readlinkSync(full) });
      else if (stat.isFile()) entries.push(file(`${path}/${below}`, full));
    }
  };
  walk("");
  return entries;
}
