// What only an appliance does: mounts, the machine's name.
import { check } from "./fd.ts";
import { libc } from "./index.ts";
import { cString } from "./memory.ts";

/** linux/mount.h */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_SYNCHRONOUS = 16;

/** @throws SyscallError ENODEV for a file system the kernel does not have, EINVAL for one that is damaged, EBUSY, EPERM */
export function mount(source: string, target: string, type: string, flags: number, options = ""): void {
  const result = libc.mount(cString(source), cString(target), cString(type), flags, cString(options));
  check(result, "mount", `${type} ${source} on ${target}`);
}

/** @throws SyscallError EBUSY while something of it is open */
export function unmount(target: string): void {
  check(libc.umount2(cString(target), 0), "umount", target);
}

/** @throws SyscallError EINVAL beyond 64 bytes, EPERM */
export function setHostName(name: string): void {
  const bytes = new TextEncoder().encode(name);
  check(libc.sethostname(bytes, bytes.byteLength), "sethostname", name);
}
