// Config core: from the tree to the typed configuration. Binding reads each statement by its table, semantics looks across
// blocks, to-model/ hands defaults down; all three write to one list of findings. Never throws, reads no file.
import { formatEndpoint } from "../base/ip.ts";
import { OWNER_PRIORITY } from "../base/priority.ts";
import { type BindOptions, bindTree } from "./bind/binder.ts";
import type { BindContext, NameDirectories } from "./bind/reader.ts";
import { createEffective, type EffectiveTree } from "./effective/effective.ts";
import { printConfig } from "./effective/print.ts";
import type { Diagnostic } from "./findings/diagnostic.ts";
import { createFindings, type Findings } from "./findings/findings.ts";
import { homesOf } from "./keywords/homes.ts";
import type { GroupEntry, GroupMark } from "./keywords/lvs/server-names.ts";
import { TOP_LEVEL } from "./keywords/top-level.ts";
import type { Config } from "./model/config.ts";
import type { ServiceAddress, ServiceGroup, VirtualServer } from "./model/lvs.ts";
import type { VrrpConfig } from "./model/vrrp.ts";
import { checkAcrossBlocks } from "./semantics/semantics.ts";
import { uniqueByName } from "./semantics/unique.ts";
import type { Tree } from "./text/tree.ts";
import { valueSpan } from "./text/tree.ts";
import { toSessions } from "./to-model/bfd.ts";
import type { FileWeight, ServiceDefaults } from "./to-model/defaults.ts";
import { type BoundGlobal, type BoundTop, mergeGlobals, toGlobal, toVrrpGlobal } from "./to-model/global.ts";
import type { BoundVirtualServer } from "./to-model/lvs/bound.ts";
import type { BoundGroup } from "./to-model/lvs/service-context.ts";
import { toSsl } from "./to-model/lvs/ssl.ts";
import { toVirtualServer } from "./to-model/lvs/virtual-server.ts";
import { createRuleNumbers, toRules } from "./to-model/rules.ts";
import { toGarpGroup } from "./to-model/vrrp/announce-groups.ts";
import {
  allowsWeights,
  type BoundSyncGroup,
  createMembership,
  toSyncGroup,
  toTrackGroup,
} from "./to-model/vrrp/groups.ts";
import { toInstance } from "./to-model/vrrp/instance.ts";
import { withoutDuplicateIds } from "./to-model/vrrp/router-ids.ts";
import { toStaticAddresses } from "./to-model/vrrp/static-addresses.ts";
import { type TrackerDefinitions, toTrackFile, toTrackProcess, toTrackScript } from "./to-model/vrrp/tracking.ts";

export type { BindOptions } from "./bind/binder.ts";
export type { BindContext } from "./bind/reader.ts";

export interface BindResult {
  readonly config: Config;
  /** Every value with its origin; made when first asked for. */
  readonly effective: EffectiveTree;
  /** The configuration printed again, a line each. */
  printed(): Iterable<string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Binds a whole configuration. Findings come in no order; whoever prints them sorts them by place. */
export function bindConfig(tree: Tree, context: BindContext, options: BindOptions = {}): BindResult {
  const findings = createFindings();
  const directories = nameDirectories(tree);
  const local: BindContext = {
    ...context,
    lookupName: (table, name) => context.lookupName?.(table, name, directories),
  };
  const bound = bindTree(tree.statements, TOP_LEVEL, local, findings, homesOf, options);
  const top = bound.block as BoundTop;
  const global = mergeGlobals(top, findings);
  const config = toConfig(top, global, context, findings, options.literal === true);
  checkAcrossBlocks(top, global, config, findings);
  const printed = () => printConfig(bound.block);
  return { config, effective: createEffective(top, config), printed, diagnostics: findings.list };
}

/** Where tables of names are is known before a name is looked up, wherever `global_defs` stands. */
function nameDirectories(tree: Tree): NameDirectories {
  let directories: NameDirectories = {};
  for (const statement of tree.statements) {
    if (statement.text(0) !== "global_defs") continue;
    for (const line of statement.block?.statements ?? []) {
      const path = line.text(1);
      if (path === undefined) continue;
      if (line.text(0) === "iproute_etc_dir") directories = { ...directories, etc: path };
      if (line.text(0) === "iproute_usr_dir") directories = { ...directories, usr: path };
    }
  }
  return directories;
}

function toConfig(
  top: BoundTop,
  global: BoundGlobal,
  context: BindContext,
  findings: Findings,
  literal: boolean,
): Config {
  const ssl = top.SSL && toSsl(top.SSL);
  const vrrp = toVrrp(top, global, findings, literal);
  return {
    global: toGlobal(top, withKnownMaster(global, vrrp.config, findings), context),
    virtualServers: toVirtualServers(top, global, vrrp.bfd, findings),
    ...(top.virtual_server_group && { serviceGroups: toServiceGroups(top.virtual_server_group) }),
    ...(ssl && { ssl }),
    vrrp: vrrp.config,
    bfd: vrrp.bfd,
  };
}

/** `lvs_sync_daemon` of an instance that does not exist: keepalived clears the instance in silence. */
function withKnownMaster(global: BoundGlobal, vrrp: VrrpConfig, findings: Findings): BoundGlobal {
  const entry = global.lvs_sync_daemon;
  const name = entry?.value.instance;
  if (!entry || name === undefined || vrrp.instances.some((instance) => instance.name === name)) return global;
  const word = entry.statement.words.find((one) => one.text === name) ?? entry.statement.words[0];
  findings.add("warning", word.span, {
    code: "undefined-reference",
    message: `there is no vrrp_instance ${name}: the sync daemon follows no role`,
    about: { kind: "undefined", block: "vrrp_instance", name },
  });
  const { instance: _, ...value } = entry.value;
  return { ...global, lvs_sync_daemon: { ...entry, value } };
}

function toVirtualServers(
  top: BoundTop,
  global: BoundGlobal,
  bfd: Config["bfd"],
  findings: Findings,
): readonly VirtualServer[] {
  const groups = new Map<string, BoundGroup>();
  for (const group of uniqueByName(top.virtual_server_group, "virtual_server_group", "warning", findings))
    groups.set(group.value, group);
  const smtpAlert = global.smtp_alert_checker?.value ?? global.smtp_alert?.value;
  const defaults: ServiceDefaults = {
    ...(smtpAlert !== undefined && { smtpAlert }),
    logAllFailures: global.checker_log_all_failures?.value ?? false,
  };
  const trackFiles = new Map<string, FileWeight>();
  for (const { value: name, block } of top.track_file ?? []) {
    const weight = block.weight?.value;
    if (!trackFiles.has(name)) trackFiles.set(name, { weight: weight?.weight ?? 1, reverse: weight?.reverse ?? false });
  }
  const sessions = new Set(bfd.flatMap(({ name, forChecker }) => (forChecker ? [name] : [])));
  const taken = new Map<string, BoundVirtualServer>();
  const takenGroups = new Map<string, BoundVirtualServer>();
  const servers: VirtualServer[] = [];
  for (const bound of top.virtual_server ?? []) {
    if (isGroupTaken(bound, takenGroups, findings)) continue;
    const server = toVirtualServer(bound, { defaults, groups, trackFiles, sessions, findings });
    const own = server && withoutTaken(server, bound, taken, findings);
    if (own) servers.push(own);
  }
  return servers;
}

/** As they are written; a name twice has its finding, and the first one counts. */
function toServiceGroups(groups: readonly BoundGroup[]): readonly ServiceGroup[] {
  const named = new Map(groups.toReversed().map((group) => [group.value, group]));
  return groups
    .filter((group) => named.get(group.value) === group)
    .map((group) => ({ name: group.value, entries: group.lines.flatMap(({ value }) => groupEntryOf(value)) }));
}

function groupEntryOf(entry: GroupEntry | GroupMark): ServiceGroup["entries"] {
  if (entry.kind === "fwmark") {
    const { mark, family } = entry;
    return [{ kind: "fwmark", mark, ...(family && { family: family === "inet6" ? 6 : 4 }) }];
  }
  const [first, last] = [entry.ips[0], entry.ips.at(-1)];
  return first === undefined || last === undefined ? [] : [{ kind: "address", first, last, port: entry.port }];
}

/** A whole group served a second time: its entries, maybe very many, are not looked at again. */
function isGroupTaken(bound: BoundVirtualServer, taken: Map<string, BoundVirtualServer>, findings: Findings): boolean {
  if (bound.value.kind !== "group") return false;
  const key = `${bound.block.protocol?.value ?? ""} ${bound.value.name}`;
  const before = taken.get(key);
  if (!before) taken.set(key, bound);
  else
    findings.add("warning", valueSpan(bound.statement), {
      code: "duplicate-service",
      message: `group ${bound.value.name} is served by another virtual_server already: it is left out here`,
      related: [{ span: valueSpan(before.statement), message: "served here first" }],
    });
  return before !== undefined;
}

/** A kernel service belongs to one virtual server; keepalived lets a second one fail when it runs (language.md §12). */
function withoutTaken(
  server: VirtualServer,
  bound: BoundVirtualServer,
  taken: Map<string, BoundVirtualServer>,
  findings: Findings,
): VirtualServer | undefined {
  const services: ServiceAddress[] = [];
  let first: { readonly key: string; readonly before: BoundVirtualServer } | undefined;
  for (const service of server.services) {
    const key =
      service.kind === "address"
        ? `${formatEndpoint(service.ip, service.port)}/${server.protocol}`
        : `fwmark ${service.mark} of IPv${service.family}`;
    const before = taken.get(key);
    if (before) first ??= { key, before };
    else {
      taken.set(key, bound);
      services.push(service);
    }
  }
  if (!first) return server;
  const { key, before } = first;
  const doubles = server.services.length - services.length;
  const what = doubles === 1 ? key : `${key} (and ${doubles - 1} more)`;
  findings.add("warning", valueSpan(bound.statement), {
    code: "duplicate-service",
    message: `${what} ${before === bound ? "stands twice in this group" : "is served by another virtual_server already"}: it is left out here`,
    ...(before !== bound && { related: [{ span: valueSpan(before.statement), message: "served here first" }] }),
  });
  return services.length === 0 ? undefined : { ...server, services };
}

function toVrrp(
  top: BoundTop,
  global: BoundGlobal,
  findings: Findings,
  literal: boolean,
): { config: VrrpConfig; bfd: Config["bfd"] } {
  const scripts = uniqueByName(top.vrrp_script, "vrrp_script", "warning", findings);
  const files = uniqueByName(top.track_file, "track_file", "warning", findings);
  const processes = uniqueByName(top.vrrp_track_process, "vrrp_track_process", "warning", findings);
  const sessions = uniqueByName(top.bfd_instance, "bfd_instance", "error", findings);
  const made = {
    scripts: scripts.flatMap((bound) => toTrackScript(bound, findings) ?? []),
    files: files.flatMap((bound) => toTrackFile(bound, findings) ?? []),
    processes: processes.flatMap((bound) => toTrackProcess(bound, findings) ?? []),
    bfd: toSessions(sessions, findings),
  };
  const byName = <T extends { readonly name: string }>(items: readonly T[]) =>
    new Map(items.map((item) => [item.name, item]));
  const defined = [...scripts, ...files, ...processes, ...sessions].map((bound) => bound.value);
  const trackers: TrackerDefinitions = {
    scripts: byName(made.scripts),
    files: byName(made.files),
    processes: byName(made.processes),
    bfd: byName(made.bfd.filter(({ forVrrp }) => forVrrp)),
    forCheckers: new Set(made.bfd.flatMap(({ name, forVrrp }) => (forVrrp ? [] : [name]))),
    broken: new Set(defined),
  };
  const groups = uniqueByName(top.vrrp_sync_group, "vrrp_sync_group", "error", findings);
  const ruleNumbers = createRuleNumbers();
  const staticRules = toRules(
    (top.static_rules ?? []).flatMap((entry) => entry.lines),
    ruleNumbers,
    findings,
  );
  const bound = uniqueByName(top.vrrp_instance, "vrrp_instance", "error", findings);
  const complete = bound.flatMap(
    (one) => toInstance(one, { global, trackers, ...groupRules(groups), ruleNumbers, findings, literal }) ?? [],
  );
  const instances = withoutDuplicateIds(complete, bound, findings);
  const joined = createMembership();
  const names = {
    known: new Set(instances.map((instance) => instance.name)),
    broken: new Set(bound.map((instance) => instance.value)),
  };
  const syncGroups = groups.flatMap((group) => toSyncGroup(group, names, joined, trackers, global, findings) ?? []);
  const config: VrrpConfig = {
    instances: startingTogether(instances, syncGroups),
    syncGroups,
    scripts: made.scripts,
    files: made.files,
    processes: made.processes,
    trackGroups: uniqueByName(top.track_group, "track_group", "error", findings).map((group) =>
      toTrackGroup(group, names, findings),
    ),
    staticAddresses: toStaticAddresses(top, global),
    staticRoutes: (top.static_routes ?? []).flatMap((entry) => entry.lines.map((line) => line.value)),
    staticRules,
    garpGroups: (top.garp_group ?? []).map((group) => toGarpGroup(group, findings)),
    linkbeat: (top.linkbeat_interfaces ?? []).flatMap((entry) =>
      entry.lines.map(({ value, word }) => ({ ...value, origin: word.origin })),
    ),
    linkbeatUsePolling: top.linkbeat_use_polling?.value ?? false,
    upDownDelays: lastPerInterface(top),
    global: toVrrpGlobal(global),
  };
  return { config, bfd: made.bfd };
}

/** keepalived: a group begins as master only if each of its members owns its addresses. */
function startingTogether(
  instances: VrrpConfig["instances"],
  groups: VrrpConfig["syncGroups"],
): VrrpConfig["instances"] {
  const owners = new Set(instances.filter(({ priority }) => priority === OWNER_PRIORITY).map(({ name }) => name));
  const backups = new Set(
    groups.flatMap((group) => (group.instances.every((name) => owners.has(name)) ? [] : group.instances)),
  );
  return instances.map((instance) =>
    instance.initialState === "MASTER" && backups.has(instance.name)
      ? { ...instance, initialState: "BACKUP" as const }
      : instance,
  );
}

/** What instances have to know of their groups. */
function groupRules(groups: readonly BoundSyncGroup[]) {
  const seen = new Set<string>();
  const weightless = new Set<string>();
  const groupPriorityChanges = new Map<string, boolean>();
  for (const group of groups) {
    for (const { value: member } of group.block.group?.lines ?? []) {
      // Another one that lists it as well goes without it.
      if (seen.has(member)) continue;
      seen.add(member);
      if (!allowsWeights(group)) weightless.add(member);
      const changes = group.block.notify_priority_changes;
      if (changes) groupPriorityChanges.set(member, changes.value);
    }
  }
  return { weightless, groupPriorityChanges };
}

function lastPerInterface(top: BoundTop): VrrpConfig["upDownDelays"] {
  const delays = new Map<string, VrrpConfig["upDownDelays"][number]>();
  for (const { value } of top.interface_up_down_delays?.flatMap(({ lines }) => lines) ?? [])
    delays.set(value.interface, value);
  return [...delays.values()];
}
