// Adapter: may this program be run? Walks the resolved path from the root and looks at who could change what
// (`enable_script_security`, cli-signals.md §10). The verdict is a pure function of what stat(2) said.
import { constants, lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { hasAttribute } from "../../ffi/fd.ts";
import { SEARCH_PATH } from "../base/environment.ts";
import type { ScriptSecurity } from "../config/model/global.ts";

/** One component of a path, the root first. */
export interface PathPart {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** st_mode with the file type. */
  readonly mode: number;
  /** It has an access control list, whose widest rights the group's bits of the mode are (acl(5)). */
  readonly hasList?: boolean;
}

export type ScriptVerdict =
  | { readonly kind: "safe"; readonly resolved: string }
  /** The program is not there or can't be run: running it would fail. */
  | { readonly kind: "missing"; readonly isThere: boolean | "directory"; readonly reason: string }
  /** Somebody other than root could change it, and it would run as root. */
  | { readonly kind: "unsafe"; readonly resolved: string; readonly reason: string; readonly mend: string };

/** Judges a program that will run as `uid`. Only programs that run as root can be unsafe, as with keepalived. */
export function judgeScript(program: string, uid: number, security: ScriptSecurity): ScriptVerdict {
  const found = isAbsolute(program) ? program : searchPath(program);
  if (found === undefined) return { kind: "missing", isThere: false, reason: `${program} is not in the search path` };
  try {
    const resolved = security.useSymlinkPaths ? found : realpathSync(found);
    const parts = pathParts(resolved);
    const file = statSync(found);
    const cannot = whyNotExecutable(file, uid);
    if (cannot)
      return { kind: "missing", isThere: file.isDirectory() ? "directory" : true, reason: `${found}: ${cannot}` };
    const problem = uid === 0 ? judgePath(parts) : undefined;
    return problem ? { kind: "unsafe", resolved, ...problem } : { kind: "safe", resolved };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { kind: "missing", isThere: false, reason: `${found}: ${code}` };
  }
}

/** The first component that somebody other than root could change, with the command that mends it; undefined when none. */
export function judgePath(parts: readonly PathPart[]): { reason: string; mend: string } | undefined {
  for (const part of parts) {
    const kind = part.mode & constants.S_IFMT;
    const sticky = kind === constants.S_IFDIR && (part.mode & 0o1000) !== 0;
    if (kind === constants.S_IFLNK)
      return { reason: `${part.path} is a symbolic link`, mend: "name the real path, or set use_symlink_paths off" };
    if (part.uid !== 0) return { reason: `${part.path} belongs to uid ${part.uid}`, mend: `chown root ${part.path}` };
    if ((part.mode & 0o020) !== 0 && part.gid !== 0 && !sticky)
      return {
        reason: `${part.path} can be written by group ${part.gid} (mode bit g+w)`,
        mend: `chmod g-w ${part.path}`,
      };
    if ((part.mode & 0o020) !== 0 && part.hasList && !sticky)
      return { reason: `${part.path} can be written through its access control list`, mend: `setfacl -b ${part.path}` };
    if ((part.mode & 0o002) !== 0 && !sticky)
      return { reason: `${part.path} can be written by everybody (mode bit o+w)`, mend: `chmod o-w ${part.path}` };
  }
  return undefined;
}

/** Who else than root, or whoever runs this, could change a file; undefined when nobody, and for what is no file. */
export function judgeFile(path: string): { reason: string; mend: string } | undefined {
  const own = process.geteuid?.() ?? 0;
  try {
    return judgePath(pathParts(realpathSync(path)).map((part) => (part.uid === own ? { ...part, uid: 0 } : part)));
  } catch {
    return undefined;
  }
}

const ACL = "system.posix_acl_access";

function pathParts(path: string): PathPart[] {
  const up = dirname(path);
  const { uid, gid, mode } = lstatSync(path);
  const own = { path, uid, gid, mode, hasList: (mode & 0o020) !== 0 && hasAttribute(path, ACL) };
  return up === path ? [own] : [...pathParts(up), own];
}

function searchPath(program: string): string | undefined {
  return SEARCH_PATH.split(":")
    .map((dir) => join(dir, program))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

function whyNotExecutable(file: Stats, uid: number): string | undefined {
  if (!file.isFile()) return "not a regular file";
  const bits = uid === 0 ? 0o111 : file.uid === uid ? 0o100 : 0o011;
  return (file.mode & bits) === 0 ? `not executable (mode ${(file.mode & 0o7777).toString(8)})` : undefined;
}
