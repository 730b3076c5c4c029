// Process layer: which rights each role keeps (docs/security.md). Capabilities as numbers, as ffi/process.ts has them. Pure.

import { dirname } from "node:path";
import type { Config } from "../config/model/config.ts";
import type { RealServer } from "../config/model/lvs.ts";
import type { RoleName } from "../roles/role.ts";
import { KEEPING_ROLES, roleDirectory } from "./host/places.ts";

const DAC_OVERRIDE = 1;
const DAC_READ_SEARCH = 2;
const SETGID = 6;
const SETUID = 7;
const NET_BIND_SERVICE = 10;
const NET_ADMIN = 12;
const NET_RAW = 13;
const IPC_LOCK = 14;
const SYS_PTRACE = 19;
const SYS_ADMIN = 21;
const SYS_NICE = 23;

/** What a process of a role is started with. */
export interface RoleRights {
  /** In ascending order; all others are gone. */
  readonly capabilities: readonly number[];
  /** Where it may write (ffi/landlock.ts); absent: wherever its user may. */
  readonly writable?: readonly string[];
  /** Network namespace that it is put into before it gives them up. */
  readonly namespace?: string;
}

/**
 * The rights of a role under a configuration; undefined: all that the parent has, which only the starter of programs needs.
 * @param options `namespace`: `-s`, which beats the configuration's; `runDir`: where the journals are
 */
export function rightsOf(
  role: RoleName,
  config: Config | undefined,
  { namespace, runDir }: { readonly namespace?: string | undefined; readonly runDir: string },
): RoleRights | undefined {
  if (role === "starter") return;
  const inside = namespace ?? config?.global.netNamespace;
  const wanted = [...ALWAYS[role], ...(config ? [...forFiles(role, config), ...forPriorities(role, config)] : [])];
  const capabilities = [...new Set(wanted)].sort((a, b) => a - b);
  // kernel: Landlock keeps it from looking at processes outside, whatever its capabilities.
  const confined = !capabilities.includes(SYS_PTRACE);
  const writable = role === "api" ? [] : [...ALWAYS_WRITTEN, ...ownPlaces(role, runDir, config)];
  return {
    capabilities,
    ...(confined && { writable: [...new Set(writable)] }),
    ...(inside === undefined ? {} : { namespace: inside }),
  };
}

const ALWAYS: Readonly<Record<Exclude<RoleName, "starter">, readonly number[]>> = {
  vrrp: [NET_ADMIN, NET_RAW],
  // `bind_port` may be below 1024.
  checker: [NET_ADMIN, NET_RAW, NET_BIND_SERVICE],
  bfd: [NET_BIND_SERVICE],
  // Until it is nobody, which comes before the first answer: its sockets are handed to it.
  api: [SETGID, SETUID],
};

/** Settings of its network namespace, its own part of /proc, and nowhere. */
const ALWAYS_WRITTEN = ["/proc/sys/net", "/proc/self", "/dev/null"];

function ownPlaces(role: RoleName, runDir: string, config: Config | undefined): readonly string[] {
  const kept = KEEPING_ROLES.some((one) => one === role) ? [roleDirectory(runDir, role)] : [];
  return [...kept, ...(config ? placesOf(role, config) : [])];
}

/** FIFOs are made and removed, `init_file` writes a tracked file: all in their directories. */
function placesOf(role: RoleName, { global, vrrp }: Config): readonly string[] {
  if (role === "bfd") return [];
  const fifos = [global.fifo.all, role === "vrrp" ? global.fifo.vrrp : global.fifo.lvs].flatMap(
    (fifo) => fifo?.path ?? [],
  );
  const files = role === "vrrp" ? vrrp.files.flatMap(({ initFile, path }) => (initFile ? [path] : [])) : [];
  return [...fifos, ...files].map((path) => dirname(path));
}

/** FIFOs that belong to somebody else (the parent makes those), files of others, sockets in another namespace: only with a configuration that names them. */
function forFiles(role: RoleName, { global, vrrp, virtualServers, ssl }: Config): readonly number[] {
  const fifos = [global.fifo.all, role === "vrrp" ? global.fifo.vrrp : global.fifo.lvs];
  const wanted = fifos.some(Boolean) ? [DAC_OVERRIDE] : [];
  if (role === "vrrp" && vrrp.files.length > 0) wanted.push(DAC_READ_SEARCH);
  if (role === "vrrp" && vrrp.files.some(({ initFile }) => initFile)) wanted.push(DAC_OVERRIDE);
  if (role !== "checker") return role === "vrrp" ? wanted : [];
  const readsFiles = ({ checks }: RealServer) => checks.some(({ kind }) => kind === "FILE_CHECK");
  if (ssl || virtualServers.some(({ realServers }) => realServers.some(readsFiles))) wanted.push(DAC_READ_SEARCH);
  if (global.netNamespaceIpvs !== undefined) wanted.push(SYS_ADMIN);
  // kernel: the namespace of process 1 is looked at through it, which has more rights than this role.
  if (global.netNamespaceIpvs === "") wanted.push(SYS_PTRACE);
  return wanted;
}

/** Priorities and locked memory; where the limits of the process can permit them it keeps no capability for it (ffi/shed.ts). */
function forPriorities(role: RoleName, { global }: Config): readonly number[] {
  if (role === "api" || role === "starter") return [];
  const { priority, realtimePriority, noSwap } = global.process[role];
  const fast = priority !== undefined || realtimePriority !== undefined || (global.autoPriority?.max ?? 0) > 0;
  return [...(fast ? [SYS_NICE] : []), ...(noSwap ? [IPC_LOCK] : [])];
}

const NAMES: Readonly<Record<number, string>> = {
  [DAC_OVERRIDE]: "DAC_OVERRIDE",
  [DAC_READ_SEARCH]: "DAC_READ_SEARCH",
  [IPC_LOCK]: "IPC_LOCK",
  [SYS_ADMIN]: "SYS_ADMIN",
  [SYS_NICE]: "SYS_NICE",
  [SYS_PTRACE]: "SYS_PTRACE",
};

/** What `after` has and `before` has not, in words. */
export function gained(before: RoleRights | undefined, after: RoleRights | undefined): readonly string[] {
  if (!before || !after) return [];
  const fresh = after.capabilities.filter((capability) => !before.capabilities.includes(capability));
  const { writable } = before;
  const places = writable ? (after.writable ?? []).filter((place) => !writable.includes(place)) : [];
  return [
    ...fresh.map((capability) => `CAP_${NAMES[capability] ?? capability}`),
    ...places.map((place) => `the right to write in ${place}`),
  ];
}
