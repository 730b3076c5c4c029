// Process layer: the director as a whole, in its parent: has the configuration read, starts the roles that it needs, relays what they say,
// and turns signals into reload and stop. Everything outside is handed in, so tests run it with a manual clock and children of their own.
import type { DumpKind, RoleName } from "../roles/role.ts";
import type { StatusEvent, StatusUpdate } from "../status/schema.ts";
import { createApiPicture } from "./api-picture.ts";
import { unreadStatus } from "./config-told.ts";
import { createEffectiveAnswers } from "./effective-answers.ts";
import { SILENT } from "./host/service-notices.ts";
import { EXIT, type RunOptions } from "./options.ts";
import { openDumps } from "./parent-dumps.ts";
import { reload } from "./parent-reload.ts";
import { start, startBehind } from "./parent-start.ts";
import { type ParentPorts, type ParentState, stop, wallTime } from "./parent-state.ts";
import { directorUpdate, sayHowItIs } from "./parent-told.ts";
import { createRelay, MAX_WAITING_BYTES } from "./relay.ts";
import { isIntroduced } from "./role-variables.ts";
import { createTelling } from "./telling.ts";
import { createWorkers } from "./workers.ts";

export interface Parent {
  /** Has the configuration read and starts what it needs. */
  start(): void;
  /** Takes the configuration anew; one that comes while it is being read is done after that, once. */
  reload(): void;
  /** Stops in order and ends; a second call changes nothing. */
  stop(reason: string): void;
  /** Stops as stop() does, because of a mistake of the program: the status says so. */
  fail(): void;
  /** One of keepalived's signals asks for a dump. */
  dump(kind: DumpKind): void;
  /** Something that others saw happen. */
  tell(event: StatusEvent): void;
  /** Roles that are stuck beyond what supervision should let them be. */
  stuck(): readonly RoleName[];
}

export function createParent(options: RunOptions, ports: ParentPorts): Parent {
  const parent = createState(options, ports);
  return {
    start: () => void start(parent),
    reload: () => reload(parent),
    stop: (reason) => stop(parent, reason),
    fail: () => fail(parent, "an unexpected error"),
    dump: (kind) => parent.dumps?.take(kind),
    tell: (value) => parent.relay.take({ kind: "event", value }),
    stuck: parent.workers.stuck,
  };
}

function createState(options: RunOptions, ports: ParentPorts): ParentState {
  const { clock, log, readings, callers } = ports;
  const relay = createRelay({
    send: (updates) => void workers.send("api", { kind: "status", updates }),
    isApiUp: () => workers.isRunning("api"),
    overrun: () => workers.expel("api", `lets more than ${MAX_WAITING_BYTES / 1e6} MB of reports wait`),
    now: () => wallTime(clock),
  });
  const telling = createTelling("parent", { clock, send: relay.take, self: () => ports.self?.() ?? {} });
  const effective = createEffectiveAnswers(clock, readings.openEffective, (piece) => void workers.send("api", piece));
  const allowed = allowedRoles(options, ports.roles);
  const workers = createWorkers(options, allowed, {
    clock,
    log,
    spawn: ports.spawn,
    share: readings.share,
    ...(ports.leftBehind && { leftBehind: ports.leftBehind }),
    report: (update) => report(parent, update),
    event: (subject, from, to, reason) => relay.event("process", subject, from, to, reason),
    running: (role) => running(parent, role),
    acknowledged: relay.acknowledged,
    whenRoom: relay.whenRoom,
    wantsEffective: effective.wish,
    dumped: (role, piece) => parent.dumps?.piece(role, piece),
    ...(callers && { idle: callers.idle, onDemand: (role) => role === "api" }),
    dismissed: relay.forget,
    gaveUp: (role, reason) => fail(parent, `${role} ${reason}, and --dont-respawn was given`),
  });
  const parent: ParentState = {
    options,
    ports,
    notices: ports.notices ?? SILENT,
    allowed,
    workers,
    relay,
    picture: createApiPicture({ clock, relay, workers, telling, ...(callers && { callers }) }),
    effective,
    dumps: ports.dumps && openDumps(ports.dumps, ports, options, { workers, telling, relay }),
    startedAt: wallTime(clock),
    phase: { kind: "new" },
    config: unreadStatus(options.configFile),
    exitStatus: EXIT.ok,
    later: new Set(),
    isApiCalled: callers === undefined,
  };
  return parent;
}

function allowedRoles({ roles }: RunOptions, present: ReadonlySet<RoleName>): readonly RoleName[] {
  return (["starter", "checker", "bfd", "vrrp", "api"] as const).filter(
    (role) => present.has(role) && (role === "api" || role === "starter" || roles[role]),
  );
}

// --- what the roles' processes say

function report(parent: ParentState, update: StatusUpdate): void {
  const { relay, picture, allowed, ports } = parent;
  relay.take(update);
  if (update.kind === "role-gone") parent.dumps?.gone(update.role);
  if (update.kind === "role-current" || update.kind === "role-gone") picture.told(update.role);
  if (update.kind !== "process") return;
  sayHowItIs(parent);
  const { role, pid, state } = update.value;
  const known = allowed.find((one) => one === role);
  if (!known) return;
  ports.rolePid?.(known, pid ?? undefined);
  if (isIntroduced(known) && state === "starting") parent.workers.introduce(known);
}

function running(parent: ParentState, role: RoleName): void {
  const { notices, workers, effective, picture } = parent;
  notices.runs(role);
  startBehind(parent, role);
  if (parent.options.dumpConfig) parent.dumps?.toLog(role);
  // What roles say while nobody looks is dropped: they are told when somebody does.
  if (role !== "api" && workers.isRunning("api")) workers.snapshot(role);
  if (role !== "api") return;
  effective.reset();
  picture.begin(directorUpdate(parent));
}

function fail(parent: ParentState, reason: string): void {
  parent.exitStatus = EXIT.failed;
  stop(parent, reason);
}
