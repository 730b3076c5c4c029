// Role checker: what the checker role tells programs, FIFOs and people, in the names that keepalived uses (cli-signals.md §5–7). Pure.
import type { ServiceStanding } from "../../check/standing.ts";
import type { RealServer, VirtualServer } from "../../config/model/lvs.ts";
import type { Notification } from "../../notify/notification.ts";
import { quorumText } from "./status.ts";

/** `[192.0.2.1]:tcp:80`, `[web]:0`, `FWM 5` (cli-signals.md §6). */
function serviceText({ name, services, protocol }: VirtualServer): string {
  const [first] = services;
  if (name.kind === "group") return `[${name.text}]:0`;
  if (first?.kind === "fwmark") return `FWM ${first.mark}`;
  return first ? `[${first.ip}]:${protocol.toLowerCase()}:${first.port}` : name.text;
}

/** A real server that entered or left service. */
export function serverNotification(
  virtualServer: VirtualServer,
  realServer: RealServer,
  up: boolean,
  reason: string,
): Notification {
  const isMark = virtualServer.services[0]?.kind === "fwmark";
  const command = up ? realServer.notifyUp : realServer.notifyDown;
  return {
    kind: "real-server",
    up,
    server: isMark
      ? `[${realServer.ip}]:none:0`
      : `[${realServer.ip}]:${virtualServer.protocol.toLowerCase()}:${realServer.port}`,
    service: serviceText(virtualServer),
    smtpAlert: realServer.smtpAlert,
    reason,
    // Initial states come here only when rs_init_notifies asks for them.
    fifo: true,
    ...(command ? { command } : {}),
  };
}

/** A quorum gained or lost. */
export function serviceNotification(
  virtualServer: VirtualServer,
  { quorumUp, liveWeight }: ServiceStanding,
): Notification {
  const command = quorumUp ? virtualServer.quorumUp : virtualServer.quorumDown;
  return {
    kind: "virtual-server",
    up: quorumUp,
    service: serviceText(virtualServer),
    smtpAlert: virtualServer.smtpAlert,
    reason: quorumText(virtualServer, liveWeight),
    ...(command ? { command } : {}),
  };
}
