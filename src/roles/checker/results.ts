// Role checker: what the run of a check changes: its server, its virtual server, the table, and what is told of it. The way of a verdict
// from here to the kernel is docs/checker.md §2.
import { whatItWrote } from "../../base/last-words.ts";
import type { Health } from "../../check/health.ts";
import type { Outcome, OutcomeCode } from "../../check/outcome.ts";
import type { CheckerNews } from "./news.ts";
import type { CheckedService, ServerCheck } from "./served.ts";
import type { CheckerServices } from "./services.ts";

export interface ResultPorts {
  /** Runs it at the end of this turn of the loop. */
  soon(run: () => void): void;
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
  const { services, news } = ports;
  /** Services whose table entries are to be worked out anew. */
  const dirty = new Set<CheckedService>();
  /** What is to be said, in order: a server is out of the table before anybody hears of it. */
  let words: (() => void)[] = [];
  let asked = false;
  let stopped = false;

  function ran(check: ServerCheck, outcome: Outcome, before: Health, again: boolean): void {
    if (stopped) return;
    ports.count(resultCounter(outcome));
    ports.ranAgain(check.owner.service);
    const { up } = check.health;
    const { logAllFailures } = check.check.timing;
    // Nearly all runs of nearly all checks: they say what they said before, and nothing comes of it.
    if (again && up === before.up && (outcome.ok || outcome.inconclusive || !logAllFailures)) return;
    tellCheck(check, outcome, before.up);
    if (outcome.inconclusive) return;
    const { service, realServer } = check.owner;
    if (services.firstWord(check) && !up) say(() => news.serverStaysDown(service, realServer, outcome.reason));
    restand(check);
  }

  function tellCheck(check: ServerCheck, { ok, reason, inconclusive, output }: Outcome, wasUp: boolean): void {
    const { service, realServer } = check.owner;
    const { up } = check.health;
    if (inconclusive) say(() => news.notTried(service, realServer, check.check, reason));
    else if (up !== wasUp || (!ok && check.check.timing.logAllFailures)) {
      const what = up === wasUp ? "failed" : up ? "up" : "down";
      say(() =>
        news.checkSaid(service, realServer, check.check, {
          what,
          reason: `${reason}${whatItWrote(output)}`,
          good: up && ok,
        }),
      );
    }
  }

  /** What the check's server and service make of it. */
  function restand({ owner }: ServerCheck): void {
    const { service, realServer } = owner;
    const before = services.restand(owner);
    const now = service.realServers.get(realServer.id);
    const was = before.server;
    if (!now || (was?.healthy === now.healthy && was.weight === now.weight)) return;
    dirty.add(service);
    if (was?.healthy !== now.healthy) say(() => news.serverChanged(service, realServer, now));
    else say(() => news.reweighed(service, realServer, was.weight, now));
    const { virtualServer, standing } = service;
    if (before.quorumUp !== standing.quorumUp) say(() => news.quorumChanged({ virtualServer, standing }));
  }

  /** Several verdicts of one turn make one plan, for the services that they concern. */
  function say(word: () => void): void {
    words.push(word);
    if (asked) return;
    asked = true;
    ports.soon(apply);
  }

  function apply(): void {
    asked = false;
    // A reload may have replaced one meanwhile.
    const changed = stopped ? [] : [...dirty].filter(services.holds);
    dirty.clear();
    if (changed.length > 0) ports.change(services.wanted(changed));
    const said = words;
    words = [];
    for (const word of said) word();
    for (const service of changed) ports.changed(service);
  }

  return {
    ran,
    stop() {
      stopped = true;
      apply();
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
