// Status core: the text that Prometheus scrapes (text format 0.0.4), written by hand: a table of families, each a walk over the store.
// `lbd_*` are ours; `keepalived_*` carry the names and labels of the common exporter, so its dashboards and alerts go on working.

import { bfdFamilies } from "./metrics-bfd.ts";
import { realServerFamilies, virtualServerFamilies } from "./metrics-lvs.ts";
import { counter, type Family, flag, gauge, renderLabels, renderValue, seconds } from "./metrics-text.ts";
import { exporterFamilies, type VrrpLabel, vrrpFamilies } from "./metrics-vrrp.ts";
import type { StatusStore } from "./store.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
  readonly bun: string;
  readonly kernel: string;
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
    ...bfdFamilies(store),
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

/** Samples of one family are handed on when there are so many characters of them. */
const PIECE_CHARS = 16 * 1024;

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

/** What roles report by themselves, and what it means. */
export const ROLE_HELP: Readonly<Record<string, string>> = {
  lbd_alerts_total: "Alert mails by result.",
  lbd_bfd_receive_drops_total: "BFD packets that the kernel dropped because they were not read in time.",
  lbd_bfd_strays_total: "Refused BFD packets that are for no session, by reason.",
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
