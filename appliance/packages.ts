// Appliance: Debian's packages for the image, of the release that the image is made of and not of the machine that makes it. apt fetches
// and checks them against Debian's keys with lists and a cache of its own; the machine's apt is neither asked nor changed. No root.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Debian 13, the newest stable release: kernel 6.12 has modules a fourth the size of 6.1's, newer NICs, and unpacks itself faster. */
const RELEASE = "trixie";
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Lists are as good as they were for this long; a package that the archive has dropped since makes them be fetched anew. */
const LISTS_MAX_AGE_MS = 24 * 3600 * 1000;

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The package that its source is in, and that one's version. */
  readonly source: string;
  readonly sourceVersion: string;
  /** Other sources that are in it: the kernel of a signed kernel, the C library of a static program. */
  readonly builtUsing: readonly { readonly source: string; readonly version: string }[];
  /** SHA-256 of the .deb. */
  readonly sha256: string;
  /** Where it lies unpacked. */
  readonly root: string;
}

export interface Packages {
  /** The package by its name. @throws Error when it was not asked for */
  of(name: string): DebianPackage;
  readonly all: readonly DebianPackage[];
}

/**
 * Fetches and unpacks packages, without what they depend on; what is in the cache is not fetched again.
 * @param cache a folder that is kept; @param architecture of Debian: `amd64`, `arm64`
 * @throws Error with apt's words
 */
export function fetchPackages(names: readonly string[], architecture: string, cache: string): Packages {
  const apt = privateApt(join(cache, `apt-${RELEASE}-${architecture}`), architecture);
  const wanted = apt.show(names).map((entry) => packageOf(entry, cache));
  const missing = wanted.filter(({ root }) => !existsSync(root));
  if (missing.length > 0) unpack(apt, missing, cache);
  const byName = new Map(wanted.map((one) => [one.name, one]));
  const all = names.map((name) => byName.get(name) ?? fail(`${RELEASE} has no package ${name}`));
  return {
    all,
    of(name) {
      const found = all.find((one) => one.name === name);
      if (!found) throw new Error(`${name} is no package of the image`);
      return found;
    },
  };
}

/** The name of the package that depends on the release's newest kernel names it. */
export function kernelPackage(architecture: string, cache: string): string {
  const apt = privateApt(join(cache, `apt-${RELEASE}-${architecture}`), architecture);
  const depends = apt.show([`linux-image-${architecture}`])[0]?.get("Depends") ?? "";
  const found = /linux-image-\S+/.exec(depends)?.[0];
  if (!found) throw new Error(`linux-image-${architecture} of ${RELEASE} names no kernel: it depends on «${depends}»`);
  return found;
}

/** Names of these packages and of all that they depend on, as apt would install them where nothing is. */
export function closureOf(names: readonly string[], architecture: string, cache: string): readonly string[] {
  return privateApt(join(cache, `apt-${RELEASE}-${architecture}`), architecture).closure(names);
}

interface Apt {
  closure(names: readonly string[]): readonly string[];
  /** One record a package. */
  show(names: readonly string[]): readonly ReadonlyMap<string, string>[];
  download(names: readonly string[], to: string): void;
}

function privateApt(home: string, architecture: string): Apt {
  const lists = join(home, "lists");
  for (const folder of [join(lists, "partial"), join(home, "archives/partial"), join(home, "parts")])
    mkdirSync(folder, { recursive: true });
  const sources = join(home, "sources.list");
  writeFileSync(sources, sourcesOf(readMachineSources()));
  writeFileSync(join(home, "status"), "");
  const options = Object.entries({
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": join(home, "parts"),
    "Dir::State::lists": lists,
    "Dir::State::status": join(home, "status"),
    "Dir::Cache": home,
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "Acquire::Languages": "none",
    "Debug::NoLocking": "1",
  }).map(([name, value]) => `-o${name}=${value}`);
  const run = (program: string, ...words: readonly string[]) => call(program, [...options, ...words], home);
  const stamp = join(home, "fetched");
  const fetched = existsSync(stamp) ? Number(readFileSync(stamp, "utf8")) : 0;
  const update = () => {
    run("apt-get", "update", "-qq");
    writeFileSync(stamp, `${Date.now()}`);
  };
  if (Date.now() - fetched > LISTS_MAX_AGE_MS) update();
  return {
    closure: (names) =>
      [...run("apt-get", "--simulate", "--no-install-recommends", "install", ...names).matchAll(/^Inst (\S+)/gm)].map(
        ([, name = ""]) => name,
      ),
    show: (names) =>
      run("apt-cache", "show", "--no-all-versions", ...names)
        .split(/\n\n+/)
        .map(fields)
        .filter((entry) => entry.has("Package")),
    download(names, to) {
      const download = () => call("apt-get", [...options, "download", "-qq", ...names], to);
      try {
        download();
      } catch {
        // The archive has newer ones than the lists name.
        update();
        download();
      }
    },
  };
}

function packageOf(entry: ReadonlyMap<string, string>, cache: string): DebianPackage {
  const [name, version, architecture] = [need(entry, "Package"), need(entry, "Version"), need(entry, "Architecture")];
  const [, source = name, sourceVersion = version] = /^(\S+)(?: \((.*)\))?$/.exec(entry.get("Source") ?? name) ?? [];
  const builtUsing = ["Built-Using", "Static-Built-Using"]
    .flatMap((field) => [...(entry.get(field) ?? "").matchAll(/([^\s,]+) \(= ([^)]+)\)/g)])
    .map(([, source = "", version = ""]) => ({ source, version }));
  const root = join(cache, "packages", `${name}_${version.replace(/[^\w.+~-]/g, "%")}_${architecture}`);
  return { name, version, architecture, source, sourceVersion, builtUsing, sha256: need(entry, "SHA256"), root };
}

function need(entry: ReadonlyMap<string, string>, field: string): string {
  return entry.get(field) ?? fail(`apt-cache show ${entry.get("Package")}: no ${field}`);
}

/** Each tree gets its name when it is whole: what was broken off is made anew. */
function unpack(apt: Apt, packages: readonly DebianPackage[], cache: string): void {
  const work = join(cache, `unpack-${process.pid}`);
  mkdirSync(join(work, "debs"), { recursive: true });
  mkdirSync(join(cache, "packages"), { recursive: true });
  try {
    apt.download(
      packages.map(({ name }) => name),
      join(work, "debs"),
    );
    for (const { name, root } of packages) {
      const deb = readdirSync(join(work, "debs")).find((file) => file.startsWith(`${name}_`));
      if (!deb) throw new Error(`apt-get download ${name}: no file came`);
      call("dpkg-deb", ["-x", join(work, "debs", deb), join(work, name)], work);
      renameSync(join(work, name), root);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fail(message: string): never {
  throw new Error(message);
}

function fields(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([A-Z][\w-]*): ?(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

/** The archives that this machine takes Debian from: with a mirror or a proxy between, others may not be reachable. */
function readMachineSources(): readonly string[] {
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ];
  return files.filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8"));
}

/** Lines for the image's release, from the addresses of the machine's archive and its security updates. */
export function sourcesOf(machine: readonly string[]): string {
  const addresses = machine.flatMap((text) =>
    [...text.matchAll(/\bhttps?:\/\/\S+/g)].map(([address]) => address.replace(/\/$/, "")),
  );
  const archive = addresses.find((address) => /\/debian$/.test(address)) ?? "http://deb.debian.org/debian";
  const security =
    addresses.find((address) => /\/debian-security$/.test(address)) ?? "http://deb.debian.org/debian-security";
  const line = (address: string, suite: string) => `deb [signed-by=${KEYS}] ${address} ${suite} main\n`;
  return line(archive, RELEASE) + line(archive, `${RELEASE}-updates`) + line(security, `${RELEASE}-security`);
}

function call(program: string, words: readonly string[], cwd: string): string {
  try {
    return execFileSync(program, words, {
      cwd,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${program} ${words.at(-1)}: ${said.split("\n").slice(-3).join(" ")}`);
  }
}
