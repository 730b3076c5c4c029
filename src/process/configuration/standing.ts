// Process layer: what is in force, as another configuration is held against it. The roles' shares have all of it, so the files need not be read a
// second time. Pure.
import type { Config } from "../../config/model/config.ts";
import type { RoleName } from "../../roles/role.ts";
import { createAssembly } from "./assembly.ts";
import type { Reading } from "./configuration.ts";

export type Standing = Pick<Reading, "config" | "content" | "errorKeys">;

/** What the shares don't have of it. */
export interface Said {
  readonly content: Reading["content"];
  readonly errorKeys: readonly string[];
}

/** Texts of pieces as shares.ts made them, in the order in which they were given. */
export type SharePieces = ReadonlyMap<RoleName, Iterable<string>>;

/** The two that have everything: what the others have is made of it. */
export const WHOLE_IN: readonly RoleName[] = ["vrrp", "checker"];

/** Undefined without the shares of both. */
export function standingOf({ content, errorKeys }: Said, pieces: SharePieces): Standing | undefined {
  const [vrrp, checker] = WHOLE_IN.map((role) => pieces.get(role));
  if (!vrrp || !checker) return undefined;
  const { virtualServers, ssl, serviceGroups } = assembled(checker);
  const { served: _made, ...rest }: Config & { readonly served?: unknown } = assembled(vrrp);
  // shares.ts: these the checker alone is given.
  const ofChecks = { virtualServers, ...(ssl && { ssl }), ...(serviceGroups && { serviceGroups }) };
  return { config: { ...rest, ...ofChecks }, content, errorKeys: () => errorKeys };
}

function assembled(pieces: Iterable<string>): Config {
  const assembly = createAssembly();
  for (const piece of pieces) assembly.take(piece);
  return assembly.config();
}
