// A hostile host as a program: sends given bodies as IP protocol 112 to the VRRP group, at a rate, for a bounded time.
// Arguments: source address, TTL, packets per second, seconds, bodies in hexadecimal. Prints how many went out.
import { AF_INET, inetAddress } from "../../ffi/sockaddr.ts";
import {
  IP_MULTICAST_IF,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  SOCK_RAW,
  sendTo,
  setsockopt,
  setsockoptInt,
  socket,
} from "../../ffi/socket.ts";
import { fromHex } from "../../src/base/bytes.ts";
import { ipBytes } from "../../src/base/ip.ts";

const [source = "", ttl = "255", rate = "1", seconds = "1", ...hex] = process.argv.slice(2);
const bodies = hex.map((text) => fromHex(text) ?? new Uint8Array());
const group = inetAddress(ipBytes("224.0.0.18"), 0);
const fd = socket(AF_INET, SOCK_RAW, 112);
setsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_TTL, Number(ttl));
setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, ipBytes(source));

const startedAt = performance.now();
const all = Number(rate) * Number(seconds);
/** A machine that is too slow for the rate is given this much longer. */
const GRACE_MS = 2000;
let sent = 0;
function burst(): void {
  const tookMs = performance.now() - startedAt;
  const due = Math.min(all, (tookMs / 1000) * Number(rate));
  while (sent < due) for (const body of bodies) if (sendTo(fd, body, group) !== undefined) sent++;
  if (sent < all && tookMs < Number(seconds) * 1000 + GRACE_MS) setTimeout(burst, 1);
  else console.log(sent);
}
burst();
