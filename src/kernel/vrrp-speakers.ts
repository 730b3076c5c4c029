// Adapter: does somebody else speak VRRP in this network namespace?
import { readFileSync } from "node:fs";

/** Local address and, in place of a port, the IP protocol: 112 is VRRP, 51 AH. */
const VRRP_SOCKET = /^\s*\d+: [0-9A-F]+:00(?:70|33) /m;

/**
 * Is a raw socket of VRRP or AH open here, of whatever process? To be asked before an own one is. False where the kernel does not tell.
 * kernel: raw_seq_show() and raw6_seq_show().
 */
export function vrrpIsSpokenHere(): boolean {
  return ["raw", "raw6"].some((table) => {
    try {
      return VRRP_SOCKET.test(readFileSync(`/proc/thread-self/net/${table}`, "latin1"));
    } catch {
      return false;
    }
  });
}
