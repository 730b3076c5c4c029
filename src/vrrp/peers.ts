// VRRP core: are unicast peers where this machine reaches them without a router? For what is said at the start and by a check that looks at
// the machine. A pure function of the configuration and of the addresses that there are.
import { familyOf, type IpText, ipBytes } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";

/** An address of this machine with the length of its network's prefix. */
export interface ConnectedNetwork {
  readonly ip: IpText;
  readonly prefix: number;
}

/** Unicast peers that are on none of the networks: their packets pass a router, or the address is mistyped. */
export function peersBeyond(instance: VrrpInstance, networks: readonly ConnectedNetwork[]): readonly IpText[] {
  const peers = (instance.unicast?.peers ?? []).map(({ ip }) => ip);
  return peers.filter((peer) => !isLinkLocal(peer) && !networks.some((network) => holds(network, peer)));
}

/** What to say of them; undefined when there are none. */
export function beyondText(instance: VrrpInstance, networks: readonly ConnectedNetwork[]): string | undefined {
  const peers = peersBeyond(instance, networks);
  if (peers.length === 0) return undefined;
  const what = peers.length === 1 ? "is on no connected network" : "are on no connected network";
  return `unicast_peer ${peers.join(", ")} ${what}: a router lies between, or the address is another one`;
}

/** Always on a link of ours. */
function isLinkLocal(ip: IpText): boolean {
  const bytes = ipBytes(ip);
  return bytes.byteLength === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

function holds({ ip, prefix }: ConnectedNetwork, peer: IpText): boolean {
  if (familyOf(ip) !== familyOf(peer)) return false;
  const [a, b] = [ipBytes(ip), ipBytes(peer)];
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = prefix - bit >= 8 ? 0xff : (0xff << (8 - (prefix - bit))) & 0xff;
    if (((a[bit / 8] ?? 0) & mask) !== ((b[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}
