// Role vrrp: what is kept of one instance's place in the world.
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import type { VrrpSocket } from "../../kernel/raw-socket.ts";
import type { Link } from "../../net/model.ts";
import type { Placement } from "../../net/placement.ts";
import type { VirtualInterface } from "../../net/vmac.ts";

/** Mutable: one for each instance, for as long as it lives. */
export interface Station extends Placement {
  instance: VrrpInstance;
  addressVmacs: ReadonlyMap<string, VirtualInterface>;
  /** The link that addresses without a device go to; undefined when it is not there. */
  link: Link | undefined;
  /** Canonical text. */
  source: string | undefined;
  /** Of the address on this machine that it is; undefined: it was not looked for. */
  sourceKey: string | undefined;
  socket: VrrpSocket | undefined;
  /** With vmac_xmit_base: hears those who send from the virtual MAC, whose packets the kernel gives to the virtual interface alone. */
  macSocket: VrrpSocket | undefined;
  /** As the last look found. */
  faults: StationFaults;
}

/** What keeps the instance from working, by code; absent: nothing. */
export type StationFaults = Readonly<Partial<Record<"vmac" | "socket" | "source-gone" | "config", string>>>;

export const STATION_FAULTS = ["vmac", "socket", "source-gone", "config"] as const;
