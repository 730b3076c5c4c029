// Process layer: what a parent and the first step of a role agree on.
import type { RoleName } from "../roles/role.ts";

/** Where a child finds its end of the channel. */
export const CHANNEL_FD = 3;
/** Behind it, in those that programs and files are about, what introduces roles and starter to each other (kernel/introductions.ts). */
export const INTRODUCTIONS_FD = 4;
const INTRODUCED: ReadonlySet<RoleName> = new Set(["vrrp", "checker", "starter"]);
export const isIntroduced = (role: RoleName): boolean => INTRODUCED.has(role);
/** Kinds of the listening sockets that follow the channel, with commas between: `unix,tcp`. */
export const LISTENERS_VARIABLE = "LBD_LISTENERS";
/** Capabilities that a role keeps; gone from its environment when it has given up the others. */
export const RIGHTS_VARIABLE = "LBD_RIGHTS";
/** What a role may write and read, as JSON (FilePlaces of role-rights.ts); absent: whatever its user may. */
export const PLACES_VARIABLE = "LBD_PLACES";
/** Path of the network namespace in which a role is. */
export const IN_NAMESPACE_VARIABLE = "LBD_NAMESPACE";
/**
 * What keeps the runtime asleep while nothing happens. The allocator (mimalloc) gives free pages back at once: otherwise a thread of its own
 * wakes twice for each turn of the loop, to do it 50 ms later. And the engine's look at its heap by the clock comes every ten seconds
 * instead of each second; a heap that grows is looked at in the turns of the loop all the same. conf/lbd.service has both for the parent.
 */
export const CALM_RUNTIME = { MIMALLOC_PURGE_DELAY: "0", BUN_GC_TIMER_INTERVAL: "10000" } as const;
