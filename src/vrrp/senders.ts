// VRRP core: who advertises to a unicast instance, whether the list names it and with which TTL it comes. Nobody is refused for it by
// default (keepalived does not either), so what a stricter setting would change is shown instead. Fixed memory.
import type { IpText } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { VRRP_TTL } from "./packet.ts";

/** The one that was new longest ago makes room. */
const MAX_SENDERS = 8;

export interface Sender {
  readonly address: IpText;
  /** TTL or hop limit of its last advertisement. */
  readonly hops: number;
}

export interface Senders {
  /** An advertisement was accepted. True for a sender that is new. */
  note(address: IpText, hops: number): boolean;
  list(): readonly Sender[];
  /** Another number after each change of the list. */
  mark(): number;
}

export function senders(): Senders {
  const known = new Map<IpText, number>();
  let changes = 0;
  return {
    note(address, hops) {
      const before = known.get(address);
      if (before === hops) return false;
      changes++;
      known.set(address, hops);
      if (known.size > MAX_SENDERS) for (const oldest of known.keys()) if (known.delete(oldest)) break;
      return before === undefined;
    },
    list: () => [...known].map(([address, hops]) => ({ address, hops })),
    mark: () => changes,
  };
}

/** Does `unicast_peer` name it? */
export function isListed(instance: VrrpInstance, address: IpText): boolean {
  return instance.unicast?.peers.some(({ ip }) => ip === address) ?? false;
}

/** What an operator may want to change, in whole sentences. */
export function adviceFor(instance: VrrpInstance, heard: readonly Sender[]): readonly string[] {
  const peers = instance.unicast?.peers ?? [];
  if (peers.length === 0) return [];
  const unlisted = heard.filter(({ address }) => !isListed(instance, address));
  const advice = unlisted.map(
    ({ address }) =>
      `${address} advertises to us and unicast_peer does not name it: name it there, or refuse it with check_unicast_src`,
  );
  const asksForMore = instance.strict || instance.hmac?.mode === "enforce" || peers.some(({ minTtl }) => minTtl > 0);
  const near = heard.length > 0 && heard.every(({ hops }) => hops === VRRP_TTL);
  if (near && !asksForMore && unlisted.length === 0)
    advice.push(
      `every peer comes with ${instance.family === 4 ? "TTL" : "hop limit"} 255, so no router lies between: min_ttl 255 behind the peers keeps out what comes through one`,
    );
  return advice;
}
