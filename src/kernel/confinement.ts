// Adapter: ties a child to its parent, and gives up rights for good.

import { readFileSync } from "node:fs";
import { openConfinement } from "../../ffi/landlock.ts";
import {
  becomeUser,
  RLIMIT_CORE,
  resourceLimit,
  setDumpable,
  setNoNewPrivileges,
  setParentDeathSignal,
  setProcessName,
  setResourceLimit,
} from "../../ffi/process.ts";
import { filterSystemCalls, machine } from "../../ffi/seccomp.ts";
import { messageOf } from "../base/errors.ts";
import { roleRefusals } from "./role-filter.ts";
import { refusals, type Use } from "./seccomp-filter.ts";
import type { FilterStep, Machine } from "./seccomp-program.ts";

/** kernel: the account that stands for "nobody" wherever ids can't be told (fs.overflowuid); it needs no entry anywhere. */
const NOBODY = 65534;
const SIGTERM = 15;
const CAP_SYS_ADMIN = 21n;

/**
 * Has the kernel ask this process to stop when its parent ends, and names it for ps.
 * False when the parent is gone already: then nobody would ever be told. @throws SyscallError
 */
export function bindToParent(parentPid: number, name: string): boolean {
  setProcessName(name);
  setParentDeathSignal(SIGTERM);
  return process.ppid === parentPid;
}

/**
 * Keys and passwords lie in memory: no core file, whatever pattern the kernel has, and no reading by another process of the same
 * user. Only the soft limit changes, so that programs may ask for theirs. With `coreFiles` as large as the limit lets. @throws SyscallError
 */
export function keepMemoryPrivate(coreFiles: boolean): void {
  const { hard } = resourceLimit(RLIMIT_CORE);
  setResourceLimit(RLIMIT_CORE, { soft: coreFiles ? hard : 0n, hard });
  setDumpable(coreFiles);
}

/** What ps and top call this process; 15 bytes of it. @throws SyscallError */
export function nameProcess(name: string): void {
  setProcessName(name);
}

/**
 * Becomes nobody: all threads, no groups, and with the user id go all capabilities; nothing started later gets them back.
 * Without root it only makes sure that no more rights come. @param id of user and group, where it is not nobody's. @throws SyscallError
 */
export function becomeNobody(parentPid: number, id = NOBODY): void {
  if (process.getuid?.() === 0) becomeUser(id, id);
  setNoNewPrivileges();
  // kernel: a change of user clears it (prctl(2), PR_SET_PDEATHSIG).
  setParentDeathSignal(SIGTERM);
  if (process.ppid !== parentPid) throw new Error("the parent ended while this process started");
}

/**
 * From now on no thread of this process can start a program, connect anywhere (a gate: but to UNIX sockets), write a file or touch another
 * process. Undefined, or why the kernel does not have it: then the rest holds all the same.
 */
export function refuseSystemCalls(use: Use = "answers"): string | undefined {
  return filtered((here) => refusals(here, use));
}

/**
 * The same for vrrp and checker, which work on the network and on files: no program, no other process' life, limits or place on the
 * processors, no mode of a file, no service of this machine but the starter, in every thread. With SYS_ADMIN they go to other namespaces.
 */
export function refuseForeignAffairs(): string | undefined {
  return filtered((here) => {
    // Without root nobody has done it before.
    setNoNewPrivileges();
    return roleRefusals(here, { pid: process.pid, changesNamespace: hasCapability(CAP_SYS_ADMIN) });
  });
}

/** Landlock keeps a role from files that are not its own: the kernel has it, and it is switched on. */
export function hasLandlock(): boolean {
  return openConfinement({ writable: [] }) !== undefined;
}

function filtered(program: (here: Machine) => readonly FilterStep[]): string | undefined {
  const here = machine();
  if (here === undefined) return "there is no table of system calls for this machine";
  try {
    filterSystemCalls(program(here));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function hasCapability(number: bigint): boolean {
  const set = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return ((BigInt(`0x${set ?? "0"}`) >> number) & 1n) === 1n;
}
