// Process layer, vrrp role: what it counts of itself beside the instances' own counters, by metric name with labels.
import type { MonoMs } from "../../base/clock.ts";
import type { SyncDaemonState } from "../../lvs/model.ts";
import { escapeLabel } from "../../status/metrics.ts";
import type { NamedFact } from "./vrrp-trackers.ts";

export interface VrrpMetrics {
  transition(instance: string, from: string, to: string, reason: string): void;
  /** What is tracked, as it is now: changes since the last call count as flaps. */
  tracked(facts: readonly NamedFact[]): void;
  /** An announcement left by an interface. */
  announced(link: string): void;
  /** A timer ran that was due at `dueAt`. */
  timer(dueAt: MonoMs, now: MonoMs): void;
  /** Sync daemons that run: none of either role before the first one, and 0 for one that runs no more. */
  syncDaemons(running: readonly SyncDaemonState["role"][]): Record<string, number>;
  /** Takes what was counted; the greatest lateness of timers begins anew. */
  values(): Record<string, number>;
}

export function createVrrpMetrics(): VrrpMetrics {
  const counters: Record<string, number> = {};
  const wasUp = new Map<string, boolean>();
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
      for (const { kind, name, up } of facts) {
        const key = `${kind} ${name}`;
        const before = wasUp.get(key);
        if (up === null) continue;
        wasUp.set(key, up);
        if (before !== undefined && before !== up) count("lbd_track_flaps_total", { kind, name });
      }
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
    values() {
      const jitter = latestMs / 1000;
      latestMs = 0;
      return { ...counters, lbd_vrrp_advert_jitter_seconds: jitter };
    },
  };
}
