// Config core: from bound global_defs blocks and top-level specials to the model. Several global_defs blocks are one:
// a later value wins, lists add up (language.md §12).

import type { Bound, Entry } from "../bind/keyword.ts";
import type { BindContext } from "../bind/reader.ts";
import type { FifoValue } from "../bind/values/commands.ts";
import type { Findings } from "../findings/findings.ts";
import { GLOBAL_DEFS } from "../keywords/global.ts";
import type { TOP_LEVEL } from "../keywords/top-level.ts";
import type { Fifo, GlobalConfig, ProcessRights, SmtpConfig } from "../model/global.ts";
import type { LvsGlobal } from "../model/lvs.ts";
import type { VrrpDefaults, VrrpGlobal } from "../model/vrrp.ts";

export type BoundGlobal = Bound<typeof GLOBAL_DEFS>;
export type BoundTop = Bound<typeof TOP_LEVEL>;

const CHILD_WAIT_MS = 5000;
/** File-creation mask of keepalived. */
const DEFAULT_UMASK = 0o177;

/** All `global_defs` as one block, with a finding for each scalar that a later block sets again. */
export function mergeGlobals(top: BoundTop, findings: Findings): BoundGlobal {
  const merged: Record<string, unknown> = {};
  for (const { block } of top.global_defs ?? []) {
    for (const { statement, lines } of block.notification_email ?? [])
      if (lines.length === 0)
        findings.add("warning", statement.words[0].span, {
          code: "empty-list",
          message: "notification_email names nobody: no mail is sent for it",
        });
    for (const [keyword, entry] of Object.entries(block)) {
      const before = merged[keyword];
      if (before === undefined) merged[keyword] = entry;
      else if (Array.isArray(before) && Array.isArray(entry)) merged[keyword] = [...before, ...entry];
      else if (isEntry(before) && isEntry(entry)) merged[keyword] = mergeScalar(keyword, before, entry, findings);
    }
  }
  return merged;
}

function isEntry(value: unknown): value is Entry<unknown> {
  return typeof value === "object" && value !== null && "statement" in value;
}

const FIRST_WINS: ReadonlySet<string> = new Set(["first", "once"]);

function mergeScalar(
  keyword: string,
  before: Entry<unknown>,
  entry: Entry<unknown>,
  findings: Findings,
): Entry<unknown> {
  const row = Object.entries(GLOBAL_DEFS).find(([name]) => name === keyword)?.[1];
  const first = row !== undefined && FIRST_WINS.has(row.repeat);
  if (row?.repeat !== "flag")
    findings.add("warning", entry.statement.words[0].span, {
      code: "duplicate-keyword",
      message: `${keyword} is given twice in global_defs: the ${first ? "first" : "last"} one counts`,
      related: [{ span: before.statement.words[0].span, message: "given here first" }],
    });
  return first ? before : entry;
}

export function toGlobal(top: BoundTop, block: BoundGlobal, context: BindContext): GlobalConfig {
  return {
    routerId: block.router_id?.value ?? context.hostName,
    ...(top.instance && { instanceName: top.instance.value }),
    ...(top.net_namespace && { netNamespace: top.net_namespace.value }),
    ...(top.net_namespace_ipvs && { netNamespaceIpvs: top.net_namespace_ipvs.value }),
    usePidDir: top.use_pid_dir?.value ?? false,
    namespaceWithIpsets: top.namespace_with_ipsets?.value ?? false,
    childWaitMs: top.child_wait_time?.value ?? CHILD_WAIT_MS,
    scripts: {
      ...(block.script_user && accountFields(block.script_user.value)),
      enabled: block.enable_script_security?.value ?? false,
      useSymlinkPaths: block.use_symlink_paths?.value ?? false,
      supplementaryGroups: block.set_supplementary_groups?.value ?? false,
    },
    ...(block.startup_script && { startupScript: block.startup_script.value }),
    startupScriptTimeoutMs: block.startup_script_timeout?.value ?? GLOBAL_DEFS.startup_script_timeout.initial,
    ...(block.shutdown_script && { shutdownScript: block.shutdown_script.value }),
    shutdownScriptTimeoutMs: block.shutdown_script_timeout?.value ?? GLOBAL_DEFS.shutdown_script_timeout.initial,
    smtp: toSmtp(block, context),
    fifo: {
      ...(block.notify_fifo && { all: toFifo(block.notify_fifo, block.notify_fifo_script) }),
      ...(block.vrrp_notify_fifo && { vrrp: toFifo(block.vrrp_notify_fifo, block.vrrp_notify_fifo_script) }),
      ...(block.lvs_notify_fifo && { lvs: toFifo(block.lvs_notify_fifo, block.lvs_notify_fifo_script) }),
    },
    fifoWriteVrrpStatesOnReload: block.fifo_write_vrrp_states_on_reload?.value ?? false,
    notifySerial: block.notify_serial?.value ?? false,
    lvs: toLvs(block),
    process: toProcesses(block),
    processNames: toProcessNames(block),
    autoPriority: {
      max: block.max_auto_priority?.value ?? 0,
      minDelayUs: block.min_auto_priority_delay?.value ?? GLOBAL_DEFS.min_auto_priority_delay.initial,
    },
    reload: toReload(block),
    files: toFiles(block),
    umask: block.umask?.value ?? DEFAULT_UMASK,
    ...(block.random_seed && { randomSeed: block.random_seed.value }),
    checkerLogAllFailures: block.checker_log_all_failures?.value ?? false,
    jsonVersion: block.json_version?.value === "2" ? 2 : 1,
    said: toSaid(block),
    snmp: toSnmp(block),
    dbus: toDbus(block),
  };
}

function accountFields(account: { readonly user: string; readonly group?: string }) {
  return account.group === undefined ? { user: account.user } : { user: account.user, group: account.group };
}

function toSmtp(block: BoundGlobal, context: BindContext): SmtpConfig {
  const recipients = (block.notification_email ?? []).flatMap((entry) => entry.lines.map((line) => line.value));
  const server = block.smtp_server?.value;
  return {
    recipients,
    ...(block.notification_email_from && { from: block.notification_email_from.value }),
    ...(server && { server: server.server }),
    port: server?.port ?? 25,
    heloName: block.smtp_helo_name?.value ?? context.hostName,
    timeoutMs: block.smtp_connect_timeout?.value ?? GLOBAL_DEFS.smtp_connect_timeout.initial,
    noEmailFaults: block.no_email_faults?.value ?? false,
    noCheckerEmails: block.no_checker_emails?.value ?? false,
  };
}

function toFifo(entry: Entry<FifoValue>, script: BoundGlobal["notify_fifo_script"]): Fifo {
  return { ...entry.value, ...(script && { script: script.value }) };
}

const NFTABLES_IPVS_TABLE = "keepalived_ipvs";
const NFTABLES_TABLE = "keepalived";
const NFTABLES_PRIORITY = -1;

function toLvs(block: BoundGlobal): LvsGlobal {
  const table = block.nftables_ipvs?.value;
  return {
    timeouts: block.lvs_timeouts?.value ?? {},
    flush: block.lvs_flush?.value ?? false,
    flushOnStop: block.lvs_flush_on_stop?.value ?? "no",
    ...(block.lvs_sync_daemon && { syncDaemon: block.lvs_sync_daemon.value }),
    rsInitNotifies: block.rs_init_notifies?.value ?? false,
    ...(table !== undefined && { nftablesIpvsTable: table === true ? NFTABLES_IPVS_TABLE : table }),
    nftablesIpvsPriority: block.nftables_ipvs_priority?.value ?? NFTABLES_PRIORITY,
    nftablesIpvsStartFwmark: block.nftables_ipvs_start_fwmark?.value ?? GLOBAL_DEFS.nftables_ipvs_start_fwmark.initial,
    ...(block.lvs_netlink_cmd_rcv_bufs && { cmdRcvBufBytes: block.lvs_netlink_cmd_rcv_bufs.value }),
    cmdRcvBufForce: block.lvs_netlink_cmd_rcv_bufs_force?.value ?? false,
    ...(block.lvs_netlink_monitor_rcv_bufs && { monitorRcvBufBytes: block.lvs_netlink_monitor_rcv_bufs.value }),
    monitorRcvBufForce: block.lvs_netlink_monitor_rcv_bufs_force?.value ?? false,
  };
}

function toProcesses(block: BoundGlobal): GlobalConfig["process"] {
  return {
    vrrp: rightsOf(
      block.vrrp_priority,
      block.vrrp_rt_priority,
      block.vrrp_no_swap,
      block.vrrp_rlimit_rttime,
      block.vrrp_cpu_affinity,
    ),
    checker: rightsOf(
      block.checker_priority,
      block.checker_rt_priority,
      block.checker_no_swap,
      block.checker_rlimit_rttime,
      block.checker_cpu_affinity,
    ),
    bfd: rightsOf(
      block.bfd_priority,
      block.bfd_rt_priority,
      block.bfd_no_swap,
      block.bfd_rlimit_rttime,
      block.bfd_cpu_affinity,
    ),
  };
}

function rightsOf(
  priority: Entry<number> | undefined,
  realtime: Entry<number> | undefined,
  noSwap: Entry<boolean> | undefined,
  rttime: Entry<number> | undefined,
  cpus: Entry<readonly number[]> | undefined,
): ProcessRights {
  return {
    ...(priority && { priority: priority.value }),
    ...(realtime && { realtimePriority: realtime.value }),
    noSwap: noSwap?.value ?? false,
    // keepalived: 1 would leave no time between two blocking calls and becomes 2.
    ...(rttime && { rlimitRttimeUs: Math.max(rttime.value, 2) }),
    ...(cpus && { cpuAffinity: cpus.value }),
  };
}

function toProcessNames(block: BoundGlobal): NonNullable<GlobalConfig["processNames"]> {
  return {
    conventional: block.process_names?.value ?? false,
    ...(block.process_name && { parent: block.process_name.value }),
    ...(block.vrrp_process_name && { vrrp: block.vrrp_process_name.value }),
    ...(block.checker_process_name && { checker: block.checker_process_name.value }),
    ...(block.bfd_process_name && { bfd: block.bfd_process_name.value }),
  };
}

function toReload(block: BoundGlobal): GlobalConfig["reload"] {
  const log = block.reload_check_config?.value;
  const file = block.reload_file?.value;
  return {
    checkConfig: log !== undefined,
    ...(typeof log === "string" && { checkLog: log }),
    ...(block.reload_time_file && { timeFile: block.reload_time_file.value }),
    repeat: block.reload_repeat?.value ?? false,
    ...(file !== undefined && { file: file === true ? "" : file }),
  };
}

function toFiles(block: BoundGlobal): NonNullable<GlobalConfig["files"]> {
  return {
    ...(block.config_save_dir && { configSaveDir: block.config_save_dir.value }),
    ...(block.tmp_config_directory && { tmpConfigDir: block.tmp_config_directory.value }),
    dataUseInstance: block.data_use_instance?.value ?? false,
    ...(block.iproute_usr_dir && { iprouteUsrDir: block.iproute_usr_dir.value }),
    iprouteEtcDir: block.iproute_etc_dir?.value ?? GLOBAL_DEFS.iproute_etc_dir.initial,
    ...(block.state_dump_file && { stateDump: block.state_dump_file.value }),
    ...(block.stats_dump_file && { statsDump: block.stats_dump_file.value }),
    ...(block.json_dump_file && { jsonDump: block.json_dump_file.value }),
  };
}

function toSaid(block: BoundGlobal): NonNullable<GlobalConfig["said"]> {
  return {
    ...(block.smtp_alert && { smtpAlert: block.smtp_alert.value }),
    ...(block.smtp_alert_vrrp && { smtpAlertVrrp: block.smtp_alert_vrrp.value }),
    ...(block.smtp_alert_checker && { smtpAlertChecker: block.smtp_alert_checker.value }),
    ...(block.smtp_helo_name && { heloName: true }),
    ...(block.smtp_connect_timeout && { smtpTimeout: true }),
    ...(block.vrrp_notify_priority_changes?.value && { notifyPriorityChanges: true }),
  };
}

function toSnmp(block: BoundGlobal): NonNullable<GlobalConfig["snmp"]> {
  const vsIntervalMs = block.snmp_vs_stats_update_interval?.value ?? GLOBAL_DEFS.snmp_vs_stats_update_interval.initial;
  return {
    socket: block.snmp_socket?.value ?? GLOBAL_DEFS.snmp_socket.initial,
    ...(block.snmp_socket && { socketSaid: block.snmp_socket.value }),
    traps: block.enable_traps?.value ?? false,
    vrrp: block.enable_snmp_vrrp?.value ?? false,
    rfcV2: (block.enable_snmp_rfcv2?.value ?? false) || (block.enable_snmp_rfc?.value ?? false),
    rfcV3: (block.enable_snmp_rfcv3?.value ?? false) || (block.enable_snmp_rfc?.value ?? false),
    checker: block.enable_snmp_checker?.value ?? false,
    virtualServerIntervalMs: vsIntervalMs,
    realServerIntervalMs: block.snmp_rs_stats_update_interval?.value ?? vsIntervalMs,
  };
}

function toDbus(block: BoundGlobal): NonNullable<GlobalConfig["dbus"]> {
  return {
    enabled: block.enable_dbus?.value ?? false,
    serviceName: block.dbus_service_name?.value ?? GLOBAL_DEFS.dbus_service_name.initial,
    ...(block.dbus_service_name && { serviceNameSaid: block.dbus_service_name.value }),
    noInterfaceName: block.dbus_no_interface_name?.value ?? GLOBAL_DEFS.dbus_no_interface_name.initial,
  };
}

/** Where addresses go that name no interface, and have none by their instance. */
export function defaultInterface(global: BoundGlobal): string {
  return global.default_interface?.value ?? "eth0";
}

/** Settings of all instances together. */
export function toVrrpGlobal(block: BoundGlobal): VrrpGlobal {
  const table = block.nftables?.value;
  const prefix = block.vmac_prefix?.value ?? GLOBAL_DEFS.vmac_prefix.initial;
  return {
    startupDelayMs: block.vrrp_startup_delay?.value ?? GLOBAL_DEFS.vrrp_startup_delay.initial,
    delayAfterBootMs: block.vrrp_delay_after_boot?.value ?? GLOBAL_DEFS.vrrp_delay_after_boot.initial,
    dynamicInterfaces: dynamicInterfacesOf(block),
    ...(block.default_interface && { defaultInterface: block.default_interface.value }),
    disableLocalIgmp: block.disable_local_igmp?.value ?? false,
    logUnknownVrids: block.log_unknown_vrids?.value ?? false,
    garpIntervalMs: block.vrrp_garp_interval?.value ?? GLOBAL_DEFS.vrrp_garp_interval.initial,
    gnaIntervalMs: block.vrrp_gna_interval?.value ?? GLOBAL_DEFS.vrrp_gna_interval.initial,
    nftables: {
      ...(table !== undefined && { table: table === true ? NFTABLES_TABLE : table }),
      priority: block.nftables_priority?.value ?? NFTABLES_PRIORITY,
      counters: block.nftables_counters?.value ?? false,
      ifindex: block.nftables_ifindex?.value ?? false,
    },
    ...(block.vrrp_iptables && { iptablesChains: block.vrrp_iptables.value }),
    ...(block.vrrp_ipsets && { ipsets: block.vrrp_ipsets.value }),
    vmacPrefix: prefix,
    vmacAddrPrefix: block.vmac_addr_prefix?.value ?? prefix,
    noEmailFaults: block.no_email_faults?.value ?? false,
    ...(block.vrrp_netlink_monitor_rcv_bufs && { monitorRcvBufBytes: block.vrrp_netlink_monitor_rcv_bufs.value }),
    monitorRcvBufForce: block.vrrp_netlink_monitor_rcv_bufs_force?.value ?? false,
    ...(block.vrrp_netlink_cmd_rcv_bufs && { cmdRcvBufBytes: block.vrrp_netlink_cmd_rcv_bufs.value }),
    cmdRcvBufForce: block.vrrp_netlink_cmd_rcv_bufs_force?.value ?? false,
    ...(block.process_monitor_rcv_bufs && { processMonitorRcvBufBytes: block.process_monitor_rcv_bufs.value }),
    processMonitorRcvBufForce: block.process_monitor_rcv_bufs_force?.value ?? false,
    ...(block.vrrp_rx_bufs_policy && { rxBufsPolicy: block.vrrp_rx_bufs_policy.at(-1)?.value ?? "mtu" }),
    rxBufsMultiplier: block.vrrp_rx_bufs_multiplier?.value ?? GLOBAL_DEFS.vrrp_rx_bufs_multiplier.initial,
    said: toVrrpDefaults(block),
  };
}

function toVrrpDefaults(block: BoundGlobal): VrrpDefaults {
  const least = block.vrrp_min_garp?.value ?? false;
  const initial = GLOBAL_DEFS;
  return {
    multicastGroup4: block.vrrp_mcast_group4?.value ?? "224.0.0.18",
    multicastGroup6: block.vrrp_mcast_group6?.value ?? "ff02::12",
    garpDelayMs: block.vrrp_garp_master_delay?.value ?? (least ? 0 : initial.vrrp_garp_master_delay.initial),
    garpRepeat: block.vrrp_garp_master_repeat?.value ?? (least ? 1 : initial.vrrp_garp_master_repeat.initial),
    garpRefreshMs: block.vrrp_garp_master_refresh?.value ?? initial.vrrp_garp_master_refresh.initial,
    garpRefreshRepeat: block.vrrp_garp_master_refresh_repeat?.value ?? initial.vrrp_garp_master_refresh_repeat.initial,
    ...(block.vrrp_garp_lower_prio_delay && { lowerPrioDelayMs: block.vrrp_garp_lower_prio_delay.value }),
    ...(block.vrrp_garp_lower_prio_repeat && { lowerPrioRepeat: block.vrrp_garp_lower_prio_repeat.value }),
    downTimerAdverts: block.vrrp_down_timer_adverts?.value ?? initial.vrrp_down_timer_adverts.initial,
    ...(block.vrrp_garp_extra_if && { extraIf: block.vrrp_garp_extra_if.value }),
    lowerPrioNoAdvert: block.vrrp_lower_prio_no_advert?.value ?? false,
    higherPrioSendAdvert: block.vrrp_higher_prio_send_advert?.value ?? false,
    version: block.vrrp_version?.value ?? 2,
    checkUnicastSource: block.vrrp_check_unicast_src?.value ?? false,
    skipCheckAdvertAddresses: block.vrrp_skip_check_adv_addr?.value ?? false,
    strict: block.vrrp_strict?.value ?? false,
    ...(block.vmac_prefix && { vmacPrefix: block.vmac_prefix.value }),
    ...(block.vmac_addr_prefix && { vmacAddrPrefix: block.vmac_addr_prefix.value }),
  };
}

function dynamicInterfacesOf(block: BoundGlobal): VrrpGlobal["dynamicInterfaces"] {
  if (!block.dynamic_interfaces) return "no";
  return block.dynamic_interfaces.value === "allow_if_changes" ? "allow-if-changes" : "yes";
}
