// Process layer: the roles of this program, by name.
import type { RoleFactory, RoleName } from "./role.ts";
import { createApiRole } from "./roles/api.ts";
import { createCheckerRole } from "./roles/checker.ts";
import { createVrrpRole } from "./roles/vrrp.ts";

const LIST: readonly { readonly name: RoleName; readonly factory: RoleFactory }[] = [
  { name: "api", factory: createApiRole },
  { name: "checker", factory: (context) => createCheckerRole(context) },
  { name: "vrrp", factory: createVrrpRole },
];

export const ROLES: ReadonlyMap<string, (typeof LIST)[number]> = new Map(LIST.map((role) => [role.name, role]));
