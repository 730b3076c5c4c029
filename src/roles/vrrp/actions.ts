// Role vrrp: what the router gives meets sockets, tables and programs. Neighbours come first (reach), all else behind them (follow):
// turns.ts says when. A rehearsal goes the same way up to what others would see of it.
import { ipBytes } from "../../base/ip.ts";
import type { LogLine } from "../../base/log.ts";
import { unreachable } from "../../base/never.ts";
import { PLACES, sameValue } from "../../base/same-value.ts";
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import type { SendOutcome } from "../../kernel/raw-socket.ts";
import { partOf } from "../../net/parts.ts";
import { changesTables, type VrrpAction } from "../../vrrp/actions.ts";
import type { AnnounceRounds } from "./announcer.ts";
import { AREA, type VrrpState } from "./state.ts";
import type { NamedFact } from "./tracked.ts";
import { applyChange, applyTables, rehearseTables } from "./upkeep.ts";
import { onNetEvents } from "./world.ts";

/** A rehearsal that only keeps warm is left out when something is due this soon. */
const WARM_QUIET_MS = 2;

/** Advertisements, then the tables, then the announcements; did the tables change? */
export function reach(role: VrrpState, actions: readonly VrrpAction[]): boolean {
  return reachNeighbours(role, actions, role.owning, false);
}

/**
 * `owned` changes with the actions. `rehearsing`: all of this but what others would see of it, by the same code, so that it is compiled
 * and at hand when it counts.
 */
function reachNeighbours(
  role: VrrpState,
  actions: readonly VrrpAction[],
  owned: Map<string, VrrpInstance>,
  rehearsing: boolean,
): boolean {
  /** Those that own something else by now. */
  const changed = new Map<string, { before: VrrpInstance | undefined; now: VrrpInstance | undefined }>();
  let isAnythingElse = false;
  for (const action of actions) {
    if (action.kind === "send") send(role, action, rehearsing);
    if (!changesTables(action)) continue;
    const { instance } = action;
    const before = changed.get(instance)?.before ?? owned.get(instance);
    const isChange = !isSameWish(role, action);
    if (action.kind === "addAddresses" || action.kind === "syncAddresses") {
      owned.set(instance, action.config);
      if (!rehearsing) role.tables.claim(instance);
    } else if (action.kind === "removeAddresses") owned.delete(instance);
    else isAnythingElse = true;
    if (isChange) changed.set(instance, { before, now: owned.get(instance) });
  }
  const tablesChanged = isAnythingElse || changed.size > 0;
  if (isAnythingElse && !rehearsing) applyTables(role);
  else if (tablesChanged && rehearsing) rehearseTables(role, owned, changed);
  else if (tablesChanged) applyChange(role, changed);
  role.announcer.announce(
    actions.flatMap((action) => announced(role, action)),
    rehearsing,
  );
  return tablesChanged;
}

/** Another configuration that asks for the same of the tables and the packet filter. */
function isSameWish({ stations }: VrrpState, action: VrrpAction): boolean {
  if (action.kind !== "syncAddresses") return false;
  const { instance, config, previous } = action;
  const station = stations.get(instance);
  if (!station || config.accept !== previous.accept) return false;
  return sameValue(partOf(station, previous), partOf(station, config), PLACES);
}

/** All that is no neighbour's business: programs, the log, events, the sync daemons. */
export function follow(role: VrrpState, actions: readonly VrrpAction[], tablesChanged: boolean): void {
  role.reflector.settle();
  for (const action of actions) tell(role, action);
  // A backup that has just become one waits for a master from now on, and a master that advertises is awake.
  if (actions.some(({ kind }) => kind === "transition" || kind === "send")) role.warmth.awake();
  if (tablesChanged) role.syncDaemons.follow(role.owning);
}

/** Nothing is being carried out any more: what the kernel told meanwhile is worked in. */
export function settled(role: VrrpState): void {
  if (role.held.length > 0 && role.phase !== "reloading") onNetEvents(role, role.held.splice(0));
}

function rehearse(role: VrrpState, actions: readonly VrrpAction[]): void {
  reachNeighbours(role, actions, new Map(role.owning), true);
}

/** Takeovers and good-byes. False when no instance waits for a master or is one. */
export function stayWarm(role: VrrpState): boolean {
  const { router, context } = role;
  if (role.phase === "stopped") return false;
  // What looms is rehearsed by itself, and what is due comes first.
  if (router.takeoverLooms() || router.deadline() - context.clock.now() < WARM_QUIET_MS) return true;
  const now = role.now();
  const actions = [...router.takeover(now), ...router.farewell(now)];
  rehearse(role, actions);
  return actions.length > 0;
}

/** By the instance or group that it is about; what is wrong is not held back behind what is only news. */
function tellLine({ told }: VrrpState, line: LogLine): void {
  const { instance, name } = line.fields ?? {};
  told(`${line.level} ${instance ?? name ?? ""}`, line);
}

function send(role: VrrpState, { instance, datagrams }: VrrpAction & { kind: "send" }, rehearsing: boolean): void {
  const { socket, source } = role.stations.get(instance) ?? {};
  if (!socket || source === undefined) return;
  const from = ipBytes(source);
  for (const { destination, bytes } of datagrams) {
    if (rehearsing) {
      socket.rehearse(destination, bytes, from);
      continue;
    }
    const outcome = socket.send(destination, bytes, from);
    // A line for each would fill the log of a director without a link.
    if (role.metrics.advertSent(instance, outcome)) tellSending(role, instance, outcome);
  }
}

function tellSending(role: VrrpState, instance: string, outcome: SendOutcome): void {
  const message = outcome.ok ? "advertisements are sent again" : `advertisements can't be sent: ${outcome.code}`;
  const level = outcome.ok ? "info" : "warning";
  tellLine(role, { level, area: AREA, message: `${instance}: ${message}`, fields: { instance } });
}

function announced({ stations }: VrrpState, action: VrrpAction): AnnounceRounds[] {
  if (action.kind !== "announce" && action.kind !== "announceSource") return [];
  const station = stations.get(action.instance);
  if (action.kind === "announce") return [{ station, targets: action.targets, rounds: action.rounds }];
  return [{ station, targets: [{ ip: action.ip, family: action.config.family, useVmac: false }], rounds: 1 }];
}

function tell(role: VrrpState, action: VrrpAction): void {
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
      role.announcer.announceExtra(role.stations.get(action.instance), action.all);
      return;
    case "rehearse":
      rehearse(role, action.actions);
      return;
    case "imminent":
      role.turns.foresee(action.actions, action.due);
      return;
    case "notify":
      role.ports.notifier.notify(action.notification);
      return;
    case "transition":
      tellTransition(role, action);
      return;
    case "event":
      tellEvent(role, action);
      return;
    case "log":
      tellLine(role, action.line);
      return;
    default:
      unreachable(action);
  }
}

function tellTransition(
  { context, metrics, reports }: VrrpState,
  { subject, name, from, to, cause }: VrrpAction & { kind: "transition" },
): void {
  const at = new Date(context.clock.wallMs()).toISOString();
  const kind = subject === "group" ? "sync-group" : "vrrp";
  context.report({ kind: "event", value: { at, kind, subject: name, from, to, reason: cause.text } });
  if (subject === "instance") metrics.transition(name, from, to, cause.code);
  reports.changed(name);
}

function tellEvent(
  { context, reports }: VrrpState,
  { event, instance, from, to, reason }: VrrpAction & { kind: "event" },
): void {
  const at = new Date(context.clock.wallMs()).toISOString();
  context.report({
    kind: "event",
    value: { at, kind: event, subject: instance, ...(from !== undefined && { from }), to, reason },
  });
  reports.changed(instance);
}

/** The router hears of what is tracked and has changed; that is counted and told too. */
export function tellFacts(role: VrrpState): void {
  const news = role.trackers.facts().filter((fact) => isNews(role.facts, fact));
  if (news.length === 0) return;
  tellFlaps(role, news);
  role.turns.perform(role.router.setFacts(news, role.now()));
}

/** Remembers it. */
function isNews(known: Map<string, NamedFact>, fact: NamedFact): boolean {
  const { up, value, detail, since } = fact;
  const key = `${fact.kind} ${fact.name}`;
  const before = known.get(key);
  if (before?.up === up && before.value === value && before.detail === detail && before.since === since) return false;
  known.set(key, fact);
  return true;
}

function tellFlaps({ metrics, context, reports }: VrrpState, news: readonly NamedFact[]): void {
  const changes = metrics.tracked(news);
  const at = new Date(context.clock.wallMs()).toISOString();
  for (const { kind, name, from, to, detail } of changes)
    context.report({
      kind: "event",
      value: { at, kind: "tracker", subject: `${kind} ${name}`, from, to, reason: detail },
    });
  // What a tracker adds to a priority is a part of the status.
  if (changes.length > 0) reports.look();
}
