// Adapter notify: what happened, as the roles tell it. Scripts, FIFOs and mail are made from these (cli-signals.md §5–7).
import type { Command } from "../config/model/command.ts";
import type { NotifyCommands } from "../config/model/vrrp.ts";

const VRRP_STATE_NAMES = ["MASTER", "BACKUP", "FAULT", "STOP", "DELETED"] as const;
export type VrrpStateName = (typeof VRRP_STATE_NAMES)[number];

export function isVrrpStateName(text: string): text is VrrpStateName {
  return VRRP_STATE_NAMES.some((name) => name === text);
}

export type Notification =
  | {
      readonly kind: "instance" | "group";
      readonly name: string;
      readonly state: VrrpStateName | "MASTER_RX_LOWER_PRI" | "MASTER_PRIORITY" | "BACKUP_PRIORITY";
      /** Effective priority; 0 for groups. */
      readonly priority: number;
      readonly commands: NotifyCommands;
      readonly smtpAlert: boolean;
    }
  | {
      readonly kind: "real-server";
      readonly up: boolean;
      /** `[192.0.2.1]:tcp:80`. */
      readonly server: string;
      /** `[192.0.2.1]:tcp:80`, `[web]:0`, `FWM 5`. */
      readonly service: string;
      readonly command?: Command;
      readonly smtpAlert: boolean;
      /** Body of the mail: which check, what it saw. */
      readonly reason: string;
      /** Written to the FIFO (initial states are not unless rs_init_notifies asks for them). */
      readonly fifo: boolean;
    }
  | {
      readonly kind: "virtual-server";
      readonly up: boolean;
      readonly service: string;
      readonly command?: Command;
      readonly smtpAlert: boolean;
      readonly reason: string;
    };

/** Delivers notifications: programs at once, or in order for each object with `notify_serial`. Never blocks the caller. */
export interface Notifier {
  notify(notification: Notification): void;
  /** Waits for what is running, at most `limitMs`. */
  drain(limitMs: number): Promise<void>;
}
