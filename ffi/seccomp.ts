// seccomp(2): a filter for the system calls of a whole process.
import { arch } from "node:process";
import { backend } from "#dlopen";
import { SyscallError } from "./errno.ts";
import { LIBC_NAMES } from "./libc.ts";
import { addressOf, pinned } from "./memory.ts";

const SYS_SECCOMP = { x64: 317, arm64: 277 } as const;
const SECCOMP_SET_MODE_FILTER = 1;
/** All threads get it, with their no_new_privs, or none does. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** kernel: before 5.16 a filter else costs the speculation of the processor, by which machine code of the engine is fast. */
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
const FLAGS = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
/** struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
const STEP_BYTES = 8;
const FPROG_BYTES = 16;

/** The machine of this process, as the tables of numbers name it; undefined for one without a table. */
export function machine(): "x64" | "arm64" | undefined {
  return arch === "x64" || arch === "arm64" ? arch : undefined;
}

/**
 * Puts a filter on every thread of this process, for good. @throws SyscallError ENOSYS without seccomp in the kernel, EACCES without
 * no_new_privs
 */
export function filterSystemCalls(
  steps: readonly {
    readonly code: number;
    readonly ifTrue: number;
    readonly ifFalse: number;
    readonly value: number;
  }[],
): void {
  const here = machine();
  if (here === undefined) throw new RangeError(`no numbers of system calls for ${arch}`);
  const program = pinned(STEP_BYTES * steps.length);
  const view = new DataView(program.buffer);
  for (const [index, { code, ifTrue, ifFalse, value }] of steps.entries()) {
    view.setUint16(STEP_BYTES * index, code, true);
    view.setUint8(STEP_BYTES * index + 2, ifTrue);
    view.setUint8(STEP_BYTES * index + 3, ifFalse);
    view.setUint32(STEP_BYTES * index + 4, value, true);
  }
  const header = pinned(FPROG_BYTES);
  const fields = new DataView(header.buffer);
  fields.setUint16(0, steps.length, true);
  fields.setBigUint64(8, addressOf(program), true);
  const { syscall } = backend.open(LIBC_NAMES, {
    syscall: { args: ["isize", "isize", "isize", "bytes"], result: "isize" },
  });
  const result = syscall?.(SYS_SECCOMP[here], SECCOMP_SET_MODE_FILTER, FLAGS, header) ?? -1;
  if (result < 0) throw new SyscallError("seccomp", backend.errno(), `${steps.length} steps`);
  // kernel: the id of a thread that could not take it.
  if (result > 0) throw new SyscallError("seccomp", 0, `thread ${result} has another filter`);
}
