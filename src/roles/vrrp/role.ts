// Role vrrp: the vrrp role. The core (vrrp/router/router.ts) decides; here its actions meet sockets, tables, trackers and notifications.
// This file makes the state (state.ts) and ties its parts together; when what is done, and in which order, is in turns.ts:
// advertisements first, then the tables once, then announcements, notifications, reports.
import { FLAP_LOG, limitLog } from "../../base/log-limit.ts";
import type { Config } from "../../config/model/config.ts";
import { createVrrpRouter } from "../../vrrp/router/router.ts";
import { HANDOVER_TOPIC, type HandoverFact, readHandover } from "../handover.ts";
import { createReadFailures } from "../read-failures.ts";
import { DRAIN_TOPIC, HOLD_TOPIC, type Role, type RoleContext } from "../role.ts";
import { readSessionFacts, SESSIONS_TOPIC, type SessionFacts } from "../sessions.ts";
import { follow, reach, settled, stayWarm, tellFacts } from "./actions.ts";
import { createAnnouncer } from "./announcer.ts";
import { handOver, resign, start, stop } from "./configuration.ts";
import { drift } from "./drift.ts";
import { dumpOf } from "./dumped.ts";
import { createInstants } from "./instant.ts";
import { createLosses } from "./losses.ts";
import { createVrrpMetrics } from "./metrics.ts";
import { createPacketFilter } from "./packet-filter.ts";
import { realPorts, type VrrpPorts } from "./ports.ts";
import { createWarmth } from "./rehearsal.ts";
import { fitted, reload } from "./reload.ts";
import { createVrrpReports } from "./reports.ts";
import { groups, marksOfInstance, metricValues, statusOf, traffic } from "./shown.ts";
import { AREA, type VrrpState } from "./state.ts";
import { createSyncDaemons } from "./sync-daemon.ts";
import { createTables } from "./tables.ts";
import { presentAddresses } from "./told-addresses.ts";
import { prepareFiles } from "./tracked-files.ts";
import { createTrackers } from "./trackers.ts";
import { createTurns } from "./turns.ts";
import { applyTables } from "./upkeep.ts";
import { hearWhatWaits, onDatagram, onNetEvents } from "./world.ts";

const DRAINED = "every instance is drained into FAULT (--drain-vrrp)";

export function createVrrpRole(context: RoleContext, ports: VrrpPorts = realPorts(context)): Role {
  /** States of BFD sessions that came before the configuration. */
  let sessions: SessionFacts = {};
  /** `--hold-vrrp`, while its file is there. */
  let held = false;
  /** `--drain-vrrp`, as of the last reload. */
  let drained = false;
  let state: VrrpState | undefined;
  let stopped = false;
  /** Of the program in whose place this director goes on. */
  let handover: HandoverFact | undefined;

  function begin(first: Config): void {
    if (stopped) return;
    state = newState(context, ports, first);
    if (context.options.logsAddresses) for (const line of presentAddresses(state.reflector.seen)) context.log(line);
    state.trackers.setBfd(sessions);
    state.router.setHeld(held, state.now());
    state.router.setDrained(drained, state.now());
    if (drained) context.log({ level: "warning", area: AREA, message: DRAINED });
    if (held) context.log({ level: "info", area: AREA, message: "instances are held in INIT (--hold-vrrp)" });
    start(state, handover);
  }

  function change(next: Config): Promise<void> | undefined {
    return state && !stopped ? reload(state, next) : undefined;
  }

  return {
    // Priorities depend on what stands in tracked files.
    start: (first) => {
      const reading = prepareFiles(ports.trackers, first);
      return reading ? reading.then(() => begin(first)) : begin(first);
    },
    reload: (next) => {
      const reading = state?.trackers.prepare(next);
      return reading ? reading.then(() => change(next)) : change(next);
    },
    leave() {
      if (state) resign(state);
    },
    handOver() {
      stopped = true;
      if (state) handOver(state);
    },
    stop() {
      stopped = true;
      return state ? stop(state) : undefined;
    },
    snapshot: () => state?.reports.everything(),
    unwatched: () => state?.reports.rest(),
    dump: (kind) => state && dumpOf(state, kind),
    receive(topic, value) {
      if (topic === HANDOVER_TOPIC) handover = readHandover(value);
      if (topic === HOLD_TOPIC && typeof value === "boolean") {
        held = value;
        if (!state) return;
        if (!held) context.log({ level: "info", area: AREA, message: "instances are let go (--hold-vrrp)" });
        state.turns.perform(state.router.setHeld(held, state.now()));
      }
      if (topic === DRAIN_TOPIC && typeof value === "boolean" && value !== drained) {
        drained = value;
        if (!state) return;
        const message = drained ? DRAINED : "instances may take part again (--drain-vrrp)";
        context.log({ level: "warning", area: AREA, message });
        state.turns.perform(state.router.setDrained(drained, state.now()));
      }
      const told = topic === SESSIONS_TOPIC ? readSessionFacts(value) : undefined;
      if (!told) return;
      if (state) state.trackers.setBfd(told);
      else sessions = told;
    },
  };
}

/** The state of a role that starts: everything is open, nothing has been done. */
function newState(context: RoleContext, ports: VrrpPorts, first: Config): VrrpState {
  const { clock, log } = context;
  const now = createInstants(clock);
  const told = limitLog(log, clock, FLAP_LOG);
  // None of these calls back before they are all made.
  const reflector = ports.openReflector((events) => onNetEvents(state, events));
  const config = fitted(first, { reflector, context });
  const router = createVrrpRouter(config.vrrp, config.bfd, clock.now(), { rehearse: true });
  const { journal, world, frames } = ports;
  const tables = createTables({ reflector, journal, world, log });
  const metrics = createVrrpMetrics();
  const sockets = ports.openSockets(
    (datagram, key) => onDatagram(state, datagram, key),
    (read) => state.turns.together(read),
  );
  const turns = createTurns({
    clock,
    now,
    awakeUntil: ports.awakeUntil,
    begun: (dueAt) => metrics.timer(dueAt, clock.now()),
    drain: (dueAt) => hearWhatWaits(state, dueAt),
    reach: (actions) => reach(state, actions),
    follow: (actions, tablesChanged) => follow(state, actions, tablesChanged),
    settled: () => settled(state),
  });
  const state: VrrpState = {
    context,
    ports,
    told,
    now,
    phase: "running",
    config,
    router,
    stations: new Map(),
    owning: new Map(),
    socketKeys: new Map(),
    sockets,
    reflector,
    tables,
    syncDaemons: createSyncDaemons(ports.openIpvs, (line) => told("sync daemons", line)),
    filter: createPacketFilter(ports.openFirewall, log),
    applying: "no",
    turns,
    announcer: createAnnouncer({
      clock,
      frames,
      seen: () => reflector.seen,
      revision: () => reflector.revision,
      forwards: (link) => ports.sysctl.value(`net/ipv6/conf/${link}/forwarding`) === "1",
      sent: metrics.announced,
    }),
    trackers: createTrackers({ clock, log, ...ports.trackers }, () => tellFacts(state)),
    facts: new Map(),
    lostStatics: new Map(),
    losses: createLosses({
      log,
      now: () => clock.now(),
      ownerOf: (event) => tables.ownerOf(event),
      leave: (wish) => tables.leave(wish),
      removed: (name, what, by) => turns.perform(router.removed(name, what, now(), by)),
      restoreStatic: () => applyTables(state),
      drift: (subject, to, reason) => drift(state, subject, to, reason),
      processName: ports.processName,
    }),
    reads: createReadFailures(AREA, "the kernel's links, addresses, routes and rules", log),
    reports: createVrrpReports({
      clock,
      report: context.report,
      isWatched: () => context.isWatched?.() ?? true,
      names: () => [...state.stations.keys()],
      status: (name) => statusOf(state, name),
      marks: (name) => marksOfInstance(state, name),
      traffic: () => traffic(state),
      groups: () => groups(state),
      metrics: () => metricValues(state),
    }),
    metrics,
    warmth: createWarmth(clock, () => stayWarm(state)),
    held: [],
    cancelAudit: () => {},
    formerStatics: undefined,
    isLeaving: false,
    isLookDue: false,
  };
  return state;
}
