// Role vrrp: `-a`: a log line for each address that comes or goes, whoever put it there.
import type { LogLine } from "../../base/log.ts";
import type { InterfaceAddress, SeenTables } from "../../net/model.ts";
import type { NetEvent } from "../../net/seen.ts";

type Seen = Pick<SeenTables, "links" | "addresses">;

/** Those that are there when it begins, as keepalived tells them. */
export function presentAddresses(seen: Seen): readonly LogLine[] {
  return [...seen.addresses.values()].map((address) => lineOf(seen, address, "added to"));
}

/** A change of an address that stays is none. */
export function changedAddresses(seen: Seen, events: readonly NetEvent[]): readonly LogLine[] {
  return events.flatMap((event) => {
    if (event.kind !== "address" || event.change === "changed") return [];
    return [lineOf(seen, event.address, event.change === "added" ? "added to" : "removed from")];
  });
}

function lineOf({ links }: Seen, { ip, prefix, index }: InterfaceAddress, what: string): LogLine {
  const name = links.get(index)?.name ?? `interface ${index}`;
  return { level: "info", area: "vrrp", message: `address ${ip}/${prefix} ${what} ${name}` };
}
