// Role checker: what the checker role works with: the real things here, fakes in tests.

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { MAX_IN_FLIGHT } from "../../check/runner.ts";
import type { Probes } from "../../check/runner-state.ts";
import type { SslClient } from "../../config/model/check.ts";
import type { Config } from "../../config/model/config.ts";
import type { ProcessRights, ScriptSecurity } from "../../config/model/global.ts";
import { openPing, openTcp, openUdp } from "../../kernel/check-socket.ts";
import type { FileWatch } from "../../kernel/file-watch.ts";
import { openIpvs } from "../../kernel/ipvs.ts";
import { openNotifyFifo } from "../../kernel/make-fifo.ts";
import { openGroupMarkTables } from "../../kernel/nft-groups.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import { openReadiness, type Readiness } from "../../kernel/readiness.ts";
import type { ReceiveBuffer } from "../../kernel/receive-buffer.ts";
import { openReflector, type Reflector } from "../../kernel/reflector.ts";
import { openFileLimit, openRights } from "../../kernel/rights.ts";
import { openRtnetlink } from "../../kernel/rtnetlink.ts";
import { systemTls } from "../../kernel/system-tls.ts";
import { createNotifier, type RunningNotifier } from "../../notify/notifier.ts";
import { createProbes } from "../../probe/probes.ts";
import type { Journal } from "../journal.ts";
import { lateNotifier } from "../late-notifier.ts";
import { createProgramClient } from "../programs/client.ts";
import { createFileClient, type FileClient } from "../programs/files.ts";
import { openStarterLink } from "../programs/link.ts";
import { filesOf } from "../programs/named.ts";
import type { RoleContext } from "../role.ts";
import type { SessionFacts } from "../sessions.ts";
import { type CheckerRecord, openCheckerJournal } from "./journal.ts";
import { type KeptHealth, openKeptHealth } from "./kept-health.ts";
import type { OpenGroupMarkTables } from "./marks.ts";

export interface CheckerPorts {
  /** @throws IpvsUnavailable */
  openIpvs(namespace: string | undefined): IpvsTable;
  readonly openGroupMarkTables: OpenGroupMarkTables;
  readonly probes: Probes & { setSslClient(ssl: SslClient | undefined): string | undefined };
  readonly notifier: RunningNotifier;
  readonly journal: Journal<CheckerRecord>;
  /** How checks stood at the last orderly end. */
  readonly keptHealth: Journal<KeptHealth>;
  /** Tells one parent process from another. */
  readonly session: string;
  random(): number;
  /** Runs it at the end of this turn of the loop. */
  soon(run: () => void): void;
  /** Runs under way at once. */
  readonly checksAtOnce: number;
  /** Priority, CPUs, locked memory and limits of this process. */
  takeRights(rights: ProcessRights): void;
  readonly scripts: {
    setSecurity(security: ScriptSecurity): void;
    /** Ends the programs of MISC_CHECK; those of notifications go on. */
    stopChecks(): void | Promise<void>;
    stopAll(): void | Promise<void>;
  };
  /** What the bfd role said last of its sessions: BFD_CHECK asks for it. */
  readonly sessions: { now(): SessionFacts; take(facts: SessionFacts): void };
  /** Has read what a configuration is going to need: files of FILE_CHECK and of the SSL block; undefined when all is known. */
  prepareFiles(config: Config): Promise<void> | undefined;
  /** Files of FILE_CHECK; changes are told to whoever `onFileChange` named. */
  readonly watchFiles: { set(paths: Iterable<string>): void; close(): void };
  onFileChange(changed: (path: string) => void): void;
  /** Addresses of this machine, for ha_suspend. */
  watchAddresses(changed: (addresses: ReadonlySet<string>) => void): AddressWatch;
}

export interface AddressWatch {
  readonly now: ReadonlySet<string>;
  /** `lvs_netlink_monitor_rcv_bufs`. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  stop(): void;
}

/** Files that are not for checks: the kernel's tables, FIFOs, programs, mails. Where there are few, dead servers must not take them all. */
const KEPT_FILES = 256;
const LEAST_CHECKS_AT_ONCE = 64;

/** The real ones. Nothing is opened before it is needed. */
export function realPorts(context: RoleContext): CheckerPorts {
  const { clock, log, options } = context;
  const readiness = openReadiness();
  // Two: a check's programs never wait for those of notifications, nor the other way round.
  const link = openStarterLink(readiness, context.introductions);
  const programs = createProgramClient(link, clock);
  const fileClient = createFileClient(link, clock, log);
  const checkScripts = programs.runner("checks");
  const notifyScripts = programs.runner("notifications");
  let fileChanged: (path: string) => void = () => {};
  let sessions: SessionFacts = {};
  const files = watchFiles(fileClient, (path) => fileChanged(path));
  return {
    openIpvs: (namespace) =>
      openIpvs({ transport: options.ipvsTransport, log, ...(namespace === undefined ? {} : { namespace }) }),
    openGroupMarkTables,
    probes: createProbes({
      clock,
      readiness,
      openTcp,
      openUdp,
      openPing,
      openSystemTls: systemTls(),
      random,
      runProgram: (command, extraArgs, limitMs, end) => checkScripts.run(command, extraArgs, limitMs, undefined, end),
      session: (name) => sessions[name],
      readFile: fileClient.text,
      readWhole: fileClient.read,
    }),
    notifier: lateNotifier((global) =>
      createNotifier("lvs", global, {
        clock,
        log,
        hostName: hostname(),
        run: (command, extraArgs, limitMs, end) => notifyScripts.run(command, extraArgs, limitMs, undefined, end),
        openFifo: openNotifyFifo,
      }),
    ),
    journal: openCheckerJournal(options.runDir),
    keptHealth: openKeptHealth(options.runDir),
    session: parentSession(),
    random,
    soon: queueMicrotask,
    checksAtOnce: Math.min(MAX_IN_FLIGHT, Math.max(LEAST_CHECKS_AT_ONCE, openFileLimit() - KEPT_FILES)),
    takeRights: openRights("checker", log),
    scripts: {
      setSecurity(next) {
        checkScripts.setSecurity(next);
        notifyScripts.setSecurity(next);
      },
      stopChecks: () => checkScripts.stop(),
      stopAll: async () => {
        await Promise.all([checkScripts.stop(), notifyScripts.stop()]);
      },
    },
    sessions: {
      now: () => sessions,
      take(facts) {
        sessions = facts;
      },
    },
    prepareFiles(config) {
      const wanted = filesOf(config).filter(({ role }) => role === "checker");
      const watched = wanted.filter(({ use }) => use === "watched").map(({ path }) => ({ path, init: false }));
      return fileClient.prepare(
        watched,
        wanted.filter(({ use }) => use === "read").map(({ path }) => path),
      );
    },
    watchFiles: files,
    onFileChange(changed) {
      fileChanged = changed;
    },
    watchAddresses: (changed) => watchAddresses(context, readiness, changed),
  };
}

function watchFiles(files: FileClient, changed: (path: string) => void): CheckerPorts["watchFiles"] {
  const open = new Map<string, FileWatch>();
  return {
    set(paths) {
      const wanted = new Set(paths);
      for (const [path, watch] of open) {
        if (wanted.has(path)) continue;
        watch.close();
        open.delete(path);
      }
      for (const path of wanted) {
        if (open.has(path)) continue;
        const watch = files.watch(path, () => changed(path));
        open.set(path, watch);
      }
    },
    close: () => files[Symbol.dispose](),
  };
}

/** Not to be guessed: ids of DNS queries come from it. */
function random(): number {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word / 2 ** 32;
}

/** Number and start time of the parent: a number alone is given out again. */
function parentSession(): string {
  const { ppid } = process;
  try {
    // proc(5): field 22; the name in field 2 may hold blanks and parentheses.
    const fields = readFileSync(`/proc/${ppid}/stat`, "latin1").split(") ").at(-1)?.split(" ");
    return `${ppid}:${fields?.[19] ?? ""}`;
  } catch {
    return `${ppid}`;
  }
}

function watchAddresses(
  { clock }: RoleContext,
  readiness: Readiness,
  changed: (addresses: ReadonlySet<string>) => void,
): AddressWatch {
  const commands = openRtnetlink();
  const scope = { routeProtocols: [], rules: false };
  const reflector = openReflector(readiness, clock, commands, { scope }, (events) => {
    if (events.some((event) => event.kind === "address")) changed(addressesOf(reflector));
  });
  return {
    now: addressesOf(reflector),
    setReceiveBuffer: (wish) => reflector.setReceiveBuffer(wish),
    stop() {
      reflector[Symbol.dispose]();
      commands[Symbol.dispose]();
    },
  };
}

function addressesOf(reflector: Reflector): ReadonlySet<string> {
  return new Set([...reflector.seen.addresses.values()].map((address) => address.ip));
}
