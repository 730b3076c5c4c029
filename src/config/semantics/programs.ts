// Config core: the programs that a configuration names, and the configuration without those that can't be run. keepalived: a tracker or
// check whose program can't be run when the configuration is read is left out, as if it were not there; a failure later is one.
import type { Diagnostic } from "../findings/diagnostic.ts";
import type { Command } from "../model/command.ts";
import type { Config } from "../model/config.ts";
import type { RealServer } from "../model/lvs.ts";
import type { NotifyCommands, SyncGroup, Tracking, VrrpInstance } from "../model/vrrp.ts";
import { spanAt } from "../text/source-lines.ts";
import type { SourceFile } from "../text/span.ts";

/** Why a program can't be run. */
export interface Unusable {
  /** `user`: no such user or group; `absent`: no such file; `not-executable`; `directory`; `unsafe`: enable_script_security refuses it. */
  readonly kind: "user" | "absent" | "not-executable" | "directory" | "unsafe";
  readonly reason: string;
}

/** `open`: others than root can change it, and it runs as root all the same. */
export type ProgramVerdict = Unusable | { readonly kind: "open"; readonly reason: string };

/** Undefined: nothing is to be said. */
export type JudgeProgram = (command: Command) => ProgramVerdict | undefined;

/** One program that is to be told of, and what that means. */
export type JudgedProgram = Program & ProgramVerdict;

export interface Program {
  /** `vrrp_script chk`, `MISC_CHECK of 192.0.2.10:80 in 192.0.2.1:80/tcp`, `notify_master of VI_1`. */
  readonly what: string;
  /** `tracker` and `check` are left out; `other`: it is not run. */
  readonly use: "tracker" | "check" | "other";
  readonly command: Command;
}

export interface UsablePart {
  /** The same object when every program can be run. */
  readonly config: Config;
  readonly told: readonly JudgedProgram[];
}

/** Leaves out trackers and checks whose programs can't be run, and names all programs of which there is something to tell. */
export function usablePart(config: Config, judge: JudgeProgram): UsablePart {
  const told = [...programsOf(config)].flatMap((program) => {
    const verdict = judge(program.command);
    return verdict ? [{ ...program, ...verdict }] : [];
  });
  const gone = new Set(
    told.filter(({ use, kind }) => use !== "other" && kind !== "open").map(({ command }) => command),
  );
  return { config: gone.size === 0 ? config : withoutPrograms(config, gone), told };
}

/** Every program that the configuration names. */
export function* programsOf({ global, vrrp, virtualServers }: Config): Iterable<Program> {
  yield* other("startup_script", global.startupScript);
  yield* other("shutdown_script", global.shutdownScript);
  for (const { name, command } of vrrp.scripts) yield { what: `vrrp_script ${name}`, use: "tracker", command };
  for (const { name, notify } of [...vrrp.instances, ...vrrp.syncGroups]) yield* notifyPrograms(name, notify);
  for (const { id, quorumUp, quorumDown, realServers } of virtualServers) {
    yield* other(`quorum_up of ${id}`, quorumUp);
    yield* other(`quorum_down of ${id}`, quorumDown);
    for (const server of realServers) yield* serverPrograms(server, `${server.id} in ${id}`);
  }
  const { all, vrrp: own, lvs } = global.fifo;
  yield* other("notify_fifo_script", all?.script);
  yield* other("vrrp_notify_fifo_script", own?.script);
  yield* other("lvs_notify_fifo_script", lvs?.script);
}

function* other(what: string, command: Command | true | undefined): Iterable<Program> {
  if (command !== undefined && command !== true) yield { what, use: "other", command };
}

function* notifyPrograms(name: string, notify: NotifyCommands): Iterable<Program> {
  yield* other(`notify_master of ${name}`, notify.master);
  yield* other(`notify_backup of ${name}`, notify.backup);
  yield* other(`notify_fault of ${name}`, notify.fault);
  yield* other(`notify_stop of ${name}`, notify.stop);
  yield* other(`notify_deleted of ${name}`, notify.deleted);
  yield* other(`notify of ${name}`, notify.any);
  yield* other(`notify_master_rx_lower_pri of ${name}`, notify.masterRxLowerPri);
}

function* serverPrograms({ checks, notifyUp, notifyDown }: RealServer, place: string): Iterable<Program> {
  for (const check of checks)
    if (check.kind === "MISC_CHECK") yield { what: `MISC_CHECK of ${place}`, use: "check", command: check.command };
  yield* other(`notify_up of ${place}`, notifyUp);
  yield* other(`notify_down of ${place}`, notifyDown);
}

function withoutPrograms(config: Config, gone: ReadonlySet<Command>): Config {
  const { vrrp } = config;
  const scripts = vrrp.scripts.filter(({ command }) => !gone.has(command));
  const left = new Set(scripts.map(({ name }) => name));
  return {
    ...config,
    vrrp: {
      ...vrrp,
      scripts,
      instances: vrrp.instances.map((one): VrrpInstance => ({ ...one, tracking: tracked(one.tracking, left) })),
      syncGroups: vrrp.syncGroups.map((one): SyncGroup => ({ ...one, tracking: tracked(one.tracking, left) })),
    },
    virtualServers: config.virtualServers.map((service) => ({
      ...service,
      realServers: service.realServers.map((server) => withoutChecks(server, gone)),
    })),
  };
}

function tracked(tracking: Tracking, scripts: ReadonlySet<string>): Tracking {
  return { ...tracking, scripts: tracking.scripts.filter(({ name }) => scripts.has(name)) };
}

function withoutChecks(server: RealServer, gone: ReadonlySet<Command>): RealServer {
  const checks = server.checks.filter((check) => check.kind !== "MISC_CHECK" || !gone.has(check.command));
  return checks.length === server.checks.length ? server : { ...server, checks };
}

/** Findings about programs, each at its place in one of `sources`. */
export function programFindings(told: readonly JudgedProgram[], sources: readonly SourceFile[]): Diagnostic[] {
  return told.map(({ what, use, command, kind, reason }) => {
    const span = spanAt(command.origin, sources);
    const place = span ? { span } : {};
    if (kind !== "open") {
      const message = `${what}: the program can't be run: ${reason}`;
      // What is left out is missing from what runs; what is not told to anybody is not.
      const severity = use === "other" ? "warning" : "error";
      return { severity, code: "program-unusable", ...place, message, hint: CONSEQUENCE[use] };
    }
    const message = `${what}: the program runs as root, and ${reason}`;
    return {
      severity: "warning",
      code: "program-open",
      ...place,
      message,
      hint: "enable_script_security refuses such",
    };
  });
}

const CONSEQUENCE: Readonly<Record<Program["use"], string>> = {
  tracker: "it is not tracked until a reload finds the program, as by keepalived",
  check: "the server goes without this check until a reload finds the program, as by keepalived",
  other: "nothing is run in its place",
};
