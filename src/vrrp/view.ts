// VRRP core: what can be seen of an instance from outside the router: the raw material of status, metrics and dumps.
import type { MonoMs } from "../base/clock.ts";
import type { IpText } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import type { Cause, State, StateName } from "./machine/state.ts";
import type { PacketCounter, RefusalReason } from "./refusals.ts";
import type { Senders } from "./senders.ts";
import type { Sightings } from "./sightings.ts";
import type { Evaluation } from "./track.ts";

/** The time of a call: monotonic for timers, wall clock for auth_hmac and status. */
export interface Instant {
  readonly now: MonoMs;
  readonly wallMs: number;
}

/** keepalived's statistics of an instance, by its names. */
export type CounterName =
  | PacketCounter
  | "advert_rcvd"
  | "advert_sent"
  | "become_master"
  | "release_master"
  | "pri_zero_rcvd"
  | "pri_zero_sent";

/** What else the driver may want to know of an instance: counters for metrics, the state for the sync daemon. */
export interface InstanceView {
  readonly name: string;
  readonly config: VrrpInstance;
  readonly state: State;
  readonly source: IpText | undefined;
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  readonly evaluation: Evaluation;
  readonly lastTransition: LastTransition | undefined;
  readonly sightings: Sightings;
  readonly senders: Senders;
  readonly group: string | undefined;
}

export interface LastTransition {
  readonly at: MonoMs;
  readonly from: StateName;
  readonly to: StateName;
  readonly cause: Cause;
}
