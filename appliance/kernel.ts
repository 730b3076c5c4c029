// Appliance: finds Debian's kernel on this machine and what of it a director needs. Resolved at run time: the archive drops old builds.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface Kernel {
  /** `6.1.0-56-amd64`. */
  readonly release: string;
  readonly vmlinuz: string;
  /** /lib/modules/RELEASE. */
  readonly modulesDir: string;
}

/** The newest installed kernel that has its modules. @throws Error that says what to install */
export function findKernel(): Kernel {
  const releases = existsSync("/lib/modules") ? readdirSync("/lib/modules") : [];
  const found = releases
    .filter((release) => existsSync(`/boot/vmlinuz-${release}`) && existsSync(`/lib/modules/${release}/modules.dep`))
    .sort(new Intl.Collator("en", { numeric: true }).compare)
    .at(-1);
  if (!found)
    throw new Error("no kernel in /boot with modules in /lib/modules: make deps (apt-get install linux-image-amd64)");
  return { release: found, vmlinuz: `/boot/vmlinuz-${found}`, modulesDir: `/lib/modules/${found}` };
}

const PACKINGS: readonly { magic: readonly number[]; unpack: readonly string[] }[] = [
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], unpack: ["xz", "-dc"] },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: ["zstd", "-dcq"] },
  { magic: [0x02, 0x21, 0x4c, 0x18], unpack: ["lz4", "-dc"] },
  { magic: [0x1f, 0x8b, 0x08], unpack: ["gzip", "-dc"] },
];

/** The unpacked kernel, which QEMU starts without the long way through the real-mode loader; kept in `cacheDir`. */
export function extractVmlinux(kernel: Kernel, cacheDir: string): string {
  const target = join(cacheDir, `vmlinux-${kernel.release}-${statSync(kernel.vmlinuz).size}`);
  if (existsSync(target)) return target;
  mkdirSync(cacheDir, { recursive: true });
  const image = readFileSync(kernel.vmlinuz);
  for (const { magic, unpack } of PACKINGS) {
    const at = image.indexOf(Buffer.from(magic));
    if (at < 0) continue;
    const elf = unpackQuietly(unpack, image.subarray(at));
    if (elf?.subarray(0, 4).toString("latin1") !== "\x7fELF") continue;
    writeFileSync(`${target}.new`, elf);
    renameSync(`${target}.new`, target);
    return target;
  }
  throw new Error(`${kernel.vmlinuz}: no packed kernel inside that xz, zstd, lz4 or gzip can read`);
}

function unpackQuietly([program = "", ...args]: readonly string[], input: Uint8Array): Buffer | undefined {
  try {
    return execFileSync(program, args, { input, maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "ignore"] });
  } catch (error) {
    // Trailing bytes behind the packed part make the tools fail after they wrote everything.
    if (error instanceof Error && "stdout" in error && error.stdout instanceof Buffer) return error.stdout;
    return undefined;
  }
}

export interface ModuleFile {
  readonly name: string;
  /** Path below /lib/modules/RELEASE. */
  readonly path: string;
}

/** The named modules and all they need, in the order in which they must be loaded. Names built into the kernel are left out. */
export function resolveModules(kernel: Kernel, names: readonly string[]): ModuleFile[] {
  const files = new Map<string, string>();
  const needs = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(kernel.modulesDir, "modules.dep"), "utf8").split("\n")) {
    const [path, rest] = line.split(":");
    if (!path || rest === undefined) continue;
    files.set(moduleName(path), path);
    needs.set(moduleName(path), rest.trim() === "" ? [] : rest.trim().split(" ").map(moduleName));
  }
  const builtin = new Set(readFileSync(join(kernel.modulesDir, "modules.builtin"), "utf8").split("\n").map(moduleName));
  const ordered = new Map<string, ModuleFile>();
  const visit = (name: string) => {
    if (ordered.has(name) || builtin.has(name)) return;
    const path = files.get(name);
    if (!path) throw new Error(`kernel ${kernel.release} has no module ${name}`);
    // crc32c is asked for by its algorithm's name, which no dependency shows.
    if (name === "libcrc32c") visit("crc32c_generic");
    for (const need of needs.get(name) ?? []) visit(need);
    ordered.set(name, { name, path });
  };
  for (const name of names) visit(moduleName(name));
  return [...ordered.values()];
}

/** The kernel's name of a module by that of its file. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}
