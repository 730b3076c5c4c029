// Process layer: the process around a child (child.ts): its channel, its clock and its signals; it ends when the parent does.

import { writeSync } from "node:fs";
import type { Log } from "../base/log.ts";
import { openAlarm } from "../kernel/alarm.ts";
import { createAutoPriority } from "../kernel/auto-priority.ts";
import { systemClock } from "../kernel/clock.ts";
import { bindToParent, keepMemoryPrivate, nameProcess, refuseForeignAffairs } from "../kernel/confinement.ts";
import { enterNetworkNamespace } from "../kernel/namespace.ts";
import { dropProgramPages } from "../kernel/program-pages.ts";
import { ignoreRealtimeSignals } from "../kernel/realtime-signals.ts";
import type { RoleFactory, RoleName } from "../roles/role.ts";
import { createOutbox } from "./channel.ts";
import { createChild } from "./child.ts";
import { createLagWatch } from "./host/lag.ts";
import { createLetGo, ownCpuMs } from "./host/let-go.ts";
import { createUsageWatch } from "./host/process-usage.ts";
import { takeSignal } from "./host/signals.ts";
import { readToChild } from "./messages.ts";
import { EXIT } from "./options.ts";
import { INTRODUCTIONS_FD, isIntroduced } from "./role-variables.ts";
import {
  expectedParent,
  expectsCoreFiles,
  namespaceEntered,
  openParentChannel,
  shrinkMemory,
  unpackText,
} from "./runtime.ts";

/** Runs a role until the parent says stop or is gone. Called once, as the whole of this process. */
export function runChild(name: RoleName, factory: RoleFactory): void {
  const parent = expectedParent();
  if (parent === undefined) {
    refuse(name);
    return;
  }
  ignoreRealtimeSignals();
  keepMemoryPrivate(expectsCoreFiles());
  const { send: tell } = openParentChannel({
    message(raw) {
      const message = readToChild(raw);
      if (message) child.take(message);
      else log({ level: "error", area: "process", message: `${name}: a message that is none was ignored` });
    },
    bytes: (piece) => child.takePiece(piece),
    broken: (reason) => die(name, `the parent sent ${reason}`),
    closed: () => child.orphaned(),
  });
  const outbox = createOutbox(tell);
  const log: Log = (line) => outbox.log(line);
  const autoPriority = createAutoPriority(name, log);
  const lag = createLagWatch(name);
  const usage = createUsageWatch(name);
  const clock = systemClock({
    late: (lateMs) => {
      lag.late(lateMs);
      autoPriority.late(lateMs);
    },
    // Takeovers and lost neighbours are counted in tenths of a millisecond; everybody else saves the signals.
    ...(name === "vrrp" || name === "bfd" ? { openAlarm } : {}),
  });
  const letGo = createLetGo({ clock, cpuMs: ownCpuMs, shrink: rest });
  if (!bindToParent(parent, `lbd-${name}`)) process.exit(EXIT.failed);
  // The starter needs all its rights, and api refuses itself more when it has nothing more to open.
  if (name !== "starter" && name !== "api") confine(name, log);

  const child = createChild(name, factory, {
    clock,
    log,
    outbox,
    autoPriority,
    self: () => ({ ...lag.values(), ...usage() }),
    tell,
    ...(isIntroduced(name) && { introductions: INTRODUCTIONS_FD }),
    namespace: namespaceEntered(),
    enterNamespace: enterNetworkNamespace,
    setUmask: (mask) => void process.umask(mask),
    rename: nameProcess,
    unpack: unpackText,
    later: setImmediate,
    grown: letGo.grown,
    exit: leave,
  });
  // The kernel's word that the parent ended, or an operator's; the parent starts a new one in the second case.
  takeSignal("SIGTERM", () => child.orphaned());
  // These are for the parent; an interrupt of the terminal must not stop roles out of order.
  for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2"] as const) takeSignal(signal, () => {});
  process.on("uncaughtException", (error) => die(name, error));
  process.on("unhandledRejection", (error) => die(name, error));
  tell({ kind: "hello" });
}

function confine(name: RoleName, log: Log): void {
  const reason = refuseForeignAffairs();
  if (reason !== undefined) log({ level: "warning", area: name, message: `no filter of system calls here: ${reason}` });
}

/** At rest: what only the start needed goes. */
function rest(): void {
  shrinkMemory();
  setImmediate(dropProgramPages);
}

function refuse(name: string): void {
  writeSync(2, `lbd: the ${name} process is started by lbd itself, not by hand\n`);
  process.exit(EXIT.failed);
}

function leave(status: number): void {
  process.exit(status);
}

/** An error nobody expected: the state is unknown, so this process ends and a new one starts from the kernel's state. */
function die(name: string, error: unknown): void {
  try {
    writeSync(2, `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  } finally {
    process.exit(EXIT.failed);
  }
}
