// CLI: installs a live medium from the console: the disk image that the medium has goes to a disk by `lbd appliance flash`, with the configuration
// that this machine runs with. The guards are that command's own.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, mount, unmount } from "../../ffi/machine.ts";
import type { InstallDisk } from "../appliance/console/install.ts";
import { CONFIGURATION_FOLDER } from "../appliance/image.ts";
import { SEARCH_PATH } from "../base/environment.ts";
import { type Disk, readDisks } from "../kernel/disks.ts";
import { kernelModules } from "../kernel/modules.ts";
import { APPLIANCE_YAML, NETWORK_YAML } from "../process/appliance/configuration.ts";
import { ownArguments } from "../process/runtime.ts";
import { sizeText } from "./flash.ts";

const IMAGE = "live/lbd.img.zst";
const MEDIUM = "/run/lbd-appliance/medium";
/** Discs, sticks and disks; a stick that was written with dd is one file system as a whole. */
const MAY_BE_MEDIUM = /^(sr|sd|vd|xvd|nvme|mmcblk)/;

export function installDisks(disks: readonly Disk[] = readDisks()): readonly InstallDisk[] {
  return disks.map(({ name, bytes, model, usb, contents, uses }) => ({
    name,
    text: [
      sizeText(bytes),
      `${model || "disk"}${usb ? " (USB)" : ""}`,
      contents.join(", ") || "nothing known on it",
    ].join("  "),
    ...(uses.length > 0 && { refusal: uses.join("; ") }),
  }));
}

export interface InstallPorts {
  /** The medium's folder while it is read; undefined: it is not there. */
  openMedium(): { readonly folder: string; close(): void } | undefined;
  readonly configuration: string;
  readonly program: readonly [string, ...string[]];
  device(name: string): string;
}

const PORTS: InstallPorts = {
  openMedium,
  configuration: CONFIGURATION_FOLDER,
  program: ["/proc/self/exe", ...ownArguments()],
  device: (name) => `/dev/${name}`,
};

/** Lines as they come. Never throws. @param name of the disk, which was asked for twice */
export async function* installTo(name: string, ports: InstallPorts = PORTS): AsyncGenerator<string> {
  const medium = ports.openMedium();
  if (!medium) {
    yield "the live medium is not there (a start over the network has none): put it in, and try again";
    return;
  }
  try {
    const { configuration } = ports;
    const has = [NETWORK_YAML, APPLIANCE_YAML].some((file) => existsSync(join(configuration, file)));
    if (!has) yield "this machine has no configuration: copy the three files to LBD-CONF of the disk afterwards";
    const [program, ...first] = ports.program;
    const words = ["appliance", "flash", join(medium.folder, IMAGE), ports.device(name), "--yes"];
    const status = yield* linesOf(program, [...first, ...words, ...(has ? ["--config", configuration] : [])]);
    yield status === 0
      ? "done: take the medium out and start the machine again (r)"
      : "it was not installed: the lines above say why";
  } finally {
    medium.close();
  }
}

/** What a program says, line by line; its status. */
async function* linesOf(program: string, words: readonly string[]): AsyncGenerator<string, number> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], cwd: "/", env: { PATH: SEARCH_PATH } });
  const waiting: string[] = [];
  let wake = () => {};
  let status: number | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      waiting.push(...lines);
      wake();
    });
  }
  child.on("error", ({ message }) => {
    waiting.push(message);
    status = 1;
    wake();
  });
  child.on("close", (code) => {
    status ??= code ?? 1;
    wake();
  });
  for (;;) {
    yield* waiting.splice(0);
    if (status !== undefined && waiting.length === 0) return status;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (waiting.length > 0 || status !== undefined) resolve();
    });
  }
}

function openMedium(): ReturnType<InstallPorts["openMedium"]> {
  mkdirSync(MEDIUM, { recursive: true });
  // The image has no modprobe that the kernel could ask for it.
  kernelModules().load("isofs");
  for (const name of readdirSync("/sys/class/block")
    .filter((one) => MAY_BE_MEDIUM.test(one))
    .sort()) {
    try {
      mount(`/dev/${name}`, MEDIUM, "iso9660", MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC);
    } catch {
      // Another file system, or no disc in it.
      continue;
    }
    if (existsSync(join(MEDIUM, IMAGE))) return { folder: MEDIUM, close: () => unmount(MEDIUM) };
    unmount(MEDIUM);
  }
  return undefined;
}
