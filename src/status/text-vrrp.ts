// Status core: VRRP as `lbd status` and `lbd vrrp` print it.
import type { SyncGroupStatus, VrrpStatus } from "./schema.ts";
import { count, duration, type TextOptions, type Writer, writer } from "./writer.ts";

export interface VrrpPicture {
  readonly vrrp: readonly VrrpStatus[];
  readonly groups: readonly SyncGroupStatus[];
}

/** All instances and groups with what decides about their state. */
export function vrrpText(picture: VrrpPicture, options: TextOptions): string {
  const out = writer(options);
  if (picture.vrrp.length === 0) out.line("no VRRP instances");
  for (const [i, instance] of picture.vrrp.entries()) {
    if (i > 0) out.blank();
    instanceLines(instance, out);
  }
  for (const group of picture.groups) {
    out.blank();
    out.line(`group ${group.name}  ${group.state} for ${out.ago(group.since)}`);
    out.wrapped(`members: ${group.instances.join(", ")}`, 2);
  }
  return out.text();
}

/** Routers with our VRID that we refuse, with cause and remedy; empty when all agree. */
export function vrrpErrors({ name, vrid, refusedMasters }: VrrpStatus): readonly string[] {
  return refusedMasters.map(
    ({ address, own, likelyCause, remedy }) =>
      `ERROR: ${name}: ${address} and we, ${own ?? "without an address"}, both use VRID ${vrid} and don't agree: ${likelyCause}; ${remedy}`,
  );
}

/** A line for each instance, below it what is not as it should be, and the groups. */
export function vrrpTables({ vrrp, groups }: VrrpPicture, out: Writer): void {
  if (vrrp.length > 0) vrrpTable(vrrp, out);
  for (const instance of vrrp) noteLines(instance, out);
  if (groups.length === 0) return;
  if (vrrp.length > 0) out.blank();
  const rows = groups.map((group) => [group.name, group.state, out.ago(group.since), group.instances.join(", ")]);
  out.table(["sync group", "state", "for", "members"], rows);
}

/** Something of it wants to be looked at. */
export function isTroubled(i: VrrpStatus): boolean {
  return (
    i.state === "FAULT" ||
    i.foreignMaster !== null ||
    i.refusedMasters.length > 0 ||
    i.priority.trackers.some(({ up }) => !up)
  );
}

/** Trackers that are down or count, refused packets, other masters: what `lbd vrrp` tells more of. */
function noteLines(i: VrrpStatus, out: Writer): void {
  const say = (text: string) => out.wrapped(`${i.name}: ${text}`, 2);
  for (const t of i.priority.trackers) if (!t.up || (t.share !== null && t.share !== 0)) say(trackerText(t));
  const refused = refusedText(i);
  if (refused !== "") {
    const { lastRefused } = i;
    const last = lastRefused
      ? `; the last ${out.ago(lastRefused.at)} ago from ${lastRefused.from}: ${lastRefused.reason}`
      : "";
    say(`refused packets: ${refused}${last}`);
  }
  if (i.foreignMaster) say(foreignText(i.foreignMaster));
}

function trackerText(t: VrrpStatus["priority"]["trackers"][number]): string {
  const share = t.share === null ? (t.up ? "" : ", a fault") : `, ${t.share >= 0 ? "+" : ""}${t.share}`;
  return `${t.kind} ${t.name} ${t.up ? "up" : "DOWN"}${share}${t.detail === "" ? "" : `: ${t.detail}`}`;
}

function refusedText({ refused }: VrrpStatus): string {
  return Object.entries(refused)
    .filter(([, n]) => n > 0)
    .map(([reason, n]) => `${n} ${reason}`)
    .join(", ");
}

function foreignText({ address, priority, likelyCause }: NonNullable<VrrpStatus["foreignMaster"]>): string {
  return `ANOTHER MASTER ${address} priority ${priority}: ${likelyCause}`;
}

function vrrpTable(instances: readonly VrrpStatus[], out: Writer): void {
  const rows = instances.map((i) => [
    i.name,
    i.state,
    out.ago(i.since),
    i.interface,
    `${i.vrid}`,
    `${i.priority.effective}`,
    i.state === "FAULT" ? i.faults.join(", ") : (i.master?.address ?? ""),
  ]);
  out.table(["instance", "state", "for", "iface", "vrid", "prio", "master"], rows);
}

function instanceLines(i: VrrpStatus, out: Writer): void {
  const { priority, master, lastTransition, lastRefused, foreignMaster } = i;
  out.wrapped(
    `${i.name}  ${i.state} for ${out.ago(i.since)}  ${i.interface} vrid ${i.vrid}  VRRPv${i.version} IPv${i.family}`,
    0,
  );
  for (const fault of i.faults) out.wrapped(`fault: ${fault}`, 2);
  if (lastTransition)
    out.wrapped(
      `${lastTransition.from} to ${lastTransition.to} ${out.ago(lastTransition.at)} ago: ${lastTransition.cause}`,
      2,
    );
  const base = priority.effective === priority.base ? "" : ` (configured ${priority.base})`;
  out.line(`  priority ${priority.effective}${base}`);
  for (const tracker of priority.trackers) out.wrapped(trackerText(tracker), 4);
  if (master)
    out.wrapped(`master ${master.address} priority ${master.priority}, heard ${out.ago(master.lastAdvertAt)} ago`, 2);
  const learned =
    i.advertMs.learned === null || i.advertMs.learned === i.advertMs.own
      ? ""
      : `, learned ${duration(i.advertMs.learned)}`;
  out.line(`  advert every ${duration(i.advertMs.own)}${learned}`);
  for (const a of i.addresses)
    out.line(`  ${a.address} on ${a.interface}${a.present ? "" : i.state === "MASTER" ? ": MISSING" : ""}`);
  const refused = refusedText(i);
  if (refused !== "") out.wrapped(`refused packets: ${refused}`, 2);
  if (lastRefused)
    out.wrapped(`last refused ${out.ago(lastRefused.at)} ago from ${lastRefused.from}: ${lastRefused.reason}`, 2);
  if (foreignMaster) out.wrapped(foreignText(foreignMaster), 2);
  for (const line of vrrpErrors(i)) out.wrapped(line, 2);
  const { sendErrors, lastSendError, receiveDrops } = i.transmission;
  if (sendErrors > 0) out.wrapped(`not sent: ${count(sendErrors, "advertisement")}, last ${lastSendError}`, 2);
  if (receiveDrops > 0) out.wrapped(`${count(receiveDrops, "packet")} dropped unread`, 2);
  const unlisted = i.senders.filter(({ listed }) => !listed).map(({ address }) => address);
  if (unlisted.length > 0) out.wrapped(`not in unicast_peer: ${unlisted.join(", ")}`, 2);
  for (const advice of i.advice) out.wrapped(`advice: ${advice}`, 2);
}
