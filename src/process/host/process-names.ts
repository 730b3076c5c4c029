// Process layer: how the processes of a director are called in ps and top (process_names, process_name and its kin). keepalived calls all
// of them alike unless told otherwise; ours have names of their own, unless the parent is given one and they are not.
import type { GlobalConfig } from "../../config/model/global.ts";
import type { RoleName } from "../../roles/role.ts";

export const PARENT_NAME = "lbd";

export function parentName({ processNames }: GlobalConfig): string {
  return processNames?.parent ?? PARENT_NAME;
}

export function processName(role: RoleName, { processNames }: GlobalConfig): string {
  const conventional = `${PARENT_NAME}-${role}`;
  if (!processNames || role === "api" || role === "starter") return conventional;
  return processNames[role] ?? (processNames.conventional ? conventional : (processNames.parent ?? conventional));
}
