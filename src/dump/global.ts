// Dump core: «Global definitions», with which each dump of keepalived begins.
import type { Config } from "../config/model/config.ts";
import type { Fifo, GlobalConfig, ProcessRights } from "../config/model/global.ts";
import type { LvsGlobal } from "../config/model/lvs.ts";
import type { VrrpConfig, VrrpGlobal } from "../config/model/vrrp.ts";
import {
  type AccountOf,
  commandText,
  enabled,
  general,
  sixDigits,
  title,
  trueFalse,
  wholeSeconds,
  yesNo,
} from "./words.ts";

/** Whose dump it is. */
export type DumpOf = "parent" | "vrrp" | "checker" | "bfd";

/** keepalived: PARAMETER_UNSET, which the VRRP process alone has replaced. */
const UNSET = 4_294_967_295;
/** RT_RLIMIT_DEFAULT, in µs. */
const DEFAULT_RTTIME_US = 10_000;

/** keepalived: the global FIFO's program is run by one process, and only there with the path at its end. */
interface GlobalOptions {
  readonly runsGlobalFifo: boolean;
}

export function* globalLines(
  of: DumpOf,
  { global, vrrp }: Config,
  accountOf: AccountOf,
  { runsGlobalFifo }: GlobalOptions = { runsGlobalFifo: true },
): Generator<string> {
  yield title("Global definitions");
  yield* identityLines(global);
  yield* mailLines(global);
  yield* reloadLines(global);
  yield* programLines(global, accountOf);
  yield* lvsLines(of, global.lvs, vrrp);
  yield* fifoLines(of, global, accountOf, runsGlobalFifo);
  yield* vrrpLines(of, vrrp.global);
  yield* filterLines(global.lvs, vrrp.global);
  yield* processLines(global, vrrp.global);
  yield* agentLines(global);
  yield ` Script security ${enabled(global.scripts.enabled)}`;
  yield ` Default script uid:gid ${accountOf({})}`;
  yield* bufferLines(global, vrrp.global);
  yield* lastLines(global, vrrp.global);
}

function* identityLines(global: GlobalConfig): Generator<string> {
  const { files, netNamespace, netNamespaceIpvs, instanceName, processNames } = global;
  if (files?.configSaveDir !== undefined) yield ` Config save dir = ${files.configSaveDir}`;
  yield ` Network namespace = ${netNamespace ?? "(default)"}`;
  yield ` Network namespace ipvs = ${netNamespaceIpvs === undefined ? "(main namespace)" : netNamespaceIpvs || "(default)"}`;
  if (instanceName !== undefined) yield ` Instance name = ${instanceName}`;
  const names = conventionalNames(processNames);
  if (names?.parent !== undefined) yield ` Parent process name = ${names.parent}`;
  if (names?.vrrp !== undefined) yield ` VRRP process name = ${names.vrrp}`;
  if (names?.checker !== undefined) yield ` LVS process name = ${names.checker}`;
  if (names?.bfd !== undefined) yield ` BFD process name = ${names.bfd}`;
  if (global.routerId !== undefined) yield ` Router ID = ${global.routerId}`;
}

/** `process_names` gives each its name that has none of its own. */
function conventionalNames(names: GlobalConfig["processNames"]): GlobalConfig["processNames"] {
  if (!names?.conventional) return names;
  const usual = { parent: "keepalived", vrrp: "keepalived_vrrp", checker: "keepalived_ipvs", bfd: "keepalived_bfd" };
  return { ...usual, ...names };
}

function* mailLines({ smtp, said = {} }: GlobalConfig): Generator<string> {
  const { server, recipients, from } = smtp;
  if (server !== undefined) {
    yield ` Smtp server = ${server}`;
    yield ` Smtp server port = ${smtp.port}`;
  }
  if (server !== undefined || said.heloName) yield ` Smtp HELO name = ${smtp.heloName}`;
  if (server !== undefined || said.smtpTimeout)
    yield ` Smtp server connection timeout = ${wholeSeconds(smtp.timeoutMs)}`;
  const sender = from ?? (server === undefined ? undefined : `root@${smtp.heloName}`);
  if (sender !== undefined) {
    yield ` Email notification from = ${sender}`;
    yield " Email notification to:";
    for (const recipient of recipients) yield `   ${recipient}`;
  }
  yield ` Default smtp_alert = ${switchText(said.smtpAlert)}`;
  yield ` Default smtp_alert_vrrp = ${switchText(said.smtpAlertVrrp)}`;
  yield ` Default smtp_alert_checker = ${switchText(said.smtpAlertChecker)}`;
}

function switchText(value: boolean | undefined): string {
  if (value === undefined) return "unset";
  return value ? "on" : "off";
}

function* reloadLines({ reload, files, checkerLogAllFailures = false }: GlobalConfig): Generator<string> {
  yield ` Checkers log all failures = ${trueFalse(checkerLogAllFailures)}`;
  yield reload.checkConfig
    ? ` Test config before reload, log to ${reload.checkLog ?? "/dev/null"}`
    : " No test config before reload";
  if (reload.timeFile !== undefined) {
    yield ` Reload time file = ${reload.timeFile}${reload.repeat ? " (repeat)" : ""}`;
    yield " No reload scheduled";
  }
  if (reload.file !== undefined) yield ` Reload_file = ${reload.file === "" ? "/run/keepalived.reload" : reload.file}`;
  if (files?.tmpConfigDir !== undefined) yield ` config save directory = ${files.tmpConfigDir}`;
  if (files?.dataUseInstance) yield " Use instance name in data dumps";
}

function* programLines(global: GlobalConfig, accountOf: AccountOf): Generator<string> {
  const { startupScript: first, shutdownScript: last } = global;
  if (first)
    yield ` Startup script = ${commandText(first)}, uid:gid ${accountOf(first)}, timeout ${wholeSeconds(global.startupScriptTimeoutMs)}`;
  if (last)
    yield ` Shutdown script = ${commandText(last)}, uid:gid ${accountOf(last)} timeout ${wholeSeconds(global.shutdownScriptTimeoutMs)}`;
}

function* lvsLines(of: DumpOf, lvs: LvsGlobal, { global: vrrp, instances }: VrrpConfig): Generator<string> {
  const { timeouts } = lvs;
  const follows = instances.find(({ lvsSyncInterface }) => lvsSyncInterface !== undefined);
  const sync: Partial<NonNullable<LvsGlobal["syncDaemon"]>> | undefined =
    lvs.syncDaemon ?? (follows && { interface: follows.lvsSyncInterface ?? "", instance: follows.name });
  yield ` Dynamic interfaces = ${trueFalse(vrrp.dynamicInterfaces !== "no")}`;
  if (vrrp.dynamicInterfaces !== "no")
    yield ` Allow interface changes = ${trueFalse(vrrp.dynamicInterfaces === "allow-if-changes")}`;
  if (vrrp.noEmailFaults) yield " Send emails for fault transitions = off";
  if (timeouts.tcp) yield ` LVS TCP timeout = ${timeouts.tcp}`;
  if (timeouts.tcpFin) yield ` LVS TCP FIN timeout = ${timeouts.tcpFin}`;
  // keepalived: that of UDP is called so.
  if (timeouts.udp) yield ` LVS TCP timeout = ${timeouts.udp}`;
  if (of === "vrrp") yield ` Default interface = ${vrrp.defaultInterface ?? "eth0"}`;
  yield ` Disable local IGMP = ${yesNo(vrrp.disableLocalIgmp)}`;
  if (sync) {
    if (sync.instance !== undefined) yield ` LVS syncd vrrp ${of === "vrrp" ? "instance" : "name"} = ${sync.instance}`;
    yield ` LVS syncd interface = ${sync.interface}`;
    yield ` LVS syncd syncid = ${sync.syncId ?? (of === "vrrp" ? 0 : UNSET)}`;
    if (sync.maxLen) yield ` LVS syncd maxlen = ${sync.maxLen}`;
    if (sync.group !== undefined) yield ` LVS mcast group ${sync.group}`;
    if (sync.port) yield ` LVS syncd mcast port = ${sync.port}`;
    if (sync.ttl) yield ` LVS syncd mcast ttl = ${sync.ttl}`;
  }
  yield ` LVS flush = ${trueFalse(lvs.flush)}`;
  yield ` LVS flush on stop = ${FLUSHES[lvs.flushOnStop]}`;
}

const FLUSHES = { no: "disabled", all: "full", "virtual-servers": "VS" } as const;

function* fifoLines(
  of: DumpOf,
  { fifo, fifoWriteVrrpStatesOnReload, said }: GlobalConfig,
  accountOf: AccountOf,
  runsGlobal: boolean,
): Generator<string> {
  const isWorker = of === "vrrp" || of === "checker";
  yield* oneFifo("Global", fifo.all, accountOf, isWorker ? (runsGlobal ? "run" : "not run") : "told");
  yield* oneFifo("VRRP", fifo.vrrp, accountOf, of === "vrrp" ? "run" : "told");
  yield* oneFifo("LVS", fifo.lvs, accountOf, of === "checker" ? "run" : "told");
  yield ` FIFO write vrrp states on reload = ${trueFalse(fifoWriteVrrpStatesOnReload)}`;
  yield ` VRRP notify priority changes = ${trueFalse(said?.notifyPriorityChanges ?? false)}`;
}

function* oneFifo(
  whose: string,
  fifo: Fifo | undefined,
  accountOf: AccountOf,
  script: "run" | "not run" | "told",
): Generator<string> {
  if (!fifo) return;
  yield ` ${whose} notify fifo = ${fifo.path}, uid:gid ${accountOf(fifo.user === undefined ? { user: "0" } : fifo)}`;
  if (!fifo.script || script === "not run") return;
  const argv = script === "run" ? [...fifo.script.argv, fifo.path] : fifo.script.argv;
  yield ` ${whose} notify fifo script = ${commandText({ argv })}, uid:gid ${accountOf(fifo.script)}`;
}

function* vrrpLines(of: DumpOf, vrrp: VrrpGlobal): Generator<string> {
  const { said } = vrrp;
  if (said) {
    const lowerDelayMs = said.lowerPrioDelayMs ?? (of === "vrrp" ? said.garpDelayMs : undefined);
    const lowerRepeat = said.lowerPrioRepeat ?? (of === "vrrp" ? said.garpRepeat : undefined);
    yield ` VRRP IPv4 mcast group = ${said.multicastGroup4}`;
    yield ` VRRP IPv6 mcast group = ${said.multicastGroup6}`;
    yield ` Gratuitous ARP delay = ${wholeSeconds(said.garpDelayMs)}`;
    yield ` Gratuitous ARP repeat = ${said.garpRepeat}`;
    yield ` Gratuitous ARP refresh timer = ${wholeSeconds(said.garpRefreshMs)}`;
    yield ` Gratuitous ARP refresh repeat = ${said.garpRefreshRepeat}`;
    yield ` Gratuitous ARP lower priority delay = ${lowerDelayMs === undefined ? UNSET : wholeSeconds(lowerDelayMs)}`;
    yield ` Gratuitous ARP lower priority repeat = ${lowerRepeat ?? UNSET}`;
    yield ` Num adverts before down = ${said.downTimerAdverts}`;
    yield ` Gratuitous ARP for each secondary ${said.extraIf?.all ? "i/f" : "VMAC"} = ${wholeSeconds(said.extraIf?.everyMs ?? 0)}s`;
    yield ` Send advert after receive lower priority advert = ${trueFalse(!said.lowerPrioNoAdvert)}`;
    yield ` Send advert after receive higher priority advert = ${trueFalse(said.higherPrioSendAdvert)}`;
  }
  yield ` Gratuitous ARP interval = ${sixDigits(vrrp.garpIntervalMs / 1000)}`;
  yield ` Gratuitous NA interval = ${sixDigits(vrrp.gnaIntervalMs / 1000)}`;
  if (said) yield ` VRRP default protocol version = ${said.version}`;
}

function* filterLines(lvs: LvsGlobal, { nftables }: VrrpGlobal): Generator<string> {
  if (nftables.table !== undefined) {
    yield ` nftables table name = ${nftables.table}`;
    yield ` nftables base chain priority = ${nftables.priority}`;
    yield ` nftables ${nftables.ifindex ? "" : "don't "}force use ifindex for link local IPv6`;
  }
  if (lvs.nftablesIpvsTable !== undefined) {
    yield ` ipvs nftables table name = ${lvs.nftablesIpvsTable}`;
    yield ` ipvs nftables base chain priority = ${lvs.nftablesIpvsPriority ?? -1}`;
    yield ` ipvs nftables start fwmark = ${lvs.nftablesIpvsStartFwmark}`;
  }
  yield ` nftables with${nftables.counters ? "" : "out"} counters`;
}

function* processLines(global: GlobalConfig, { said }: VrrpGlobal): Generator<string> {
  const { autoPriority, process } = global;
  if (said) {
    yield ` VRRP check unicast_src = ${trueFalse(said.checkUnicastSource)}`;
    yield ` VRRP skip check advert addresses = ${trueFalse(said.skipCheckAdvertAddresses)}`;
    yield ` VRRP strict mode = ${trueFalse(said.strict)}`;
  }
  const max = autoPriority?.max ?? 0;
  yield ` Max auto priority = ${max === -1 ? "Disabled" : max}`;
  yield ` Min auto priority delay = ${autoPriority?.minDelayUs ?? 1_000_000} usecs`;
  yield* rightsLines("VRRP", process.vrrp);
  yield* rightsLines("Checker", process.checker);
  yield* rightsLines("BFD", process.bfd);
}

function* rightsLines(whose: string, rights: ProcessRights): Generator<string> {
  yield ` ${whose} process priority = ${rights.priority ?? 0}`;
  yield ` ${whose} don't swap = ${trueFalse(rights.noSwap)}`;
  yield ` ${whose} realtime priority = ${rights.realtimePriority ?? 0}`;
  if (rights.cpuAffinity && rights.cpuAffinity.length > 0)
    yield ` ${whose} CPU Affinity = ${rights.cpuAffinity.join(" ")}`;
  yield ` ${whose} realtime limit = ${rights.rlimitRttimeUs ?? DEFAULT_RTTIME_US}`;
}

function* agentLines({ snmp, dbus }: GlobalConfig): Generator<string> {
  yield ` SNMP vrrp ${enabled(snmp?.vrrp ?? false)}`;
  yield ` SNMP checker ${enabled(snmp?.checker ?? false)}`;
  yield ` SNMP RFCv2 ${enabled(snmp?.rfcV2 ?? false)}`;
  yield ` SNMP RFCv3 ${enabled(snmp?.rfcV3 ?? false)}`;
  yield ` SNMP traps ${enabled(snmp?.traps ?? false)}`;
  yield ` SNMP socket = ${snmp?.socketSaid ?? "default (unix:/var/agentx/master)"}`;
  yield ` DBus ${enabled(dbus?.enabled ?? false)}`;
  yield ` DBus service name = ${dbus?.serviceNameSaid ?? ""}`;
}

function* bufferLines({ lvs, smtp }: GlobalConfig, vrrp: VrrpGlobal): Generator<string> {
  const bit = (value: boolean) => (value ? 1 : 0);
  yield ` vrrp_netlink_cmd_rcv_bufs = ${vrrp.cmdRcvBufBytes ?? 0}`;
  yield ` vrrp_netlink_cmd_rcv_bufs_force = ${bit(vrrp.cmdRcvBufForce)}`;
  yield ` vrrp_netlink_monitor_rcv_bufs = ${vrrp.monitorRcvBufBytes ?? 0}`;
  yield ` vrrp_netlink_monitor_rcv_bufs_force = ${bit(vrrp.monitorRcvBufForce)}`;
  yield ` process_monitor_rcv_bufs = ${vrrp.processMonitorRcvBufBytes ?? 0}`;
  yield ` process_monitor_rcv_bufs_force = ${bit(vrrp.processMonitorRcvBufForce)}`;
  yield ` lvs_netlink_cmd_rcv_bufs = ${lvs.cmdRcvBufBytes ?? 0}`;
  yield ` lvs_netlink_cmd_rcv_bufs_force = ${bit(lvs.cmdRcvBufForce)}`;
  yield ` lvs_netlink_monitor_rcv_bufs = ${lvs.monitorRcvBufBytes ?? 0}`;
  yield ` lvs_netlink_monitor_rcv_bufs_force = ${bit(lvs.monitorRcvBufForce)}`;
  yield ` rs_init_notifies = ${bit(lvs.rsInitNotifies)}`;
  yield ` no_checker_emails = ${bit(smtp.noCheckerEmails)}`;
}

function* lastLines({ umask = 0o177 }: GlobalConfig, vrrp: VrrpGlobal): Generator<string> {
  const { rxBufsPolicy: policy, said } = vrrp;
  if (policy === "mtu") yield " rx_bufs_policy = MTU";
  else if (policy === "advert") yield " rx_bufs_policy policy = ADVERT";
  else if (policy !== undefined) yield ` rx_bufs_size = ${policy}`;
  yield ` rx_bufs_multiples = ${vrrp.rxBufsMultiplier}`;
  yield ` umask = 0${umask.toString(8)}`;
  if (vrrp.startupDelayMs) yield ` vrrp_startup_delay = ${general(vrrp.startupDelayMs / 1000)}`;
  if (vrrp.logUnknownVrids) yield " log_unknown_vrids";
  if (said?.vmacPrefix !== undefined) yield ` VMAC prefix = ${said.vmacPrefix}`;
  if (said?.vmacAddrPrefix !== undefined) yield ` VMAC address prefix = ${said.vmacAddrPrefix}`;
}
