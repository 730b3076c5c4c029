// Process layer, parent: the start of a director: the first reading, and its roles one behind the other.
import { firstOf } from "../base/first-of.ts";
import { HANDOVER_TOPIC, readHandover } from "../roles/handover.ts";
import { HOLD_TOPIC, type RoleName } from "../roles/role.ts";
import type { Outline } from "./configuration/outline.ts";
import { EXIT } from "./options.ts";
import { readingOver } from "./parent-reload.ts";
import { hasTurn, isStopping, lookForDrain, needsOf, type ParentState, stop } from "./parent-state.ts";
import { describe, logRefused, setConfig, takeInForce } from "./parent-told.ts";

/** vrrp starts when the table is loaded, so that no address comes before it; but after this long it starts anyway. */
export const VRRP_WAIT_MS = 5000;
/** The api process waits for the same, so that its start does not slow that of the table; but not for a checker that hangs. */
export const API_WAIT_MS = 1000;
/** After this long the director goes on without its startup_script. */
const STARTER_UP_MS = 5000;
/** How soon the file of `--hold-vrrp` is missed. */
const HOLD_LOOK_MS = 100;
/** The configuration goes to the roles first; what is only told of it comes when the table is loaded, or after this long. */
const DESCRIBE_AFTER_MS = 1000;

/** Has the configuration read and starts what it needs. */
export async function start(parent: ParentState): Promise<void> {
  const { ports, workers } = parent;
  const { readings } = ports;
  if (parent.phase.kind !== "new") return;
  if (ports.isVrrpHeld?.()) holdVrrp(parent);
  lookForDrain(parent);
  if (goesOn(parent)) workers.publish(HANDOVER_TOPIC, readHandover(ports.handover) ?? null);
  parent.phase = { kind: "starting", again: false };
  // They boot while the configuration is read; which roles are needed is known after that.
  const answer = readings.read({ at: "start", mayEmpty: false });
  const early = ports.likely?.() ?? new Set(["checker"]);
  for (const role of early) workers.spawn(role);
  const answered = await answer;
  if (isStopping(parent)) return;
  const kept = readings.inForce();
  if (answered.kind === "refused" || !kept) {
    if (answered.kind === "refused") logRefused(parent, answered);
    return cantStart(parent, answered.kind === "refused" ? answered.refusals : []);
  }
  takeInForce(parent, kept);
  ports.stands?.();
  if (!goesOn(parent)) await runStartupScript(parent, kept.outline);
  if (isStopping(parent)) return;
  startRoles(parent, kept.outline, early);
  readingOver(parent);
}

/** In the place of a program that was the director a moment ago: its table and addresses are there. */
function goesOn({ ports }: ParentState): boolean {
  return ports.handover !== undefined;
}

/** keepalived: what it comes to does not matter, only that it is over. */
async function runStartupScript({ workers, ports, notices }: ParentState, outline: Outline): Promise<void> {
  const { startupScriptMs } = outline;
  if (startupScriptMs === undefined || !workers.has("starter")) return;
  notices.starting(STARTER_UP_MS + startupScriptMs);
  void workers.configure("starter");
  await firstOf(workers.whenRunning("starter"), ports.clock, STARTER_UP_MS);
  if (workers.isRunning("starter")) return workers.runStartupScript();
  const message = "startup_script was not run: the process that starts programs does not come up";
  ports.log({ level: "error", area: "process", message });
}

/** Until its file goes. The vrrp process hears of it before it starts, and so does one that comes after it. */
function holdVrrp(parent: ParentState): void {
  const { ports, workers } = parent;
  workers.publish(HOLD_TOPIC, true);
  const look = () => {
    if (ports.isVrrpHeld?.()) ports.clock.at(ports.clock.now() + HOLD_LOOK_MS, look);
    else workers.publish(HOLD_TOPIC, false);
  };
  look();
}

function cantStart(parent: ParentState, errors: readonly string[]): void {
  setConfig(parent, { state: "failed", errors: [...errors] });
  const message = `${parent.options.configFile} can't be used, not starting`;
  parent.ports.log({ level: "error", area: "config", message });
  parent.exitStatus = EXIT.configuration;
  stop(parent, "no configuration");
}

function startRoles(parent: ParentState, outline: Outline, early: ReadonlySet<RoleName>): void {
  const { netNamespace } = outline;
  const needs = needsOf(parent, outline.needs);
  const { ports, options, workers, later } = parent;
  const { clock, callers } = ports;
  // What a file has nothing for is not started; what runs once stays, to take away what a reload removes.
  const needed = (role: RoleName) => workers.has(role) && (needs.includes(role) || ports.leftBehind?.(role) === true);
  for (const role of early) if (!needed(role)) void workers.dismiss(role);
  // Before those that will ask it; what they ask too early waits with them.
  if (needed("starter")) void workers.configure("starter");
  const working = (["checker", "bfd", "vrrp"] as const).filter((role) => workers.has(role) && needs.includes(role));
  parent.notices.expect(working.length > 0 || callers ? working : ["api"]);
  later.add("api").add("description");
  if (needed("vrrp")) later.add("vrrp");
  callers?.open(options.namespace ?? netNamespace, {
    start: () => callApi(parent),
    dismiss: () => dismissApi(parent),
  });
  if (needed("bfd")) void workers.configure("bfd");
  const at = (delayMs: number, run: (parent: ParentState) => void) =>
    clock.at(clock.now() + delayMs, () => run(parent));
  // The one that has work to do first has the processors to itself.
  // Backups count on masters that go on; the table is there.
  if (goesOn(parent) && needed("vrrp")) startVrrp(parent);
  if (needed("checker")) {
    void workers.configure("checker");
    at(VRRP_WAIT_MS, startVrrp);
    at(API_WAIT_MS, startApi);
  } else if (needed("vrrp")) {
    startVrrp(parent);
    at(API_WAIT_MS, startApi);
  } else startApi(parent);
  at(DESCRIBE_AFTER_MS, describe);
}

/** A role runs: those behind it have their turn. */
export function startBehind(parent: ParentState, role: RoleName): void {
  if (role === "checker") startVrrp(parent);
  if (role !== "checker" && role !== "vrrp") return;
  startApi(parent);
  describe(parent);
}

function startVrrp(parent: ParentState): void {
  if (hasTurn(parent, "vrrp")) void parent.workers.configure("vrrp");
}

function startApi(parent: ParentState): void {
  if (hasTurn(parent, "api") && parent.isApiCalled) void parent.workers.configure("api");
}

/** Somebody asks; at a start, who has work to do first has the processors to itself. */
function callApi(parent: ParentState): void {
  parent.isApiCalled = true;
  if (!parent.later.has("api") && !isStopping(parent)) void parent.workers.configure("api");
}

function dismissApi({ picture, workers }: ParentState): Promise<void> {
  picture.end();
  return workers.dismiss("api");
}
