// Appliance: `make image`. Builds the images of a director for dedicated hardware into dist/image, without root, loop devices or mounts. The same
// sources give the same bytes in any folder, by any user (SOURCE_DATE_EPOCH and the version come from the commit).
// Usage: bun appliance/image.ts [--out DIR] [--level N] [--config DIR] [--key FILE]
//   N is zstd's, 19 for a release; DIR goes to the configuration partition and to the media that have none; FILE is a secret key of minisign
//   without a password (LBD_SIGNING_KEY names it as well), whose updates the image takes: without it one for development is made once, beside
//   the folder.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
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
import { describeSlot, updateHead } from "../src/appliance/update-file.ts";
import { AMD64 } from "./architecture.ts";
import { liveCommandLine } from "./command-line.ts";
import { cpioArchive } from "./cpio.ts";
import { type DiskParts, makeDisk, makeSlot } from "./disk.ts";
import { initrd, kernelOf, ROOT_PACKAGES } from "./initrd.ts";
import { makeIso } from "./iso.ts";
import { makeNetboot } from "./netboot.ts";
import { type DebianPackage, fetchPackages, kernelPackage } from "./packages.ts";
import { sbomOf, sourceOffer } from "./sbom.ts";
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
import { makeUki } from "./uki.ts";

const REPOSITORY = resolve(import.meta.dirname, "..");
const CACHE = join(REPOSITORY, ".cache/image");
/** Tools run on this machine. */
const HOST = "amd64";

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
const architecture = AMD64;
const binary = join(REPOSITORY, "dist/lbd");
if (!existsSync(binary)) throw new Error("dist/lbd is missing: make build");
const keyFile = values.key ?? process.env.LBD_SIGNING_KEY;
const key = keyFile === undefined ? developmentKey(join(dirname(out), "development.key")) : signingKey(keyFile);
const publicKey = writePublicKey(key.publicKey);

const version = git("describe", "--always", "--dirty", "--abbrev=12");
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? git("log", "-1", "--format=%ct"));
const at = (name: string) => join(out, name);
const work = at("work");
rmSync(out, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const kernelName = kernelPackage(architecture.name, CACHE);
const packageNames = new Set([...ROOT_PACKAGES, ...architecture.bootPackages, kernelName]);
const packages = fetchPackages([...packageNames], architecture.name, CACHE);
const toolPackages = fetchPackages([...new Set(TOOL_PACKAGES)], HOST, CACHE);
const tools = toolsOf(toolPackages, epoch);
const kernel = kernelOf(packages, kernelName, tools);
const parts: DiskParts = { architecture, tools, packages, epoch, work };
say(`lbd ${version}, kernel ${kernel.release}`);

const root = initrd({
  ...{ packages, kernel, architecture, version, epoch, binary, tools },
  // An image trusts the key that it was made with. Without one it trusts those of its appliance.yaml only, and every build is the same.
  ...(keyFile !== undefined && { trustedKey: publicKey }),
});
writeFileSync(join(work, "initrd.cpio"), root.archive);
compress(join(work, "initrd.cpio"), at("initrd"), values.level);
copyFileSync(kernel.vmlinuz, at("vmlinuz"));
makeMedia(values.config === undefined ? undefined : filesOf(values.config));
describe();
rmSync(work, { recursive: true });
sign();

function makeMedia(configuration: ReadonlyMap<string, Uint8Array> | undefined): void {
  const live = new Map([
    ["vmlinuz", at("vmlinuz")],
    ["initrd", at("initrd")],
  ]);
  if (configuration) {
    writeFileSync(join(work, "configuration.cpio"), configurationArchive(configuration));
    live.set("configuration.cpio", join(work, "configuration.cpio"));
  }
  makeSlot(parts, at("slot.squashfs"), { vmlinuz: at("vmlinuz"), initrd: at("initrd"), version });
  makeUpdate();
  makeDisk(parts, at("lbd.img"), at("slot.squashfs"), configuration ?? EMPTY_CONFIGURATION);
  // What is in it is packed already.
  compress(at("lbd.img"), at("lbd.img.zst"), "3");
  tools.run("qemu-img", ["convert", "-c", "-O", "qcow2", at("lbd.img"), at("lbd.qcow2")]);
  // A stick that is damaged installs nothing: flash looks at the list beside the image.
  const sums = join(work, "SHA256SUMS");
  writeFileSync(sums, `${sha256(at("lbd.img.zst"))}  lbd.img.zst\n`);
  makeIso(parts, at("lbd.iso"), new Map([...live, ["lbd.img.zst", at("lbd.img.zst")], ["SHA256SUMS", sums]]));
  makeNetboot(parts, at("netboot"), live);
  makeUki(at("lbd.efi"), {
    stub: join(packages.of("systemd-boot-efi").root, `usr/lib/systemd/boot/efi/linux${architecture.efi}.efi.stub`),
    initrd: [...live.values()].slice(1),
    vmlinuz: at("vmlinuz"),
    commandLine: liveCommandLine("uki", architecture.serial),
    version,
  });
}

/** What a running machine takes: the slot behind a signed list of its pieces. */
function makeUpdate(): void {
  const slot = readFileSync(at("slot.squashfs"));
  const list = describeSlot(slot, { version, epoch, architecture: architecture.name });
  const signature = signDigest(key, createHash(DIGEST).update(list).digest(), `lbd ${version}`);
  writeFileSync(at(`lbd-${version}.update`), Buffer.concat([updateHead(list, signature), slot]));
}

/** The bill of materials, and the offer of sources. */
function describe(): void {
  const loaders = architecture.bootPackages.map((name) => packages.of(name));
  const debian = [...new Set([...root.packages, ...loaders])].sort(byName);
  const companions = [...packages.all, ...toolPackages.all];
  const bill = { version, epoch, repository: REPOSITORY, debian, companions, binarySha256: sha256(binary) };
  writeFileSync(at("lbd.spdx.json"), sbomOf(bill));
  writeFileSync(at("SOURCES.txt"), sourceOffer(bill));
  writeFileSync(at("update.pub"), publicKey);
}

function signingKey(path: string): SecretKey {
  const read = readSecretKey(readFileSync(path, "utf8"));
  if (!read.ok) throw new Error(`${path}: ${read.error}`);
  return read.value;
}

/** The key in a file that is made when it is missing: for images that nobody else gets. */
function developmentKey(path: string): SecretKey {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) writeFileSync(path, writeSecretKey(createSecretKey()), { mode: 0o600 });
  say(`signed with a development key (${path}); a release has --key FILE or LBD_SIGNING_KEY`);
  return signingKey(path);
}

/** SHA256SUMS of all that was made, and its signature: one is enough for every file. */
function sign(): void {
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => statSync(at(name)).isFile());
  const lines = names.sort().map((name) => {
    say(`${sha256(at(name))}  ${name} (${(statSync(at(name)).size / 1e6).toFixed(1)} MB)`);
    return `${sha256(at(name))}  ${name}\n`;
  });
  const sums = lines.join("");
  writeFileSync(at("SHA256SUMS"), sums);
  const digest = createHash(DIGEST).update(sums).digest();
  writeFileSync(at("SHA256SUMS.minisig"), signDigest(key, digest, `lbd ${version} ${architecture.name}`));
}

/** Several threads give the same bytes as one. */
function compress(from: string, to: string, level: string): void {
  tools.run("zstd", ["-q", "-f", `-${level}`, "-T2", from, "-o", to]);
}

/** A second root for media without a configuration partition; src/process/appliance takes it from there. */
function configurationArchive(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return cpioArchive(
    [...files].map(([name, content]) => ({ kind: "file", path: `configuration/${name}`, mode: 0o600, content })),
  );
}

/** Every file of a folder, with its path below it. */
function filesOf(folder: string): Map<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name))]));
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function byName(a: DebianPackage, b: DebianPackage): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function git(...words: readonly string[]): string {
  return execFileSync("git", words, { cwd: REPOSITORY, encoding: "utf8" }).trim();
}

function say(line: string): void {
  console.log(line);
}
