// Kernel modules by descriptor: finit_module(2) has no function in every C library, so it goes by number.
import { SyscallError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { lastErrno, libc } from "./index.ts";
import { cString } from "./memory.ts";

const SYS_FINIT_MODULE = process.arch === "x64" ? 313 : 273;

/** The file is compressed and the kernel shall unpack it (Linux 5.17, CONFIG_MODULE_DECOMPRESS). */
export const MODULE_INIT_COMPRESSED_FILE = 4;

/** Loads a module. @throws SyscallError EEXIST when it is there; ENOENT for a missing symbol; EPERM; EOPNOTSUPP for the flag */
export function loadModule(file: Fd, parameters: string, flags: number): void {
  if (libc.syscall(SYS_FINIT_MODULE, file, cString(parameters), flags) < 0)
    throw new SyscallError("finit_module", lastErrno(), `fd ${file} flags ${flags}`);
}
