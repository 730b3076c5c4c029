// CLI: `lbd appliance flash IMAGE DEVICE`: writes an image to a disk, with its configuration, on any Linux. Exit status: 0 when the disk
// reads back as it was written, 1 when it was not written or is damaged, 2 for a wrong call or folder, before anything was written.
import { existsSync, readSync, realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { defineCommand } from "citty";
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import { type Disk, readDisks, wholeDiskOf } from "../kernel/disks.ts";
import { readFiles } from "../process/appliance/configuration.ts";
import { flash, type ImageFile, openImage } from "../process/appliance/flash.ts";
import { judgeFolder } from "../process/appliance/judge-folder.ts";
import { runCheck } from "./check.ts";
import { judgeImage } from "./image-trust.ts";
import { print, writeError } from "./output.ts";
import { drawer } from "./progress.ts";
import { complain, complainLines } from "./terminal.ts";

const FLASH_EXIT = { failed: 1, usage: 2 } as const;
const STDIN = 0;

export const flashCommand = defineCommand({
  meta: {
    name: "lbd appliance flash",
    description:
      "Write an image to a disk, with its configuration, and read it back; without DEVICE: which disks there are",
  },
  args: {
    image: { type: "positional", required: false, description: "lbd.img or lbd.img.zst", valueHint: "IMAGE" },
    device: { type: "positional", required: false, description: "The disk: /dev/sdb, or a file", valueHint: "DEVICE" },
    config: { type: "string", valueHint: "DIR", description: "Configuration folder that is written with it" },
    key: {
      type: "string",
      valueHint: "FILE",
      description: "Public key (update.pub) that SHA256SUMS beside the image must be signed with",
    },
    yes: { type: "boolean", description: "Do not ask for the disk's name" },
    force: { type: "boolean", description: "Write a configuration that has errors" },
  },
  run: async ({ args }) => {
    const [imagePath, device, ...more] = args._;
    if (imagePath === undefined) return print(listOf(readDisks()));
    if (more.length > 0) return complain(`flash takes IMAGE and DEVICE (got ${more.join(" ")} too)`, FLASH_EXIT.usage);
    if (device === undefined)
      return complainLines("which disk is it to be?", listOf(readDisks()).split("\n"), FLASH_EXIT.usage);
    const refused = refusalOf(device, readDisks());
    if (refused) return complainLines(refused.message, refused.details, FLASH_EXIT.usage);
    const { config } = args;
    if (config !== undefined && !configurationIsGood(config, args.force ?? false)) {
      process.exitCode = FLASH_EXIT.usage;
      return;
    }
    try {
      const image = await openImage(imagePath);
      print(await judgeImage(imagePath, args.key));
      const size = describeTarget(device, image);
      if (!args.yes && !confirmed(device, size)) return complain("nothing was written", FLASH_EXIT.failed);
      const files = config === undefined ? undefined : readFiles(config);
      await flash(
        { image, device, progress: drawer(), ...(files && { configuration: files }) },
        Math.floor(Date.now() / 1000),
      );
      print(
        config === undefined
          ? `${device} is written. Copy keepalived.conf, network.yaml and appliance.yaml to its partition LBD-CONF.`
          : `${device} is written, with the configuration of ${config}.`,
      );
    } catch (error) {
      complain(messageOf(error), FLASH_EXIT.failed);
    }
  },
});

/** What may be written, then what may not, each with its reason. */
export function listOf(disks: readonly Disk[]): string {
  const line = ({ name, bytes, model, usb, contents }: Disk) =>
    [
      `/dev/${name}`,
      sizeText(bytes),
      `${model || "disk"}${usb ? " (USB)" : ""}`,
      contents.join(", ") || "nothing known on it",
    ].join("  ");
  const [free, used] = [disks.filter(({ uses }) => uses.length === 0), disks.filter(({ uses }) => uses.length > 0)];
  const lines = [
    free.length > 0 ? "disks that can be written:" : "no disk here can be written",
    ...free.map((disk) => `  ${line(disk)}`),
    ...(used.length > 0 ? ["disks in use:"] : []),
    ...used.map((disk) => `  ${line(disk)}  — ${disk.uses.join("; ")}`),
  ];
  return lines.map(escapeControls).join("\n");
}

export interface Refusal {
  readonly message: string;
  readonly details: readonly string[];
}

/** Why a device must not be written; undefined: nothing stands against it. */
export function refusalOf(
  device: string,
  disks: readonly Disk[],
  wholeDisk: (name: string) => string | undefined = wholeDiskOf,
): Refusal | undefined {
  const stat = statSync(device, { throwIfNoEntry: false });
  if (!stat)
    return {
      message: `there is no ${device}`,
      details: [...listOf(disks).split("\n"), "A file is written when it is there: truncate -s 4G FILE"],
    };
  if (stat.isFile()) return undefined;
  if (!stat.isBlockDevice()) return { message: `${device} is no disk`, details: listOf(disks).split("\n") };
  const name = basename(realpathSync(device));
  const whole = wholeDisk(name);
  if (whole !== undefined)
    return { message: `${device} is a partition, and the image is a whole disk`, details: [`write /dev/${whole}`] };
  const disk = disks.find((one) => one.name === name);
  if (!disk) return { message: `${device} is no disk that a machine starts from`, details: listOf(disks).split("\n") };
  return disk.uses.length > 0 ? { message: `${device} is in use`, details: disk.uses } : undefined;
}

function configurationIsGood(folder: string, force: boolean): boolean {
  const options = { format: "text", strict: false, color: false, allConfig: false } as const;
  const { output, exit } = runCheck([folder], options, (path) => judgeFolder(path, { named: true }).loaded);
  if (exit !== 0 || output.split("\n").length > 2) writeError(output);
  if (exit === 0 || (force && existsSync(folder))) return true;
  complain(
    `${folder} has errors: nothing was written${existsSync(folder) ? " (--force writes it all the same)" : ""}`,
    FLASH_EXIT.usage,
  );
  return false;
}

function describeTarget(device: string, image: ImageFile): string {
  const disk = readDisks().find(({ name }) => name === basename(realpathSync(device)));
  const bytes = disk?.bytes ?? statSync(device).size;
  if (bytes < image.diskBytes)
    throw new Error(
      `${device} is too small: it has ${sizeText(bytes)}, and the image needs ${sizeText(image.diskBytes)}; nothing was written`,
    );
  const contents = disk?.contents.length ? `: ${disk.contents.join(", ")}` : "";
  return escapeControls(`${sizeText(bytes)}  ${disk?.model || (disk ? "disk" : "file")}${contents}`);
}

function confirmed(device: string, description: string): boolean {
  const name = basename(device);
  writeError(`${device}  ${description}\nEverything on it will be lost. Type ${name} to go on: `);
  const answer = readLine();
  if (answer === undefined) writeError("\n");
  return answer === name || answer === device;
}

/** One line of standard input, of a terminal or not; undefined at its end. */
function readLine(): string | undefined {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  for (;;) {
    let count = 0;
    try {
      count = readSync(STDIN, one);
    } catch {
      return undefined;
    }
    const [byte = 0] = one;
    if (count === 0) return bytes.length > 0 ? Buffer.from(bytes).toString().trim() : undefined;
    if (byte === 0x0a) return Buffer.from(bytes).toString().trim();
    if (bytes.push(byte) > 4096) return undefined;
  }
}

/** As makers of disks count. */
export function sizeText(bytes: number): string {
  return bytes >= 1e12
    ? `${(bytes / 1e12).toFixed(1)} TB`
    : bytes >= 1e9
      ? `${(bytes / 1e9).toFixed(1)} GB`
      : `${(bytes / 1e6).toFixed(0)} MB`;
}
