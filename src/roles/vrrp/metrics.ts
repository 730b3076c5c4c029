// Role vrrp: what it counts of itself beside the instances' own counters, by metric name with labels.
import type { MonoMs } from "../../base/clock.ts";
import type { SendOutcome } from "../../kernel/raw-socket.ts";
import type { SyncDaemonState } from "../../lvs/model.ts";
import { escapeLabel } from "../../status/metrics-text.ts";
import type { NamedFact } from "./tracked.ts";

export interface VrrpMetrics {
  transition(instance: string, from: string, to: string, reason: string): void;
  /** What is tracked, as it is now; gives what has changed since the last call. What went up or down counts as a flap. */
  tracked(facts: readonly NamedFact[]): readonly TrackerChange[];
  /** An advertisement of an instance was sent, or the kernel refused it. True when that is news: it began to fail, or works again. */
  advertSent(instance: string, outcome: SendOutcome): boolean;
  /** How many were refused, and why the last one was. */
  sendErrors(instance: string): { readonly count: number; readonly last: string | null };
  /** An announcement left by an interface. */
  announced(link: string): void;
  /** A timer ran that was due at `dueAt`. */
  timer(dueAt: MonoMs, now: MonoMs): void;
  /** Sync daemons that run: none of either role before the first one, and 0 for one that runs no more. */
  syncDaemons(running: readonly SyncDaemonState["role"][]): Record<string, number>;
  /** Takes what was counted; the greatest lateness of timers begins anew. */
  take(): Record<string, number>;
}

/** Something tracked is another thing now: `up`, `down`, for files `value 7`. */
export interface TrackerChange {
  readonly kind: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly detail: string;
}

export function createVrrpMetrics(): VrrpMetrics {
  const counters: Record<string, number> = {};
  /** What was known of each tracker, in words. */
  const was = new Map<string, string>();
  const unsent = new Map<string, { count: number; last: string; failing: boolean }>();
  let latestMs = 0;
  let hadDaemon = false;

  function count(name: string, labels: Readonly<Record<string, string>>): void {
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
    const key = `${name}{${pairs.join(",")}}`;
    counters[key] = (counters[key] ?? 0) + 1;
  }

  return {
    transition: (instance, from, to, reason) =>
      count("lbd_vrrp_transitions_total", { vrrp: instance, from, to, reason }),
    tracked(facts) {
      const changes: TrackerChange[] = [];
      for (const { kind, name, up, value, detail } of facts) {
        const key = `${kind} ${name}`;
        const to = kind === "file" ? `value ${value ?? 0}` : up === null ? undefined : up ? "up" : "down";
        if (to === undefined) continue;
        const from = was.get(key);
        was.set(key, to);
        if (from === undefined || from === to) continue;
        changes.push({ kind, name, from, to, detail });
        if (kind !== "file") count("lbd_track_flaps_total", { kind, name });
      }
      return changes;
    },
    advertSent(instance, outcome) {
      const known = unsent.get(instance);
      if (outcome.ok) {
        const works = known?.failing ?? false;
        if (known) known.failing = false;
        return works;
      }
      count("lbd_vrrp_send_errors_total", { vrrp: instance, code: outcome.code });
      unsent.set(instance, { count: (known?.count ?? 0) + 1, last: outcome.code, failing: true });
      return !known?.failing;
    },
    sendErrors(instance) {
      const known = unsent.get(instance);
      return { count: known?.count ?? 0, last: known?.last ?? null };
    },
    announced: (link) => count("lbd_garp_sent_total", { interface: link }),
    timer(dueAt, now) {
      latestMs = Math.max(latestMs, now - dueAt);
    },
    syncDaemons(running) {
      hadDaemon ||= running.length > 0;
      if (!hadDaemon) return {};
      const up = (role: SyncDaemonState["role"]) => [
        `lbd_ipvs_sync_daemon_up{role="${role}"}`,
        Number(running.includes(role)),
      ];
      return Object.fromEntries([up("master"), up("backup")]);
    },
    take() {
      const jitter = latestMs / 1000;
      latestMs = 0;
      return { ...counters, lbd_vrrp_advert_jitter_seconds: jitter };
    },
  };
}
