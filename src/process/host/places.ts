// Process layer: where a director has its run directory and pid files. Several on one machine are told apart by what tells daemons of
// keepalived apart: network namespace, `instance`, and the pid files they are given. Pure.

/** The run directory of a director that nothing tells apart; those of others are directories in it. */
export const DEFAULT_RUN_DIR = "/run/lbd";

/** What tells a director apart from others. */
export interface Identity {
  /** `-s`, else `net_namespace`. */
  readonly namespace?: string | undefined;
  readonly instance?: string | undefined;
  readonly usePidDir?: boolean;
  /** The first of `-p`, `-r`, `-c`; absolute. */
  readonly pidFile?: string | undefined;
}

/** So that the socket's path is short enough for the kernel (108 bytes). */
const MAX_NAME = 80;
const HASH_DIGITS = 12;
const SOCKET_FILE = "api.sock";
const RUN = "/run";
/** Names of where keepalived has its pid file without being told. */
const USUAL_PID_FILES: readonly string[] = ["/run/keepalived.pid", "/var/run/keepalived.pid"];

export function runDirOf({ namespace, instance, pidFile }: Identity): string {
  const told = pidFile === undefined || USUAL_PID_FILES.includes(pidFile) ? undefined : pidFile.slice(1);
  const parts = [namespace, instance, told].filter((part) => part !== undefined && part !== "");
  return parts.length === 0
    ? DEFAULT_RUN_DIR
    : `${DEFAULT_RUN_DIR}/${shortened(parts.map((part) => encoded(part ?? "")).join("_"))}`;
}

/** Where the API is asked on this machine. */
export function socketPath(runDir: string): string {
  return `${runDir}/${SOCKET_FILE}`;
}

/** What a role keeps over its ends lies here, and nothing of anybody else: it has user id 0, and may write nowhere else in the run directory. */
export function roleDirectory(runDir: string, role: string): string {
  return `${runDir}/${role}.d`;
}

/** Roles that keep something. */
export const KEEPING_ROLES = ["vrrp", "checker"] as const;
export type KeepingRole = (typeof KEEPING_ROLES)[number];

/** What they keep: names of their journals (roles/journal.ts). Anything else in their directories was left by none that meant well. */
export const JOURNALS = { vrrp: ["kernel", "sysctl"], checker: ["kernel", "health"] } as const;
/** Larger ones were not written by us. */
export const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;
/** Of what vrrp says to its successor, as JSON: a thousand instances with long names have a tenth of it. */
export const MAX_HANDOVER_BYTES = 1 << 20;

export function journalFile(of: string): string {
  return `${of}.journal`;
}

/** A name without a dot, which every file in the directory has one of; a path's slashes become plus signs. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%2F", "+").replaceAll(".", "%2E").replaceAll("_", "%5F");
}

function shortened(name: string): string {
  if (name.length <= MAX_NAME) return name;
  // Seldom needed, and slow to load.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_DIGITS);
  return `${name.slice(0, MAX_NAME - HASH_DIGITS - 1)}~${hash}`;
}

export interface PidFiles {
  readonly parent: string;
  readonly vrrp: string;
  readonly checker: string;
  readonly bfd: string;
}

/** Where keepalived 2.2.7 has them: measured, see docs/compat-notes.md. */
export function keepalivedPidFiles({ namespace, instance, usePidDir }: Identity): PidFiles {
  const apart = usePidDir || namespace !== undefined || instance !== undefined;
  const directory = apart ? `${RUN}/keepalived${namespace === undefined ? "" : `/${namespace}`}` : RUN;
  const file = (name: string) => `${directory}/${name}${instance === undefined ? "" : `_${instance}`}.pid`;
  return { parent: file("keepalived"), vrrp: file("vrrp"), checker: file("checkers"), bfd: file("bfd") };
}

/** Where dumps go that are given no other place: as with keepalived, TMPDIR where it is absolute. */
export function dumpDirectory(tmpdir: string | undefined): string {
  return tmpdir?.startsWith("/") ? tmpdir : "/tmp";
}

/** What is configured of the files of dumps. */
export interface DumpSettings {
  /** `data_use_instance`: the data dumps of directors on one machine are told apart. */
  readonly useInstance: boolean;
  /** A path, a name in the directory, or with a slash at its end a directory for the usual name. */
  readonly stateFile?: string;
  readonly statsFile?: string;
  readonly jsonFile?: string;
}

const DUMP_SUFFIXES = { vrrp: "", checker: "_check", bfd: "_bfd", parent: "_parent" } as const;
export type Dumper = keyof typeof DUMP_SUFFIXES;
export type DumpFileKind = "data" | "stats" | "json";

/**
 * Path of a dump. keepalived 2.2.7 and 2.4.3: `data_use_instance` is for data dumps alone, whatever the manual says; that statistics and JSON
 * have a place of their own is the manual's.
 */
export function dumpPath(
  kind: DumpFileKind,
  dumper: Dumper,
  directory: string,
  { namespace, instance }: Pick<Identity, "namespace" | "instance">,
  settings: DumpSettings,
): string {
  const { useInstance, stateFile, statsFile, jsonFile } = settings;
  if (kind !== "data") return placed((kind === "stats" ? statsFile : jsonFile) ?? "", `keepalived.${kind}`, directory);
  const full = placed(stateFile ?? "", "keepalived.data", directory);
  const own = useInstance ? [namespace, instance].filter((part) => part !== undefined).join("_") : "";
  // keepalived: the last dot of the name, and without one its end.
  const name = full.slice(full.lastIndexOf("/") + 1);
  const dot = name.includes(".") ? full.lastIndexOf(".") : full.length;
  return `${full.slice(0, dot)}${DUMP_SUFFIXES[dumper]}${own === "" ? "" : `.${own}`}${full.slice(dot)}`;
}

function placed(given: string, usual: string, directory: string): string {
  const named = given === "" || given.endsWith("/") ? `${given}${usual}` : given;
  return named.startsWith("/") ? named : `${directory}/${named}`;
}
