// VRRP core: what the router has its driver do, and how it says what happened.
import type { IpText } from "../base/ip.ts";
import type { LogLine } from "../base/log.ts";
import type { NotifyCommands, SyncGroup, VrrpInstance } from "../config/model/vrrp.ts";
import type { AnnounceTarget } from "./announce/pacing.ts";
import type { GroupStateName } from "./group.ts";
import type { Cause, NotifyState, StateName } from "./machine/state.ts";
import type { Instant } from "./view.ts";
import type { OutgoingDatagram } from "./wire.ts";

/** What the driver does, in the order given. */
export type VrrpAction =
  /** Send now, before anything else of the same call. One datagram for the group or one for each peer. */
  | {
      readonly kind: "send";
      readonly instance: string;
      readonly config: VrrpInstance;
      readonly priority: number;
      readonly datagrams: readonly OutgoingDatagram[];
    }
  /** The instance owns (add), or no longer owns (remove), its addresses, routes, rules and packet filter. Idempotent. */
  | { readonly kind: "addAddresses" | "removeAddresses"; readonly instance: string; readonly config: VrrpInstance }
  /** A master took another configuration: remove what only `previous` has, add what only `config` has. */
  | {
      readonly kind: "syncAddresses";
      readonly instance: string;
      readonly config: VrrpInstance;
      readonly previous: VrrpInstance;
    }
  /** Compare with the kernel and put back what is missing. */
  | {
      readonly kind: "restoreAddresses";
      readonly instance: string;
      readonly config: VrrpInstance;
      readonly what: string;
    }
  /** Announce each target in turn, all of it `rounds` times. Links with NOARP are skipped by the driver. */
  | {
      readonly kind: "announce";
      readonly instance: string;
      readonly config: VrrpInstance;
      readonly targets: readonly AnnounceTarget[];
      readonly rounds: number;
    }
  /** `garp_extra_if` is due. */
  | { readonly kind: "announceExtra"; readonly instance: string; readonly config: VrrpInstance; readonly all: boolean }
  | { readonly kind: "announceSource"; readonly instance: string; readonly config: VrrpInstance; readonly ip: IpText }
  | {
      readonly kind: "transition";
      readonly subject: "instance" | "group";
      readonly name: string;
      readonly from: StateName | GroupStateName;
      readonly to: StateName | GroupStateName;
      readonly cause: Cause;
    }
  /** Has the shape of a Notification of notify/. */
  | {
      readonly kind: "notify";
      readonly notification: {
        readonly kind: "instance" | "group";
        readonly name: string;
        readonly state: NotifyState;
        readonly priority: number;
        readonly commands: NotifyCommands;
        readonly smtpAlert: boolean;
      };
    }
  | { readonly kind: "log"; readonly line: LogLine }
  /** Something else than a change of state, for those who follow the events; the status of the instance has changed with it. */
  | {
      readonly kind: "event";
      readonly event: "vrrp-peer" | "priority";
      readonly instance: string;
      readonly from?: string;
      readonly to: string;
      readonly reason: string;
    }
  /** These will come soon, unless an advertisement does: go through them without doing them. */
  | { readonly kind: "rehearse"; readonly actions: readonly VrrpAction[] }
  /**
   * A takeover comes so soon that going to sleep again would make it late. What reaches neighbours of `actions`, which were rehearsed, is
   * what timer(due) will give of these instances unless there is another call before; there are none when that is not known.
   */
  | { readonly kind: "imminent"; readonly actions: readonly VrrpAction[]; readonly due: Instant };

type TablesKind = "addAddresses" | "removeAddresses" | "syncAddresses" | "restoreAddresses";

/** Something of what instances own comes, goes, or is to be put back. */
export function changesTables(action: VrrpAction): action is VrrpAction & { readonly kind: TablesKind } {
  switch (action.kind) {
    case "addAddresses":
    case "removeAddresses":
    case "syncAddresses":
    case "restoreAddresses":
      return true;
    default:
      return false;
  }
}

/** Others notice it at once: it comes before programs, the log and the status. */
export function reachesNeighbours(action: VrrpAction): boolean {
  const { kind } = action;
  return kind === "send" || kind === "announce" || kind === "announceSource" || changesTables(action);
}

/** Those of `actions` that have not been done yet. `done` came in the same order, of the same instances. */
export function notDone(actions: readonly VrrpAction[], done: readonly VrrpAction[]): readonly VrrpAction[] {
  const left = done.filter(reachesNeighbours);
  return actions.filter((action) => {
    const [next] = left;
    if (!next || next.kind !== action.kind || instanceOf(next) !== instanceOf(action)) return true;
    left.shift();
    return false;
  });
}

function instanceOf(action: VrrpAction): string | undefined {
  return "instance" in action ? action.instance : undefined;
}

/** The log line of a change of state; a fault is a warning. */
export function transitionLine(name: string, from: string, to: string, cause: Cause): LogLine {
  const level = to === "FAULT" ? "warning" : "info";
  return {
    level,
    area: "vrrp",
    message: `${name}: ${from} to ${to}: ${cause.text}`,
    fields: { name, from, to, cause: cause.code },
  };
}

/** What notify programs, FIFOs and mails are to tell. */
export function notification(
  kind: "instance" | "group",
  name: string,
  state: NotifyState,
  priority: number,
  source: { readonly notify: NotifyCommands; readonly smtpAlert: boolean } | undefined,
): VrrpAction {
  const commands = source?.notify ?? {};
  return {
    kind: "notify",
    notification: { kind, name, state, priority, commands, smtpAlert: source?.smtpAlert ?? false },
  };
}

export function groupNotification(
  group: SyncGroup | undefined,
  name: string,
  to: Exclude<GroupStateName, "INIT">,
): VrrpAction {
  return notification("group", name, to, 0, group);
}
