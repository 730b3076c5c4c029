// Process layer, appliance: the boot environment on the EFI system partition, which is mounted for the moment of a change only.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_SYNCHRONOUS, mount, unmount } from "../../../ffi/machine.ts";
import { type BootEnvironment, readEnvironment, writeEnvironment } from "../../appliance/boot.ts";

const ENVIRONMENT = "grub/grubenv";

/**
 * Changes the boot environment. The file keeps its blocks (GRUB writes it by their numbers), so it is written over in place.
 * @param device the EFI system partition; @param at an empty folder
 * @returns what was there before; @throws SyscallError or Error when it can't be read or written
 */
export function changeEnvironment(
  device: string,
  at: string,
  change: (before: BootEnvironment) => BootEnvironment,
): BootEnvironment {
  mount(device, at, "vfat", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_SYNCHRONOUS);
  try {
    const path = join(at, ENVIRONMENT);
    const before = readEnvironment(readFileSync(path, "latin1"));
    const after = writeEnvironment(change(before));
    const fd = openSync(path, "r+");
    try {
      writeSync(fd, Buffer.from(after, "utf8"), 0, undefined, 0);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return before;
  } finally {
    unmount(at);
  }
}
