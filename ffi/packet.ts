// Packet sockets: classic BPF filters (struct sock_fprog holds an address) and multicast membership at the link layer.
import { check, type Fd } from "./fd.ts";
import { libc } from "./index.ts";
import { bytes, i32, layout, u16, u64 } from "./layout.ts";
import { addressOf, fixed } from "./memory.ts";
import { SOL_SOCKET, setsockopt } from "./socket.ts";

export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_ALL = 0x0003;

const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_MR_MULTICAST = 0;
const SO_ATTACH_FILTER = 26;
const SO_LOCK_FILTER = 44;
/** kernel: BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;

const PACKET_MREQ = layout({ interfaceIndex: i32(0), type: u16(4), length: u16(6), address: bytes(8, 8) });
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

/** Makes the filter of a socket unchangeable. @throws SyscallError */
export function lockFilter(fd: Fd): void {
  setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, new Uint8Array([1, 0, 0, 0]));
}

/** Has an interface receive a link-layer multicast address for this socket. @throws SyscallError ENODEV */
export function joinLinkMulticast(fd: Fd, interfaceIndex: number, hardwareAddress: Uint8Array): void {
  const request = PACKET_MREQ.encode({
    interfaceIndex,
    type: PACKET_MR_MULTICAST,
    length: hardwareAddress.byteLength,
    address: hardwareAddress,
  });
  const done = libc.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, request.byteLength);
  check(done, "setsockopt", `PACKET_ADD_MEMBERSHIP fd ${fd} interface ${interfaceIndex}`);
}
