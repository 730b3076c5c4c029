// Process layer: the roles of this program. Each is loaded by the process that runs it and by no other: the parent never reads the
// checks, the api process never reads the configuration language, and all of them start sooner.
import type { RoleFactory, RoleName } from "../roles/role.ts";

const LOADERS: Readonly<Partial<Record<RoleName, () => Promise<RoleFactory>>>> = {
  api: async () => (await import("../roles/api/role.ts")).createApiRole,
  bfd: async () => {
    const { createBfdRole } = await import("../roles/bfd/role.ts");
    return (context) => createBfdRole(context);
  },
  checker: async () => {
    const { createCheckerRole } = await import("../roles/checker/role.ts");
    return (context) => createCheckerRole(context);
  },
  starter: async () => (await import("../roles/starter/role.ts")).createStarterRole,
  vrrp: async () => {
    const { createVrrpRole } = await import("../roles/vrrp/role.ts");
    return (context) => createVrrpRole(context);
  },
};

/** Roles that this program has. */
export const ROLE_NAMES: ReadonlySet<RoleName> = new Set(
  (["api", "checker", "vrrp", "bfd", "starter"] as const).filter((name) => LOADERS[name]),
);

/** The name of a role as it stands on a command line; undefined for any other word. */
export function roleName(word: string | undefined): RoleName | undefined {
  return [...ROLE_NAMES].find((name) => name === word);
}

/** @throws Error for a role that this program lacks */
export function loadRole(name: RoleName): Promise<RoleFactory> {
  const load = LOADERS[name];
  if (!load) throw new Error(`there is no ${name} role`);
  return load();
}
