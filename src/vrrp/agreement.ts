// VRRP core: what is said of routers that do not agree with us: those whose advertisements we refuse, other masters, and senders that a
// unicast instance does not name. Each is told once in words and as an event; the status shows it as long as it is so.
import type { IpText } from "../base/ip.ts";
import type { Level } from "../base/log.ts";
import type { AcceptedAdvert } from "./accept.ts";
import type { VrrpAction } from "./actions.ts";
import { type Datagram, hopsOf } from "./datagram.ts";
import type { Runtime } from "./runtime.ts";
import { isListed } from "./senders.ts";
import type { Sighting, Silence } from "./sightings.ts";
import type { Instant } from "./view.ts";
import { isUnicast } from "./wire.ts";

/** A refused packet showed a router whose advertisements we refuse: an error, as both may be master. */
export function tellRefused(runtime: Runtime, { refusedAt }: Sighting, at: Instant): readonly VrrpAction[] {
  if (refusedAt === undefined) return [];
  // By place: a flood from ever new addresses is told of as often as there are places.
  if (runtime.limiter.allow(`refused master ${refusedAt}`, at.now) === undefined) return [];
  runtime.sightings.tellRefusal(refusedAt);
  const [other] = runtime.sightings.refusedMasters(runtime.config);
  if (!other) return [];
  const { name, vrid } = runtime.config;
  const both = `${other.address} advertises VRID ${vrid} (priority ${other.priority}) and we, ${runtime.source?.ip}, refuse it`;
  const message = `${both}: ${other.likelyCause}; ${other.remedy}`;
  return [line(runtime, "error", message), event(name, "refused", message)];
}

/** An advertisement was accepted: its sender may have been refused before, or be one that nobody named. */
export function tellAccepted(
  runtime: Runtime,
  datagram: Datagram,
  { sender }: AcceptedAdvert,
  at: Instant,
): readonly VrrpAction[] {
  const agreed = runtime.sightings.accepted(datagram.source);
  const settled = agreed === undefined ? [] : tellSettled(runtime, `${agreed} and we agree now`);
  if (!isUnicast(runtime.config) || !runtime.senders.note(sender, hopsOf(datagram))) return settled;
  if (isListed(runtime.config, sender) || runtime.limiter.allow("unlisted", at.now) === undefined) return settled;
  const message = `${sender} advertises to us and unicast_peer does not name it (check_unicast_src would refuse it)`;
  return [...settled, line(runtime, "warning", message)];
}

/** Routers that we refused are not heard any more. */
export function tellLeft(runtime: Runtime, { left }: Silence): readonly VrrpAction[] {
  return left.flatMap((address) => tellSettled(runtime, `${address}, which we refused, is not heard any more`));
}

/** Why the addresses are announced again. */
export function silenceText({ silent }: Silence, at: Instant): string {
  if (!silent?.isRefused) return "the other master fell silent, announcing the addresses again";
  const silentMs = Math.round(at.now - silent.at);
  return `nothing from ${silent.address} for ${silentMs} ms, whose packets we refuse: announcing the addresses again`;
}

/** Another master beside us, with the likely cause. */
export function tellSecond(runtime: Runtime, priority: number, at: Instant): readonly VrrpAction[] {
  const other = runtime.sightings.foreign(runtime.config)?.last;
  if (!other) return [];
  const suppressed = runtime.limiter.allow("two-masters", at.now);
  if (suppressed === undefined) return [];
  const more = suppressed > 0 ? ` (and ${suppressed} more like this before)` : "";
  const message = `two masters: ${other.address} (priority ${other.priority}) and we, ${runtime.source?.ip} (priority ${priority}); likely cause: ${other.likelyCause}${more}`;
  return [line(runtime, "warning", message)];
}

function tellSettled(runtime: Runtime, message: IpText | string): readonly VrrpAction[] {
  return [line(runtime, "info", message), event(runtime.config.name, "agreed", message)];
}

function event(name: string, to: string, reason: string): VrrpAction {
  return { kind: "event", event: "vrrp-peer", instance: name, to, reason };
}

function line(runtime: Runtime, level: Level, text: string): VrrpAction {
  const { name } = runtime.config;
  return { kind: "log", line: { level, area: "vrrp", message: `${name}: ${text}`, fields: { instance: name } } };
}
