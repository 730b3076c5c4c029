// Config core: how an instance tells others of itself: gratuitous ARP and neighbour adverts, programs and mails.
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { GLOBAL_DEFS } from "../../keywords/global.ts";
import type { AnnounceSettings, NotifyCommands } from "../../model/vrrp.ts";
import { valueSpan } from "../../text/tree.ts";
import type { BoundGlobal } from "../global.ts";
import type { BoundInstance, InstanceContext } from "./bound.ts";

/** Default of smtp_alert for instances and groups. */
export function vrrpAlert(global: BoundGlobal): boolean {
  return global.smtp_alert_vrrp?.value ?? global.smtp_alert?.value ?? false;
}

// --- notify and announcements

export interface NotifyKeywords {
  readonly notify?: Entry<NonNullable<NotifyCommands["any"]>>;
  readonly notify_master?: Entry<NonNullable<NotifyCommands["master"]>>;
  readonly notify_backup?: Entry<NonNullable<NotifyCommands["backup"]>>;
  readonly notify_fault?: Entry<NonNullable<NotifyCommands["fault"]>>;
  readonly notify_stop?: Entry<NonNullable<NotifyCommands["stop"]>>;
  readonly notify_deleted?: Entry<NonNullable<NotifyCommands["deleted"]>>;
  readonly notify_master_rx_lower_pri?: Entry<NonNullable<NotifyCommands["masterRxLowerPri"]>>;
}

export function notifyOf(block: NotifyKeywords): NotifyCommands {
  return {
    ...(block.notify_master && { master: block.notify_master.value }),
    ...(block.notify_backup && { backup: block.notify_backup.value }),
    ...(block.notify_fault && { fault: block.notify_fault.value }),
    ...(block.notify_stop && { stop: block.notify_stop.value }),
    ...(block.notify_deleted && { deleted: block.notify_deleted.value }),
    ...(block.notify && { any: block.notify.value }),
    ...(block.notify_master_rx_lower_pri && { masterRxLowerPri: block.notify_master_rx_lower_pri.value }),
  };
}

/** `vrrp_min_garp` turns every value that nobody set into a single packet without repeat. */
export function announceOf(
  bound: BoundInstance,
  strictly: (entry: Entry<number> | undefined, only: number, otherwise: number) => number,
  context: InstanceContext,
): AnnounceSettings {
  const { block } = bound;
  const { global, findings } = context;
  const least = global.vrrp_min_garp?.value ?? false;
  // keepalived: what a lower-priority advert sets off takes the global values, not those of the instance.
  const globalDelayMs =
    global.vrrp_garp_master_delay?.value ?? (least ? 0 : GLOBAL_DEFS.vrrp_garp_master_delay.initial);
  const globalRepeat = atLeastOne(
    global.vrrp_garp_master_repeat,
    least ? 1 : GLOBAL_DEFS.vrrp_garp_master_repeat.initial,
    findings,
  );
  const extra = block.garp_extra_if?.value ?? global.vrrp_garp_extra_if?.value;
  return {
    delayMs: block.garp_master_delay?.value ?? globalDelayMs,
    repeat: atLeastOne(block.garp_master_repeat, globalRepeat, findings),
    refreshMs:
      block.garp_master_refresh?.value ??
      global.vrrp_garp_master_refresh?.value ??
      GLOBAL_DEFS.vrrp_garp_master_refresh.initial,
    refreshRepeat: atLeastOne(
      block.garp_master_refresh_repeat ?? global.vrrp_garp_master_refresh_repeat,
      GLOBAL_DEFS.vrrp_garp_master_refresh_repeat.initial,
      findings,
    ),
    lowerPrioDelayMs: strictly(
      block.garp_lower_prio_delay,
      0,
      global.vrrp_garp_lower_prio_delay?.value ?? globalDelayMs,
    ),
    lowerPrioRepeat: strictly(
      block.garp_lower_prio_repeat,
      0,
      global.vrrp_garp_lower_prio_repeat?.value ?? globalRepeat,
    ),
    ...(extra && extra.everyMs > 0 && { extraIf: extra }),
  };
}

/** keepalived: 0 is reported and becomes 1. */
function atLeastOne(entry: Entry<number> | undefined, absent: number, findings: Findings): number {
  if (!entry) return absent;
  if (entry.value > 0) return entry.value;
  findings.add("warning", valueSpan(entry.statement), {
    code: "clamped",
    message: `${entry.statement.words[0].text} 0 is too few: 1 is taken`,
  });
  return 1;
}
