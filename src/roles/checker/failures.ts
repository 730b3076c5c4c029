// Role checker: kernel calls on IPVS that failed, by service, and when each is tried again. A kernel that lacks a scheduler fails
// thousands of calls at once: nothing here looks at all of them for the sake of one service.
import type { Clock, MonoMs } from "../../base/clock.ts";
import type { KernelFailure } from "../../kernel/ports.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand } from "../../lvs/model.ts";

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;
/** Retries stand on marks this far apart: thousands of calls that failed at their own times share one pass over the table. */
const RETRY_GRAIN_MS = 1000;

export interface Failing {
  readonly failure: KernelFailure;
  readonly retryMs: number;
  readonly retryAt: MonoMs;
}

export interface KernelFailures {
  readonly size: number;
  of(command: IpvsCommand): Failing | undefined;
  /** It failed a short while ago, or the service that it belongs to could not be made then. */
  rests(command: IpvsCommand): boolean;
  /** Whether it could only fail, because its service could not be made: that service's failure says it all. */
  followsFromService(command: IpvsCommand): boolean;
  note(command: IpvsCommand, failure: KernelFailure): void;
  done(command: IpvsCommand): void;
  /** Forgets what is not to be done any more, of all services or of those with these keys. */
  keepOnly(commands: readonly IpvsCommand[], only?: ReadonlySet<string>): void;
  /** Keys of the services for which something failed. */
  services(): Iterable<string>;
  /** When the next one is due; undefined when nothing fails. */
  nextRetryAt(): MonoMs | undefined;
  /** Messages for one service, `limit` of them at most. */
  ofService(key: string, limit: number): string[];
  /** The same for the whole table. */
  some(limit: number): string[];
}

export function createKernelFailures(clock: Clock): KernelFailures {
  const services = new Map<string, Map<string, Failing>>();
  let size = 0;

  function of(command: IpvsCommand): Failing | undefined {
    // Nearly always nothing fails, and the names of ten thousand commands need not be made.
    return size === 0 ? undefined : services.get(serviceKey(command.service))?.get(partOf(command));
  }

  function serviceFailing(command: IpvsCommand): Failing | undefined {
    if (size === 0 || !("destination" in command)) return undefined;
    return services.get(serviceKey(command.service))?.get("addService");
  }

  function* messages(): Generator<string> {
    for (const parts of services.values()) for (const { failure } of parts.values()) yield failure.message;
  }

  return {
    get size() {
      return size;
    },
    of,
    rests(command) {
      const now = clock.now();
      return (of(command)?.retryAt ?? now) > now || (serviceFailing(command)?.retryAt ?? now) > now;
    },
    followsFromService: (command) => serviceFailing(command) !== undefined,
    note(command, failure) {
      const old = of(command);
      const retryMs = old ? Math.min(LAST_RETRY_MS, 2 * old.retryMs) : FIRST_RETRY_MS;
      const retryAt = Math.ceil((clock.now() + retryMs) / RETRY_GRAIN_MS) * RETRY_GRAIN_MS;
      const key = serviceKey(command.service);
      let parts = services.get(key);
      if (!parts) {
        parts = new Map();
        services.set(key, parts);
      }
      if (!old) size++;
      parts.set(partOf(command), { failure, retryMs, retryAt });
    },
    done(command) {
      if (size === 0) return;
      const key = serviceKey(command.service);
      const parts = services.get(key);
      if (!parts?.delete(partOf(command))) return;
      size--;
      if (parts.size === 0) services.delete(key);
    },
    keepOnly(commands, only = new Set(services.keys())) {
      if (size === 0) return;
      const live = new Set(commands.map(nameOf));
      for (const key of only) {
        const parts = services.get(key);
        if (!parts) continue;
        for (const part of parts.keys()) if (!live.has(`${part} of ${key}`) && parts.delete(part)) size--;
        if (parts.size === 0) services.delete(key);
      }
    },
    services: () => services.keys(),
    nextRetryAt() {
      let next: MonoMs | undefined;
      for (const parts of services.values())
        for (const { retryAt } of parts.values()) if (next === undefined || retryAt < next) next = retryAt;
      return next;
    },
    ofService(key, limit) {
      const parts = services.get(key);
      return parts ? firstOf(parts.values(), limit).map(({ failure }) => failure.message) : [];
    },
    some: (limit) => firstOf(messages(), limit),
  };
}

/** `addService`, `editDestination 192.0.2.10:80`: unique inside one service. */
function partOf(command: IpvsCommand): string {
  return "destination" in command ? `${command.kind} ${destinationKey(command.destination)}` : command.kind;
}

function nameOf(command: IpvsCommand): string {
  return `${partOf(command)} of ${serviceKey(command.service)}`;
}

function firstOf<T>(items: Iterable<T>, limit: number): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length >= limit) break;
    first.push(item);
  }
  return first;
}
