// Process layer: what a reload would take away as a whole. A file that was emptied, cut off or swapped by accident is a valid one; the old
// configuration stays in force unless somebody said that it is meant (`lbd reload --allow-empty`). Pure.
import type { Config } from "../../config/model/config.ts";
import type { RunOptions } from "../options.ts";

/** The word that has such a reload taken. */
const FORCE = "lbd reload --allow-empty";

/** What stands in the files: nothing at all, no block that lbd knows, or something. */
export type Content = "nothing" | "nothing-known" | "blocks";

export interface Contents {
  readonly config: Config;
  readonly content: Content;
}

const MAX_NAMES = 5;

/** One line for each thing that would be gone altogether; empty when `next` may be taken. */
export function lostAltogether(
  running: Contents,
  next: Contents,
  configFile: string,
  roles: RunOptions["roles"],
): readonly string[] {
  const refused = (what: string) => `${configFile}: ${what}; if it is meant: ${FORCE}`;
  if (running.content === "blocks" && next.content !== "blocks")
    return [refused(next.content === "nothing" ? "nothing stands in it" : "no block in it is known")];
  return KINDS.flatMap(({ what, role, namesOf }) => {
    if (!roles[role]) return [];
    const before = namesOf(running.config);
    if (before.length === 0 || namesOf(next.config).length > 0) return [];
    return [
      refused(`it has no ${what} any more, ${before.length} ${before.length === 1 ? "runs" : "run"} (${few(before)})`),
    ];
  });
}

const KINDS: readonly {
  readonly what: string;
  readonly role: keyof RunOptions["roles"];
  readonly namesOf: (config: Config) => readonly string[];
}[] = [
  { what: "VRRP instance", role: "vrrp", namesOf: ({ vrrp }) => vrrp.instances.map(({ name }) => name) },
  { what: "virtual server", role: "checker", namesOf: ({ virtualServers }) => virtualServers.map(({ id }) => id) },
];

function few(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
