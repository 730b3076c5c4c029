// Config core: what the making of virtual servers knows of the rest of the file.
import type { LinesEntry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import type { GroupEntry, GroupMark } from "../../keywords/lvs/server-names.ts";
import type { FileWeight, ServiceDefaults } from "../defaults.ts";

export type BoundGroup = LinesEntry<string, GroupEntry | GroupMark>;

export interface ServiceContext {
  readonly defaults: ServiceDefaults;
  readonly groups: ReadonlyMap<string, BoundGroup>;
  readonly trackFiles: ReadonlyMap<string, FileWeight>;
  readonly sessions: ReadonlySet<string>;
  readonly findings: Findings;
}
