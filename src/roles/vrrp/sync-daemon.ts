// Role vrrp: the one writer of the kernel's connection-sync daemons; what is wanted, and the plan, are lvs/sync-daemons.ts.
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import type { SyncDaemon } from "../../config/model/lvs.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import type { SyncDaemonState } from "../../lvs/model.ts";
import { type Masters, planSyncDaemons, syncDaemonOf, wantedSyncDaemons } from "../../lvs/sync-daemons.ts";

export interface SyncDaemons {
  /** Takes another configuration; `masters` are the instances that are master now. */
  configure(config: Config, masters: Masters): void;
  /** An instance became master, or no longer is; also tries again what failed. */
  follow(masters: Masters): void;
  /** The same after a look at the kernel: what somebody else stopped or changed is put right. */
  audit(masters: Masters): void;
  /** Stops the ones that run. */
  stop(): void;
  /** Roles that run, as last seen, for metrics: reads nothing. */
  running(): readonly SyncDaemonState["role"][];
  /** Counters of what others changed. */
  metrics(): Readonly<Record<string, number>>;
}

/** `open` is called only when the configuration asks for a daemon. */
export function createSyncDaemons(open: () => IpvsTable, log: Log): SyncDaemons {
  let table: IpvsTable | undefined;
  let wish: SyncDaemon | undefined;
  let applied = "";
  let lastWanted: readonly SyncDaemonState[] = [];
  let trouble = "";
  let running: readonly SyncDaemonState["role"][] = [];
  let drifts = 0;

  function remember(there: readonly SyncDaemonState[]): void {
    running = there.map(({ role }) => role);
  }

  /** What was applied does not hold any more. */
  function look(): void {
    if (applied === "" || !table) return;
    try {
      const there = table.daemons();
      remember(there);
      if (planSyncDaemons(lastWanted, there).length === 0) return;
      applied = "";
      drifts++;
      const message = "connection sync was changed by somebody else, putting it right";
      log({ level: "warning", area: "ipvs", message });
    } catch (error) {
      report(error);
    }
  }

  function report(error: unknown): void {
    const reason = messageOf(error);
    // Tried again with the next audit: the interface may come, the module may be loaded.
    if (reason !== trouble) log({ level: "error", area: "ipvs", message: `lvs_sync_daemon: ${reason}` });
    trouble = reason;
  }

  function apply(masters: Masters): void {
    const wanted = wish ? wantedSyncDaemons(wish, masters) : [];
    const text = JSON.stringify(wanted);
    if (text === applied || (wanted.length === 0 && !table)) return;
    try {
      table ??= open();
      const there = table.daemons();
      for (const command of planSyncDaemons(wanted, there))
        if (command.kind === "stop-daemon") table.stopDaemon(command.role);
        else start(table, command.daemon);
      applied = text;
      lastWanted = wanted;
      trouble = "";
      remember(wanted);
      const what = wanted.map((one) => `${one.role} on ${one.interface}, id ${one.syncId}`).join(" and ");
      log({ level: "info", area: "ipvs", message: `connection sync: ${what === "" ? "stopped" : what}` });
    } catch (error) {
      report(error);
    }
  }

  return {
    configure(config, masters) {
      wish = syncDaemonOf(config);
      apply(masters);
    },
    follow: apply,
    audit(masters) {
      look();
      apply(masters);
    },
    stop() {
      wish = undefined;
      apply(new Set());
      table?.[Symbol.dispose]();
      table = undefined;
    },
    running: () => running,
    metrics(): Record<string, number> {
      return drifts > 0 ? { 'lbd_drift_detected_total{kind="sync-daemon"}': drifts } : {};
    },
  };
}

function start(table: IpvsTable, daemon: SyncDaemonState): void {
  try {
    table.startDaemon(daemon);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    // One of that role with other settings: the kernel takes no change in place.
    table.stopDaemon(daemon.role);
    table.startDaemon(daemon);
  }
}
