// Adapter notify: which programs a notification starts, and with which arguments (cli-signals.md §5). Pure.
import { unreachable } from "../base/never.ts";
import type { Command } from "../config/model/command.ts";
import type { NotifyCommands } from "../config/model/vrrp.ts";
import type { Notification, VrrpStateName } from "./notification.ts";

export interface ScriptCall {
  readonly command: Command;
  readonly args: readonly string[];
}

/** The special program of the state first, then the general one. */
export function scriptCalls(notification: Notification): ScriptCall[] {
  switch (notification.kind) {
    case "instance":
    case "group":
      return vrrpCalls(notification);
    case "real-server":
    case "virtual-server":
      return notification.command ? [{ command: notification.command, args: [] }] : [];
    default:
      return unreachable(notification);
  }
}

/** What keeps its order with `notify_serial`: one line of work per instance, group, service, or server of a service. */
export function objectKey(notification: Notification): string {
  switch (notification.kind) {
    case "instance":
    case "group":
      return `${notification.kind} ${notification.name}`;
    case "real-server":
      return `real-server ${notification.service} ${notification.server}`;
    case "virtual-server":
      return `virtual-server ${notification.service}`;
    default:
      return unreachable(notification);
  }
}

type VrrpNotification = Extract<Notification, { kind: "instance" | "group" }>;

function vrrpCalls(notification: VrrpNotification): ScriptCall[] {
  const { commands, state, name } = notification;
  const special = specialCommand(commands, state);
  const calls: ScriptCall[] = special ? [{ command: special, args: [] }] : [];
  if (commands.any && isState(state)) {
    const word = notification.kind === "group" ? "GROUP" : "INSTANCE";
    calls.push({ command: commands.any, args: [word, name, state, String(notification.priority)] });
  }
  return calls;
}

/** keepalived: the general program hears of states; what happens within one is for the FIFOs. */
function isState(state: VrrpNotification["state"]): state is VrrpStateName {
  return state !== "MASTER_RX_LOWER_PRI" && state !== "MASTER_PRIORITY" && state !== "BACKUP_PRIORITY";
}

function specialCommand(commands: NotifyCommands, state: VrrpNotification["state"]): Command | undefined {
  switch (state) {
    case "MASTER":
      return commands.master;
    case "BACKUP":
      return commands.backup;
    case "FAULT":
      return commands.fault;
    case "STOP":
      return commands.stop;
    case "DELETED":
      return commands.deleted === true ? undefined : commands.deleted;
    case "MASTER_RX_LOWER_PRI":
      return commands.masterRxLowerPri;
    case "MASTER_PRIORITY":
    case "BACKUP_PRIORITY":
      return undefined;
    default:
      return unreachable(state);
  }
}
