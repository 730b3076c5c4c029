// Appliance: the root that the machine runs from, in memory: the first process, lbd with the libraries it opens, the programs it starts,
// and the kernel modules of modules.txt. Everything comes from the packages, nothing from this machine.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIGURATION_FOLDER, KEEPALIVED_FOLDER, SHELL_PROGRAMS, UPDATE_KEY_FILE } from "../src/appliance/image.ts";
import type { Architecture } from "./architecture.ts";
import { copyrightOf } from "./copyright.ts";
import { type CpioEntry, cpioArchive } from "./cpio.ts";
import { type Kernel, resolveModules } from "./kernel.ts";
import type { DebianPackage, Packages } from "./packages.ts";
import { file, modules, text, tree } from "./root.ts";
import type { Tools } from "./tools.ts";

/** What runs in the image beside lbd, and where it lies there. */
const PROGRAMS: readonly (readonly [string, string, string])[] = [
  ["chrony", "usr/sbin/chronyd", "usr/sbin/chronyd"],
  // It makes the certificate of the API (docs/decisions/016-access.md).
  ["openssl", "usr/bin/openssl", "usr/bin/openssl"],
  // Scripts of a configuration are written for a shell.
  ["busybox-static", "usr/bin/busybox", "bin/busybox"],
];
/** What lbd opens by name while it runs: the runtime's own, and TLS of the system (docs/decisions/010-two-ways-of-tls.md). */
const LIBRARIES = [
  "libc.so.6",
  "libm.so.6",
  "libpthread.so.0",
  "libdl.so.2",
  "libssl.so.3",
  "libcrypto.so.3",
  "libnss_files.so.2",
];
/** Packages whose files are in the image. */
export const ROOT_PACKAGES = [
  ...["libc6", "libssl3t64", "openssl", "libzstd1", "zlib1g", "busybox-static", "chrony", "base-files"],
  ...[
    "libcap2",
    "libedit2",
    "libseccomp2",
    "libgnutls30t64",
    "libnettle8t64",
    "libhogweed6t64",
    "libgmp10",
    "libp11-kit0",
    "libidn2-0",
  ],
  ...["libunistring5", "libtasn1-6", "libffi8", "libbsd0", "libmd0", "libtinfo6", "libbrotli1"],
] as const;

export interface RootParts {
  readonly packages: Packages;
  readonly kernel: Kernel;
  readonly architecture: Architecture;
  readonly version: string;
  /** Time of the commit, seconds of 1970. */
  readonly epoch: number;
  /** dist/lbd. */
  readonly binary: string;
  readonly tools: Tools;
  /** Content of a .pub file of minisign: updates signed with it are taken. */
  readonly trustedKey?: string;
}

export interface Initrd {
  /** Not yet compressed. */
  readonly archive: Uint8Array;
  /** Those that it has files of. */
  readonly packages: readonly DebianPackage[];
}

/** @throws Error that names what is missing */
export function initrd(parts: RootParts): Initrd {
  const { packages, kernel, architecture, version, epoch, binary } = parts;
  const libraries = librariesOf(parts);
  const wanted = readFileSync(join(import.meta.dirname, "modules.txt"), "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .flatMap((line) => line.split(" ").filter((name) => name !== ""));
  const entries: CpioEntry[] = [
    { kind: "file", path: "init", mode: 0o755, content: compileInit(parts.tools) },
    file("lbd", binary, 0o755),
    ...PROGRAMS.map(([name, from, to]) => file(to, join(packages.of(name).root, from), 0o755)),
    ...SHELL_PROGRAMS.map((name): CpioEntry => ({ kind: "link", path: `bin/${name}`, target: "busybox" })),
    ...[...libraries].map(([name, from]) =>
      file(
        name.startsWith("ld-") ? architecture.loader : `${architecture.libraries.slice("usr/".length)}/${name}`,
        from,
        0o755,
      ),
    ),
    { kind: "link", path: KEEPALIVED_FOLDER.slice(1), target: CONFIGURATION_FOLDER },
    ...modules(kernel, resolveModules(kernel, wanted)),
    text("etc/lbd-version", `${version}\n`),
    text("etc/lbd-epoch", `${epoch}\n`),
    ...(parts.trustedKey === undefined ? [] : [text(UPDATE_KEY_FILE.slice(1), parts.trustedKey)]),
    text(
      "etc/passwd",
      "root:x:0:0::/run:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n_chrony:x:100:100::/run:/bin/false\n",
    ),
    text("etc/group", "root:x:0:\nlbd:x:99:\n_chrony:x:100:\nnogroup:x:65534:\n"),
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\n"),
    text(
      "etc/protocols",
      "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nah 51 AH\nvrrp 112 VRRP\nsctp 132 SCTP\n",
    ),
  ];
  const from = [...libraries.values(), ...PROGRAMS.map(([name]) => packages.of(name).root), kernel.modulesDir];
  const used = packages.all.filter(({ root }) => from.some((path) => `${path}/`.startsWith(`${root}/`)));
  return { archive: cpioArchive([...entries, ...copyrights(used, packages.of("base-files").root)]), packages: used };
}

/** Debian's copyright files, which belong to what they are about, and the texts that they name. */
function copyrights(packages: readonly DebianPackage[], base: string): CpioEntry[] {
  const files = packages.map((one) => text(`usr/share/doc/${one.name}/copyright`, copyrightOf(one, packages)));
  return [...files, ...tree("usr/share/common-licenses", join(base, "usr/share/common-licenses"))];
}

/** What lbd opens and the programs link, and what those link, by name: where each lies. */
function librariesOf({ packages, architecture, tools, binary }: RootParts): Map<string, string> {
  const folders = packages.all.flatMap(({ root }) =>
    [architecture.libraries, "usr/lib64", "usr/lib"].map((folder) => join(root, folder)),
  );
  const found = new Map<string, string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
    // Of old libraries some are part of libc.so.6 now and have no file.
    if (path === undefined) {
      if (name === "libnss_files.so.2") return;
      throw new Error(`${name} is in no package of the image`);
    }
    found.set(name, path);
    for (const next of neededBy(tools, path)) add(next);
  };
  for (const name of LIBRARIES) add(name);
  for (const path of [binary, ...PROGRAMS.map(([name, from]) => join(packages.of(name).root, from))])
    for (const name of neededBy(tools, path)) add(name);
  return found;
}

function neededBy(tools: Tools, path: string): string[] {
  return [...tools.run("x86_64-linux-gnu-readelf", ["-d", path]).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(
    ([, name = ""]) => name,
  );
}

/** The first process. */
export function compileInit(tools: Tools): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "lbd-init-"));
  try {
    tools.run("tcc", ["-nostdlib", "-static", "-o", join(folder, "init"), "init.c"], { cwd: import.meta.dirname });
    return readFileSync(join(folder, "init"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The kernel of a package as kernel.ts takes one; its module tables are made beside it once, as the package's own script would. */
export function kernelOf(packages: Packages, name: string, tools: Tools): Kernel {
  const { root } = packages.of(name);
  const release = name.replace("linux-image-", "");
  const modulesDir = join(root, "usr/lib/modules", release);
  if (!existsSync(modulesDir)) throw new Error(`${name} has no usr/lib/modules/${release}`);
  if (!existsSync(join(modulesDir, "modules.dep.bin"))) tools.run("depmod", ["-b", join(root, "usr"), release]);
  return { release, vmlinuz: join(root, "boot", `vmlinuz-${release}`), modulesDir };
}
