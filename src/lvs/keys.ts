// LVS core: the text that stands for a service or a destination in maps, journals and logs. Made here and nowhere else.
import { formatEndpoint } from "../base/ip.ts";
import type { DestinationKey, ServiceKey } from "./model.ts";

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/** `192.0.2.1:80/tcp`, `[2001:db8::1]:53/udp`, `fwmark:5/inet6`. A mark has no protocol of its own (ipvs.md §1.2). */
export function serviceKey(service: ServiceKey): string {
  const { address } = service;
  if (address.kind === "fwmark") return `fwmark:${address.mark}/${service.family === 6 ? "inet6" : "inet"}`;
  const protocol = PROTOCOL_NAMES[service.protocol] ?? String(service.protocol);
  return `${formatEndpoint(address.ip, address.port)}/${protocol}`;
}

/** `192.0.2.10:80`: unique inside one service. */
export function destinationKey(destination: DestinationKey): string {
  return formatEndpoint(destination.ip, destination.port);
}
