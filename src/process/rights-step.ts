// Process layer: the first thing a role does: it goes to its network namespace, gives up what it does not need, and starts itself again
// under the same process id, so that every thread is born without it (ffi/shed.ts). Each start waits for it: nothing else is loaded.

import { readFileSync, writeSync } from "node:fs";
import type { Places } from "../../ffi/landlock.ts";
import { joinNetworkNamespace, shedInto } from "../../ffi/shed.ts";
import { messageOf } from "../base/errors.ts";
import type { RoleName } from "../roles/role.ts";
import { ROLE_WORD } from "./options.ts";
import { type FilePlaces, ownMappings } from "./role-places.ts";
import {
  CHANNEL_FD,
  IN_NAMESPACE_VARIABLE,
  INTRODUCTIONS_FD,
  isIntroduced,
  LISTENERS_VARIABLE,
  PLACES_VARIABLE,
  RIGHTS_VARIABLE,
} from "./role-variables.ts";

/** Until the handlers stand again: HUP, INT, USR1, USR2 are for the parent, and would end this process. */
const FOR_THE_PARENT = [1, 2, 10, 12];

/**
 * Comes back only when it can't be done; then this process goes on as it is, and says so.
 * @throws SyscallError when there is no such namespace (yet): a role must not run elsewhere, it is started again
 */
export function takeRightsStep(role: RoleName, ownArguments: readonly string[]): void {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && name !== RIGHTS_VARIABLE && name !== PLACES_VARIABLE) environment[name] = value;
  const capabilities = (process.env[RIGHTS_VARIABLE] ?? "").split(",").filter(Boolean).map(Number);
  const places = process.env[PLACES_VARIABLE];
  delete process.env[RIGHTS_VARIABLE];
  delete process.env[PLACES_VARIABLE];
  const namespace = process.env[IN_NAMESPACE_VARIABLE];
  if (namespace !== undefined) joinNetworkNamespace(namespace);
  try {
    shedInto({
      path: "/proc/self/exe",
      args: [process.argv0, ...ownArguments],
      environment,
      capabilities,
      ...(places === undefined ? {} : { places: placesOf(JSON.parse(places), ownArguments) }),
      descriptors: [CHANNEL_FD, ...(isIntroduced(role) ? [INTRODUCTIONS_FD] : []), ...listenerFds()],
      ignoredSignals: FOR_THE_PARENT,
    });
  } catch (error) {
    const why = messageOf(error);
    writeSync(2, `this process keeps more rights than it needs: ${why}\n`);
  }
}

/** Not compiled, the next image reads its sources wherever they are. */
function placesOf({ writable, readable }: FilePlaces, ownArguments: readonly string[]): Places {
  const isCompiled = ownArguments[0] === ROLE_WORD;
  if (!isCompiled || readable === undefined) return { writable };
  const mapped = ownMappings(readFileSync("/proc/self/maps", "latin1"));
  return { writable, readable, executable: ["/proc/self/exe", ...mapped] };
}

function listenerFds(): number[] {
  const kinds = (process.env[LISTENERS_VARIABLE] ?? "").split(",").filter(Boolean);
  return kinds.map((_kind, at) => CHANNEL_FD + 1 + at);
}
