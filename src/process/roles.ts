// Process layer: the roles of this program, by name.
import type { RoleFactory, RoleName } from "./role.ts";
import { createApiRole } from "./roles/api.ts";

export const ROLES: ReadonlyMap<string, { readonly name: RoleName; readonly factory: RoleFactory }> = new Map([
  ["api", { name: "api", factory: createApiRole }],
]);
