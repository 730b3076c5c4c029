// Test of the appliance: what `make image` wrote, judged by other programs: checksums and signature by coreutils and Debian's minisign, qcow2 by
// qemu-img, zstd, xorriso and sfdisk, the bill of materials by the parser of SPDX expressions that npm has.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const IMAGES = resolve(import.meta.dirname, "../../dist/test-appliance/image");
const work = mkdtempSync(join(tmpdir(), "lbd-formats-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(program: string, words: readonly string[], cwd = IMAGES): string {
  const { status, stdout, stderr, error } = spawnSync(program, [...words], {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  if (error || status !== 0)
    throw new Error(`${program} ${words.join(" ")}: status ${status} ${error ?? ""}\n${stderr}${stdout}`);
  return stdout;
}

test("every file is in SHA256SUMS, which is signed", () => {
  const named = readFileSync(join(IMAGES, "SHA256SUMS"), "utf8").trim().split("\n");
  const files = readdirSync(IMAGES, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(named.length).toBe(files.length - 2);
  run("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"]);
  expect(run("minisign", ["-V", "-p", "update.pub", "-m", "SHA256SUMS"])).toContain("verified");
  run("cp", ["SHA256SUMS", "SHA256SUMS.minisig", "update.pub", work]);
  run("sed", ["-i", "1s/^./x/", "SHA256SUMS"], work);
  expect(() => run("minisign", ["-V", "-p", "update.pub", "-m", "SHA256SUMS"], work)).toThrow(
    "Signature verification failed",
  );
});

test("the compressed disk and the qcow2 hold the disk", () => {
  run("bash", ["-c", "zstd -dcq lbd.img.zst | cmp - lbd.img"]);
  run("qemu-img", ["check", "-q", "lbd.qcow2"]);
  run("qemu-img", ["compare", "-q", "lbd.img", "lbd.qcow2"]);
});

test("the disk's table has the partitions, and the configuration lies on its own", () => {
  const { partitiontable } = JSON.parse(run("sfdisk", ["--json", "lbd.img"]));
  const names = partitiontable.partitions.map(({ name }: { readonly name: string }) => name);
  expect([partitiontable.label, names]).toEqual(["gpt", ["lbd-bios", "lbd-esp", "lbd-a", "lbd-b", "lbd-conf"]]);
  const { start } = partitiontable.partitions.at(-1);
  const listed = run("bash", [
    "-c",
    `dd if=lbd.img bs=512 skip=${start} of=${work}/conf.img status=none && fsck.fat -n ${work}/conf.img`,
  ]);
  expect(listed).toContain("5 files");
});

test("the unified kernel image has its sections", () => {
  const headers = run("objdump", ["-h", "lbd.efi"]);
  for (const name of [".osrel", ".cmdline", ".initrd", ".linux"]) expect(headers).toContain(` ${name} `);
  run("objcopy", ["-O", "binary", "--only-section=.linux", "lbd.efi", join(work, "linux")]);
  run("cmp", [join(work, "linux"), "vmlinuz"]);
});

test("nothing is larger than was promised", () => {
  // As made for tests (zstd's level 3); at level 19 it is an eighth less.
  expect(Bun.file(join(IMAGES, "lbd.img.zst")).size).toBeLessThan(100e6);
});

interface Document {
  readonly spdxVersion: string;
  readonly SPDXID: string;
  readonly packages: readonly {
    readonly SPDXID: string;
    readonly name: string;
    readonly versionInfo: string;
    readonly licenseDeclared: string;
    readonly checksums?: readonly { readonly checksumValue: string }[];
  }[];
  readonly relationships: readonly { readonly spdxElementId: string; readonly relatedSpdxElement: string }[];
  readonly hasExtractedLicensingInfos: readonly { readonly licenseId: string; readonly extractedText: string }[];
}

describe("the bill of materials", () => {
  const path = join(IMAGES, "lbd.spdx.json");
  const bill: Document = existsSync(path)
    ? JSON.parse(readFileSync(path, "utf8"))
    : fail(`${path} is missing: make test-appliance`);

  test("names each thing once, and everything it refers to", () => {
    const ids = [bill.SPDXID, ...bill.packages.map(({ SPDXID }) => SPDXID)];
    expect([bill.spdxVersion, new Set(ids).size]).toEqual(["SPDX-2.3", ids.length]);
    const known = new Set(ids);
    for (const { spdxElementId, relatedSpdxElement } of bill.relationships)
      expect([known.has(spdxElementId), known.has(relatedSpdxElement)]).toEqual([true, true]);
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
  });

  test("has licences that are expressions of SPDX, with the text of each that is Debian's own", () => {
    run(
      "npm",
      ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "spdx-expression-parse@4.0.0"],
      work,
    );
    const parse: (expression: string) => unknown = createRequire(join(work, "x.js"))("spdx-expression-parse");
    const texts = new Map(bill.hasExtractedLicensingInfos.map((one) => [one.licenseId, one.extractedText]));
    for (const { SPDXID, licenseDeclared } of bill.packages) {
      if (SPDXID === "SPDXRef-image") continue;
      expect(() => parse(licenseDeclared)).not.toThrow();
      for (const [ref] of licenseDeclared.matchAll(/LicenseRef-[\w.-]+/g))
        expect(texts.get(ref)?.length).toBeGreaterThan(10);
    }
    expect(() => parse("GPL-2+")).toThrow();
  });

  test("has the kernel, lbd, the runtime and every package that is compiled in, with version and checksum", () => {
    const { dependencies } = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../package.json"), "utf8"));
    const byName = new Map(bill.packages.map((one) => [one.name, one]));
    for (const [name, version] of Object.entries(dependencies))
      expect(byName.get(name)?.versionInfo).toBe(`${version}`);
    for (const name of ["lbd", "bun", "libc6", "busybox-static", "shim-signed"]) expect(byName.has(name)).toBe(true);
    expect([...byName.keys()].filter((name) => name.startsWith("linux-image-")).length).toBe(1);
    for (const { SPDXID, checksums = [] } of bill.packages)
      if (SPDXID !== "SPDXRef-image") expect(checksums[0]?.checksumValue).toMatch(/^([0-9a-f]{64}|[0-9a-f]{128})$/);
  });

  test("has sources for all of it, the kernel's own among them", () => {
    const offer = readFileSync(join(IMAGES, "SOURCES.txt"), "utf8");
    for (const name of ["linux", "grub2", "shim", "glibc", "busybox"])
      expect(offer).toMatch(new RegExp(`^${name} \\d`, "m"));
  });
});

function fail(message: string): never {
  throw new Error(message);
}
