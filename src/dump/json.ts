// Dump core: keepalived.json in keepalived's own shape (signal 36): numbers, texts and switches as it writes them. Version 2 (`json_version`)
// has names around the list, and tracked processes.
import type { NotifyCommands } from "../config/model/vrrp.ts";
import { addressText, routeText, ruleText } from "./addresses.ts";
import {
  effectivePriority,
  lastTransitionMs,
  masterAdvertMs,
  masterPriority,
  STATE_NUMBERS,
  stateWord,
  wantedWord,
} from "./vrrp-instance.ts";
import type { InstanceShown, ProcessShown, VrrpSource } from "./vrrp-source.ts";
import { commandText, epoch, general, wholeSeconds } from "./words.ts";

/** 2.2.7 writes the password; later versions, and we, its length at most. */
const HIDDEN = "********";
const AUTHENTICATION_TYPES = { PASS: 1, AH: 2 } as const;

const COUNTERS = [
  "advert_rcvd",
  "advert_sent",
  "become_master",
  "release_master",
  "packet_len_err",
  "advert_interval_err",
  "ip_ttl_err",
  "invalid_type_rcvd",
  "addr_list_err",
  "invalid_authtype",
  "authtype_mismatch",
  "auth_failure",
] as const;
/** Of `auth_hmac`, which 2.2.7 does not know. */
const HMAC_COUNTERS = [
  "auth_ext_missing",
  "auth_ext_malformed",
  "auth_ext_unknown_key",
  "auth_ext_invalid_hmac",
  "auth_ext_stale",
  "auth_ext_replay",
] as const;
const LAST_COUNTERS = ["pri_zero_rcvd", "pri_zero_sent"] as const;

const SCRIPTS = [
  ["script_backup", "backup"],
  ["script_master", "master"],
  ["script_fault", "fault"],
  ["script_stop", "stop"],
  ["script_deleted", "deleted"],
  ["script", "any"],
  ["script_master_rx_lower_pri", "masterRxLowerPri"],
] as const satisfies readonly (readonly [string, keyof NotifyCommands])[];

export function* jsonDump(source: VrrpSource): Generator<string> {
  const isNamed = source.config.global.jsonVersion === 2;
  yield isNamed ? '{"vrrp":[' : "[";
  let between = "";
  for (const shown of source.instances) {
    yield `${between}${instanceObject(shown, source)}`;
    between = ",";
  }
  yield "]";
  const { processes } = source;
  if (isNamed && processes.length > 0) yield `,"track_process":[${processes.map(processObject).join(",")}]`;
  yield isNamed ? "}\n" : "\n";
}

/** A value as it stands in the file. */
type Field = readonly [name: string, value: string];

function objectOf(fields: readonly Field[]): string {
  return `{${fields.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
}

/** keepalived escapes slashes; its backslash becomes the end of a line, ours stays one. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("/", "\\/");
}

/** Some switches are numbers there. */
function bit(value: boolean): string {
  return value ? "1" : "0";
}

function list(name: string, texts: readonly string[]): readonly Field[] {
  return texts.length === 0 ? [] : [[name, `[${texts.map(quoted).join(",")}]`]];
}

function instanceObject(shown: InstanceShown, source: VrrpSource): string {
  return objectOf([
    ["data", objectOf([...dataFields(shown, source), ...listFields(shown, source), ...authenticationFields(shown)])],
    ["stats", objectOf(counterFields(shown))],
  ]);
}

function dataFields(shown: InstanceShown, source: VrrpSource): readonly Field[] {
  const { view, link, vmacName } = shown;
  const { config } = view;
  const { announce, notify } = config;
  const ifname = link?.name ?? config.interface;
  return [
    ["iname", quoted(view.name)],
    ["dont_track_primary", bit(config.dontTrackPrimary)],
    ["skip_check_adv_addr", bit(config.skipCheckAdvertAddresses)],
    ["strict_mode", bit(config.strict)],
    ["vmac_ifname", quoted(vmacName)],
    ...(ifname === undefined ? [] : [["ifp_ifname", quoted(ifname)] as const]),
    ["master_priority", `${masterPriority(view)}`],
    ["last_transition", epoch(lastTransitionMs(view, source))],
    ["garp_delay", general(announce.delayMs / 1000)],
    ["garp_refresh", `${wholeSeconds(announce.refreshMs)}`],
    ["garp_rep", `${announce.repeat}`],
    ["garp_refresh_rep", `${announce.refreshRepeat}`],
    ["garp_lower_prio_delay", `${wholeSeconds(announce.lowerPrioDelayMs)}`],
    ["garp_lower_prio_rep", `${announce.lowerPrioRepeat}`],
    ["lower_prio_no_advert", bit(config.lowerPrioNoAdvert)],
    ["higher_prio_send_advert", bit(config.higherPrioSendAdvert)],
    ["vrid", `${config.vrid}`],
    ["base_priority", `${config.priority}`],
    ["effective_priority", `${effectivePriority(view)}`],
    ["vipset", `${view.state.kind === "master"}`],
    ["promote_secondaries", `${config.promoteSecondaries}`],
    ["adver_int", general(config.advertMs / 1000)],
    ["master_adver_int", general(masterAdvertMs(view) / 1000)],
    ["accept", bit(config.accept)],
    ["nopreempt", `${!config.preempt}`],
    ["preempt_delay", `${wholeSeconds(config.preemptDelayMs)}`],
    ["state", `${STATE_NUMBERS[stateWord(view.state)]}`],
    ["wantstate", `${STATE_NUMBERS[wantedWord(view)]}`],
    ["version", `${config.version}`],
    ["smtp_alert", `${config.smtpAlert}`],
    ["notify_deleted", `${notify.deleted !== undefined}`],
  ];
}

function listFields({ view: { config }, placeOf }: InstanceShown, source: VrrpSource): readonly Field[] {
  const { notify, tracking } = config;
  const scripts = new Map(source.config.vrrp.scripts.map((script) => [script.name, commandText(script.command)]));
  const programs = SCRIPTS.flatMap(([name, key]): readonly Field[] => {
    const command = notify[key];
    return command === undefined || command === true ? [] : [[name, quoted(commandText(command))]];
  });
  return [
    ...programs,
    ...list(
      "vips",
      config.virtualAddresses.map((address) => addressText(address, placeOf(address))),
    ),
    ...list(
      "evips",
      config.excludedAddresses.map((address) => addressText(address, placeOf(address))),
    ),
    ...list(
      "vroutes",
      config.routes.map((route) => routeText(route)),
    ),
    ...list("vrules", config.rules.map(ruleText)),
    ...list(
      "track_ifp",
      tracking.interfaces.map(({ name }) => name),
    ),
    ...list(
      "track_script",
      tracking.scripts.flatMap(({ name }) => scripts.get(name) ?? []),
    ),
  ];
}

function authenticationFields({ view: { config } }: InstanceShown): readonly Field[] {
  const { authentication } = config;
  if (!authentication) return [["auth_type", "0"]];
  return [
    ["auth_type", `${AUTHENTICATION_TYPES[authentication.type]}`],
    ["auth_data", quoted(HIDDEN)],
  ];
}

function counterFields({ view: { config, counters } }: InstanceShown): readonly Field[] {
  const names = [...COUNTERS, ...(config.hmac ? HMAC_COUNTERS : []), ...LAST_COUNTERS];
  return names.map((name) => [name, `${counters[name]}`]);
}

function processObject({ process, state }: ProcessShown): string {
  const { changeAt, up, count } = state;
  const isWaiting = changeAt !== undefined;
  return objectOf([
    ["process", quoted(process.name)],
    ...(process.params.length > 0 ? [["parameters", quoted(process.params.join(" "))] as const] : []),
    ["param_match", quoted(process.paramMatch)],
    ["min_processes", `${process.quorum}`],
    ...(process.quorumMax === undefined ? [] : [["max_processes", `${process.quorumMax}`] as const]),
    ["current_processes", `${count}`],
    ["have_quorum", `${up}`],
    ["weight", `${process.reverse ? -process.weight : process.weight}`],
    ["terminate_delay", general(process.terminateDelayMs / 1000)],
    ["fork_delay", general(process.forkDelayMs / 1000)],
    ["fork_delay_timer_running", `${isWaiting && !up}`],
    ["terminate_delay_timer_running", `${isWaiting && up}`],
    ["full_command", `${process.fullCommand}`],
  ]);
}
