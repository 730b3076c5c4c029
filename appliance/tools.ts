// Appliance: programs that make the image, of the image's own Debian release and not of this machine's: the same bytes come out wherever
// it is made. They run from where they were unpacked, by their own loader and with their own libraries.
import { spawnSync } from "node:child_process";
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Packages } from "./packages.ts";

/** Programs, and the libraries that they link. */
export const TOOL_PACKAGES = [
  ...["grub-common", "squashfs-tools", "xorriso", "fdisk", "zstd", "binutils-x86-64-linux-gnu"],
  ...[
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "liblzma5",
    "libdevmapper1.02.1",
    "libselinux1",
    "libudev1",
    "libpcre2-8-0",
    "libcap2",
  ],
  ...[
    "zlib1g",
    "liblzo2-2",
    "liblz4-1",
    "libzstd1",
    "libisoburn1t64",
    "libburn4t64",
    "libisofs6t64",
    "libacl1",
    "libjte2",
    "libbz2-1.0",
  ],
  ...[
    "libreadline8t64",
    "libtinfo6",
    "libfdisk1",
    "libsmartcols1",
    "libblkid1",
    "libuuid1",
    "libmount1",
    "libbinutils",
    "libctf0",
    "libsframe1",
  ],
  ...["libjansson4", "libctf-nobfd0", "libgprofng0", "tcc", "kmod", "libkmod2"],
  // qemu-img, for qcow2
  ...["qemu-utils", "libaio1t64", "libfuse3-4", "libglib2.0-0t64", "libnuma1", "liburing2", "libffi8", "libgmp10"],
  ...["libgnutls30t64", "libhogweed6t64", "libnettle8t64", "libp11-kit0", "libidn2-0", "libunistring5", "libtasn1-6"],
] as const;

export interface Tools {
  /**
   * Runs a program to its end.
   * @param words its arguments; @param input what it reads from standard input
   * @returns what it wrote to standard output
   * @throws Error with its own words when it fails
   */
  run(program: string, words: readonly string[], options?: { readonly cwd?: string; readonly input?: string }): string;
}

/** @param epoch seconds of 1970 that everything made is dated with (SOURCE_DATE_EPOCH) */
export function toolsOf(packages: Packages, epoch: number): Tools {
  const roots = packages.all.map(({ root }) => root);
  const loader = join(packages.of("libc6").root, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
  const libraries = roots
    .flatMap((root) => [join(root, "usr/lib/x86_64-linux-gnu"), join(root, "lib/x86_64-linux-gnu")])
    .filter(isFolder);
  const places = roots
    .flatMap((root) => ["usr/bin", "usr/sbin", "bin", "sbin"].map((folder) => join(root, folder)))
    .filter(isFolder);
  return {
    run(program, words, { cwd, input } = {}) {
      const folder = places.find((place) => readdirSync(place).includes(program));
      if (folder === undefined) throw new Error(`${program} is in none of the packages that make the image`);
      const path = realpathSync(join(folder, program));
      const { status, stdout, stderr, error } = spawnSync(
        loader,
        ["--library-path", libraries.join(":"), "--argv0", program, path, ...words],
        {
          ...(cwd === undefined ? {} : { cwd }),
          ...(input === undefined ? {} : { input }),
          encoding: "utf8",
          maxBuffer: 1 << 28,
          env: { PATH: "/nonexistent", LC_ALL: "C", TZ: "UTC", SOURCE_DATE_EPOCH: `${epoch}` },
        },
      );
      if (error) throw new Error(`${program}: ${error.message}`);
      if (status !== 0)
        throw new Error(`${program} ${words.join(" ")}: ${stderr.trim().split("\n").slice(-3).join(" ")}`);
      return stdout;
    },
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
