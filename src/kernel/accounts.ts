// Adapter: names of users and groups, read from passwd(5) and group(5) text. Only local accounts: no lookups over a network
// while a director decides.
import { readFileSync } from "node:fs";

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Ids of all groups that list the user, for `set_supplementary_groups`. */
  readonly groups: readonly number[];
  readonly name: string;
  readonly home: string;
}

/** Looks up a user and, when given, a group; both by name or decimal id. The reason says which of the two is unknown. */
export function findAccount(
  user: string,
  group?: string,
): { ok: true; account: Account } | { ok: false; reason: string } {
  const entry = readTable("/etc/passwd").find((row) => row[0] === user || row[2] === user);
  if (!entry) return { ok: false, reason: `unknown user ${user}` };
  const groups = readTable("/etc/group");
  const gid = group === undefined ? Number(entry[3]) : groupId(groups, group);
  if (gid === undefined) return { ok: false, reason: `unknown group ${group}` };
  const name = entry[0] ?? user;
  const home = entry[5] || "/";
  const supplementary = groups.filter((row) => (row[3] ?? "").split(",").includes(name)).map((row) => Number(row[2]));
  return { ok: true, account: { uid: Number(entry[2]), gid, groups: [gid, ...supplementary], name, home } };
}

/** Id of a group given by name or decimal id; undefined when there is none. */
export function findGroup(group: string): number | undefined {
  return groupId(readTable("/etc/group"), group);
}

function groupId(groups: readonly (readonly string[])[], group: string): number | undefined {
  const entry = groups.find((row) => row[0] === group || row[2] === group);
  return entry && Number(entry[2]);
}

function readTable(path: string): string[][] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}

/** keepalived's account of programs that name none, where the machine has it. */
const SCRIPT_USER = "keepalived_script";

/** Whose account a program runs by, as `uid:gid`: its own, that of `script_user`, or the default. */
export function accountText(
  { user, group }: { readonly user?: string | undefined; readonly group?: string | undefined },
  security: { readonly user?: string; readonly group?: string },
): string {
  const [name, of] = user !== undefined ? [user, group] : [security.user ?? SCRIPT_USER, security.group];
  const found = findAccount(name, of);
  return found.ok
    ? `${found.account.uid}:${found.account.gid}`
    : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}
