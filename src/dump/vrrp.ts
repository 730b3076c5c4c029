// Dump core: keepalived.data, the dump of the VRRP process, in keepalived's shape.
import type { Tracking } from "../config/model/vrrp.ts";
import { addressText, routeText, ruleText } from "./addresses.ts";
import { globalLines } from "./global.ts";
import { interfaceLines } from "./interfaces.ts";
import { instanceLines, notifyLines, trackingLines, weightOf, weightText } from "./vrrp-instance.ts";
import type {
  BfdShown,
  FileShown,
  GroupShown,
  ProcessShown,
  ScriptShown,
  SocketShown,
  VrrpSource,
} from "./vrrp-source.ts";
import {
  commandText,
  general,
  sixDigits,
  stampWithoutYear,
  text,
  title,
  trueFalse,
  wholeSeconds,
  yesNo,
} from "./words.ts";

export function vrrpDump(source: VrrpSource): Iterable<string> {
  return text(vrrpLines(source));
}

function* vrrpLines(source: VrrpSource): Generator<string> {
  const { config, instances, groups, scripts, files, processes, bfd, sockets, links } = source;
  yield* globalLines("vrrp", config, source.accountOf, { runsGlobalFifo: !source.hasServices });
  yield* garpLines(source);
  yield* staticLines(source);
  yield* section("VRRP Topology", instances, (shown) => instanceLines(shown, source));
  yield* section("VRRP Sockpool", sockets, socketLines);
  yield* section("VRRP Sync groups", groups, (group) => groupLines(group, source));
  yield* section("VRRP Scripts", scripts, (shown) => scriptLines(shown, source));
  yield* section("VRRP Track files", files, (shown) => fileLines(shown, source));
  yield* section("VRRP Track processes", processes, (shown) => processLines(shown, source));
  yield* section("VRRP Track BFDs", bfd, (shown) => bfdLines(shown, source));
  yield* section("Interfaces", links, (shown) => interfaceLines(shown, source));
}

function* section<T>(name: string, items: readonly T[], lines: (item: T) => Iterable<string>): Generator<string> {
  if (items.length > 0) yield title(name);
  for (const item of items) yield* lines(item);
}

function* garpLines({ config, links }: VrrpSource): Generator<string> {
  const { garpGroups, global } = config.vrrp;
  const own = garpGroups.map((group, at) => ({ ...group, at: at + 1 }));
  const isGlobal = global.garpIntervalMs > 0 || global.gnaIntervalMs > 0;
  if (own.length === 0 && !isGlobal) return;
  yield title("Gratuitous ARP delays");
  for (const { at, garpIntervalMs, gnaIntervalMs, interfaces } of own)
    yield* garpGroupLines(at, garpIntervalMs, gnaIntervalMs, interfaces);
  if (!isGlobal) return;
  const taken = new Set(own.flatMap(({ interfaces }) => interfaces));
  const used = new Set(config.vrrp.instances.flatMap((instance) => instance.interface ?? []));
  const rest = links.map(({ link }) => link.name).filter((name) => used.has(name) && !taken.has(name));
  yield* garpGroupLines(0, global.garpIntervalMs || undefined, global.gnaIntervalMs || undefined, rest);
}

/** Nobody waits for a turn longer than an interval: when the next one is says nothing by the time it is read. */
function* garpGroupLines(
  at: number,
  garpMs: number | undefined,
  gnaMs: number | undefined,
  interfaces: readonly string[],
): Generator<string> {
  yield title(`GARP delay group ${at}`);
  if (garpMs !== undefined) {
    yield ` GARP interval = ${general(garpMs / 1000)}`;
    yield ` GARP next time ${stampWithoutYear(0)}`;
  }
  if (gnaMs !== undefined) {
    yield ` GNA interval = ${general(gnaMs / 1000)}`;
    yield ` GNA next time ${stampWithoutYear(0)}`;
  } else if (garpMs === undefined) yield " No configuration";
  yield " Interfaces";
  for (const name of interfaces) yield `  ${name}`;
}

/** keepalived notes no interface for these, and finds that theirs is another. */
const STATIC = " [installed ifindex 0]";

function* staticLines({ config: { vrrp }, placeOf }: VrrpSource): Generator<string> {
  yield* section("Static Addresses", vrrp.staticAddresses, (one) => [`     ${addressText(one, placeOf(one))}`]);
  yield* section("Static Routes", vrrp.staticRoutes, (route) => [`     ${routeText(route, STATIC)}`]);
  yield* section("Static Rules", vrrp.staticRules, (rule) => [`     ${ruleText(rule)}`]);
  yield* section("Static Track groups", vrrp.trackGroups, ({ name, instances }) => [
    ` Static Track Group = ${name}`,
    ...(instances.length > 0 ? ["   VRRP member instances :"] : []),
    ...instances.map((instance) => `     ${instance}`),
  ]);
}

function* socketLines(shown: SocketShown): Generator<string> {
  yield ` fd_in ${shown.in} fd_out = ${shown.out}`;
  yield `   Interface = ${shown.interface}`;
  if (shown.vrf !== undefined) yield `   VRF = ${shown.vrf}`;
  yield `   Family = IPv${shown.family}`;
  yield `   Protocol = ${shown.protocol === 51 ? "AH" : "VRRP"}`;
  yield `   Type = ${shown.source === undefined ? "Mult" : "Un"}icast`;
  if (shown.source !== undefined) yield `   Address = ${shown.source}`;
  yield `   Rx buf size = ${shown.receiveBufferBytes}`;
  yield "   VRRP instances";
  for (const { name, vrid } of [...shown.instances].sort((a, b) => a.vrid - b.vrid)) yield `     ${name} vrid ${vrid}`;
}

function* groupLines({ name, state }: GroupShown, source: VrrpSource): Generator<string> {
  const group = source.config.vrrp.syncGroups.find((one) => one.name === name);
  if (!group) return;
  const members = source.instances.filter(({ view }) => view.group === name).map(({ view }) => view.state);
  const inFault = members.filter(({ kind }) => kind === "fault").length;
  yield ` VRRP Sync Group = ${name}, ${state}`;
  yield `   Num member fault ${inFault}, num member init ${members.filter(({ kind }) => kind === "init").length}`;
  if (group.instances.length > 0) yield "   VRRP member instances :";
  for (const member of group.instances) yield `     ${member}`;
  if (group.trackingWeight) yield "   sync group tracking weight set";
  yield `   Using smtp notification = ${yesNo(group.smtpAlert)}`;
  if (group.notifyPriorityChanges) yield "   Notify priority changes = yes";
  yield* trackingLines(group.tracking, source, "Tracked process");
  yield* notifyLines(group.notify, source.accountOf);
}

function* scriptLines({ script, up, contrary, isRunning }: ScriptShown, source: VrrpSource): Generator<string> {
  const { rise, fall } = script;
  const result = resultOf(up, contrary, script);
  yield ` VRRP Script = ${script.name}`;
  yield `   Command = ${commandText(script.command)}`;
  yield `   Interval = ${wholeSeconds(script.intervalMs)} sec`;
  yield `   Timeout = ${script.timeoutGiven === false ? 0 : wholeSeconds(script.timeoutMs)} sec`;
  yield `   Weight = ${weightText(script)}`;
  yield `   Rise = ${rise}`;
  yield `   Fall = ${fall}`;
  yield `   Result = ${result}`;
  yield "   Insecure = no";
  yield `   Init state = ${up === null ? "INIT" : "unknown"}`;
  yield `   Status = ${result >= rise ? "GOOD" : "BAD"}`;
  yield `   Script uid:gid = ${source.accountOf(script.command)}`;
  yield "   VRRP instances :";
  yield* usersOf("scripts", script.name, source.config.vrrp.scripts, source);
  yield `   State = ${isRunning ? "running" : "idle"}`;
}

/** keepalived: one number counts up to good and down to bad. */
function resultOf(
  up: boolean | null,
  contrary: number,
  { rise, fall }: { readonly rise: number; readonly fall: number },
): number {
  if (up === null) return rise - 1;
  return up ? rise + fall - 1 - contrary : contrary;
}

function* fileLines({ file, value }: FileShown, source: VrrpSource): Generator<string> {
  yield ` Track file = ${file.name}`;
  yield `   File = ${file.path}`;
  yield `   Status = ${value}`;
  yield `   Weight = ${weightText(file)}`;
  yield* usersOf("files", file.name, source.config.vrrp.files, source);
}

function* processLines({ process, state }: ProcessShown, source: VrrpSource): Generator<string> {
  const { changeAt, up, count } = state;
  const isWaiting = changeAt !== undefined;
  yield ` VRRP Track process = ${process.name}`;
  yield `   Process = ${process.process}`;
  if (process.params.length > 0) yield `   Parameters = ${process.params.join(" ")}`;
  if (process.paramMatch !== "none")
    yield `   Param match${process.paramMatch === "exact" ? "" : ` = ${process.paramMatch}`}`;
  yield `   Min processes = ${process.quorum}`;
  if (process.quorumMax !== undefined) yield `   Max processes = ${process.quorumMax}`;
  yield `   Current processes = ${count}`;
  yield `   Have quorum = ${trueFalse(up)}`;
  yield `   Weight = ${weightText(process)}`;
  yield `   Terminate delay = ${sixDigits(process.terminateDelayMs / 1000)}s`;
  yield `   Fork delay = ${sixDigits(process.forkDelayMs / 1000)}s`;
  yield `   Fork delay timer ${isWaiting && !up ? "" : "not "}running`;
  yield `   Terminate delay timer ${isWaiting && up ? "" : "not "}running`;
  yield `   Full command = ${trueFalse(process.fullCommand)}`;
  yield* usersOf("processes", process.name, source.config.vrrp.processes, source);
}

function* bfdLines(shown: BfdShown, source: VrrpSource): Generator<string> {
  yield ` VRRP Track BFD = ${shown.name}`;
  yield `   Weight = ${weightText(shown)}`;
  yield `   Bfd is ${shown.isUp ? "up" : "down"}`;
  yield "   Tracking VRRP instances :";
  yield* usersOf("bfd", shown.name, source.config.bfd, source);
}

/** Who tracks something: instances by themselves, then the members of groups that do. */
function* usersOf(
  kind: keyof Tracking,
  tracked: string,
  known: Parameters<typeof weightOf>[1],
  { config }: VrrpSource,
): Generator<string> {
  const { instances, syncGroups } = config.vrrp;
  const users: string[] = [];
  for (const one of instances)
    for (const use of one.tracking[kind])
      if (use.name === tracked) users.push(`     ${one.name}, weight ${weightText(weightOf(use, known))}`);
  for (const group of syncGroups)
    for (const use of group.tracking[kind])
      if (use.name === tracked)
        for (const member of group.instances) users.push(`     ${member}, weight ${weightText(weightOf(use, known))}`);
  if (users.length > 0) yield "   Tracking instances :";
  yield* users;
}
