// Process layer: what the process that reads configurations is asked, and what it says. Both sides are the same program.
import type { RoleName } from "../roles/role.ts";
import type { Outline } from "./configuration/outline.ts";
import type { StampTexts } from "./configuration/settled-files.ts";
import type { RunOptions } from "./options.ts";
import type { RoleRights } from "./role-rights.ts";

/** In front of `read` and `effective` come the bytes of the record of what is in force, if anything is; of `read` behind it those of its shares. */
export type ToReader =
  | (ReadRequest & { readonly kind: "read" })
  /** The effective values of what is in force; then a piece for each `more`. */
  | { readonly kind: "effective"; readonly options: ReaderOptions }
  | { readonly kind: "more" };

export interface ReadRequest {
  readonly options: ReaderOptions;
  /** At the start only a file that seems odd is waited for until it stands still; at a reload each. */
  readonly at: "start" | "reload";
  /** It may take everything away. */
  readonly mayEmpty: boolean;
  /** Roles that want their share, and what they have of it. */
  readonly shares: readonly ShareAsked[];
}

export interface ReaderOptions
  extends Pick<RunOptions, "configFile" | "configId" | "allConfig" | "strict" | "roles" | "runDir"> {
  readonly namespace?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function readerOptions(
  { configFile, configId, allConfig, strict, roles, namespace, runDir }: RunOptions,
  env: ReaderOptions["env"],
): ReaderOptions {
  return {
    configFile,
    ...(configId !== undefined && { configId }),
    allConfig,
    strict,
    roles,
    runDir,
    ...(namespace !== undefined && { namespace }),
    env,
  };
}

export interface ShareAsked {
  readonly role: RoleName;
  /** The last whole, and all that changed since, packed; 0: nothing yet. */
  readonly wholeBytes: number;
  readonly changedBytes: number;
  /** So many pieces of it were sent before; 0: it is not needed, or not to be had. */
  readonly pieces: number;
}

/** After `taken`: for each share that differs `share` and its pieces as bytes, `record` and its bytes, `done`, `details`. */
export type FromReader =
  | Answer
  | { readonly kind: "share"; readonly role: RoleName; readonly whole: boolean }
  | { readonly kind: "record" }
  | { readonly kind: "done" }
  | ({ readonly kind: "details" } & Details)
  | { readonly kind: "piece"; readonly piece: string; readonly end: boolean };

export type Answer = Same | Refused | Taken;

/** What is in force would come of it again. */
export interface Same {
  readonly kind: "same";
  readonly tookMs: number;
}

export interface Refused {
  readonly kind: "refused";
  readonly tookMs: number;
  readonly findings: FindingLines;
  /** Why, a line each. */
  readonly refusals: readonly string[];
  /** Those that are no findings of the files. */
  readonly beyondFindings: readonly string[];
}

export interface Taken {
  readonly kind: "taken";
  readonly tookMs: number;
  readonly findings: FindingLines;
  readonly outline: Outline;
  readonly rights: Readonly<Partial<Record<RoleName, RoleRights>>>;
  /** A line on what changed, and names; absent: there was nothing before. */
  readonly changes?: readonly string[];
  readonly stamps: StampTexts;
}

/** The first of each kind, and how many there are. */
export interface FindingLines {
  readonly errors: readonly string[];
  readonly errorCount: number;
  readonly warnings: readonly string[];
  readonly warningCount: number;
}

/** What is told of a configuration when all who wait for it have it. */
export interface Details {
  /** Over all files in hexadecimal digits. */
  readonly sha256: string;
  /** Further warnings. */
  readonly notes: readonly string[];
}

/** Undefined for anything that is no message to a reader. What is in it is the parent's, and typed there. */
export function readToReader(raw: unknown): ToReader | undefined {
  return isOfKind<ToReader>(raw, ["read", "effective", "more"]) ? raw : undefined;
}

/** Undefined for anything that is no message of a reader, which is as trusted as the parent. */
export function readFromReader(raw: unknown): FromReader | undefined {
  const kinds = ["same", "refused", "taken", "share", "record", "done", "details", "piece"] as const;
  return isOfKind<FromReader>(raw, kinds) ? raw : undefined;
}

function isOfKind<T extends { readonly kind: string }>(raw: unknown, kinds: readonly T["kind"][]): raw is T {
  return typeof raw === "object" && raw !== null && "kind" in raw && kinds.some((kind) => kind === raw.kind);
}
