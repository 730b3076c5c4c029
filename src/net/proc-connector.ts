// Core: the process event connector (linux/connector.h, cn_proc.h) as bytes: the subscription that we send, the events that come.
// Messages are the payload of a netlink message of type NLMSG_DONE, in machine order.

/** NETLINK_CONNECTOR multicast group and connector id of process events. */
export const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;
const CN_MSG_BYTES = 20;
const EVENT_HEADER_BYTES = 16;
const TASK_COMM_BYTES = 16;

const PROC_CN_MCAST_LISTEN = 1;
const PROC_CN_MCAST_IGNORE = 2;

export type ProcessEvent =
  /** A new process (not a thread); it still is a copy of its parent. */
  | { readonly kind: "fork"; readonly pid: number; readonly parentPid: number }
  | { readonly kind: "exec"; readonly pid: number }
  /** It named itself anew (prctl PR_SET_NAME), which may be by a thread other than the first: `pid` is the process. */
  | { readonly kind: "comm"; readonly pid: number; readonly comm: string }
  | { readonly kind: "exit"; readonly pid: number };

/** Payload that starts or ends the stream of events. */
export function encodeProcessSubscription(on: boolean): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(CN_MSG_BYTES + 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CN_IDX_PROC, true);
  view.setUint32(4, CN_VAL_PROC, true);
  view.setUint16(16, 4, true);
  view.setUint32(20, on ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE, true);
  return bytes;
}

/** The event in a payload; undefined for kinds that don't matter (threads, uid changes …), other senders, and short messages. */
export function decodeProcessEvent(bytes: Uint8Array): ProcessEvent | undefined {
  if (bytes.byteLength < CN_MSG_BYTES + EVENT_HEADER_BYTES + 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== CN_IDX_PROC || view.getUint32(4, true) !== CN_VAL_PROC) return undefined;
  const what = view.getUint32(CN_MSG_BYTES, true);
  const data = CN_MSG_BYTES + EVENT_HEADER_BYTES;
  const pid = view.getInt32(data, true);
  const tgid = view.getInt32(data + 4, true);
  switch (what) {
    case 0x1: {
      if (bytes.byteLength < data + 16) return undefined;
      const childPid = view.getInt32(data + 8, true);
      const childTgid = view.getInt32(data + 12, true);
      return childPid === childTgid ? { kind: "fork", pid: childTgid, parentPid: tgid } : undefined;
    }
    case 0x2:
      return { kind: "exec", pid: tgid };
    case 0x200: {
      // Only the first thread's name is the name of the process.
      if (pid !== tgid || bytes.byteLength < data + 8 + TASK_COMM_BYTES) return undefined;
      const raw = bytes.subarray(data + 8, data + 8 + TASK_COMM_BYTES);
      const end = raw.indexOf(0);
      return { kind: "comm", pid: tgid, comm: new TextDecoder().decode(end < 0 ? raw : raw.subarray(0, end)) };
    }
    case 0x8000_0000:
      return pid === tgid ? { kind: "exit", pid: tgid } : undefined;
    default:
      return undefined;
  }
}
