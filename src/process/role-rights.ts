// Process layer: which rights each role keeps (docs/security.md). Capabilities as numbers, as ffi/process.ts has them. Pure.

import { dirname } from "node:path";
import type { Config } from "../config/model/config.ts";
import type { RoleName } from "../roles/role.ts";
import { KEEPING_ROLES, roleDirectory } from "./host/places.ts";
import { ALWAYS_READ, ALWAYS_WRITTEN, type FilePlaces } from "./role-places.ts";

const DAC_OVERRIDE = 1;
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
  /** What it has to do with files; absent: whatever its user may. */
  readonly places?: FilePlaces;
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
  const written = role === "api" ? [] : [...ALWAYS_WRITTEN, ...ownPlaces(role, runDir, config)];
  const writable = [...new Set(written)];
  const places = role === "api" ? { writable } : { writable, readable: ALWAYS_READ };
  return {
    capabilities,
    ...(confined && { places }),
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

function ownPlaces(role: RoleName, runDir: string, config: Config | undefined): readonly string[] {
  const kept = KEEPING_ROLES.some((one) => one === role) ? [roleDirectory(runDir, role)] : [];
  return [...kept, ...(config ? placesOf(role, config) : [])];
}

/** FIFOs are made and removed in their directories. */
function placesOf(role: RoleName, { global }: Config): readonly string[] {
  if (role === "bfd") return [];
  const fifos = [global.fifo.all, role === "vrrp" ? global.fifo.vrrp : global.fifo.lvs].flatMap(
    (fifo) => fifo?.path ?? [],
  );
  return fifos.map((path) => dirname(path));
}

/** FIFOs that belong to somebody else (the parent makes those), sockets in another namespace: only with a configuration that names them. */
function forFiles(role: RoleName, { global }: Config): readonly number[] {
  const fifos = [global.fifo.all, role === "vrrp" ? global.fifo.vrrp : global.fifo.lvs];
  const wanted = fifos.some(Boolean) ? [DAC_OVERRIDE] : [];
  if (role !== "checker") return role === "vrrp" ? wanted : [];
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
  [IPC_LOCK]: "IPC_LOCK",
  [SYS_ADMIN]: "SYS_ADMIN",
  [SYS_NICE]: "SYS_NICE",
  [SYS_PTRACE]: "SYS_PTRACE",
};

/** What `after` has and `before` has not, in words. */
export function gained(before: RoleRights | undefined, after: RoleRights | undefined): readonly string[] {
  if (!before || !after) return [];
  const fresh = after.capabilities.filter((capability) => !before.capabilities.includes(capability));
  const writable = before.places?.writable;
  const places = writable ? (after.places?.writable ?? []).filter((place) => !writable.includes(place)) : [];
  return [
    ...fresh.map((capability) => `CAP_${NAMES[capability] ?? capability}`),
    ...places.map((place) => `the right to write in ${place}`),
  ];
}
