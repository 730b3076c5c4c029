// seccomp(2) with a listener: system calls of one kind are not made, but told to whoever has the listener, who answers for the kernel.
import { backend } from "#dlopen";
import { SyscallError } from "../../../ffi/errno.ts";
import { asFd, type Fd } from "../../../ffi/fd.ts";
import { LIBC_NAMES } from "../../../ffi/libc.ts";
import { addressOf, fixed } from "../../../ffi/memory.ts";
import { machine } from "../../../ffi/seccomp.ts";

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
const NUMBERS = {
  x64: { seccomp: 317, setsockopt: 54, getsockopt: 55 },
  arm64: { seccomp: 277, setsockopt: 208, getsockopt: 209 },
} as const;
const SOL_IP = 0;
/** linux/ip_vs.h: IP_VS_BASE_CTL and the 64 numbers of it. */
const FIRST_OPTION = 1152;
const LAST_OPTION = 1215;

/** linux/filter.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_JMP|BPF_JGT|BPF_K, BPF_RET|BPF_K. */
const [LOAD, EQUAL, NOT_BELOW, ABOVE, RETURN] = [0x20, 0x15, 0x35, 0x25, 0x06];
/** struct seccomp_data: the number, and the low halves of the second and third argument. */
const [NUMBER, LEVEL, OPTION] = [0, 24, 32];
const STEP_BYTES = 8;

/** The numbers of the two calls that are told. */
export function callNumbers(): { readonly setsockopt: number; readonly getsockopt: number } {
  return NUMBERS[here()];
}

function here(): "x64" | "arm64" {
  const known = machine();
  if (known === undefined) throw new RangeError("no numbers of system calls for this machine");
  return known;
}

/**
 * From here on this thread and what it starts get answers to IPVS socket options from whoever has the listener, and wait until there is
 * one. @throws SyscallError EACCES without CAP_SYS_ADMIN, EBUSY where there is a listener already
 */
export function tellIpvsOptions(): Fd {
  const { seccomp, setsockopt, getsockopt } = NUMBERS[here()];
  const steps = [
    [LOAD, 0, 0, NUMBER],
    [EQUAL, 1, 0, setsockopt],
    [EQUAL, 0, 6, getsockopt],
    [LOAD, 0, 0, LEVEL],
    [EQUAL, 0, 4, SOL_IP],
    [LOAD, 0, 0, OPTION],
    [NOT_BELOW, 0, 2, FIRST_OPTION],
    [ABOVE, 1, 0, LAST_OPTION],
    [RETURN, 0, 0, SECCOMP_RET_USER_NOTIF],
    [RETURN, 0, 0, SECCOMP_RET_ALLOW],
  ];
  const program = fixed(STEP_BYTES * steps.length);
  const view = new DataView(program.buffer);
  for (const [index, [code = 0, ifTrue = 0, ifFalse = 0, value = 0]] of steps.entries()) {
    view.setUint16(STEP_BYTES * index, code, true);
    view.setUint8(STEP_BYTES * index + 2, ifTrue);
    view.setUint8(STEP_BYTES * index + 3, ifFalse);
    view.setUint32(STEP_BYTES * index + 4, value, true);
  }
  const header = fixed(16);
  const fields = new DataView(header.buffer);
  fields.setUint16(0, steps.length, true);
  fields.setBigUint64(8, addressOf(program), true);
  const { syscall } = backend.open(LIBC_NAMES, {
    syscall: { args: ["isize", "isize", "isize", "bytes"], result: "isize" },
  });
  const result = syscall?.(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, header) ?? -1;
  if (result < 0) throw new SyscallError("seccomp", backend.errno(), `${steps.length} steps, with a listener`);
  return asFd(result);
}
