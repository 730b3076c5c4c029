// Status core: the text that Prometheus scrapes (text format 0.0.4), written by hand: a table of families, each a walk over the store.
// `lbd_*` are ours; `keepalived_*` carry the names and labels of the common exporter, so its dashboards and alerts go on working.
import type { RealServerStatus, TrafficStatus, VirtualServerStatus, VrrpAddressStatus, VrrpStatus } from "./schema.ts";
import type { StatusStore } from "./store.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
  readonly bun: string;
  readonly kernel: string;
}

/**
 * Which label of `lbd_vrrp_*` names the VRRP instance. `instance` is what Prometheus calls the target that it scrapes, so ours
 * became exported_instance; it is there for dashboards that were made so.
 */
export type VrrpLabel = "vrrp" | "instance";

type Labels = Readonly<Record<string, string | number>>;
type Add = (value: number, labels?: Labels, suffix?: string) => void;

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Adds the samples; a family of many objects stops after each of them, so that the page is made in pieces. */
  readonly fill: (add: Add) => Iterable<void> | void;
}

/** The whole page in pieces, each made when it is asked for. Families without a sample are left out. */
export function* metricsPieces(
  store: StatusStore,
  build: BuildInfo,
  vrrpLabel: VrrpLabel = "vrrp",
): Generator<string, void> {
  const families = [
    ...directorFamilies(store, build),
    ...virtualServerFamilies(store.virtualServers()),
    ...realServerFamilies(store.virtualServers()),
    ...vrrpFamilies(store, vrrpLabel),
    ...exporterFamilies(store.vrrp()),
  ];
  const written = new Set<string>();
  for (const family of families) {
    const { name, type, help, fill } = family;
    let samples = "";
    const take = () => {
      const text = samples;
      samples = "";
      if (text === "" || written.has(name)) return text;
      written.add(name);
      return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n${text}`;
    };
    const steps = fill((value, labels, suffix = "") => {
      samples += `${name}${suffix}${renderLabels(labels)} ${renderValue(value)}\n`;
    });
    for (const _ of steps ?? []) if (samples.length > PIECE_CHARS) yield take();
    yield take();
  }
  yield* roleMetrics(store.metrics(), written, vrrpLabel);
}

/** The whole page as one text: for small directors and tests. */
export function renderMetrics(store: StatusStore, build: BuildInfo, vrrpLabel?: VrrpLabel): string {
  return [...metricsPieces(store, build, vrrpLabel)].join("");
}

/** Samples of one family are handed on when there are so many characters of them. */
const PIECE_CHARS = 16 * 1024;

/** Backslash, quote and line feed are what the format asks to escape in a label's value. */
export function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? escapeAll(text) : text;
}

function escapeAll(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Called a million times for a large director, so without arrays in between. */
function renderLabels(labels: Labels | undefined): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "{" : ","}${name}="${escapeLabel(`${labels[name]}`)}"`;
  return text === "" ? "" : `${text}}`;
}

function renderValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return `${value}`;
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}

function directorFamilies(store: StatusStore, build: BuildInfo): Family[] {
  const director = store.director();
  const config = director?.config;
  return [
    gauge("lbd_build_info", "What runs.", (add) => add(1, { ...build })),
    gauge("lbd_start_time_seconds", "When the director started.", (add) => director && add(seconds(director.since))),
    gauge(
      "lbd_config_loaded",
      "1: a configuration is in force.",
      (add) => config && add(flag(config.state === "loaded")),
    ),
    gauge("lbd_config_stale", "1: the file was read again and refused.", (add) => config && add(flag(config.stale))),
    gauge(
      "lbd_config_errors",
      "Errors in the configuration in force: what they name is left out.",
      (add) => config && add(config.errorCount),
    ),
    gauge("lbd_config_warnings", "Warnings of the last reading.", (add) => config && add(config.warnings)),
    gauge("lbd_config_last_reload_success", "1: the last reading was taken.", (add) => {
      if (config) add(flag(config.lastReload?.ok ?? config.state === "loaded"));
    }),
    gauge("lbd_config_last_reload_timestamp_seconds", "When the last reading was taken or refused.", (add) => {
      const at = config?.lastReload?.at ?? config?.loadedAt;
      if (at) add(seconds(at));
    }),
    gauge("lbd_config_hash_info", "Hash of the configuration file in force.", (add) => {
      if (config?.sha256) add(1, { sha256: config.sha256 });
    }),
    gauge("lbd_reload_duration_seconds", "How long the last reload took.", (add) => {
      if (config?.lastReload) add(config.lastReload.durationMs / 1000);
    }),
    counter("lbd_reloads_total", "Reloads asked for, also refused ones.", (add) => config && add(config.reloads)),
    gauge("lbd_process_up", "1: the role's process runs.", (add) => {
      for (const { role, state } of store.processes()) add(flag(state === "running"), { process: role });
    }),
    counter("lbd_process_restarts_total", "Restarts of a role's process that ended by itself.", (add) => {
      for (const { role, restarts } of store.processes()) add(restarts, { process: role });
    }),
  ];
}

function virtualServerFamilies(servers: readonly VirtualServerStatus[]): Family[] {
  const each = (fill: (server: VirtualServerStatus, labels: Labels, add: Add) => void) =>
    function* (add: Add) {
      for (const server of servers) {
        fill(server, { vs: server.id, proto: server.protocol.toLowerCase() }, add);
        yield;
      }
    };
  return [
    gauge(
      "lbd_virtual_server_up",
      "1: the quorum is there.",
      each((s, l, add) => add(flag(s.up), l)),
    ),
    gauge(
      "lbd_virtual_server_quorum",
      "Weight that is wanted, tolerated above and below, and live.",
      each(({ quorum }, l, add) => {
        for (const kind of ["wanted", "hysteresis", "live"] as const) add(quorum[kind], { ...l, kind });
      }),
    ),
    gauge(
      "lbd_virtual_server_sorry_active",
      "1: the sorry server answers.",
      each(({ sorryServer }, l, add) => {
        if (sorryServer) add(flag(sorryServer.active), l);
      }),
    ),
    gauge(
      "lbd_virtual_server_suspended",
      "1: its checks stand still while this director is not master.",
      each((s, l, add) => add(flag(s.suspended), l)),
    ),
    ...TRAFFIC.map(({ suffix, of, help }) =>
      counter(
        `lbd_virtual_server_${suffix}_total`,
        `${help} of a virtual server, from the kernel.`,
        each((s, l, add) => {
          if (s.statistics) add(of(s.statistics), l);
        }),
      ),
    ),
  ];
}

const TRAFFIC: readonly { suffix: string; help: string; of: (traffic: TrafficStatus) => number }[] = [
  { suffix: "connections", help: "Connections", of: (t) => t.connections },
  { suffix: "in_packets", help: "Incoming packets", of: (t) => t.inPackets },
  { suffix: "out_packets", help: "Outgoing packets", of: (t) => t.outPackets },
  { suffix: "in_bytes", help: "Incoming bytes", of: (t) => t.inBytes },
  { suffix: "out_bytes", help: "Outgoing bytes", of: (t) => t.outBytes },
];

function realServerFamilies(servers: readonly VirtualServerStatus[]): Family[] {
  const each = (fill: (server: RealServerStatus, labels: Labels, add: Add) => void) =>
    function* (add: Add) {
      for (const { id, protocol, realServers } of servers)
        for (const server of realServers) {
          fill(server, { vs: id, proto: protocol.toLowerCase(), rs: server.id }, add);
          yield;
        }
    };
  const eachCheck = (fill: (check: RealServerStatus["checks"][number], labels: Labels, add: Add) => void) =>
    each((server, labels, add) => {
      for (const check of server.checks) fill(check, { ...labels, check: check.id }, add);
    });
  return [
    gauge(
      "lbd_real_server_up",
      "1: all checks of the server pass.",
      each((s, l, add) => add(flag(s.healthy), l)),
    ),
    gauge(
      "lbd_real_server_in_table",
      "1: the kernel has the server.",
      each((s, l, add) => add(flag(s.inTable), l)),
    ),
    gauge(
      "lbd_real_server_weight",
      "Weight as configured, as wanted now, as the kernel has it.",
      each((s, l, add) => {
        add(s.weight.configured, { ...l, kind: "configured" });
        add(s.weight.effective, { ...l, kind: "effective" });
        if (s.weight.kernel !== null) add(s.weight.kernel, { ...l, kind: "kernel" });
      }),
    ),
    gauge(
      "lbd_real_server_connections",
      "Connections now, from the kernel.",
      each((s, l, add) => {
        if (!s.connections) return;
        for (const state of ["active", "inactive", "persistent"] as const) add(s.connections[state], { ...l, state });
      }),
    ),
    ...TRAFFIC.map(({ suffix, of, help }) =>
      counter(
        `lbd_real_server_${suffix}_total`,
        `${help} of a real server, from the kernel.`,
        each((s, l, add) => {
          if (s.statistics) add(of(s.statistics), l);
        }),
      ),
    ),
    gauge(
      "lbd_check_up",
      "1: the check's verdict is good; absent before the first.",
      eachCheck((c, l, add) => {
        if (c.healthy !== null) add(flag(c.healthy), l);
      }),
    ),
    gauge(
      "lbd_check_duration_seconds",
      "How long the last run took.",
      eachCheck((c, l, add) => {
        if (c.lastResult) add(c.lastResult.durationMs / 1000, l);
      }),
    ),
    gauge(
      "lbd_check_last_run_timestamp_seconds",
      "When the last run ended.",
      eachCheck((c, l, add) => {
        if (c.lastResult) add(seconds(c.lastResult.at), l);
      }),
    ),
    counter(
      "lbd_check_runs_total",
      "Runs of a check.",
      eachCheck((c, l, add) => add(c.runs, l)),
    ),
    counter(
      "lbd_check_failures_total",
      "Runs of a check that failed.",
      eachCheck((c, l, add) => add(c.failures, l)),
    ),
  ];
}

/** As the common exporter numbers them; a stopped instance counts as one that has not begun. */
const STATE_NUMBER: Readonly<Record<string, number>> = { INIT: 0, BACKUP: 1, MASTER: 2, FAULT: 3, STOP: 0 };

function vrrpFamilies(store: StatusStore, label: VrrpLabel): Family[] {
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

function exporterFamilies(instances: readonly VrrpStatus[]): Family[] {
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

/** What roles report by themselves, and what it means. */
export const ROLE_HELP: Readonly<Record<string, string>> = {
  lbd_alerts_total: "Alert mails by result.",
  lbd_check_late_total: "Checks that started later than they should have.",
  lbd_check_results_total: "Runs of checks by result.",
  lbd_checks: "Checks that are configured.",
  lbd_checks_in_flight: "Checks that run now.",
  lbd_drift_detected_total: "Differences between the kernel's tables and what lbd wants that others made.",
  lbd_drift_repaired_total: "Such differences that were put right.",
  lbd_event_loop_lag_seconds: "How late the process came to what had waited for a time.",
  lbd_garp_sent_total: "Announcements of addresses that were sent (gratuitous ARP, neighbour advertisements).",
  lbd_ipvs_sync_daemon_up: "1: the IPVS sync daemon of that role runs.",
  lbd_kernel_op_duration_seconds: "How long a round of commands to the kernel took.",
  lbd_kernel_ops_total: "Commands to the kernel by result.",
  lbd_netlink_overruns_total: "Times the kernel had more news than the socket could hold.",
  lbd_netlink_resyncs_total: "Times the kernel's tables were read anew after that.",
  lbd_notify_duration_seconds: "How long notify programs ran.",
  lbd_notify_runs_total: "Notifications by channel and result.",
  lbd_track_flaps_total: "Changes of what is tracked.",
  lbd_vrrp_advert_jitter_seconds: "How late the latest of VRRP's timers ran since the last report.",
  lbd_netlink_read_failures_total: "Times the kernel's tables could not be read.",
  lbd_vrrp_announce_errors_total: "Announcements of addresses that the kernel refused to send.",
  lbd_vrrp_receive_drops_total: "Packets that the kernel dropped because they were not read in time.",
  lbd_vrrp_receive_errors_total: "Failed reads of VRRP sockets.",
  lbd_vrrp_send_errors_total: "Advertisements that the kernel refused to send.",
  lbd_vrrp_transitions_total: "Changes of state of an instance by cause.",
  process_cpu_seconds_total: "Time of the processors that a process of lbd took, user and system.",
  process_max_fds: "File descriptors that it may have open.",
  process_open_fds: "File descriptors that it has open.",
  process_resident_memory_bytes: "Memory of it that is there.",
  process_start_time_seconds: "When it started, since 1970.",
  keepalived_script_state: "0: the tracked script is idle, 1: it runs.",
};

/** What roles count themselves, by full name; families that were written already are not repeated. */
function* roleMetrics(
  values: ReadonlyMap<string, number>,
  written: ReadonlySet<string>,
  vrrpLabel: VrrpLabel,
): Generator<string, void> {
  const families = new Map<string, { type: Family["type"]; samples: string[] }>();
  for (const [name, value] of values) {
    const bare = name.slice(0, name.includes("{") ? name.indexOf("{") : undefined);
    const histogram = /^(.+)_(bucket|sum|count)$/.exec(bare);
    const isHistogram =
      histogram?.[1] !== undefined && (histogram[2] === "bucket" || families.get(histogram[1])?.type === "histogram");
    const family = isHistogram ? (histogram[1] ?? bare) : bare;
    if (written.has(family)) continue;
    const type = isHistogram ? "histogram" : bare.endsWith("_total") ? "counter" : "gauge";
    const entry = families.get(family) ?? { type, samples: [] };
    families.set(family, entry);
    const shown = vrrpLabel === "vrrp" ? name : name.replace(/^(lbd_vrrp_\w+\{)vrrp=/, "$1instance=");
    entry.samples.push(`${shown} ${renderValue(value)}\n`);
  }
  for (const [name, { type, samples }] of families) {
    const help = ROLE_HELP[name];
    yield `${help === undefined ? "" : `# HELP ${name} ${help}\n`}# TYPE ${name} ${type}\n${samples.join("")}`;
  }
}

function gauge(name: string, help: string, fill: Family["fill"]): Family {
  return { name, type: "gauge", help, fill };
}

function counter(name: string, help: string, fill: Family["fill"]): Family {
  return { name, type: "counter", help, fill };
}
