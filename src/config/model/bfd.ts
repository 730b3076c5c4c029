// Config core: BFD sessions in the model.
import type { IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";

export interface BfdInstance {
  readonly name: string;
  readonly origin: Origin;
  readonly neighborIp: IpText;
  readonly sourceIp?: IpText;
  readonly minRxUs: number;
  readonly minTxUs: number;
  readonly idleTxUs: number;
  readonly multiplier: number;
  readonly passive: boolean;
  /** Of packets that are sent. */
  readonly sentTtl: number;
  /** What the neighbour's are held against: they may have lost `maxHops` of it; 255: nothing is looked at. */
  readonly ttl: number;
  readonly maxHops: number;
  readonly multihop: boolean;
  readonly weight: number;
  readonly reverse: boolean;
  readonly forVrrp: boolean;
  readonly forChecker: boolean;
}
