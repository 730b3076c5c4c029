// Status core: metrics of VRRP instances, ours and those with the names and labels of the common exporter.

import { type Add, counter, type Family, flag, gauge, type Labels, seconds } from "./metrics-text.ts";
import type { VrrpAddressStatus, VrrpStatus } from "./schema.ts";
import type { StatusStore } from "./store.ts";

/**
 * Which label of `lbd_vrrp_*` names the VRRP instance. `instance` is what Prometheus calls the target that it scrapes, so ours
 * became exported_instance; it is there for dashboards that were made so.
 */
export type VrrpLabel = "vrrp" | "instance";

/** As the common exporter numbers them; a stopped instance counts as one that has not begun. */
const STATE_NUMBER: Readonly<Record<string, number>> = { INIT: 0, BACKUP: 1, MASTER: 2, FAULT: 3, STOP: 0 };

export function vrrpFamilies(store: StatusStore, label: VrrpLabel): Family[] {
  const each = (fill: (instance: VrrpStatus, labels: Labels, add: Add) => void) =>
    function* (add: Add) {
      for (const instance of store.vrrp()) {
        fill(instance, { [label]: instance.name }, add);
        yield;
      }
    };
  return [
    gauge(
      "lbd_vrrp_state",
      "0 init, 1 backup, 2 master, 3 fault.",
      each((i, l, add) =>
        add(STATE_NUMBER[i.state] ?? 0, { ...l, interface: i.interface, vrid: i.vrid, family: i.family }),
      ),
    ),
    gauge(
      "lbd_vrrp_priority",
      "Priority as configured and with the trackers' shares.",
      each((i, l, add) => {
        add(i.priority.base, { ...l, kind: "base" });
        add(i.priority.effective, { ...l, kind: "effective" });
      }),
    ),
    gauge(
      "lbd_vrrp_master_info",
      "Who is master.",
      each((i, l, add) => i.master && add(1, { ...l, address: i.master.address })),
    ),
    gauge(
      "lbd_vrrp_last_transition_timestamp_seconds",
      "When the state last changed.",
      each((i, l, add) => {
        if (i.lastTransition) add(seconds(i.lastTransition.at), l);
      }),
    ),
    gauge(
      "lbd_vrrp_advert_interval_seconds",
      "Time between adverts.",
      each((i, l, add) => {
        add(i.advertMs.own / 1000, { ...l, kind: "sent" });
        if (i.advertMs.learned !== null) add(i.advertMs.learned / 1000, { ...l, kind: "learned" });
      }),
    ),
    counter(
      "lbd_vrrp_packets_dropped_total",
      "Packets that were refused.",
      each((i, l, add) => {
        for (const [reason, count] of Object.entries(i.refused)) add(count, { ...l, reason });
      }),
    ),
    counter(
      "lbd_vrrp_auth_hmac_total",
      "Packets that auth_hmac refused.",
      each((i, l, add) => {
        for (const result of HMAC_RESULTS) add(i.counters[`auth_ext_${result}`] ?? 0, { ...l, result });
      }),
    ),
    gauge(
      "lbd_vrrp_foreign_masters",
      "1: another master is seen while this one is.",
      each((i, l, add) => add(flag(i.foreignMaster !== null), l)),
    ),
    gauge(
      "lbd_vrrp_refused_masters",
      "Live routers with the same VRID whose advertisements are refused.",
      each((i, l, add) => add(i.refusedMasters.length, l)),
    ),
    gauge("lbd_vip_present", "1: the kernel has the address.", (add) => {
      const seen = new Set<string>();
      for (const { addresses } of store.vrrp())
        for (const a of addresses) {
          const key = `${a.address} ${a.interface}`;
          if (seen.has(key)) continue;
          seen.add(key);
          add(flag(a.present), { address: a.address, interface: a.interface });
        }
    }),
    gauge("lbd_sync_group_state", "0 init, 1 backup, 2 master, 3 fault.", (add) => {
      for (const group of store.syncGroups()) add(STATE_NUMBER[group.state] ?? 0, { group: group.name });
    }),
    gauge("lbd_track_up", "1: what is tracked is as wanted.", (add) => {
      for (const tracker of uniqueTrackers(store.vrrp()))
        add(flag(tracker.up), { kind: tracker.kind, name: tracker.name });
    }),
  ];
}

const HMAC_RESULTS = ["missing", "malformed", "unknown_key", "invalid_hmac", "stale", "replay"] as const;

function uniqueTrackers(instances: readonly VrrpStatus[]) {
  const found = new Map<string, VrrpStatus["priority"]["trackers"][number]>();
  for (const { priority } of instances)
    for (const tracker of priority.trackers) {
      const key = `${tracker.kind} ${tracker.name}`;
      if (!found.has(key)) found.set(key, tracker);
    }
  return [...found.values()];
}

/** Exporter's name to the counter's name in the VRRP statistics (cli-signals.md §4). */
const EXPORTER_COUNTERS: readonly (readonly [name: string, counter: string, help: string])[] = [
  ["keepalived_advertisements_received_total", "advert_rcvd", "Advertisements received"],
  ["keepalived_advertisements_sent_total", "advert_sent", "Advertisements sent"],
  ["keepalived_become_master_total", "become_master", "Times the instance became master"],
  ["keepalived_release_master_total", "release_master", "Times the instance stopped being master"],
  ["keepalived_packet_length_errors_total", "packet_len_err", "Packets of a wrong length"],
  ["keepalived_advertisements_interval_errors_total", "advert_interval_err", "Packets with another interval"],
  ["keepalived_ip_ttl_errors_total", "ip_ttl_err", "Packets with a wrong TTL"],
  ["keepalived_invalid_type_received_total", "invalid_type_rcvd", "Packets of a wrong type"],
  ["keepalived_address_list_errors_total", "addr_list_err", "Packets with another address list"],
  ["keepalived_authentication_invalid_total", "invalid_authtype", "Packets of an unknown authentication type"],
  ["keepalived_authentication_mismatch_total", "authtype_mismatch", "Packets of another authentication type"],
  ["keepalived_authentication_failure_total", "auth_failure", "Packets with a wrong password or digest"],
  ["keepalived_priority_zero_received_total", "pri_zero_rcvd", "Packets with priority 0 received"],
  ["keepalived_priority_zero_sent_total", "pri_zero_sent", "Packets with priority 0 sent"],
];

export function exporterFamilies(instances: readonly VrrpStatus[]): Family[] {
  const labels = (i: VrrpStatus) => ({ iname: i.name, intf: i.interface, vrid: i.vrid });
  return [
    gauge("keepalived_up", "1: the director runs.", (add) => add(1)),
    gauge("keepalived_vrrp_state", "0 init, 1 backup, 2 master, 3 fault; one series an address.", (add) => {
      for (const i of instances) {
        const state = STATE_NUMBER[i.state] ?? 0;
        const shown = i.addresses.filter(({ excluded }) => !excluded);
        if (shown.length === 0) add(state, { ...labels(i), ip_address: "" });
        for (const a of shown) add(state, { ...labels(i), ...addressLabels(a) });
      }
    }),
    gauge("keepalived_vrrp_excluded_state", "The same, for addresses that are not in the adverts.", (add) => {
      for (const i of instances)
        for (const a of i.addresses.filter(({ excluded }) => excluded))
          add(STATE_NUMBER[i.state] ?? 0, { ...labels(i), ...addressLabels(a) });
    }),
    ...EXPORTER_COUNTERS.map(([name, key, help]) =>
      counter(name, `${help}.`, (add) => {
        for (const i of instances) {
          const value = i.counters[key];
          if (value !== undefined) add(value, labels(i));
        }
      }),
    ),
    counter(
      "keepalived_gratuitous_arp_delay_total",
      "Delay of the second round of announcements, in seconds.",
      (add) => {
        for (const i of instances) add(i.announceDelayMs / 1000, labels(i));
      },
    ),
    gauge("keepalived_script_status", "1: the tracked script succeeds.", (add) => {
      for (const t of uniqueTrackers(instances)) if (t.kind === "script") add(flag(t.up), { name: t.name });
    }),
  ];
}

/** As keepalived's dump writes it, where the exporter takes it from: a single address has no length. */
function addressLabels({ address, prefixLength, interface: intf }: VrrpAddressStatus): Labels {
  const single = prefixLength === (address.includes(":") ? 128 : 32);
  return { intf, ip_address: single ? address : `${address}/${prefixLength}` };
}
