// Config core: what the making of an instance works on: the block as it was bound, and what is known of the rest of the file.
import type { BlockEntry, Line, LinesEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import type { VRRP_INSTANCE } from "../../keywords/vrrp/instance.ts";
import type { BoundGlobal } from "../global.ts";
import type { RuleNumbers } from "../rules.ts";
import type { TrackerDefinitions } from "./tracking.ts";

export type BoundInstance = BlockEntry<string, typeof VRRP_INSTANCE>;

export interface InstanceContext {
  readonly global: BoundGlobal;
  readonly trackers: TrackerDefinitions;
  /** Instances whose sync group does not allow weights. */
  readonly weightless: ReadonlySet<string>;
  /** `notify_priority_changes` of the group an instance is in, where the group says so. */
  readonly groupPriorityChanges: ReadonlyMap<string, boolean>;
  readonly ruleNumbers: RuleNumbers;
  readonly findings: Findings;
  /** What runs is asked for, and not what was meant: a line that was refused says nothing (config/literal.ts). */
  readonly literal: boolean;
}

export function lines<L>(entries: readonly LinesEntry<true, L>[] | undefined): readonly Line<L>[] {
  return entries?.flatMap((entry) => entry.lines) ?? [];
}
