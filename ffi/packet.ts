// Classic BPF filters of sockets (struct sock_fprog holds an address).
import type { Fd } from "./fd.ts";
import { layout, u16, u64 } from "./layout.ts";
import { addressOf, fixed } from "./memory.ts";
import { SOL_SOCKET, setsockopt } from "./socket.ts";

const SO_ATTACH_FILTER = 26;
/** kernel: BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;

const SOCK_FPROG = layout({ count: u16(0), program: u64(8) });

/** One instruction of the classic packet filter: linux/filter.h, struct sock_filter. */
export interface FilterInstruction {
  readonly code: number;
  /** Instructions to skip when a jump's condition holds, and when not. */
  readonly ifTrue?: number;
  readonly ifFalse?: number;
  readonly value: number;
}

/** Lets only what `program` accepts into the socket. @throws SyscallError EINVAL for a bad program */
export function attachFilter(fd: Fd, program: readonly FilterInstruction[]): void {
  if (program.length === 0 || program.length > MAX_INSTRUCTIONS)
    throw new RangeError(`filter: expected 1..${MAX_INSTRUCTIONS} instructions (got ${program.length})`);
  const code = fixed(8 * program.length);
  const view = new DataView(code.buffer);
  for (const [index, { code: operation, ifTrue = 0, ifFalse = 0, value }] of program.entries()) {
    view.setUint16(8 * index, operation, true);
    view.setUint8(8 * index + 2, ifTrue);
    view.setUint8(8 * index + 3, ifFalse);
    view.setUint32(8 * index + 4, value, true);
  }
  attached.set(fd, code);
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, SOCK_FPROG.encode({ count: program.length, program: addressOf(code) }));
  attached.delete(fd);
}

/** Holds a program while the kernel copies it: the address in the structure would not. */
const attached = new Map<Fd, Uint8Array>();
