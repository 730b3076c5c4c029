// Role checker: what the role reports about itself: how services stand, what failed in the kernel, counters. What changed is reported
// at once; what only went on (runs of checks, counters of the kernel) every few seconds, a slice at a time, so that no turn of the
// loop gets long; what did nothing is not reported again. While nobody looks at the status nothing is reported, and nothing waits.
import type { Cancel, Clock } from "../../base/clock.ts";
import { sameValue } from "../../base/same-value.ts";
import type { SeenService } from "../../lvs/model.ts";
import type { RoleContext } from "../role.ts";
import type { CheckedService } from "./served.ts";
import { virtualServerStatus } from "./status.ts";
import type { TableKeeper } from "./table.ts";

export interface ReportPorts extends Pick<RoleContext, "report"> {
  readonly clock: Clock;
  /** Nobody else reads reports: while nobody looks, nothing is made. */
  isWatched(): boolean;
  all(): Iterable<CheckedService>;
  seen(key: string): SeenService | undefined;
  failures(): TableKeeper["failures"];
  metrics(): Readonly<Record<string, number>>;
}

export interface Reports {
  /** How a service stands, now. */
  service(service: CheckedService): void;
  /** Something of it went on: within the next seconds. */
  soon(service: CheckedService): void;
  /** It is gone. */
  forget(service: CheckedService): void;
  /** Everything, some in each turn, for a reader who knows nothing. */
  everything(): Promise<void>;
  failures(): void;
  /** Nobody looks any more. */
  rest(): void;
  count(name: string): void;
  stop(): void;
}

/** What went on is reported once in this time, in so many slices. */
const REPORT_ALL_MS = 5000;
const REPORT_SLICES = 50;
/** So many are one slice: a few need no wake-ups of their own. */
const SMALL_SLICE = 20;
/** Virtual and real servers that are told of in one turn of the loop: half a millisecond. */
export const TOLD_AT_ONCE = 100;
/** Failed kernel calls that are named in the facts. */
const MAX_SHOWN_FAILURES = 5;

export function createReports(ports: ReportPorts): Reports {
  const { clock, report } = ports;
  const counters: Record<string, number> = {};
  let stale = new Set<CheckedService>();
  /** What is being reported, a slice at a time. */
  let round: readonly CheckedService[] = [];
  let told: Readonly<Record<string, number>> = {};
  let toldFailures: object = {};
  let cancel: Cancel | undefined;
  let stopped = false;
  /** Who is to be told of to somebody who knows nothing, and who waits for that. */
  const untold = new Set<CheckedService>();
  let whenTold: (() => void)[] = [];
  let cancelTelling: Cancel | undefined;

  function service(one: CheckedService): void {
    stale.delete(one);
    untold.delete(one);
    if (!ports.isWatched()) return;
    const failed = ports.failures();
    const { virtualServer, standing, suspended, servers, keys } = one;
    const value = virtualServerStatus({
      virtualServer,
      standing,
      suspended,
      seen: keys.map(ports.seen),
      checks: servers.map(({ checks }) => checks),
      nowMs: clock.now(),
      wallMs: clock.wallMs(),
      failures: failed.size > 0 ? keys.flatMap((key) => failed.ofService(key, MAX_SHOWN_FAILURES)) : [],
    });
    report({ kind: "virtual-server", value });
  }

  /** The next round begins in a while, unless one is under way. */
  function schedule(): void {
    if (!stopped && ports.isWatched()) cancel ??= clock.at(clock.now() + REPORT_ALL_MS, beginRound);
  }

  function beginRound(): void {
    cancel = undefined;
    round = [...stale];
    stale = new Set();
    slice(0, Math.max(SMALL_SLICE, Math.ceil(round.length / REPORT_SLICES)));
  }

  function slice(from: number, size: number): void {
    const end = from + size;
    for (const one of round.slice(from, end)) service(one);
    if (end < round.length) {
      cancel = clock.at(clock.now() + REPORT_ALL_MS / REPORT_SLICES, () => slice(end, size));
      return;
    }
    cancel = undefined;
    const other = metrics();
    // Programs of notifications come to their ends without a word: as long as counters move there is another round.
    if (other || round.length > 0 || stale.size > 0) schedule();
    round = [];
  }

  /** True when they are others than before. */
  function metrics(): boolean {
    const values = { ...counters, ...ports.metrics() };
    if (sameValue(values, told)) return false;
    told = values;
    report({ kind: "metrics", role: "checker", values });
    return true;
  }

  function tellSome(): void {
    cancelTelling = undefined;
    let told = 0;
    for (const one of untold) {
      if (told >= TOLD_AT_ONCE) {
        cancelTelling = clock.at(clock.now(), tellSome);
        return;
      }
      told += 1 + one.servers.length;
      service(one);
    }
    metrics();
    failures();
    schedule();
    allTold();
  }

  function allTold(): void {
    const done = whenTold;
    whenTold = [];
    for (const one of done) one();
  }

  function rest(): void {
    cancel?.();
    cancel = undefined;
    cancelTelling?.();
    untold.clear();
    allTold();
    stale.clear();
    round = [];
  }

  function failures(): void {
    const failed = ports.failures();
    const values = { ipvsFailures: failed.size, ipvsFailure: failed.some(MAX_SHOWN_FAILURES).join("; ") };
    if (sameValue(values, toldFailures)) return;
    toldFailures = values;
    report({ kind: "facts", role: "checker", values });
  }

  return {
    service,
    soon(one) {
      if (!ports.isWatched()) return;
      stale.add(one);
      schedule();
    },
    forget(gone) {
      stale.delete(gone);
      untold.delete(gone);
      round = round.filter((one) => one !== gone);
    },
    everything() {
      told = {};
      toldFailures = {};
      if (ports.isWatched()) for (const one of ports.all()) untold.add(one);
      cancelTelling?.();
      return new Promise((resolve) => {
        whenTold.push(resolve);
        tellSome();
      });
    },
    failures,
    count(name) {
      counters[name] = (counters[name] ?? 0) + 1;
    },
    rest,
    stop() {
      stopped = true;
      rest();
    },
  };
}
