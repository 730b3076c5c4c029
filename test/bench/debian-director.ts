// Bench: a director as one gets it from Debian, to stand beside the appliance: the same kernel, loader and disk layout, Debian's systemd, udev, networkd and
// keepalived, unpacked from their packages. What is left out is left out in its favour: an initrd that does nothing but mount the root, no
// D-Bus, no logins, no wait for the network, nothing of a first start.
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AMD64 } from "../../appliance/architecture.ts";
import { type CpioEntry, cpioArchive } from "../../appliance/cpio.ts";
import { makeDisk, makeSlot, startOf } from "../../appliance/disk.ts";
import { kernelOf } from "../../appliance/initrd.ts";
import { resolveModules } from "../../appliance/kernel.ts";
import { closureOf, fetchPackages, kernelPackage } from "../../appliance/packages.ts";
import { file, text } from "../../appliance/root.ts";
import { TOOL_PACKAGES, toolsOf } from "../../appliance/tools.ts";

const MIB = 1024 * 1024;
const ROOT_MIB = 256;
const WANTED = [
  "base-files",
  "base-passwd",
  "bash",
  "dash",
  "coreutils",
  "sed",
  "grep",
  "util-linux",
  "mount",
  "systemd-sysv",
  "udev",
  "kmod",
  "iproute2",
  "netbase",
  "keepalived",
];
/** Not read at a start. */
const BALLAST = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/perl",
  "usr/lib/x86_64-linux-gnu/perl",
];
/** Until the root is there. */
const EARLY_MODULES = ["crc32c_generic", "virtio_pci", "virtio_blk", "ext4"];
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for name in /modules/*; do /bin/busybox insmod $name; done
until /bin/busybox mount -t ext4 /dev/vda4 /root 2>/dev/null; do :; done
exec /bin/busybox switch_root /root /sbin/init
`;

export interface DebianDisk {
  readonly path: string;
  /** keepalived's and systemd's, for the figure's name. */
  readonly versions: string;
}

export interface CardNames {
  readonly name: string;
  readonly macAddress: string;
  readonly address: string;
}

/** @param cache packages are kept there; @param work a folder for what is made on the way, and for the disk */
export function makeDebianDirector(
  cache: string,
  work: string,
  { keepalived, cards }: { readonly keepalived: string; readonly cards: readonly CardNames[] },
): DebianDisk {
  const kernelName = kernelPackage(AMD64.name, cache);
  const names = [...closureOf(WANTED, AMD64.name, cache), ...AMD64.bootPackages, "busybox-static", kernelName];
  const packages = fetchPackages([...new Set(names)], AMD64.name, cache);
  const epoch = 1_700_000_000;
  const tools = toolsOf(fetchPackages([...new Set(TOOL_PACKAGES)], AMD64.name, cache), epoch);
  const kernel = kernelOf(packages, kernelName, tools);
  const parts = { architecture: AMD64, tools, packages, epoch, work };

  const root = join(work, "root");
  rmSync(root, { recursive: true, force: true });
  const own = new Set([...AMD64.bootPackages, "busybox-static"]);
  // The one that has the links of the merged /usr goes first.
  const trees = packages.all.filter(({ name }) => !own.has(name)).sort((a, b) => rank(a.name) - rank(b.name));
  mkdirSync(root, { recursive: true });
  const pour = 'tar -C "$0" -c . | tar -C "$1" -x --keep-directory-symlink';
  for (const one of trees) execFileSync("bash", ["-o", "pipefail", "-c", pour, one.root, root]);
  for (const path of [...BALLAST, "boot"]) rmSync(join(root, path), { recursive: true, force: true });
  settle(root, keepalived, cards);
  const image = join(work, "root.ext4");
  writeFileSync(image, "");
  truncateSync(image, ROOT_MIB * MIB);
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", root, image], {
    env: { ...process.env, PATH: "/usr/sbin:/sbin:/usr/bin:/bin" },
  });

  const initrd = join(work, "peer-initrd");
  writeFileSync(`${initrd}.cpio`, cpioArchive(early(join(packages.of("busybox-static").root, "usr/bin/busybox"))));
  tools.run("zstd", ["-q", "-f", "-3", `${initrd}.cpio`, "-o", initrd]);
  const slot = join(work, "peer-slot");
  makeSlot(parts, slot, { vmlinuz: kernel.vmlinuz, initrd, version: "debian" });
  const path = join(work, "debian.img");
  makeDisk(parts, path, slot, new Map());
  put(path, startOf("lbd-b") * MIB, readFileSync(image));
  const version = (name: string) => packages.of(name).version;
  return { path, versions: `systemd ${version("systemd")}, keepalived ${version("keepalived")}` };

  function early(busybox: string): CpioEntry[] {
    const files = resolveModules(kernel, EARLY_MODULES);
    return [
      text("init", INIT, 0o755),
      file("bin/busybox", busybox, 0o755),
      ...["dev", "root"].map((name): CpioEntry => ({ kind: "directory", path: name, mode: 0o755 })),
      ...files.map(({ path: from }, n): CpioEntry => {
        const content = execFileSync("xz", ["-dc", join(kernel.modulesDir, from)], { maxBuffer: 1 << 26 });
        return { kind: "file", path: `modules/${String(n).padStart(2, "0")}.ko`, mode: 0o644, content };
      }),
    ];
  }
}

function rank(name: string): number {
  return name === "base-files" ? 0 : 1;
}

/** What the packages' scripts would have done, and the director's own files. */
function settle(root: string, keepalived: string, cards: readonly CardNames[]): void {
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  write(
    "etc/passwd",
    "root:x:0:0::/root:/bin/bash\nsystemd-network:x:998:998::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
  );
  write(
    "etc/group",
    `${"root:x:0: tty:x:5: disk:x:6: kmem:x:15: dialout:x:20: cdrom:x:24: tape:x:26: audio:x:29: video:x:44: input:x:101: sgx:x:102: kvm:x:103: render:x:104: clock:x:105: lp:x:7: adm:x:4: utmp:x:43: systemd-journal:x:999: systemd-network:x:998: nogroup:x:65534:".split(" ").join("\n")}\n`,
  );
  write("etc/shadow", "root:*:19000::::::\n");
  write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  write("etc/hostname", "debian1\n");
  write("etc/fstab", "");
  write("etc/sysctl.d/director.conf", "net.ipv4.ip_forward=1\n");
  write("etc/keepalived/keepalived.conf", keepalived);
  for (const { name, macAddress, address } of cards) {
    write(`etc/systemd/network/10-${name}.link`, `[Match]\nMACAddress=${macAddress}\n[Link]\nName=${name}\n`);
    write(
      `etc/systemd/network/20-${name}.network`,
      `[Match]\nName=${name}\n[Network]\nAddress=${address}/24\nLinkLocalAddressing=no\n`,
    );
  }
  const wants = join(root, "etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  for (const unit of ["keepalived", "systemd-networkd"])
    symlinkSync(`/usr/lib/systemd/system/${unit}.service`, join(wants, `${unit}.service`));
  symlinkSync("/usr/lib/systemd/system/multi-user.target", join(root, "etc/systemd/system/default.target"));
  // With a card that is not there yet, or not yet called so, keepalived would run without its instances.
  const devices = cards.map(({ name }) => `sys-subsystem-net-devices-${name}.device`).join(" ");
  write("etc/systemd/system/keepalived.service.d/cards.conf", `[Unit]\nWants=${devices}\nAfter=${devices}\n`);
  // Nothing is to be brought up to date at this start.
  const later = Date.now() / 1000;
  for (const path of ["etc/.updated", "var/.updated"]) {
    write(path, "");
    utimesSync(join(root, path), later, later);
  }
}

function put(path: string, offset: number, content: Uint8Array): void {
  const fd = openSync(path, "r+");
  try {
    for (let at = 0; at < content.length; at += MIB) {
      const piece = content.subarray(at, at + MIB);
      if (piece.some((byte) => byte !== 0)) writeSync(fd, piece, 0, piece.length, offset + at);
    }
  } finally {
    closeSync(fd);
  }
}
