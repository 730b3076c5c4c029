// Role vrrp: what the status and the metrics show of an instance and of the process.

import { deviceOf } from "../../net/placement.ts";
import { escapeLabel } from "../../status/metrics-text.ts";
import type { SyncGroupStatus, VrrpStatus, VrrpTraffic } from "../../status/schema.ts";
import { marksOf, trafficOf } from "../../vrrp/status.ts";
import type { VrrpState } from "./state.ts";

export function statusOf(role: VrrpState, name: string): VrrpStatus | undefined {
  const station = role.stations.get(name);
  const status = role.router.status(name, role.now(), (address) => {
    const device = station && deviceOf(station, address);
    return { interface: device ?? "", present: device !== undefined && role.tables.has({ ...address, device }) };
  });
  const { count, last } = role.metrics.sendErrors(name);
  const receiveDrops = station?.socket?.counters().drops ?? 0;
  return status && { ...status, transmission: { sendErrors: count, lastSendError: last, receiveDrops } };
}

/** As long as these are the same, so is the status but for its traffic. */
export function marksOfInstance({ router, reflector, metrics }: VrrpState, name: string): unknown[] | undefined {
  const view = router.instance(name);
  const { messages, missed } = reflector.counters();
  // Any change in the kernel's tables may be of its addresses.
  return view && [...marksOf(view), messages, missed, metrics.sendErrors(name).count];
}

export function* traffic({ router, now }: VrrpState): Iterable<readonly [name: string, traffic: VrrpTraffic]> {
  const at = now();
  for (const view of router.instances()) yield [view.name, trafficOf(view, at)];
}

export function* groups({ config, router, now }: VrrpState): Iterable<SyncGroupStatus> {
  for (const { name } of config.vrrp.syncGroups) {
    const value = router.groupStatus(name, now());
    if (value) yield value;
  }
}

export function metricValues(role: VrrpState): Record<string, number> {
  const { overruns, resyncs } = role.reflector.counters();
  const values: Record<string, number> = {
    ...role.metrics.take(),
    ...role.tables.metrics(),
    ...role.losses.metrics(),
    ...role.syncDaemons.metrics(),
    ...socketMetrics(role),
    ...role.ports.notifier.metrics(),
    lbd_netlink_overruns_total: overruns,
    lbd_netlink_resyncs_total: resyncs,
    lbd_netlink_read_failures_total: role.reads.total(),
  };
  Object.assign(values, role.metrics.syncDaemons(role.syncDaemons.running()));
  for (const [name, running] of role.trackers.scripts())
    values[`keepalived_script_state{name="${escapeLabel(name)}"}`] = running ? 1 : 0;
  return values;
}

/** Counters of the sockets, each pair once. */
function socketMetrics({ ports, stations }: VrrpState): Record<string, number> {
  const values: Record<string, number> = { lbd_vrrp_announce_errors_total: ports.frames.failed() };
  const sockets = new Map([...stations.values()].flatMap(({ socket }) => (socket ? [[socket.key, socket]] : [])));
  for (const [key, socket] of sockets) {
    const { drops, receiveErrors } = socket.counters();
    values[`lbd_vrrp_receive_drops_total{socket="${escapeLabel(key)}"}`] = drops;
    values[`lbd_vrrp_receive_errors_total{socket="${escapeLabel(key)}"}`] = receiveErrors;
  }
  return values;
}
