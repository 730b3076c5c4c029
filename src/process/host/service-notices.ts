// Process layer: what a service manager is told of a director: when it is ready, reloads and stops, one line on how it is, and signs of
// life as long as no role is stuck. Pure but for the port that sends.
import type { Clock } from "../../base/clock.ts";
import { escapeControls } from "../../base/log.ts";
import type { RoleName } from "../../roles/role.ts";
import type { ConfigStatus, ProcessStatus } from "../../status/schema.ts";

/** A director whose roles don't come up serves what it can and mends itself: nobody should end it for being late. */
export const READY_LIMIT_MS = 15_000;
const MAX_STATUS_CHARS = 300;

export interface NoticePorts {
  readonly clock: Clock;
  readonly pid: number;
  send(lines: readonly string[]): void;
  /** CLOCK_MONOTONIC. */
  monotonicMicroseconds(): number;
  readonly watchdogMs?: number;
  /** What is stuck, a line each: then no sign of life goes out. */
  stuck(): readonly string[];
}

export interface ServiceNotices {
  /** The start may take so much longer. */
  starting(limitMs: number): void;
  /** What has to run for the director to be ready. */
  expect(roles: readonly RoleName[]): void;
  runs(role: RoleName): void;
  reloading(): void;
  /** The reload is over, however it ended. */
  reloaded(): void;
  /** It may take so long. */
  stopping(limitMs: number): void;
  /** One line on how it is. */
  status(line: string): void;
}

export function createServiceNotices(ports: NoticePorts): ServiceNotices {
  const { clock, send } = ports;
  let missing: Set<RoleName> | undefined;
  let phase: "starting" | "ready" | "reloading" | "stopping" = "starting";
  let told = "";
  /** Ready or not, the manager counts from the start of the process. */
  if (ports.watchdogMs !== undefined) feed(ports.watchdogMs / 2);

  function feed(everyMs: number): void {
    clock.at(clock.now() + everyMs, () => {
      if (ports.stuck().length === 0) send(["WATCHDOG=1"]);
      feed(everyMs);
    });
  }

  function ready(): void {
    if (phase !== "starting") return;
    phase = "ready";
    send(["READY=1", `MAINPID=${ports.pid}`]);
  }

  return {
    starting(limitMs) {
      if (phase === "starting") send([`EXTEND_TIMEOUT_USEC=${Math.ceil(limitMs * 1000)}`]);
    },
    expect(roles) {
      if (missing) return;
      missing = new Set(roles);
      if (missing.size === 0) ready();
      else clock.at(clock.now() + READY_LIMIT_MS, ready);
    },
    runs(role) {
      missing?.delete(role);
      if (missing?.size === 0) ready();
    },
    reloading() {
      if (phase !== "ready") return;
      phase = "reloading";
      send(["RELOADING=1", `MONOTONIC_USEC=${ports.monotonicMicroseconds()}`]);
    },
    reloaded() {
      if (phase !== "reloading") return;
      phase = "ready";
      send(["READY=1"]);
    },
    stopping(limitMs) {
      if (phase === "stopping") return;
      phase = "stopping";
      send(["STOPPING=1", `EXTEND_TIMEOUT_USEC=${Math.ceil(limitMs * 1000)}`]);
    },
    status(line) {
      const text = escapeControls(line).slice(0, MAX_STATUS_CHARS);
      if (text === told) return;
      told = text;
      send([`STATUS=${text}`]);
    },
  };
}

/** How a director is, in one line: what is wrong comes first. */
export function statusLine(
  status: ConfigStatus,
  inForce: { readonly instances: number; readonly virtualServers: number } | undefined,
  processes: readonly ProcessStatus[],
): string {
  if (!inForce) return status.state === "failed" ? "the configuration can't be used" : "reading the configuration";
  const troubles = processes
    .filter(({ state }) => state === "waiting")
    .map(({ role, reason }) => `${role} ${reason === "" ? "is started again" : reason}`);
  if (status.stale) troubles.push(`reload refused: ${status.errors[0] ?? ""}`);
  const { instances, virtualServers } = inForce;
  return [...troubles, `VRRP instances: ${instances}, virtual servers: ${virtualServers}`].join("; ");
}

/** For a director that nobody asked to say anything. */
export const SILENT: ServiceNotices = {
  starting() {},
  expect() {},
  runs() {},
  reloading() {},
  reloaded() {},
  stopping() {},
  status() {},
};
