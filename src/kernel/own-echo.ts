// Adapter: which of the changes that the kernel tells of are our own commands' doing, and which of these it has not told of yet.
import { addressKey, IFA_F_DEPRECATED, IFA_F_PERMANENT } from "../net/model.ts";
import type { NetMessage, NetObject } from "../net/rtnetlink.ts";
import type { CommandOutcome } from "./rtnetlink.ts";

export interface OwnEcho {
  /** These commands were run. */
  applied(outcomes: readonly CommandOutcome[]): void;
  /** Is there something whose echo was not worked in yet? */
  waits(): boolean;
  /** Takes note of what the kernel tells; true when it is ours. `port`: of the socket that asked for it. */
  hear(change: NetMessage, port: number): boolean;
  /** The echo was worked in. What the kernel will yet tell of: the addresses that were added, as they are by then. */
  settle(): readonly NetObject[];
}

/** `commands`: the socket that ours go by. */
export function ownEcho(commands: { readonly portId: number }): OwnEcho {
  /** kernel: IPv6 address messages don't say who asked, so what we have just done is looked up here. */
  const expected = new Set<string>();
  const unsettled: CommandOutcome[] = [];
  /** Addresses that the kernel has spoken of since: somebody may have taken away again what we have just added. */
  const spokenOf = new Set<string>();

  return {
    applied(outcomes) {
      for (const { command, meaning } of outcomes)
        if (meaning === "done" && (command.kind === "add-address" || command.kind === "delete-address"))
          expected.add(changeKey(command.kind === "delete-address", { kind: "address", address: command.address }));
      unsettled.push(...outcomes);
    },
    waits: () => unsettled.length > 0,
    hear(change, port) {
      if (unsettled.length > 0 && change.object.kind === "address") spokenOf.add(addressKey(change.object.address));
      if (port === commands.portId) return true;
      return expected.size > 0 && expected.has(changeKey(change.removed, change.object));
    },
    settle() {
      const outcomes = unsettled.splice(0);
      const unheard = outcomes.flatMap((outcome) => addedAddress(outcome, spokenOf) ?? []);
      expected.clear();
      spokenOf.clear();
      return unheard;
    },
  };
}

/** kernel: an IPv6 address is told of by a work queue, some time after it was acknowledged. */
function addedAddress({ command, meaning }: CommandOutcome, spokenOf: ReadonlySet<string>): NetObject | undefined {
  if (command.kind !== "add-address" || (meaning !== "done" && meaning !== "already-so")) return undefined;
  const { address } = command;
  if (spokenOf.has(addressKey(address))) return undefined;
  const flags = address.flags | IFA_F_PERMANENT | (address.preferredS === 0 ? IFA_F_DEPRECATED : 0);
  return { kind: "address", address: { ...address, flags, scope: address.scope ?? 0 } };
}

/** Only addresses need it; empty for the rest. */
function changeKey(removed: boolean, object: NetObject): string {
  return object.kind === "address" ? `${removed ? "-" : "+"}${addressKey(object.address)}` : "";
}
