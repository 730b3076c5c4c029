// Packaging: `make deb`. Writes dist/lbd_VERSION_ARCHITECTURE.deb by dpkg-deb, without root; the same commit gives the same bytes in any folder.
// It takes keepalived's place (Provides, Conflicts, Replaces), reads its files, and starts nothing: two of them on one address never.
// Usage: bun appliance/deb.ts [--out DIR] [--level N] [--version VERSION]
//   N is xz's, 6 for a release, or `none`; VERSION stands in for the one that the commit gives, to try an upgrade.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { VERSION } from "../src/version.ts";

// dpkg-deb takes the rights of folders as they are made here.
process.umask(0o022);

const REPOSITORY = resolve(import.meta.dirname, "..");
const MAINTAINER = "lbd maintainers <lbd@example.org>";
/** What of keepalived's interface is here; packages that need keepalived may ask for a version. */
const PROVIDED = "1:2.4.3";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "dist" },
    level: { type: "string", default: "6" },
    version: { type: "string" },
  },
});
const binary = join(REPOSITORY, "dist/lbd");
if (!existsSync(binary)) throw new Error("dist/lbd is missing: make build");
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? git("log", "-1", "--format=%ct"));
const version = values.version ?? versionOfCommit();
const architecture = process.arch === "x64" ? "amd64" : process.arch;
const out = resolve(values.out);
const root = join(out, "deb-root");
const path = join(out, `lbd_${version}_${architecture}.deb`);

rmSync(root, { recursive: true, force: true });
copy("dist/lbd", "usr/sbin/lbd", 0o755);
copy("conf/lbd.service", "usr/lib/systemd/system/lbd.service");
file(
  "etc/default/lbd",
  '# Options of the director, beside those of /etc/default/keepalived: lbd(8).\nLBD_OPTIONS=""\n',
);
for (const [page, section] of [
  ["lbd.8", "man8"],
  ["lbd.conf.5", "man5"],
] as const)
  zipped(`usr/share/man/${section}/${page}.gz`, lbd("docs", page));
file("usr/share/bash-completion/completions/lbd", lbd("completion", "bash"));
file("usr/share/zsh/vendor-completions/_lbd", lbd("completion", "zsh"));
file("usr/share/fish/vendor_completions.d/lbd.fish", lbd("completion", "fish"));
documents();
// dpkg-deb takes the rights of files from here.
file("DEBIAN/conffiles", "/etc/default/lbd\n");
file("DEBIAN/postinst", POSTINST(), 0o755);
file("DEBIAN/prerm", PRERM(), 0o755);
file("DEBIAN/postrm", POSTRM(), 0o755);
file("DEBIAN/md5sums", checksums());
file("DEBIAN/control", control());
execFileSync(
  "dpkg-deb",
  [
    "--root-owner-group",
    "--threads-max=1",
    ...(values.level === "none" ? ["-Znone"] : ["-Zxz", `-z${values.level}`]),
    "--build",
    root,
    path,
  ],
  {
    env: { ...process.env, SOURCE_DATE_EPOCH: `${epoch}` },
    stdio: ["ignore", "ignore", "inherit"],
  },
);
rmSync(root, { recursive: true });
process.stdout.write(`${path}\n`);

function documents(): void {
  const folder = "usr/share/doc/lbd";
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  zipped(
    `${folder}/changelog.Debian.gz`,
    `lbd (${version}) unstable; urgency=medium\n\n  * What changed for users: changelog.gz.\n\n -- ${MAINTAINER}  ${date}\n`,
  );
  zipped(`${folder}/changelog.gz`, readFileSync(join(REPOSITORY, "docs/changelog.md"), "utf8"));
  file(
    `${folder}/copyright`,
    `${readFileSync(join(REPOSITORY, "LICENSE"), "utf8")}\nWhat is compiled in has licences of its own:\n\n${lbd("licenses")}`,
  );
  for (const name of ["api", "bfd", "checker", "compat", "compat-notes", "reference", "security", "vrrp"])
    copy(`docs/${name}.md`, `${folder}/${name}.md`);
  cpSync(join(REPOSITORY, "conf/examples"), join(root, folder, "examples"), { recursive: true });
  for (const name of ["keepalived.conf", "sysctl.conf", "lbd-namespaces.conf"])
    copy(`conf/${name}`, `${folder}/examples/${name}`);
  for (const place of walk(join(root, folder))) chmodSync(place, 0o644);
  // What strip leaves of it is a Bun command line.
  file("usr/share/lintian/overrides/lbd", "lbd: unstripped-binary-or-object [usr/sbin/lbd]\nlbd: embedded-library *\n");
}

function control(): string {
  const kilobytes = walk(root).reduce((sum, place) => sum + Math.ceil(statSync(place).size / 1024), 0);
  return `Package: lbd
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${neededLibc()})
Recommends: ipvsadm, kmod, libssl3 | libssl3t64
Provides: keepalived (= ${PROVIDED})
Conflicts: keepalived
Replaces: keepalived
Section: admin
Priority: optional
Description: LVS director in one program, a drop-in for keepalived
 lbd reads keepalived.conf unchanged, programs the kernel's IPVS, checks real
 servers, speaks VRRP and BFD with keepalived, routers and itself, and answers
 on the command line and over HTTP how it is doing and why.
 .
 Nothing is started by installing it: "lbd check --here" says whether this
 machine and its configuration are ready, "systemctl enable --now lbd" starts
 the director.
`;
}

/** An upgrade has a running director go on as the new program; one that can't is started again, as keepalived's is. */
function POSTINST(): string {
  return `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    if [ -n "$2" ] && systemctl --quiet is-active lbd.service; then
      lbd restart --run-dir /run/lbd || deb-systemd-invoke try-restart lbd.service >/dev/null || true
    fi
  fi
  if [ -z "$2" ]; then
    echo "lbd: nothing was started. Next: lbd check --here; systemctl enable --now lbd"
  fi
fi
`;
}

function PRERM(): string {
  return `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop lbd.service >/dev/null || true
fi
`;
}

function POSTRM(): string {
  return `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then
  deb-systemd-helper purge lbd.service >/dev/null || true
  rm -f /etc/systemd/system/multi-user.target.wants/lbd.service
fi
`;
}

/** Versions grow with the commits until there is a release; a tag vX.Y.Z is one. */
function versionOfCommit(): string {
  const tag = /^v(\d+\.\d+\.\d+)$/.exec(git("describe", "--always", "--dirty"));
  if (tag) return `${tag[1]}-1`;
  const dirty = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : ".dirty";
  return `${VERSION}~${git("rev-list", "--count", "HEAD")}.g${git("rev-parse", "--short=12", "HEAD")}${dirty}-1`;
}

/** The newest symbol version that the program asks of the C library. */
function neededLibc(): string {
  const asked = execFileSync("grep", ["-aoE", "GLIBC_2\\.[0-9]+", binary], { encoding: "utf8", maxBuffer: 1 << 24 });
  return `2.${Math.max(
    ...asked
      .trim()
      .split("\n")
      .map((word) => Number(word.slice("GLIBC_2.".length))),
  )}`;
}

function checksums(): string {
  const places = walk(root).filter(
    (place) => !place.startsWith(join(root, "DEBIAN")) && !place.startsWith(join(root, "etc")),
  );
  return places
    .map((place) => `${createHash("md5").update(readFileSync(place)).digest("hex")}  ${place.slice(root.length + 1)}\n`)
    .join("");
}

/** Files below a folder, in an order that holds. */
function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function file(place: string, content: string | Uint8Array, mode = 0o644): void {
  const target = join(root, place);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
  chmodSync(target, mode);
}

function zipped(place: string, text: string): void {
  file(place, gzipSync(text, { level: 9 }));
}

function copy(from: string, place: string, mode = 0o644): void {
  file(place, readFileSync(join(REPOSITORY, from)), mode);
}

function lbd(...words: string[]): string {
  return execFileSync(binary, words, { encoding: "utf8", maxBuffer: 1 << 24 });
}

function git(...words: string[]): string {
  return execFileSync("git", words, { cwd: REPOSITORY, encoding: "utf8" }).trim();
}
