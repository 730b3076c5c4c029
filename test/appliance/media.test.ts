// Test of the appliance: every medium of `make image` starts, through every firmware that it is for, into a director that is master and whose API
// answers. The media hold test/appliance/director; `make test-appliance` builds them.
import { afterEach, expect, test } from "bun:test";
import { resolve } from "node:path";
import { type Firmware, type Medium, startMedium } from "../machine/medium.ts";
import type { RunningMachine } from "../machine/qemu.ts";
import { until } from "../support/until.ts";

const IMAGES = resolve(import.meta.dirname, "../../dist/test-appliance/image");
/** Under emulation, beside whatever else this machine does. */
const LIMIT_MS = 900_000;

const image = (name: string) => `${IMAGES}/${name}`;
const DISK: Medium = { kind: "disk", file: image("lbd.img") };
const DISC: Medium = { kind: "disc", file: image("lbd.iso") };
const STICK: Medium = { kind: "stick", file: image("lbd.iso") };
const network = (file: string): Medium => ({ kind: "network", folder: image("netboot"), file });

let machine: RunningMachine | undefined;
afterEach(async () => {
  machine?.stop();
  await machine?.finished;
});

test.each([
  ["disk", "bios", DISK, /lbd\.slot=A lbd\.left=2/],
  ["disk", "uefi", DISK, /lbd\.slot=A lbd\.left=2/],
  ["disk", "secure", DISK, /lbd\.slot=A lbd\.left=2/],
  ["qcow2", "bios", { kind: "disk", file: image("lbd.qcow2"), format: "qcow2" }, /lbd\.slot=A/],
  ["ISO as a disc", "bios", DISC, /lbd\.live=iso/],
  ["ISO as a disc", "secure", DISC, /lbd\.live=iso/],
  ["ISO as a stick", "bios", STICK, /lbd\.live=iso/],
  ["ISO as a stick", "uefi", STICK, /lbd\.live=iso/],
  ["network, GRUB", "bios", network("lbd.pxe"), /lbd\.live=netboot/],
  ["network, iPXE", "bios", network("lbd.ipxe"), /lbd\.live=netboot/],
  ["network, shim", "secure", network("bootx64.efi"), /lbd\.live=netboot/],
  ["unified kernel image", "uefi", { kind: "program", file: image("lbd.efi") }, /lbd\.live=uki/],
] as const satisfies readonly (readonly [string, Firmware, Medium, RegExp])[])(
  "%s, %s",
  async (_name, firmware, medium, words) => {
    const lines: string[] = [];
    let ended = false;
    machine = startMedium({
      ...{ firmware, medium, memoryMb: 1024, cpus: 2, limitMs: LIMIT_MS },
      line: (text) => lines.push(text.trim()),
    });
    machine.finished.then(() => (ended = true));
    const said = (start: string) => lines.find((line) => line.startsWith(start));
    await until("the API answers", () => ended || said("TEST ready"), LIMIT_MS).catch(() => {});
    const console = `\n${lines.slice(-40).join("\n")}`;
    expect(said("TEST ready") ?? console).toBe('TEST ready {"status":"ready"}');
    expect(said("TEST words") ?? console).toMatch(words);
    expect(lines.some((line) => /efi: EFI v/.test(line))).toBe(firmware !== "bios");
    expect(lines.some((line) => /Secure boot enabled/i.test(line))).toBe(firmware === "secure");
    expect(lines.filter((line) => line.startsWith("init: "))).toEqual([]);
  },
  LIMIT_MS + 10_000,
);
