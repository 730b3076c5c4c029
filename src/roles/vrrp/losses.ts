// Role vrrp: what somebody else took away: addresses, routes and rules that an instance or the static part wants. All that is
// left so (no_track) is left before anything is put back, for putting back compares with everything that is wanted. Each loss and each
// return is counted, told as an event and, as far as the kernel says, with the process that did it.
import type { MonoMs } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Wish } from "../../net/parts.ts";
import type { NetEvent } from "../../net/seen.ts";

/** One object's loss is told at most this often; all are counted. */
const TELL_AGAIN_MS = 10_000;
/** kernel: PID_MAX_LIMIT. The port of a process' first netlink socket is its pid; further ones have greater numbers. */
const GREATEST_PID = 4_194_304;

export interface LossPorts {
  readonly log: Log;
  now(): MonoMs;
  ownerOf(event: NetEvent): Wish | undefined;
  leave(wish: Wish): void;
  /** An instance has lost it. `by`: who took it, as far as known. */
  removed(instance: string, what: string, by: string | undefined): void;
  /** The static part has lost something. */
  restoreStatic(): void;
  drift(subject: string, to: "repaired" | "left", reason: string): void;
  processName(pid: number): string | undefined;
}

export interface Losses {
  /** The events of one turn: what is no_track is left at once, the rest is put back by what is given. */
  take(events: readonly NetEvent[]): () => void;
  /** What is missing and not wanted any more is forgotten. */
  prune(isWanted: (key: string) => boolean): void;
  metrics(): Readonly<Record<string, number>>;
}

interface Lost {
  readonly wish: Wish;
  readonly by: string | undefined;
}

interface Missing {
  readonly kind: string;
  readonly subject: string;
  readonly what: string;
  readonly by: string | undefined;
  readonly since: MonoMs;
  readonly tell: boolean;
}

export function createLosses(ports: LossPorts): Losses {
  /** By key of the wish: at most as many as there are wishes. */
  const missing = new Map<string, Missing>();
  const toldAt = new Map<string, MonoMs>();
  const counters: Record<string, number> = {};

  function count(name: "lbd_drift_detected_total" | "lbd_drift_repaired_total", kind: string): void {
    const key = `${name}{kind="${kind}"}`;
    counters[key] = (counters[key] ?? 0) + 1;
  }

  function note(event: NetEvent, wish: Wish): Missing {
    const now = ports.now();
    const by = takerOf(event, ports.processName);
    const tell = now - (toldAt.get(wish.key) ?? Number.NEGATIVE_INFINITY) >= TELL_AGAIN_MS;
    if (tell) toldAt.set(wish.key, now);
    count("lbd_drift_detected_total", event.kind);
    return { kind: event.kind, subject: wish.owner ?? "static", what: wish.what, by, since: now, tell };
  }

  function returned(key: string): void {
    const lost = missing.get(key);
    if (!lost) return;
    missing.delete(key);
    count("lbd_drift_repaired_total", lost.kind);
    if (!lost.tell) return;
    const backMs = Math.round((ports.now() - lost.since) * 10) / 10;
    ports.drift(
      lost.subject,
      "repaired",
      `${lost.what} was removed by ${lost.by ?? "somebody else"}, put back after ${backMs} ms`,
    );
  }

  function restore(lost: readonly Lost[]): void {
    let isStatic = false;
    for (const { wish, by } of lost) {
      if (wish.owner !== undefined) {
        ports.removed(wish.owner, wish.what, by);
        continue;
      }
      isStatic = true;
      const message = `static ${wish.what} was removed by somebody else, putting it back${culprit(by)}`;
      ports.log({ level: "warning", area: "vrrp", message });
    }
    if (isStatic) ports.restoreStatic();
  }

  return {
    take(events) {
      const lost: Lost[] = [];
      for (const event of events) {
        if (event.kind === "link") continue;
        const wish = ports.ownerOf(event);
        if (!wish) continue;
        if (event.change !== "removed") returned(wish.key);
        if (event.change !== "removed" || event.ours) continue;
        const loss = note(event, wish);
        if (wish.noTrack) {
          ports.leave(wish);
          const message = `${wish.what} was removed by somebody else, left so: no_track${culprit(loss.by)}`;
          ports.log({ level: "info", area: "vrrp", message });
          if (loss.tell) ports.drift(loss.subject, "left", message);
          continue;
        }
        missing.set(wish.key, loss);
        lost.push({ wish, by: loss.by });
      }
      return () => restore(lost);
    },
    prune(isWanted) {
      for (const kept of [missing, toldAt]) for (const key of kept.keys()) if (!isWanted(key)) kept.delete(key);
    },
    metrics: () => counters,
  };
}

function culprit(by: string | undefined): string {
  return by === undefined ? "" : `: it was ${by}`;
}

/** `process 1234 (ip)`: kernel: IPv6 addresses, and what goes with a link, name nobody. */
function takerOf(event: NetEvent, processName: LossPorts["processName"]): string | undefined {
  const { by } = event;
  if (by === undefined || by === 0 || by > GREATEST_PID) return undefined;
  const name = processName(by);
  return `process ${by} (${name ?? "it has ended"})`;
}
