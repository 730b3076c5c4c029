// Process layer, parent: what is told of the director and its configuration: to the api process, the service manager and the log.
import type { ConfigStatus, StatusUpdate } from "../status/schema.ts";
import { logFindings, toleratedLine } from "./config-told.ts";
import { statusLine } from "./host/service-notices.ts";
import { hasTurn, isStopping, type ParentState, wallTime } from "./parent-state.ts";
import type { Refused } from "./reader-messages.ts";
import type { InForceKept } from "./reader-transfer.ts";

export function directorUpdate({ ports, startedAt, options, config }: ParentState): StatusUpdate {
  return { kind: "director", value: { ...ports.identity, since: startedAt, runDir: options.runDir, config } };
}

export function sayHowItIs({ notices, config, ports, relay }: ParentState): void {
  notices.status(statusLine(config, ports.readings.inForce()?.outline, relay.processes()));
}

export function setConfig(parent: ParentState, next: Partial<ConfigStatus>): void {
  parent.config = { ...parent.config, ...next };
  sayHowItIs(parent);
  parent.relay.take(directorUpdate(parent));
}

/** What of a configuration that is in force now concerns the parent itself, and what is to be said of it at once. */
export function takeInForce(parent: ParentState, { outline, findings }: InForceKept): void {
  const { ports, options } = parent;
  const { log } = ports;
  logFindings(log, findings);
  ports.loadModules?.(outline.modules);
  ports.keepFifos?.(outline.fifos);
  ports.reloads?.keep(outline.reload);
  ports.rename?.(outline.parentName);
  setConfig(parent, {
    state: "loaded",
    loadedAt: wallTime(ports.clock),
    warnings: findings.warningCount,
    errorCount: findings.errorCount,
    tolerated: [...findings.errors],
    stale: false,
    errors: [],
  });
  if (findings.errorCount > 0) log({ level: "error", area: "config", message: toleratedLine(findings.errorCount) });
  for (const role of ["checker", "bfd", "vrrp"] as const) {
    if (!outline.needs.includes(role) || ports.roles.has(role)) continue;
    const message = `${options.configFile} asks for ${role}, which this build lacks`;
    log({ level: "warning", area: "process", message });
  }
}

/** What is told of a configuration after all who wait for it have it. */
export function describe(parent: ParentState): void {
  if (hasTurn(parent, "description")) void tellDetails(parent);
}

async function tellDetails(parent: ParentState): Promise<void> {
  const { readings, log } = parent.ports;
  const kept = readings.inForce();
  const details = await readings.details();
  if (!details || readings.inForce() !== kept || isStopping(parent)) return;
  const warnings = (kept?.findings.warningCount ?? 0) + details.notes.length;
  setConfig(parent, { sha256: details.sha256, warnings });
  for (const message of details.notes) log({ level: "warning", area: "config", message });
}

export function logRefused({ ports: { log } }: ParentState, { findings, beyondFindings }: Refused): void {
  logFindings(log, findings);
  for (const message of beyondFindings) log({ level: "error", area: "config", message });
}
