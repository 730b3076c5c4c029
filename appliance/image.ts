// Appliance: `make image`. Builds the images of a director for dedicated hardware into dist/image, without root, loop devices or mounts.
// Usage: bun appliance/image.ts [--out DIR] [--level N] [--config DIR] [--key FILE]; N is zstd's, 19 for a release; DIR goes to the
// configuration partition; FILE is minisign's secret key (or LBD_SIGNING_KEY names it): what is signed with it the image takes as update.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeSlot, updateHead } from "../src/appliance/update-file.ts";
import { makeDisk, makeSlot } from "./disk.ts";
import { initrd, kernelOf, ROOT_PACKAGES } from "./initrd.ts";
import { fetchPackages, kernelPackage } from "./packages.ts";
import {
  createSecretKey,
  DIGEST,
  readSecretKey,
  type SecretKey,
  signDigest,
  writePublicKey,
  writeSecretKey,
} from "./signing.ts";
import { TOOL_PACKAGES, toolsOf } from "./tools.ts";

const REPOSITORY = resolve(import.meta.dirname, "..");
const CACHE = join(REPOSITORY, ".cache/image");
const ARCHITECTURE = "amd64";
const BOOT_PACKAGES = ["grub-pc-bin", "grub-efi-amd64-signed", "shim-signed"] as const;

const EMPTY_CONFIGURATION = new Map([
  [
    "README.txt",
    "The configuration of this director: keepalived.conf, network.yaml, appliance.yaml (docs/appliance.md).\n",
  ],
]);

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "dist/image" },
    level: { type: "string", default: "3" },
    config: { type: "string" },
    key: { type: "string" },
  },
});
const out = resolve(values.out);
const binary = join(REPOSITORY, "dist/lbd");
if (!existsSync(binary)) throw new Error("dist/lbd is missing: make build");

const version = git("describe", "--always", "--dirty", "--abbrev=12");
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? git("log", "-1", "--format=%ct"));
const work = join(out, "work");
const keyFile = values.key ?? process.env.LBD_SIGNING_KEY;
// An image trusts the key that it was made with. Without one it trusts those of its appliance.yaml only, and every build is the same.
const key = keyFile === undefined ? developmentKey(resolve("dist/development.key")) : signingKey(keyFile);
const trustedKey = keyFile === undefined ? undefined : writePublicKey(key.publicKey);
rmSync(out, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const kernelName = kernelPackage(ARCHITECTURE, CACHE);
const packages = fetchPackages(
  [...new Set([...TOOL_PACKAGES, ...ROOT_PACKAGES, ...BOOT_PACKAGES, kernelName])],
  ARCHITECTURE,
  CACHE,
);
const tools = toolsOf(packages, epoch);
const kernel = kernelOf(packages, kernelName, tools);
say(`lbd ${version}, kernel ${kernel.release}`);

const cpio = join(work, "initrd.cpio");
writeFileSync(
  cpio,
  initrd({
    packages,
    kernel,
    architecture: ARCHITECTURE,
    version,
    binary,
    tools,
    ...(trustedKey !== undefined && { trustedKey }),
  }),
);
const packed = join(out, "initrd");
tools.run("zstd", ["-q", "-f", `-${values.level}`, "-T1", cpio, "-o", packed]);
writeFileSync(join(out, "vmlinuz"), readFileSync(kernel.vmlinuz));
const parts = { tools, packages, epoch, work };
const slot = join(out, "slot.squashfs");
makeSlot(parts, slot, { vmlinuz: kernel.vmlinuz, initrd: packed, version });
const update = `lbd-${version}.update`;
const content = readFileSync(slot);
const list = describeSlot(content, { version, architecture: ARCHITECTURE });
writeFileSync(
  join(out, update),
  Buffer.concat([
    updateHead(list, signDigest(key, createHash(DIGEST).update(list).digest(), `lbd ${version}`)),
    content,
  ]),
);
writeFileSync(join(out, "update.pub"), writePublicKey(key.publicKey));
const disk = join(out, "lbd.img");
makeDisk(parts, disk, slot, values.config === undefined ? EMPTY_CONFIGURATION : filesOf(values.config));
rmSync(work, { recursive: true });

for (const name of ["vmlinuz", "initrd", "slot.squashfs", "lbd.img", update]) {
  const content = readFileSync(join(out, name));
  say(`${createHash("sha256").update(content).digest("hex")}  ${name} (${(content.length / 1e6).toFixed(1)} MB)`);
}

/** Every file of a folder, with its path below it. */
function filesOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function signingKey(path: string): SecretKey {
  const read = readSecretKey(readFileSync(path, "utf8"));
  if (!read.ok) throw new Error(`${path}: ${read.error}`);
  return read.value;
}

/** The key in a file that is made when it is missing: for images that nobody else gets. */
function developmentKey(path: string): SecretKey {
  if (!existsSync(path)) writeFileSync(path, writeSecretKey(createSecretKey()), { mode: 0o600 });
  return signingKey(path);
}

function git(...words: readonly string[]): string {
  return execFileSync("git", words, { cwd: REPOSITORY, encoding: "utf8" }).trim();
}

function say(line: string): void {
  console.log(line);
}
