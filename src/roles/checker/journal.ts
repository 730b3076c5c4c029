// Role checker: what the checker role leaves for its next life (checker.d/kernel.journal in the run directory): which services and servers it
// put into the kernel, and which time-outs it found. After a crash the table is adopted by it: what is missing there was down.
import type { IpvsTimeouts } from "../../lvs/model.ts";
import { type Journal, journalPath, openJournal } from "../journal.ts";

export interface CheckerRecord {
  /** Says which parent wrote it: the same one means that only this process died. */
  readonly session: string;
  /** Keys of services that we added. */
  readonly services: readonly string[];
  /** `virtual server id|real server id` of all servers that were configured. */
  readonly servers: readonly string[];
  /** The kernel's time-outs before we set ours. */
  readonly timeouts?: IpvsTimeouts;
}

/** What an earlier life of the role left. */
export interface Inheritance {
  /** The same parent runs: only this process died. */
  readonly respawn: boolean;
  /** Keys of the services that it had put into the kernel. */
  readonly services: ReadonlySet<string>;
  /** Names of the real servers that it had configured. */
  readonly servers: ReadonlySet<string>;
  readonly timeouts: IpvsTimeouts | undefined;
}

export function inherit(record: CheckerRecord | undefined, session: string): Inheritance {
  return {
    respawn: record?.session === session,
    services: new Set(record?.services),
    servers: new Set(record?.servers),
    timeouts: record?.timeouts,
  };
}

export function openCheckerJournal(runDir: string): Journal<CheckerRecord> {
  return openJournal(journalPath(runDir, "checker"), parseRecord);
}

function parseRecord(raw: unknown): CheckerRecord | undefined {
  if (!isRecord(raw)) return undefined;
  const { session, services, servers, timeouts } = raw;
  if (typeof session !== "string" || !isTexts(services) || !isTexts(servers)) return undefined;
  const read = isRecord(timeouts) ? parseTimeouts(timeouts) : undefined;
  return { session, services, servers, ...(read ? { timeouts: read } : {}) };
}

function parseTimeouts({ tcp, tcpFin, udp }: Readonly<Record<string, unknown>>): IpvsTimeouts | undefined {
  if (typeof tcp !== "number" || typeof tcpFin !== "number" || typeof udp !== "number") return undefined;
  return { tcp, tcpFin, udp };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
