// Process layer, parent: a reload: the files are read again, and every role that runs or is needed gets what it has in them.
import { firstOf } from "../base/first-of.ts";
import type { RoleName } from "../roles/role.ts";
import { restartInPlace } from "./parent-restart.ts";
import { isStopping, lookForDrain, needsOf, type ParentState, wallTime } from "./parent-state.ts";
import { describe, logRefused, setConfig, takeInForce } from "./parent-told.ts";
import type { Answer, Refused } from "./reader-messages.ts";

/** A reload that the roles have not answered by then counts as done; supervision deals with a role that hangs. */
const RELOAD_LIMIT_MS = 60_000;
/** The starter only takes a list. */
const STARTER_LIMIT_MS = 1000;
const NOTHING_CHANGED = "nothing changed";

/** Takes the configuration anew; one that comes while it is being read is done after that, once. */
export function reload(parent: ParentState): void {
  const { phase, notices } = parent;
  // Before the first reading begins: what the files hold now is what it will read.
  if (phase.kind === "new" || phase.kind === "stopping") return;
  if (phase.kind !== "running") {
    phase.again = true;
    return;
  }
  parent.phase = { kind: "reloading", again: false };
  notices.reloading();
  void reloadOnce(parent).finally(() => {
    notices.reloaded();
    parent.ports.reloaded?.();
    readingOver(parent);
  });
}

/** What was asked for while the files were read has its turn. */
export function readingOver(parent: ParentState): void {
  const { phase } = parent;
  if (phase.kind !== "starting" && phase.kind !== "reloading") return;
  parent.phase = { kind: "running" };
  if (phase.again) reload(parent);
}

async function reloadOnce(parent: ParentState): Promise<void> {
  const { options, ports, relay } = parent;
  const { clock, log, readings, reloads } = ports;
  log({ level: "info", area: "config", message: `reading ${options.configFile} again` });
  lookForDrain(parent);
  const restarts = ports.mayReplace?.() === true;
  const strict = readings.inForce()?.outline.reload.checkConfig === true;
  reloads?.reading();
  const answer = await readAnew(parent, strict);
  reloads?.read(foundIn(answer));
  const kept = readings.inForce();
  if (isStopping(parent) || !kept) return;
  const began = clock.now() - answer.tookMs;
  if (answer.kind === "refused") return refuse(parent, answer);
  takeInForce(parent, kept);
  await configureAll(parent, needsOf(parent, kept.outline.needs));
  if (isStopping(parent)) return;
  const durationMs = clock.now() - began;
  const changes = answer.kind === "same" ? [NOTHING_CHANGED] : [...(answer.changes ?? [])];
  const lastReload = { at: wallTime(clock), ok: true, durationMs, changes };
  setConfig(parent, { reloads: parent.config.reloads + 1, lastReload });
  parent.later.add("description");
  describe(parent);
  log({ level: "info", area: "config", message: `reload done in ${Math.round(durationMs)} ms` });
  relay.event("config", options.configFile, "loaded", "loaded", "read again");
  // Only with a configuration that can be used: the other program reads it, too.
  if (restarts) await restartInPlace(parent);
}

/** The word that all may go may come while the files are read for somebody else's signal: it is for this reading, too, else its answer would be taken for his. */
async function readAnew({ ports: { readings, mayEmpty } }: ParentState, strict: boolean): Promise<Answer> {
  const allowed = mayEmpty?.() === true;
  const answer = await readings.read({ at: "reload", mayEmpty: allowed, strict });
  const again = answer.kind === "refused" && !allowed && mayEmpty?.() === true;
  return again ? readings.read({ at: "reload", mayEmpty: true, strict }) : answer;
}

async function configureAll({ workers, allowed, ports }: ParentState, needs: readonly RoleName[]): Promise<void> {
  const { callers, clock } = ports;
  // An api process that comes with its callers is not started for a reload.
  const isWanted = (role: RoleName) => needs.includes(role) && !(role === "api" && callers);
  const isUp = (role: RoleName) => workers.isUp(role) && !(role === "api" && callers && workers.isLeaving(role));
  const toTell = allowed.filter((role) => isWanted(role) || isUp(role));
  // Programs that are new in it must be known before anybody wants them run.
  if (toTell.includes("starter")) await firstOf(workers.configure("starter"), clock, STARTER_LIMIT_MS);
  const others = toTell.filter((role) => role !== "starter").map((role) => workers.configure(role));
  await firstOf(Promise.all(others), clock, RELOAD_LIMIT_MS);
}

/** For `reload_check_config`: what there was to say of the files, a line each. */
function foundIn(answer: Answer): readonly string[] {
  if (answer.kind === "same") return [];
  const { errors, warnings } = answer.findings;
  return [...errors, ...warnings, ...(answer.kind === "refused" ? answer.beyondFindings : [])];
}

function refuse(parent: ParentState, answer: Refused): void {
  const { options, config, ports, relay } = parent;
  logRefused(parent, answer);
  const message = `reload refused, the configuration of ${config.loadedAt} stays in force`;
  ports.log({ level: "error", area: "config", message });
  const lastReload = { at: wallTime(ports.clock), ok: false, durationMs: answer.tookMs };
  setConfig(parent, { stale: true, errors: [...answer.refusals], reloads: config.reloads + 1, lastReload });
  relay.event("config", options.configFile, "loaded", "stale", answer.refusals[0] ?? "");
}
