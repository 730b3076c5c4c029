// Appliance core: the audit: every call that changed something or was meant to, with who, from where and what came of it. Kept in memory,
// bounded; each entry is a line of the log as well, so a syslog target has it for good.
import { escapeControls } from "../../base/log.ts";
import type { ApiRole } from "../settings.ts";

/** Of each kind (kindOf) the newest ones are kept. */
export const MAX_ENTRIES = 1000;
/** Of a name or reason from outside. */
const MAX_TEXT_CHARS = 200;

export interface AuditEntry {
  /** Grows by one; entries that are no longer kept leave a gap. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  /** Of the token or certificate; null: nobody that is known. */
  readonly who: string | null;
  readonly role: ApiRole | null;
  /** Address of the client, or `console`. */
  readonly from: string;
  /** `POST /v1/reload`, or `authentication`. */
  readonly call: string;
  /** HTTP status of the answer. */
  readonly status: number;
  /** In words; empty when there is nothing to say. */
  readonly outcome: string;
}

export interface Audit {
  add(entry: Omit<AuditEntry, "id">): AuditEntry;
  /** Those behind `id`, the oldest first. */
  after(id: number): readonly AuditEntry[];
}

export function createAudit(): Audit {
  const entries = { done: [], refused: [], strangers: [] } as Record<Kind, AuditEntry[]>;
  let lastId = 0;
  const clip = (text: string) => escapeControls(text.slice(0, MAX_TEXT_CHARS));
  return {
    add(entry) {
      const { who, from, call, outcome } = entry;
      const texts = {
        who: who === null ? null : clip(who),
        from: clip(from),
        call: clip(call),
        outcome: clip(outcome),
      };
      const kept = { ...entry, ...texts, id: ++lastId };
      const own = entries[kindOf(kept)];
      own.push(kept);
      if (own.length > MAX_ENTRIES) own.shift();
      return kept;
    },
    after: (id) =>
      Object.values(entries)
        .flat()
        .filter((entry) => entry.id > id)
        .sort((a, b) => a.id - b.id),
  };
}

type Kind = "done" | "refused" | "strangers";

/** Anybody can be refused as often as he likes: that takes no place from what was done. */
function kindOf({ who, status }: AuditEntry): Kind {
  if (who === null) return "strangers";
  return status < 400 ? "done" : "refused";
}

/** As the log has it. */
export function auditText({ who, role, from, call, status, outcome }: Omit<AuditEntry, "id" | "at">): string {
  const whom = who === null ? "somebody unknown" : `${who} (${role})`;
  return `audit: ${whom} from ${from}: ${call}: ${status}${outcome === "" ? "" : `, ${outcome}`}`;
}
