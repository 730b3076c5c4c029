// Role checker: what the run of a check changes: its server, its virtual server, the table, and what is told of it. The way of a verdict
// from here to the kernel is docs/checker.md §2.
import type { Cancel, Clock } from "../../base/clock.ts";
import type { Health } from "../../check/health.ts";
import type { Outcome, OutcomeCode } from "../../check/outcome.ts";
import type { CheckerNews } from "./news.ts";
import type { CheckedService, ServerCheck } from "./served.ts";
import type { CheckerServices } from "./services.ts";

export interface ResultPorts {
  readonly clock: Clock;
  readonly services: Pick<CheckerServices, "firstWord" | "holds" | "restand" | "wanted">;
  readonly news: CheckerNews;
  /** Brings the table to what is wanted of some services. */
  change(entries: ReturnType<CheckerServices["wanted"]>): void;
  /** Somebody may want to know how a service stands: now that it changed, or when there is time. */
  changed(service: CheckedService): void;
  ranAgain(service: CheckedService): void;
  count(name: string): void;
}

export interface Results {
  /** After each run of each check. */
  ran(check: ServerCheck, outcome: Outcome, before: Health, again: boolean): void;
  stop(): void;
}

export function createResults(ports: ResultPorts): Results {
  const { clock, services, news } = ports;
  /** Services whose table entries are to be worked out anew in the next turn. */
  const dirty = new Set<CheckedService>();
  let cancelFlush: Cancel | undefined;
  let stopped = false;

  function ran(check: ServerCheck, outcome: Outcome, before: Health, again: boolean): void {
    if (stopped) return;
    ports.count(resultCounter(outcome));
    const { service } = check.owner;
    ports.ranAgain(service);
    const { up } = check.health;
    const { logAllFailures } = check.check.timing;
    // Nearly all runs of nearly all checks: they say what they said before, and nothing comes of it.
    if (again && up === before.up && (outcome.ok || outcome.inconclusive || !logAllFailures)) return;
    tellCheck(check, outcome, before.up);
    if (outcome.inconclusive) return;
    if (services.firstWord(check) && !up) news.serverStaysDown(service, check.owner.realServer, outcome.reason);
    restand(check);
  }

  function tellCheck(check: ServerCheck, { ok, reason, inconclusive }: Outcome, wasUp: boolean): void {
    const { service, realServer } = check.owner;
    const { up } = check.health;
    if (inconclusive) news.notTried(service, realServer, check.check, reason);
    else if (up !== wasUp || (!ok && check.check.timing.logAllFailures)) {
      const what = up === wasUp ? "failed" : up ? "up" : "down";
      news.checkSaid(service, realServer, check.check, { what, reason, good: up && ok });
    }
  }

  /** What the check's server and service make of it. */
  function restand({ owner }: ServerCheck): void {
    const { service, realServer } = owner;
    const before = services.restand(owner);
    const now = service.realServers.get(realServer.id);
    if (!now || (before.server?.healthy === now.healthy && before.server.weight === now.weight)) return;
    if (before.server?.healthy !== now.healthy) news.serverChanged(service, realServer, now);
    else news.reweighed(service, realServer, before.server.weight, now);
    if (before.quorumUp !== service.standing.quorumUp) news.quorumChanged(service);
    applySoon(service);
  }

  /** Several verdicts of one turn make one plan, for the services that they concern. */
  function applySoon(service: CheckedService): void {
    dirty.add(service);
    cancelFlush ??= clock.at(clock.now(), apply);
  }

  function apply(): void {
    cancelFlush = undefined;
    // A reload may have replaced one meanwhile.
    const changed = [...dirty].filter(services.holds);
    dirty.clear();
    ports.change(services.wanted(changed));
    for (const service of changed) ports.changed(service);
  }

  return {
    ran,
    stop() {
      stopped = true;
      cancelFlush?.();
    },
  };
}

/** Made once: runs are many, codes are few. */
const counters = new Map<OutcomeCode, string>();

function resultCounter({ ok, code }: Outcome): string {
  const known = counters.get(code);
  if (known !== undefined) return known;
  const name = `lbd_check_results_total{result="${ok ? "ok" : "failed"}",code="${code}"}`;
  counters.set(code, name);
  return name;
}
