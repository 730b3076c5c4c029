// Process layer: how the processes of a director are called in ps and top (process_names, process_name and its kin). keepalived calls all
// of them alike unless told otherwise; ours have names of their own, unless the parent is given one and they are not. Who starts lbd
// under the name keepalived has scripts that look for it: what they know from there is called as there.
import type { GlobalConfig } from "../../config/model/global.ts";
import type { RoleName } from "../../roles/role.ts";

export const PARENT_NAME = "lbd";

/** Of `process_names`, as Debian's 2.2.7 has them; its manual page has another name for the checker. */
const KEEPALIVEDS_NAMES = { vrrp: "keepalived_vrrp", checker: "keepalived_lvs", bfd: "keepalived_bfd" } as const;

export function parentName({ processNames }: GlobalConfig): string {
  return processNames?.parent ?? PARENT_NAME;
}

/** @param calledAs `keepalived`, when lbd was started under that name */
export function processName(role: RoleName, { processNames }: GlobalConfig, calledAs?: string): string {
  const own = `${PARENT_NAME}-${role}`;
  if (role === "api" || role === "starter") return own;
  const conventional = calledAs === undefined ? own : KEEPALIVEDS_NAMES[role];
  if (!processNames) return calledAs ?? conventional;
  return processNames[role] ?? (processNames.conventional ? conventional : (processNames.parent ?? calledAs ?? own));
}
