// Config core: addresses that are there whatever the instances do.
import type { Address } from "../../model/net.ts";
import { type BoundGlobal, type BoundTop, defaultInterface } from "../global.ts";

/** Static addresses without `dev` go to `default_interface`, else eth0. */
export function toStaticAddresses(top: BoundTop, global: BoundGlobal): readonly Address[] {
  const device = defaultInterface(global);
  const lines = (top.static_ipaddress ?? []).flatMap((entry) => entry.lines);
  return lines.map(({ value }) => (value.device === undefined ? { ...value, device } : value));
}
