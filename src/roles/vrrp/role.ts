// Role vrrp: the vrrp role. The core (vrrp/director.ts) decides; here its actions meet sockets, tables, trackers and notifications.
// When and in which order is in vrrp-turns.ts: advertisements first, then the tables once, then announcements, notifications, reports.

import { hostname, uptime } from "node:os";
import { SyscallError } from "../../../ffi/errno.ts";
import type { Cancel } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { ipBytes } from "../../base/ip.ts";
import { unreachable } from "../../base/never.ts";
import type { Command } from "../../config/model/command.ts";
import type { Config } from "../../config/model/config.ts";
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import { openFileWatches } from "../../kernel/file-watch.ts";
import { openIpvs } from "../../kernel/ipvs.ts";
import { openLinkMonitor } from "../../kernel/link-monitor.ts";
import { openNotifyFifo } from "../../kernel/make-fifo.ts";
import { openVrrpFirewall, type VrrpFirewall } from "../../kernel/nftables.ts";
import { openFrameSender } from "../../kernel/packet-socket.ts";
import { openProcessMonitor } from "../../kernel/process-monitor.ts";
import { processName } from "../../kernel/process-name.ts";
import { openVrrpSockets, type SendOutcome, type VrrpDatagram } from "../../kernel/raw-socket.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import { openReflector } from "../../kernel/reflector.ts";
import { openRights } from "../../kernel/rights.ts";
import { openRtnetlink } from "../../kernel/rtnetlink.ts";
import type { ScriptOutcome } from "../../kernel/script-runner.ts";
import { currentWorld, openSysctlKeeper, parseSysctlJournal } from "../../kernel/sysctl.ts";
import { openVirtualInterfaces } from "../../kernel/vmac.ts";
import { vrrpIsSpokenHere } from "../../kernel/vrrp-speakers.ts";
import { linkWorks } from "../../net/model.ts";
import { type BlockedAddress, firewallSettings } from "../../net/nft-vrrp.ts";
import type { NetEvent } from "../../net/seen.ts";
import { createNotifier, type RunningNotifier } from "../../notify/notifier.ts";
import type { ScriptRunResult } from "../../probe/track-script.ts";
import { escapeLabel } from "../../status/metrics.ts";
import type { VrrpStatus } from "../../status/schema.ts";
import type { DirectorAction } from "../../vrrp/actions.ts";
import { type Arrival, createDirector, type Director } from "../../vrrp/director.ts";
import { beyondText } from "../../vrrp/peers.ts";
import { planReload } from "../../vrrp/reload.ts";
import { marksOf, trafficOf } from "../../vrrp/status.ts";
import { journalPath, openJournal } from "../journal.ts";
import { createProgramClient } from "../programs/client.ts";
import { createReadFailures } from "../read-failures.ts";
import type { Role, RoleContext } from "../role.ts";
import { needsFirewall, servedOf } from "../served.ts";
import { type AnnounceRounds, createAnnouncer } from "./announcer.ts";
import { createInstants } from "./instant.ts";
import { createLosses } from "./losses.ts";
import { createVrrpMetrics } from "./metrics.ts";
import { keepWarm } from "./rehearsal.ts";
import { createVrrpReports } from "./reports.ts";
import {
  addressesOf,
  blockedOn,
  bootDelayMs,
  deviceOf,
  fitInstances,
  givenNames,
  missingInterfaces,
  newStation,
  placeAddresses,
  refreshStation,
  releaseSocket,
  STATION_FAULTS,
  type Station,
  virtualMacsOf,
  virtualsOf,
} from "./station.ts";
import { createSyncDaemons } from "./sync-daemon.ts";
import {
  createTables,
  isEmpty,
  parseTablesJournal,
  partOf,
  staticPart,
  type TablesPart,
  tableScope,
  trackedStatics,
} from "./tables.ts";
import { createTrackers, type NamedFact } from "./trackers.ts";
import { createTurns } from "./turns.ts";

const AREA = "vrrp";
/** Addresses, routes, rules and the packet filter are compared with the wish this often. */
const AUDIT_MS = 5000;
/** An audit reads whole tables: it waits for the time behind an advertisement when the next one is closer than this. */
const AUDIT_QUIET_MS = 50;
/** A rehearsal that only keeps warm is left out when something is due this soon. */
const WARM_QUIET_MS = 2;
/** Somebody who undoes each command at once is not answered without end: the audit comes anyway. */
const MAX_APPLY_ROUNDS = 3;
/** Where adverts follow closer than that there is no such time. */
const AUDIT_PATIENCE_MS = 1000;
/** What notify programs may take after the stop, of child_wait_time. */
const DRAIN_SHARE = 0.6;

export function createVrrpRole(context: RoleContext): Role {
  const { clock, log, options } = context;
  const now = createInstants(clock);
  const readiness = openReadiness();
  // Two: programs of notifications never wait for tracking scripts that hang, nor the other way round.
  const programs = createProgramClient(readiness, clock, options.runDir);
  const trackScripts = programs.runner("checks");
  const notifyScripts = programs.runner("notifications");
  const sysctl = openSysctlKeeper(openJournal(journalPath(options.runDir, "vrrp-sysctl"), parseSysctlJournal), log);
  const commands = openRtnetlink();
  const virtuals = openVirtualInterfaces(commands, sysctl, log);
  const reflector = openReflector(readiness, clock, commands, { scope: tableScope([]) }, onNetEvents);
  const tables = createTables({
    reflector,
    journal: openJournal(journalPath(options.runDir, "vrrp"), parseTablesJournal),
    world: currentWorld(),
    log,
  });
  const sockets = openVrrpSockets(readiness, () => clock.now(), onDatagram);
  const frames = openFrameSender();
  const takeRights = openRights(AREA, log);
  const trackers = createTrackers(
    {
      clock,
      log,
      async runScript({ command, timeoutMs }, overdue) {
        const late = () => overdue(scriptResult({ kind: "timeout", limitMs: timeoutMs }));
        return scriptResult(await trackScripts.run(command, [], timeoutMs, late));
      },
      openFiles: () => openFileWatches(readiness, clock),
      openLinks: (polled, changed) => openLinkMonitor(clock, polled, changed),
      openProcesses: (options, changed) => openProcessMonitor(readiness, clock, options, changed),
    },
    () => perform(director?.setFacts(currentFacts(), now())),
  );
  const syncDaemons = createSyncDaemons(() => openIpvs({ transport: options.ipvsTransport, log }), log);

  const reads = createReadFailures(AREA, "the kernel's links, addresses, routes and rules", log);
  const losses = createLosses({
    log,
    now: () => clock.now(),
    ownerOf: (event) => tables.ownerOf(event),
    leave: (wish) => tables.leave(wish),
    removed: (name, what, by) => perform(director?.removed(name, what, now(), by)),
    restoreStatic: () => applyTables(),
    drift,
    processName,
  });

  const stations = new Map<string, Station>();
  /** Instances whose addresses, routes and rules are wanted. */
  const owning = new Map<string, VrrpInstance>();
  /** Key of the kernel's sockets → key of the director's. */
  const socketKeys = new Map<string, string>();
  const metrics = createVrrpMetrics();
  const announcer = createAnnouncer({
    clock,
    frames,
    seen: () => reflector.seen,
    revision: () => reflector.revision,
    forwards,
    sent: metrics.announced,
  });
  const turns = createTurns({
    clock,
    now,
    begun: (dueAt) => metrics.timer(dueAt, clock.now()),
    drain: () => sockets.drain(),
    reach: (actions) => reachNeighbours(actions, owning, false),
    follow(actions, tablesChanged) {
      reflector.settle();
      for (const action of actions) tell(action);
      if (tablesChanged) syncDaemons.follow(new Set(owning.keys()));
    },
    settled() {
      if (held.length > 0 && !reloading) onNetEvents(held.splice(0));
    },
  });
  const { perform, carryOut } = turns;
  const reports = createVrrpReports({
    clock,
    report: context.report,
    names: () => [...stations.keys()],
    status: statusOf,
    marks(name) {
      const view = director?.instance(name);
      const { messages, missed } = reflector.counters();
      // Any change in the kernel's tables may be of its addresses.
      return view && [...marksOf(view), messages, missed, metrics.sendErrors(name).count];
    },
    *traffic() {
      const at = now();
      for (const view of director?.instances() ?? []) yield [view.name, trafficOf(view, at)];
    },
    *groups() {
      for (const { name } of config?.vrrp.syncGroups ?? []) {
        const value = director?.groupStatus(name, now());
        if (value) yield value;
      }
    },
    metrics: metricValues,
  });
  let director: Director | undefined;
  let config: Config | undefined;
  let notifier: RunningNotifier | undefined;
  let firewall: VrrpFirewall | undefined;
  let blocked: readonly BlockedAddress[] = [];
  let applying = false;
  let applyAgain = false;
  /** Stations are those of the next configuration, the director's instances not yet. */
  let reloading = false;
  /** While actions are carried out or a reload is under way, what the kernel tells is worked in behind that. */
  const held: NetEvent[] = [];
  let cancelAudit: Cancel = () => {};
  let looking = false;
  let stopped = false;

  // --- actions

  /**
   * Advertisements, then the tables, then the announcements; did the tables change? `owned` changes with them. `rehearsing`: all of
   * this but what others would see of it, by the same code, so that it is compiled and at hand when it counts.
   */
  function reachNeighbours(
    actions: readonly DirectorAction[],
    owned: Map<string, VrrpInstance>,
    rehearsing: boolean,
  ): boolean {
    let tablesChanged = false;
    for (const action of actions) {
      if (action.kind === "send") send(action, rehearsing);
      else if (action.kind === "addAddresses" || action.kind === "syncAddresses") {
        owned.set(action.instance, action.config);
        if (!rehearsing) tables.claim(action.instance);
      } else if (action.kind === "removeAddresses") owned.delete(action.instance);
      if (action.kind.endsWith("Addresses")) tablesChanged = true;
    }
    if (tablesChanged) {
      if (rehearsing) rehearseTables(owned);
      else applyTables();
    }
    announcer.announce(actions.flatMap(announced), rehearsing);
    return tablesChanged;
  }

  function rehearse(actions: readonly DirectorAction[]): void {
    reachNeighbours(actions, new Map(owning), true);
  }

  /** False when no instance waits for a master. */
  function stayWarm(): boolean {
    if (!director || stopped) return false;
    // What looms is rehearsed by itself, and what is due comes first.
    if (director.takeoverLooms() || director.deadline() - clock.now() < WARM_QUIET_MS) return true;
    const actions = director.takeover(now());
    rehearse(actions);
    return actions.length > 0;
  }

  function send({ instance, datagrams }: DirectorAction & { kind: "send" }, rehearsing: boolean): void {
    const { socket, source } = stations.get(instance) ?? {};
    if (!socket || source === undefined) return;
    const from = ipBytes(source);
    for (const { destination, bytes } of datagrams) {
      if (rehearsing) {
        socket.rehearse(destination, bytes, from);
        continue;
      }
      const outcome = socket.send(destination, bytes, from);
      // A line for each would fill the log of a director without a link.
      if (metrics.advertSent(instance, outcome)) tellSending(instance, outcome);
    }
  }

  function tellSending(instance: string, outcome: SendOutcome): void {
    const message = outcome.ok ? "advertisements are sent again" : `advertisements can't be sent: ${outcome.code}`;
    log({
      level: outcome.ok ? "info" : "warning",
      area: AREA,
      message: `${instance}: ${message}`,
      fields: { instance },
    });
  }

  function announced(action: DirectorAction): AnnounceRounds[] {
    if (action.kind !== "announce" && action.kind !== "announceSource") return [];
    const station = stations.get(action.instance);
    if (action.kind === "announce") return [{ station, targets: action.targets, rounds: action.rounds }];
    return [{ station, targets: [{ ip: action.ip, family: action.config.family, useVmac: false }], rounds: 1 }];
  }

  function tell(action: DirectorAction): void {
    switch (action.kind) {
      case "send":
      case "addAddresses":
      case "removeAddresses":
      case "syncAddresses":
      case "restoreAddresses":
      case "announce":
      case "announceSource":
        return;
      case "announceExtra":
        announcer.announceExtra(stations.get(action.instance), action.all);
        return;
      case "rehearse":
        rehearse(action.actions);
        return;
      case "imminent":
        turns.foresee(action.actions, action.due);
        return;
      case "notify":
        notifier?.notify(action.notification);
        return;
      case "transition":
        tellTransition(action);
        return;
      case "event":
        tellEvent(action);
        return;
      case "log":
        log(action.line);
        return;
      default:
        unreachable(action);
    }
  }

  function tellTransition({ subject, name, from, to, cause }: DirectorAction & { kind: "transition" }): void {
    const at = new Date(clock.wallMs()).toISOString();
    const kind = subject === "group" ? "sync-group" : "vrrp";
    context.report({ kind: "event", value: { at, kind, subject: name, from, to, reason: cause.text } });
    if (subject === "instance") metrics.transition(name, from, to, cause.code);
    reports.changed(name);
  }

  function tellEvent({ event, instance, from, to, reason }: DirectorAction & { kind: "event" }): void {
    const at = new Date(clock.wallMs()).toISOString();
    context.report({
      kind: "event",
      value: { at, kind: event, subject: instance, ...(from !== undefined && { from }), to, reason },
    });
    reports.changed(instance);
  }

  function forwards(link: string): boolean {
    return sysctl.value(`net/ipv6/conf/${link}/forwarding`) === "1";
  }

  function runNotify(command: Command, args: readonly string[], limitMs: number, end?: AbortSignal) {
    return notifyScripts.run(command, args, limitMs, undefined, end);
  }

  // --- tables

  /** Commands bring events, which may ask for this again while it runs: then it is done once more behind itself. */
  function applyTables(): void {
    applyAgain = applying;
    if (applying) return;
    applying = true;
    try {
      for (let rounds = 0; rounds === 0 || (applyAgain && rounds < MAX_APPLY_ROUNDS); rounds++) {
        applyAgain = false;
        applyOnce();
      }
    } finally {
      applying = false;
    }
  }

  function applyOnce(): void {
    const wanted = blockedAddresses(owning);
    const gone = blocked.filter((one) => !wanted.some((two) => two.ip === one.ip && two.index === one.index));
    // Filtered before it is there, and until it is gone.
    if (wanted.length > 0) filter(firewall?.block(wanted));
    tables.apply(wantedParts(owning));
    if (!turns.isBusy()) reflector.settle();
    if (gone.length > 0) filter(firewall?.unblock(gone));
    blocked = wanted;
  }

  function rehearseTables(owned: ReadonlyMap<string, VrrpInstance>): void {
    const wanted = blockedAddresses(owned);
    if (wanted.length > 0) firewall?.rehearse(wanted);
    tables.rehearse(wantedParts(owned));
  }

  function filter(failure: { readonly message: string } | undefined): void {
    if (failure) log({ level: "error", area: AREA, message: `packet filter: ${failure.message}` });
  }

  function wantedParts(of: ReadonlyMap<string, VrrpInstance>): TablesPart[] {
    const owned = [...of].flatMap(([name, instance]) => {
      const station = stations.get(name);
      return station ? [partOf(station, instance)] : [];
    });
    return config ? [staticPart(config.vrrp), ...owned] : owned;
  }

  function allParts(): TablesPart[] {
    const parts = [...stations.values()].map((one) => partOf(one, one.instance));
    return config ? [staticPart(config.vrrp), ...parts] : parts;
  }

  function blockedAddresses(of: ReadonlyMap<string, VrrpInstance>): BlockedAddress[] {
    return [...of].flatMap(([name, instance]) => {
      const station = stations.get(name);
      return station ? blockedOn(station, instance, reflector.seen) : [];
    });
  }

  function currentFacts(): readonly NamedFact[] {
    const facts = trackers.facts();
    const changes = metrics.tracked(facts);
    const at = new Date(clock.wallMs()).toISOString();
    for (const { kind, name, from, to, detail } of changes)
      context.report({
        kind: "event",
        value: { at, kind: "tracker", subject: `${kind} ${name}`, from, to, reason: detail },
      });
    // What a tracker adds to a priority is a part of the status.
    if (changes.length > 0) reports.look();
    return facts;
  }

  // --- the world

  function onDatagram(datagram: VrrpDatagram, key: string): void {
    const known = socketKeys.get(key);
    if (known === undefined || !director) return;
    perform(director.receive(known, datagram, { now: datagram.receivedAt, wallMs: clock.wallMs() }));
  }

  function onNetEvents(events: readonly NetEvent[]): void {
    // The reflector may hear something before the first configuration is here.
    if (!director || stopped) return;
    if (turns.isBusy() || reloading) {
      held.push(...events);
      return;
    }
    const restore = losses.take(events);
    const linksChanged = events.some((event) => event.kind === "link");
    const addressesChanged = events.some((event) => event.kind === "address");
    if (linksChanged || addressesChanged) refresh();
    if (linksChanged) {
      trackers.linksChanged(reflector.seen);
      for (const event of events) if (event.kind === "link") noteLink(event);
    }
    restore();
    // A device that has come (back) may be what a wish waits for.
    if (linksChanged) applyTables();
    if (addressesChanged) publishAddresses();
    // Not in the middle of putting things back: what is missing now is there at the end of it, and then this is called again.
    if (!applying) checkStatics();
    if (events.some(mayDropRoutes) && allParts().some(({ routes }) => routes.length > 0)) lookSoon();
  }

  /** Reads the tables anew; what is missing comes as events. */
  function lookSoon(): void {
    if (looking) return;
    looking = true;
    clock.at(clock.now(), () => {
      looking = false;
      if (!stopped) reads.attempt(() => reflector.audit());
    });
  }

  /** `track_group`: instances whose static things are gone and can't be put back are in FAULT. */
  function checkStatics(): void {
    if (!config || !director) return;
    const { vrrp } = config;
    const lost = new Map<string, string>();
    for (const { name, instances } of vrrp.trackGroups) {
      const missing = tables.missing(trackedStatics(vrrp, name));
      if (missing.length === 0) continue;
      for (const one of instances) lost.set(one, `track_group ${name}: ${missing.join("; ")}`);
    }
    for (const { name } of vrrp.instances) perform(director.setFault(name, "static", lost.get(name), now()));
  }

  function noteLink({ link, before, ours }: NetEvent & { kind: "link" }): void {
    if (ours || !before) return;
    if (before.mac !== link.mac) perform(director?.reannounce(link.name, "mac", now()));
    else if (!linkWorks(before) && linkWorks(link)) perform(director?.reannounce(link.name, "link", now()));
  }

  function publishAddresses(): void {
    const own = new Set([...reflector.seen.addresses.values()].map((address) => address.ip));
    context.publish("addresses", [...own].sort());
  }

  /** Links, sources, sockets: as they are now. */
  function refresh(): void {
    if (!config || !director) return;
    const { global } = config.vrrp;
    const actions: DirectorAction[] = [];
    for (const [name, station] of stations) {
      const faults = refreshStation(station, reflector.seen, global, { sockets, virtuals });
      actions.push(...director.setSource(name, station.source, now()));
      for (const code of STATION_FAULTS) actions.push(...director.setFault(name, code, faults[code], now()));
    }
    perform(actions);
    mapSockets();
    const vmacs = [...stations.values()].flatMap((station) => virtualMacsOf(station, reflector.seen));
    filter(firewall?.setVirtualMacs(vmacs));
  }

  function mapSockets(): void {
    socketKeys.clear();
    for (const spec of director?.sockets() ?? [])
      for (const name of spec.instances) {
        const { socket, macSocket } = stations.get(name) ?? {};
        for (const one of [socket, macSocket]) if (one) socketKeys.set(one.key, spec.key);
      }
  }

  // --- configuration

  function fit(next: Config): Config {
    const { instances, lines } = fitInstances(next.vrrp.instances, reflector.seen);
    for (const line of lines) log(line);
    return { ...next, vrrp: { ...next.vrrp, instances } };
  }

  function takeConfig(next: Config): void {
    config = next;
    const { vrrp, global } = next;
    trackScripts.setSecurity(global.scripts);
    notifyScripts.setSecurity(global.scripts);
    takeRights(global.process.vrrp);
    if (notifier) notifier.reload(global);
    else
      notifier = createNotifier("vrrp", global, {
        clock,
        log,
        hostName: hostname(),
        run: runNotify,
        openFifo: openNotifyFifo,
      });
    commands.setReceiveBuffer(wishedBuffer(vrrp.global.cmdRcvBufBytes, vrrp.global.cmdRcvBufForce));
    reflector.setReceiveBuffer(wishedBuffer(vrrp.global.monitorRcvBufBytes, vrrp.global.monitorRcvBufForce));
    openFirewall(next);
    sysctl.release("vrrp settings");
    if (vrrp.global.disableLocalIgmp) sysctl.set("vrrp settings", "net/ipv4/igmp_link_local_mcast_reports", "0");
    for (const { promoteSecondaries, interface: name } of vrrp.instances)
      if (promoteSecondaries && name !== undefined)
        sysctl.set("vrrp settings", `net/ipv4/conf/${name}/promote_secondaries`, "1");
  }

  function openFirewall(next: Config): void {
    const { instances, global } = next.vrrp;
    if (needsFirewall(next) && !firewall) {
      try {
        firewall = openVrrpFirewall(firewallSettings(global));
      } catch (error) {
        const reason = messageOf(error);
        const message = `no packet filter here, so no_accept and virtual MACs go without: ${reason}`;
        log({ level: "error", area: AREA, message });
      }
    }
    filter(firewall?.setServices(servedOf(next)));
    const blocked = instances.filter((instance) => !instance.accept).flatMap(addressesOf);
    filter(firewall?.prepare([...new Set(blocked.map(({ family }) => family))]));
  }

  /** One that nothing needs any more, or that a process left that died: what it blocks would stay unreachable. */
  function closeFirewall(next: Config): void {
    if (needsFirewall(next) || !(firewall || tables.crashedBefore)) return;
    try {
      firewall ??= openVrrpFirewall(firewallSettings(next.vrrp.global));
      filter(firewall.remove());
      firewall[Symbol.dispose]();
    } catch (error) {
      // Without a packet filter in the kernel there is none of ours.
      if (!(error instanceof SyscallError)) throw error;
    }
    firewall = undefined;
  }

  function start(first: Config): void {
    takeConfig(first);
    const { vrrp } = first;
    director = createDirector(vrrp, first.bfd, clock.now(), { rehearse: true });
    turns.begin(director);
    const taken = new Set<string>();
    for (const instance of vrrp.instances)
      stations.set(instance.name, newStation(instance, taken, reflector.seen, vrrp.global));
    reflector.setScope(tableScope(allParts()));
    tables.setOwned(allParts());
    if (isAlone(first) && !vrrpIsSpokenHere()) tables.takeOverMarked();
    trackers.linksChanged(reflector.seen);
    trackers.configure(first);
    refresh();
    perform(director.setFacts(currentFacts(), now()));
    // Instances may depend on what is static; what an earlier process left can wait until they are under way.
    if (!isEmpty(staticPart(vrrp))) applyTables();
    checkStatics();
    perform(director.start(now(), clock.now() + bootDelayMs(first, uptime())));
    applyTables();
    closeFirewall(first);
    for (const line of missingInterfaces(vrrp, reflector.seen)) log(line);
    tellPeersBeyond(vrrp.instances);
    sysctl.releaseLeftOver();
    syncDaemons.configure(first, new Set(owning.keys()));
    publishAddresses();
    cancelAudit = clock.at(clock.now() + AUDIT_MS, auditSoon);
    reports.start();
    keepWarm(clock, stayWarm);
  }

  function reload(next: Config): void {
    if (!director) return;
    takeConfig(next);
    const { vrrp } = next;
    // Those that leave say so by their old sockets, and from their old addresses.
    carryOut(director.retire(vrrp, now()));
    reloading = true;
    const arrived = takeStations(vrrp);
    // Of virtual interfaces that were made anew the picture has the old ones.
    reflector.drain();
    for (const line of missingInterfaces(vrrp, reflector.seen)) log(line);
    reflector.setScope(tableScope(allParts()));
    trackers.linksChanged(reflector.seen);
    trackers.configure(next);
    perform(director.setFacts(trackers.facts(), now()));
    carryOut(director.reload(vrrp, next.bfd, now(), arrived));
    reloading = false;
    refresh();
    perform(director.setFacts(currentFacts(), now()));
    // What only the configuration before names is still ours, and goes.
    applyTables();
    tables.setOwned(allParts());
    tables.claim(undefined);
    applyTables();
    closeFirewall(next);
    if (held.length > 0) onNetEvents(held.splice(0));
    checkStatics();
    tellPeersBeyond(vrrp.instances);
    syncDaemons.configure(next, new Set(owning.keys()));
    if (next.global.fifoWriteVrrpStatesOnReload) repeatStates();
    reports.everything();
  }

  function tellPeersBeyond(instances: readonly VrrpInstance[]): void {
    const networks = [...reflector.seen.addresses.values()];
    for (const instance of instances) {
      const text = beyondText(instance, networks);
      if (text !== undefined) log({ level: "info", area: AREA, message: `${instance.name}: ${text}` });
    }
  }

  /** Stations of another configuration: kept, dropped, new. What the new ones find is the result. */
  function takeStations(vrrp: Config["vrrp"]): ReadonlyMap<string, Arrival> {
    const before = new Map(stations);
    const plan = planReload(
      [...before.values()].map((station) => station.instance),
      vrrp.instances,
    );
    for (const { name } of plan.remove) {
      const station = before.get(name);
      if (station) dropStation(name, station);
    }
    stations.clear();
    const kept = givenNames(before.values());
    for (const { old, next: instance } of [...plan.keep, ...plan.change]) {
      const station = before.get(old.name);
      if (!station) continue;
      station.instance = instance;
      const unused = placeAddresses(station, kept, reflector.seen, vrrp.global);
      for (const vmac of unused) virtuals.remove(vmac);
      stations.set(instance.name, station);
    }
    // Another name is no change on the wire, so the core has nothing to say of it. Names may have been exchanged.
    const owners = [...plan.keep, ...plan.change].filter(({ old }) => owning.has(old.name));
    for (const { old } of owners) owning.delete(old.name);
    for (const { next } of owners) owning.set(next.name, next);
    const arrived = new Map<string, Arrival>();
    const taken = givenNames(stations.values());
    for (const instance of plan.add) {
      const station = newStation(instance, taken, reflector.seen, vrrp.global);
      stations.set(instance.name, station);
      const faults = refreshStation(station, reflector.seen, vrrp.global, { sockets, virtuals });
      arrived.set(instance.name, { source: station.source, faults });
    }
    for (const name of before.keys()) if (!stations.has(name)) reports.gone(name);
    return arrived;
  }

  function dropStation(name: string, station: Station): void {
    releaseSocket(station);
    owning.delete(name);
    for (const { name: vmac } of virtualsOf(station)) virtuals.remove(vmac);
  }

  function repeatStates(): void {
    for (const { name } of config?.vrrp.syncGroups ?? []) {
      const state = director?.groupStatus(name, now())?.state;
      if (state === "MASTER" || state === "BACKUP" || state === "FAULT")
        notifier?.notify({ kind: "group", name, state, priority: 0, commands: {}, smtpAlert: false });
    }
    for (const view of director?.instances() ?? []) {
      const { kind } = view.state;
      const state =
        kind === "master" ? "MASTER" : kind === "backup" ? "BACKUP" : kind === "fault" ? "FAULT" : undefined;
      if (!state) continue;
      const { name, state: machine } = view;
      notifier?.notify({ kind: "instance", name, state, priority: machine.priority, commands: {}, smtpAlert: false });
    }
  }

  // --- audit and status

  function auditSoon(): void {
    const since = clock.now();
    const look = () => {
      const next = director?.deadline() ?? Number.POSITIVE_INFINITY;
      const busy = next - clock.now() < AUDIT_QUIET_MS && clock.now() - since < AUDIT_PATIENCE_MS;
      if (busy) cancelAudit = clock.at(Math.max(next, clock.now()) + 1, look);
      else audit();
    };
    look();
  }

  function audit(): void {
    cancelAudit = clock.at(clock.now() + AUDIT_MS, auditSoon);
    reads.attempt(compareAll);
  }

  function compareAll(): void {
    reflector.audit();
    if (firewall?.audit())
      log({ level: "warning", area: AREA, message: "the packet filter was changed by somebody else, made anew" });
    const repaired = tables.apply(wantedParts(owning));
    reflector.settle();
    losses.prune(tables.isWanted);
    checkStatics();
    syncDaemons.audit(new Set(owning.keys()));
    if (repaired === 0) return;
    log({
      level: "warning",
      area: AREA,
      message: `audit: ${repaired} addresses, routes or rules were not as wanted, put right`,
    });
    drift("addresses, routes, rules", "repaired", `${repaired} changes were needed`);
  }

  function drift(subject: string, to: string, reason: string): void {
    const at = new Date(clock.wallMs()).toISOString();
    context.report({ kind: "event", value: { at, kind: "drift", subject, to, reason } });
  }

  function statusOf(name: string): VrrpStatus | undefined {
    const station = stations.get(name);
    const status = director?.status(name, now(), (address) => {
      const device = station && deviceOf(station, address);
      return { interface: device ?? "", present: device !== undefined && tables.has({ ...address, device }) };
    });
    const { count, last } = metrics.sendErrors(name);
    const receiveDrops = station?.socket?.counters().drops ?? 0;
    return status && { ...status, transmission: { sendErrors: count, lastSendError: last, receiveDrops } };
  }

  /** Counters of the sockets, each pair once. */
  function socketMetrics(): Record<string, number> {
    const values: Record<string, number> = { lbd_vrrp_announce_errors_total: frames.failed() };
    const sockets = new Map([...stations.values()].flatMap(({ socket }) => (socket ? [[socket.key, socket]] : [])));
    for (const [key, socket] of sockets) {
      const { drops, receiveErrors } = socket.counters();
      values[`lbd_vrrp_receive_drops_total{socket="${escapeLabel(key)}"}`] = drops;
      values[`lbd_vrrp_receive_errors_total{socket="${escapeLabel(key)}"}`] = receiveErrors;
    }
    return values;
  }

  function metricValues(): Record<string, number> {
    const { overruns, resyncs } = reflector.counters();
    const values: Record<string, number> = {
      ...metrics.values(),
      ...tables.metrics(),
      ...losses.metrics(),
      ...syncDaemons.metrics(),
      ...socketMetrics(),
      ...notifier?.metrics(),
      lbd_netlink_overruns_total: overruns,
      lbd_netlink_resyncs_total: resyncs,
      lbd_netlink_read_failures_total: reads.total(),
    };
    Object.assign(values, metrics.syncDaemons(syncDaemons.running()));
    for (const [name, running] of trackers.scripts())
      values[`keepalived_script_state{name="${escapeLabel(name)}"}`] = running ? 1 : 0;
    return values;
  }

  // --- end

  async function stop(): Promise<void> {
    cancelAudit();
    reports.stop();
    turns.stop();
    trackers.stop();
    const tracksEnd = trackScripts.stop();
    const actions = director?.stop(now()) ?? [];
    // -V: resigned, but addresses, routes and rules stay.
    carryOut(options.releaseVrrp ? actions : actions.filter((action) => !action.kind.endsWith("Addresses")));
    stopped = true;
    if (options.releaseVrrp) removeAll();
    syncDaemons.stop();
    reports.tell(stations.keys());
    sockets[Symbol.dispose]();
    await notifier?.drain((config?.global.childWaitMs ?? 5000) * DRAIN_SHARE);
    notifier?.close();
    await Promise.all([tracksEnd, notifyScripts.stop()]);
    frames[Symbol.dispose]();
    firewall?.[Symbol.dispose]();
    reflector[Symbol.dispose]();
    commands[Symbol.dispose]();
  }

  /** Also what is static, and what no instance has right now. */
  function removeAll(): void {
    tables.apply([]);
    tables.forget();
    filter(firewall?.remove());
    for (const name of virtuals.names()) virtuals.remove(name);
    sysctl.releaseAll();
  }

  return {
    start: (first) => start(fit(first)),
    reload: (next) => reload(fit(next)),
    stop,
    snapshot: reports.everything,
    receive(topic, value) {
      if (topic === "bfd" && isSessions(value)) trackers.setBfd(value);
    },
  };
}

/** kernel: IPv4 routes go without a word when their link goes down, or the address that made their gateway reachable. */
function mayDropRoutes(event: NetEvent): boolean {
  if (event.kind === "link") return event.change === "removed" || !linkWorks(event.link);
  return event.kind === "address" && event.change === "removed" && event.address.family === 4 && !event.ours;
}

/** A director with an instance name is one of several in its namespace. */
function isAlone(config: Config): boolean {
  return config.global.instanceName === undefined;
}

function scriptResult(outcome: ScriptOutcome): ScriptRunResult {
  switch (outcome.kind) {
    case "exit":
      return { ok: outcome.status === 0, detail: withNote(`exit status ${outcome.status}`, outcome.note) };
    case "signal":
      return { ok: false, detail: `ended by ${outcome.signal}` };
    case "timeout":
      return { ok: false, detail: `took longer than ${outcome.limitMs} ms` };
    case "cannot-start":
      return { ok: false, detail: `can't be run: ${outcome.reason}` };
    default:
      return unreachable(outcome);
  }
}

function withNote(text: string, note: string | undefined): string {
  return note === undefined ? text : `${text}: ${note}`;
}

function isSessions(value: unknown): value is Readonly<Record<string, boolean>> {
  return typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "boolean");
}
