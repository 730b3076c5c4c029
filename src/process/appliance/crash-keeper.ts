// Process layer, appliance: where the kernel's last words outlive a crash (pstore), and what it left there. The kernel has one place at a time:
// ACPI's store (ERST) where a server has one, which it finds by itself; else variables of UEFI; else memory that a warm restart leaves alone,
// for which the loader asks (reserve_mem of appliance/grub.cfg). That last one is lost with the power, and where a firmware clears the memory.
import { existsSync, readFileSync } from "node:fs";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mount } from "../../../ffi/machine.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import { takeCrash } from "../../kernel/crash-records.ts";
import type { KernelModules } from "../../kernel/modules.ts";

const PSTORE = "/sys/fs/pstore";
const BACKEND = "/sys/module/pstore/parameters/backend";
const EFI = "/sys/firmware/efi";
/** Documentation/admin-guide/ramoops.rst; 64 KiB of the log in each record. */
const RAMOOPS = "mem_name=oops record_size=65536";

export interface CrashKeeper {
  /** The kernel's name of the place; undefined: there is none. */
  readonly place: string | undefined;
  /** The last crash's words, once; undefined: none is kept. */
  take(): string | undefined;
}

export function openCrashKeeper(modules: KernelModules, say: (level: Level, message: string) => void): CrashKeeper {
  try {
    mount("pstore", PSTORE, "pstore", MS_NODEV | MS_NOSUID | MS_NOEXEC);
  } catch (error) {
    // The kernel or somebody before has mounted it, or has none.
    say("debug", `pstore: ${messageOf(error)}`);
  }
  if (backend() === undefined && existsSync(EFI)) modules.load("efi_pstore", "pstore_disable=0");
  if (backend() === undefined) modules.load("ramoops", RAMOOPS);
  const place = backend();
  if (place === undefined) say("info", "nothing of this machine keeps the kernel's last words over a crash");
  return { place, take: () => takeCrash(PSTORE) };
}

function backend(): string | undefined {
  try {
    const name = readFileSync(BACKEND, "utf8").trim();
    return name === "" || name === "(null)" ? undefined : name;
  } catch {
    return undefined;
  }
}
