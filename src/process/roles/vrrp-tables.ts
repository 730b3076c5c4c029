// Process layer, vrrp role: the one writer of addresses, routes and rules. What is wanted is worked out whole each time (static ones
// and those of instances that are master), compared with what the reflector saw, and the difference applied.
import type { Log } from "../../base/log.ts";
import type { Address, Route, Rule, VrrpInstance } from "../../config/model.ts";
import type { Reflector } from "../../kernel/reflector.ts";
import type { CommandOutcome } from "../../kernel/rtnetlink.ts";
import { addressKey, linkByName, type NetRoute, type NetRule } from "../../net/model.ts";
import { type NetCommand, ownedKeys, plan, type WantedTables } from "../../net/plan.ts";
import type { NetEvent } from "../../net/seen.ts";
import { type WishProblem, wantedAddress, wantedRoute, wantedRule } from "../../net/wanted.ts";
import type { Journal } from "../journal.ts";

/** What an earlier process of this role had in the kernel. Keys hold interface indexes, so they mean something in one world only. */
export interface TablesJournal {
  readonly world: string;
  readonly keys: readonly string[];
}

/** For openJournal(): undefined for what is none. */
export function parseTablesJournal(raw: unknown): TablesJournal | undefined {
  if (typeof raw !== "object" || raw === null || !("world" in raw) || !("keys" in raw)) return undefined;
  const { world, keys } = raw;
  if (typeof world !== "string" || !Array.isArray(keys) || !keys.every((key) => typeof key === "string"))
    return undefined;
  return { world, keys };
}

/** A part of the wish, and who wants it: the name of an instance, or undefined for the static part. */
export interface TablesPart {
  readonly owner: string | undefined;
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  /** Where addresses without a device go. */
  readonly device: string | undefined;
}

export function partOf(instance: VrrpInstance, device: string | undefined): TablesPart {
  const addresses = [...instance.virtualAddresses, ...instance.excludedAddresses];
  return { owner: instance.name, addresses, routes: instance.routes, rules: instance.rules, device };
}

export interface Tables {
  /**
   * Everything that the configuration names, wanted or not: ours to remove. `alone`: no other VRRP daemon works in this namespace, so
   * whatever carries our protocol number is ours too.
   */
  setOwned(parts: readonly TablesPart[], alone: boolean): void;
  /** Makes the kernel's tables hold exactly the parts; how many commands that took. */
  apply(parts: readonly TablesPart[]): number;
  /** Who wants what an event says is gone; undefined when nobody does. */
  ownerOf(event: NetEvent): { readonly owner: string | undefined; readonly what: string } | undefined;
  /** Is the address there, and on which interface is it wanted? */
  placeOf(address: Address, device: string | undefined): { readonly interface: string; readonly present: boolean };
  /** Wishes that the kernel refused or that wait for a device, in words. */
  problems(): readonly string[];
  /** Kernel commands by kind and result, for /metrics. */
  metrics(): Readonly<Record<string, number>>;
  /** Nothing of ours is left. */
  forget(): void;
}

export interface TablesPorts {
  readonly reflector: Reflector;
  readonly journal: Journal<TablesJournal>;
  readonly world: string;
  readonly log: Log;
}

const EMPTY: WantedTables = { addresses: [], routes: [], rules: [] };

export function createTables({ reflector, journal, world, log }: TablesPorts): Tables {
  const earlier = journal.read();
  const fromJournal: readonly string[] = earlier?.world === world ? earlier.keys : [];
  let configured: ReadonlySet<string> = new Set();
  let marks = false;
  let owners = new Map<string, { owner: string | undefined; what: string }>();
  let problems: readonly string[] = [];
  let journalled = fromJournal.join("\n");
  const counters: Record<string, number> = {};

  function wantedOf(parts: readonly TablesPart[]): { wanted: WantedTables; waiting: string[] } {
    const waiting: string[] = [];
    const resolve = (name: string) => linkByName(reflector.seen, name)?.index;
    const addresses = new Map<string, WantedTables["addresses"][number]>();
    const routes: NetRoute[] = [];
    const rules: NetRule[] = [];
    owners = new Map();
    for (const part of parts) {
      for (const address of part.addresses) {
        const wish = wantedAddress(address, part.device, resolve);
        if (!wish.ok) waiting.push(describeProblem(`address ${address.ip}`, part, wish.error));
        else {
          addresses.set(addressKey(wish.value), wish.value);
          remember({ ...EMPTY, addresses: [wish.value] }, part, `address ${address.ip}/${address.prefix}`);
        }
      }
      for (const route of part.routes) {
        const wish = wantedRoute(route, resolve);
        const what = `route ${route.destination.ip}/${route.destination.prefix}`;
        if (!wish.ok) waiting.push(describeProblem(what, part, wish.error));
        else {
          routes.push(wish.value);
          remember({ ...EMPTY, routes: [wish.value] }, part, what);
        }
      }
      for (const rule of part.rules) {
        const wish = wantedRule(rule);
        rules.push(wish);
        remember({ ...EMPTY, rules: [wish] }, part, `rule ${rule.preference}`);
      }
    }
    return { wanted: { addresses: [...addresses.values()], routes, rules }, waiting };
  }

  function remember(one: WantedTables, part: TablesPart, what: string): void {
    for (const key of ownedKeys(one)) owners.set(key, { owner: part.owner, what });
  }

  function write(wanted: WantedTables): void {
    const keys = [...ownedKeys(wanted)].sort();
    const text = keys.join("\n");
    if (text === journalled) return;
    journalled = text;
    try {
      journal.write({ world, keys });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log({ level: "warning", area: "vrrp", message: `the journal of addresses can't be written: ${reason}` });
    }
  }

  function judge(outcomes: readonly CommandOutcome[]): string[] {
    const failed: string[] = [];
    for (const outcome of outcomes) {
      const result = outcome.meaning === "done" ? "ok" : outcome.meaning;
      const name = `lbd_kernel_ops_total{kind="rtnetlink",op="${outcome.command.kind}",result="${result}"}`;
      counters[name] = (counters[name] ?? 0) + 1;
      if (outcome.meaning === "done" || outcome.meaning === "already-so") continue;
      failed.push(outcome.message ?? outcome.command.kind);
    }
    return failed;
  }

  function report(now: readonly string[]): void {
    for (const problem of now)
      if (!problems.includes(problem)) log({ level: "warning", area: "vrrp", message: problem });
    problems = now;
  }

  return {
    setOwned(parts, alone) {
      marks = alone;
      const { wanted } = wantedOf(parts);
      configured = ownedKeys(wanted);
    },
    apply(parts) {
      const { wanted, waiting } = wantedOf(parts);
      // What a crash left is ours until the kernel has been put right once.
      const keys = new Set([...configured, ...ownedKeys(wanted), ...fromJournal]);
      const todo: readonly NetCommand[] = plan(wanted, reflector.seen, { marks, keys });
      write(wanted);
      if (todo.length === 0) {
        report(waiting);
        return 0;
      }
      const failed = judge(reflector.apply(todo));
      report([...waiting, ...failed]);
      return todo.length;
    },
    ownerOf(event) {
      if (event.kind === "link") return undefined;
      for (const key of ownedKeys(single(event))) {
        const found = owners.get(key);
        if (found) return found;
      }
      return undefined;
    },
    placeOf(address, device) {
      const name = address.device ?? device ?? "";
      const wish = wantedAddress(address, device, (one) => linkByName(reflector.seen, one)?.index);
      return { interface: name, present: wish.ok && reflector.seen.addresses.has(addressKey(wish.value)) };
    },
    problems: () => problems,
    metrics: () => counters,
    forget: () => journal.clear(),
  };
}

function single(event: Exclude<NetEvent, { kind: "link" }>): WantedTables {
  switch (event.kind) {
    case "address":
      return { ...EMPTY, addresses: [event.address] };
    case "route":
      return { ...EMPTY, routes: [event.route] };
    case "rule":
      return { ...EMPTY, rules: [event.rule] };
  }
}

function describeProblem(what: string, part: TablesPart, problem: WishProblem): string {
  const whose = part.owner === undefined ? "static" : `instance ${part.owner}`;
  if (problem.kind === "no-device")
    return `${whose}: ${what} waits: there is no interface ${problem.device === "" ? "(none is named)" : problem.device}`;
  return `${whose}: ${what}: ${problem.what} ${problem.value} can't be used`;
}

/** Which tables are worth watching for a configuration. */
export function tableScope(parts: readonly TablesPart[]): { routeProtocols: readonly number[]; rules: boolean } {
  const routes = parts.flatMap((part) => part.routes);
  const protocols = new Set([18, ...routes.map((route) => route.protocol ?? 18)]);
  return { routeProtocols: routes.length > 0 ? [...protocols] : [18], rules: true };
}
