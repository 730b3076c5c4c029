// Test machine: the machine that the vm ring, the lab and the benchmarks boot: Debian's kernel, busybox, Bun, the tools of LVS, and
// this repository as it lies here. The part that rarely changes is kept packed in .cache/.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { type CpioEntry, cpioArchive } from "../../appliance/cpio.ts";
import { extractVmlinux, findKernel, type Kernel, resolveModules } from "../../appliance/kernel.ts";
import { file, modules, program, text, tree } from "../../appliance/root.ts";

const REPOSITORY = resolve(import.meta.dirname, "..", "..");
export const CACHE = join(REPOSITORY, ".cache");

const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"];

const MODULES = [
  ...[
    "crc32c_generic",
    "virtio_pci",
    "virtio_net",
    "veth",
    "bridge",
    "dummy",
    "macvlan",
    "ipvlan",
    "vrf",
    "bonding",
    "8021q",
  ],
  ...["ipip", "ip_gre", "fou", "sit", "ip6_tunnel", "ip6_gre", "tunnel4", "tunnel6"],
  ...[
    "nf_tables",
    "nf_conntrack",
    "nft_ct",
    "nft_dup_ipv4",
    "nft_dup_ipv6",
    "nft_dup_netdev",
    "nfnetlink",
    "netlink_diag",
  ],
  ...["loop", "vfat", "nls_cp437", "nls_iso8859_1", "nls_utf8", "nls_ascii"],
  ...["ip_vs", "ip_vs_ftp", "ip_vs_pe_sip", ...SCHEDULERS.map((name) => `ip_vs_${name}`)],
];

/** Loaded at boot; the rest is asked for by the kernel or by lbd. */
const LOADED = ["crc32c_generic", "virtio_pci", "virtio_net", "veth", "bridge"];

/** Where the programs lie on Debian, and where they go. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ["bin/busybox", "/bin/busybox"],
  ["sbin/ip", "/sbin/ip"],
  ["bin/ss", "/bin/ss"],
  ["usr/sbin/ipvsadm", "/sbin/ipvsadm"],
  ["usr/sbin/keepalived", "/usr/sbin/keepalived"],
  ["usr/sbin/nft", "/usr/sbin/nft"],
  ["usr/bin/curl", "/usr/bin/curl"],
  ["usr/bin/ping", "/bin/ping"],
  ["usr/bin/openssl", "/usr/bin/openssl"],
];

/** Folders and files of the repository that go to /work. */
const WORK = ["src", "ffi", "test", "conf", "appliance", "package.json", "tsconfig.json"];
const PACKAGES = [
  "hono",
  "valibot",
  "citty",
  "netlink",
  "nodemailer",
  "yaml",
  "fast-check",
  "pure-rand",
  "@valibot/to-json-schema",
];

export interface Guest {
  readonly kernel: string;
  readonly initrd: string;
  [Symbol.dispose](): void;
}

/** Packs a machine that runs `command` (a shell script) in /work and powers off with its status. */
export function buildGuest(command: string): Guest {
  const kernel = findKernel();
  const base = baseArchive(kernel);
  const overlay = cpioArchive([text("etc/guest-command", `${command}\n`), ...workEntries()]);
  const initrd = join(CACHE, `guest-${process.pid}-${Date.now()}.cpio`);
  const remove = () => rmSync(initrd, { force: true });
  process.once("exit", remove);
  writeFileSync(initrd, Buffer.concat([base, overlay]));
  return {
    kernel: extractVmlinux(kernel, CACHE),
    initrd,
    [Symbol.dispose]() {
      process.off("exit", remove);
      remove();
    },
  };
}

function workEntries(): CpioEntry[] {
  const binary = join(REPOSITORY, "dist/lbd");
  if (!existsSync(binary)) throw new Error("dist/lbd is missing: make build");
  const work = WORK.flatMap((name) => {
    const from = join(REPOSITORY, name);
    return statSync(from).isDirectory() ? tree(`work/${name}`, from) : [file(`work/${name}`, from)];
  });
  return [...work, file("work/dist/lbd", binary, 0o755)];
}

function baseArchive(kernel: Kernel): Uint8Array {
  const key = createHash("sha256")
    .update(JSON.stringify([kernel, PROGRAMS.map(([, from]) => statSync(from).mtimeMs)]))
    .update(
      [import.meta.dirname, join(REPOSITORY, "appliance")]
        .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
        .map((path) => `${path} ${statSync(path).mtimeMs}`)
        .join(),
    )
    .update(String(statSync(join(REPOSITORY, "package-lock.json")).mtimeMs))
    .digest("hex")
    .slice(0, 16);
  const path = join(CACHE, `base-${key}.cpio`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    for (const old of readdirSync(CACHE).filter((name) => name.startsWith("base-"))) unlinkSync(join(CACHE, old));
    const partial = `${path}.${process.pid}`;
    writeFileSync(partial, cpioArchive(baseEntries(kernel)));
    renameSync(partial, path);
  }
  return readFileSync(path);
}

function baseEntries(kernel: Kernel): CpioEntry[] {
  const entries = [
    file("init", join(import.meta.dirname, "guest-init.sh"), 0o755),
    ...PROGRAMS.flatMap(([to, from]) => program(to, from)),
    ...program("usr/bin/bun", join(REPOSITORY, "node_modules/bun/bin/bun.exe")),
    ...modules(kernel, resolveModules(kernel, MODULES)),
    ...PACKAGES.flatMap((name) => tree(`work/node_modules/${name}`, join(REPOSITORY, "node_modules", name), isBallast)),
    text("etc/modules-load", `${LOADED.join(" ")}\n`),
    text("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"),
    text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    text("etc/hosts", "127.0.0.1 localhost guest\n::1 localhost\n"),
    text(
      "etc/protocols",
      "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nvrrp 112 VRRP\nsctp 132 SCTP\n",
    ),
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nprotocols: files\n"),
  ];
  // Two programs share most libraries.
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}

function isBallast(relative: string): boolean {
  return /\.map$|\.d\.ts$|^(prebuilds|build|deps|docs?|examples?)$|\.node$|\.md$/.test(relative);
}
