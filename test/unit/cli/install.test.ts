// Installing from the console: what `lbd appliance flash` says comes line by line, the configuration that runs goes along, and a medium that is
// gone or damaged writes nothing. Disks are files.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { type InstallPorts, installDisks, installTo } from "../../../src/cli/install.ts";
import { diskImage } from "../../support/disk-image.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-install-"));
afterAll(() => rmSync(dir, { recursive: true }));
const IMAGE = diskImage([{ name: "lbd-conf", sectors: 32_768 }]);
const PACKED = zstdCompressSync(IMAGE);
const target = () => readFileSync(join(dir, "dev/sda"));
let closed = 0;

beforeEach(() => {
  for (const name of ["dev", "medium/live", "configuration"]) {
    rmSync(join(dir, name), { recursive: true, force: true });
    mkdirSync(join(dir, name), { recursive: true });
  }
  writeFileSync(join(dir, "medium/live/lbd.img.zst"), PACKED);
  const sum = createHash("sha256").update(PACKED).digest("hex");
  writeFileSync(join(dir, "medium/live/SHA256SUMS"), `${sum}  lbd.img.zst\n`);
  writeFileSync(join(dir, "dev/sda"), Buffer.alloc(IMAGE.length, 1));
  closed = 0;
});

async function install(more: Partial<InstallPorts> = {}): Promise<string[]> {
  const lines: string[] = [];
  const ports: InstallPorts = {
    openMedium: () => ({ folder: join(dir, "medium"), close: () => closed++ }),
    configuration: join(dir, "configuration"),
    program: [process.execPath, join(import.meta.dir, "../../../src/main.ts")],
    device: (name) => join(dir, "dev", name),
    ...more,
  };
  for await (const line of installTo("sda", ports)) lines.push(line);
  return lines;
}

test("the medium's disk goes to a disk, with progress, read back; the configuration that runs goes with it", async () => {
  writeFileSync(join(dir, "configuration/network.yaml"), "network: {version: 2, ethernets: {eth0: {}}}\n");
  writeFileSync(join(dir, "configuration/appliance.yaml"), "hostname: installed\n");
  writeFileSync(join(dir, "configuration/keepalived.conf"), "# nothing yet\n");
  const lines = await install();
  expect(lines.at(-1)).toBe("done: take the medium out and start the machine again (r)");
  expect(lines.some((line) => /^write +\d+\.\d of \d+\.\d MB +100 %/.test(line))).toBe(true);
  expect(lines.some((line) => /^compare .* 100 %/.test(line))).toBe(true);
  expect(lines.some((line) => line.includes(`is written, with the configuration of ${dir}/configuration`))).toBe(true);
  expect(target().includes("hostname: installed\n")).toBe(true);
  expect(closed).toBe(1);
});

test("a machine without a configuration says where it belongs", async () => {
  const lines = await install();
  expect(lines[0]).toContain("copy the three files to LBD-CONF");
  expect(lines.at(-1)).toStartWith("done");
  expect(Buffer.compare(target(), IMAGE)).toBe(0);
});

test.each([
  ["a medium that is gone", { openMedium: () => undefined }, /^the live medium is not there/, 0],
  ["a disk that is too small", { device: () => join(dir, "medium/live/SHA256SUMS") }, /is too small: it has/, 1],
] as const)("%s is said, and nothing is written", async (_, ports, said, closes) => {
  expect((await install(ports)).some((line) => said.test(line))).toBe(true);
  expect(target().every((byte) => byte === 1)).toBe(true);
  expect(closed).toBe(closes);
});

test("a medium that is damaged is said, and nothing is written", async () => {
  const damaged = Buffer.from(PACKED);
  damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1;
  writeFileSync(join(dir, "medium/live/lbd.img.zst"), damaged);
  const lines = await install();
  expect(lines.at(-1)).toBe("it was not installed: the lines above say why");
  expect(lines.some((line) => line.includes("is damaged or another one: its SHA-256 is"))).toBe(true);
  expect(target().every((byte) => byte === 1)).toBe(true);
});

test("a configuration with errors is not written", async () => {
  writeFileSync(join(dir, "configuration/network.yaml"), "network: {version: 2, ethernets: {eth0: {mtu: 1}}}\n");
  const lines = await install();
  expect(lines.some((line) => line.includes("network.yaml:1:47: error[bad-value]"))).toBe(true);
  expect(target().every((byte) => byte === 1)).toBe(true);
});

test("disks are told with size, model, what is on them, and why one is not to be written", () => {
  const disk = { name: "sdb", device: "/dev/sdb", bytes: 16e9, model: "Maker Stick", usb: true };
  expect(
    installDisks([
      { ...disk, contents: ["sdb1 ext4"], uses: [] },
      { ...disk, contents: [], uses: ["sdb1 is mounted (/boot)", "x"] },
    ]),
  ).toEqual([
    { name: "sdb", text: "16.0 GB  Maker Stick (USB)  sdb1 ext4" },
    { name: "sdb", text: "16.0 GB  Maker Stick (USB)  nothing known on it", refusal: "sdb1 is mounted (/boot); x" },
  ]);
});
