// Core: a netlink request before it has a sequence number and a port: what the codecs make and the sockets send.

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
const NLM_F_ROOT = 0x100;
const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

export interface NetlinkRequest {
  readonly type: number;
  /** NLM_F_*, NLM_F_REQUEST included. */
  readonly flags: number;
  /** What follows the 16 bytes of nlmsghdr. */
  readonly payload: Uint8Array;
  /** The object, for errors: `address 192.0.2.1/24 on interface 3`. */
  readonly what: string;
}
