// Role checker: applies commands to the kernel's IPVS table and takes what comes of each: remembered as done, as failed with the time of
// the next try, or as a sign that the table is not what we thought.
import type { Clock } from "../../base/clock.ts";
import { observe } from "../../base/histogram.ts";
import type { LogLine } from "../../base/log.ts";
import type { CommandResult, IpvsTable, KernelFailure } from "../../kernel/ports.ts";
import { serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand } from "../../lvs/model.ts";
import { type DriftTeller, describeDrift } from "./drift.ts";
import type { KernelFailures } from "./failures.ts";
import type { SeenTable } from "./seen-table.ts";

/** Why the table is brought to what is wanted: we want something else, or somebody changed it. */
export type Why = "changed" | "drift";
/** After the first one the table may be looked at again, and there is a second. */
export type Attempt = "first" | "last";

export interface WriterPorts {
  readonly clock: Clock;
  readonly table: Pick<IpvsTable, "apply">;
  readonly seen: SeenTable;
  readonly failing: KernelFailures;
  readonly drift: DriftTeller;
  readonly counters: Record<string, number>;
  /** @param kind lines of one kind are told a few times and then counted */
  log(kind: string, line: LogLine): void;
  /** Where in the configuration the object of a call stands (`keepalived.conf:12`); undefined when it stands there no more. */
  placeOf(command: IpvsCommand): string | undefined;
}

export interface TableWriter {
  /** Keys of services are given back whose table is not what we thought. @throws SyscallError when the socket itself fails */
  apply(commands: readonly IpvsCommand[], why: Why, attempt: Attempt): ReadonlySet<string>;
}

/** Answers that can mean that the table is not as it was seen. */
const STALE_CODES: ReadonlySet<string> = new Set(["ESRCH", "ENOENT", "EEXIST"]);
const OP_BUCKETS_S = [0.001, 0.01, 0.1, 1];

export function createTableWriter(ports: WriterPorts): TableWriter {
  const { clock, table, seen, failing, drift, counters } = ports;

  /** Remembers what came of a command; true when the kernel's table is not what we thought. */
  function take({ command, failure, alreadySo }: CommandResult, attempt: Attempt): boolean {
    const outcome = failure ? "failed" : alreadySo ? "already" : "ok";
    count(`lbd_kernel_ops_total{kind="ipvs",op="${command.kind}",result="${outcome}"}`);
    if (failure) return takeFailure(command, failure, attempt);
    failing.done(command);
    seen.remember(command);
    // «Already there» says nothing about how it is set.
    return alreadySo === true;
  }

  function takeFailure(command: IpvsCommand, failure: KernelFailure, attempt: Attempt): boolean {
    const old = failing.of(command);
    if (!old && attempt === "first" && STALE_CODES.has(failure.code)) return true;
    if (failing.followsFromService(command)) return false;
    const place = ports.placeOf(command);
    const told = { ...failure, message: place === undefined ? failure.message : `${place}: ${failure.message}` };
    if (old?.failure.message !== told.message) {
      const line = { level: "error", area: "ipvs", message: `${told.message}; trying again` } as const;
      ports.log(`${command.kind} ${failure.code}`, line);
    }
    failing.note(command, told);
    return false;
  }

  function tellDrift(result: CommandResult, found: string): void {
    count('lbd_drift_detected_total{kind="ipvs"}');
    if (!result.failure) count('lbd_drift_repaired_total{kind="ipvs"}');
    drift.tell(result, found);
  }

  function count(name: string): void {
    counters[name] = (counters[name] ?? 0) + 1;
  }

  return {
    apply(commands, why, attempt) {
      const stale = new Set<string>();
      if (commands.length === 0) return stale;
      // A command that failed before is not drift: nobody changed anything.
      const drifted = why === "drift" ? commands.filter((command) => !failing.of(command)) : [];
      const found = new Map(drifted.map((command) => [command, describeDrift(command, seen)]));
      const startedAt = clock.now();
      const results = table.apply(commands);
      const seconds = (clock.now() - startedAt) / 1000;
      observe(counters, "lbd_kernel_op_duration_seconds", 'kind="ipvs"', OP_BUCKETS_S, seconds);
      for (const result of results) {
        const words = found.get(result.command);
        if (words !== undefined) tellDrift(result, words);
        if (take(result, attempt)) stale.add(serviceKey(result.command.service));
      }
      return stale;
    },
  };
}
