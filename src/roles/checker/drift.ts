// Role checker: what is said of an IPVS table that is not as we left it: what was found, and what came of its repair. Each object is
// told once a minute at most; the log tells each of a few and the number of many.
import type { Clock, MonoMs } from "../../base/clock.ts";
import type { LogLine } from "../../base/log.ts";
import type { CommandResult } from "../../kernel/ports.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { Destination, IpvsCommand, Service } from "../../lvs/model.ts";
import type { SeenTable } from "./seen-table.ts";

export interface DriftFound {
  /** `destination 10.9.1.1:80 of 10.9.0.1:80/tcp`. */
  readonly subject: string;
  /** What was found, and what was done about it. */
  readonly found: string;
  readonly repaired: boolean;
  readonly reason: string;
}

export interface DriftTeller {
  tell(result: CommandResult, found: string): void;
  /** Objects that were told of long ago may be told of again. */
  forgetOld(): void;
}

/** One object's drift is told at most this often. */
const TELL_AGAIN_MS = 60_000;

export function createDriftTeller(
  clock: Clock,
  log: (kind: string, line: LogLine) => void,
  drifted: (drift: DriftFound) => void,
): DriftTeller {
  const toldAt = new Map<string, MonoMs>();
  return {
    tell({ command, failure }, found) {
      const subject = describeObject(command);
      if (toldAt.has(subject)) return;
      toldAt.set(subject, clock.now());
      const reason = failure?.message ?? "changed by another program (ipvsadm or another director)";
      log("drift", { level: "warning", area: "ipvs", message: `drift: ${subject} ${found}: ${reason}` });
      drifted({ subject, found, repaired: !failure, reason });
    },
    forgetOld() {
      for (const [object, at] of toldAt) if (clock.now() - at > TELL_AGAIN_MS) toldAt.delete(object);
    },
  };
}

/** What a repair says about the state that was found; asked before the repair. */
export function describeDrift(command: IpvsCommand, seen: SeenTable): string {
  const key = serviceKey(command.service);
  switch (command.kind) {
    case "addService":
    case "addDestination":
      return "was missing, added again";
    case "deleteService":
      return "was there again, removed";
    case "deleteDestination":
      return "is not ours, removed";
    case "editService": {
      const before = seen.get(key);
      return `${before ? changes(before.service, command.service) : "was changed"}, set back`;
    }
    case "editDestination": {
      const before = seen.destination(key, destinationKey(command.destination));
      return `${before ? changes(before, command.destination) : "was changed"}, set back`;
    }
  }
}

function describeObject(command: IpvsCommand): string {
  const service = serviceKey(command.service);
  return "destination" in command
    ? `destination ${destinationKey(command.destination)} of ${service}`
    : `service ${service}`;
}

const COMPARED = [
  "scheduler",
  "flags",
  "timeoutS",
  "netmask",
  "persistenceEngine",
  "weight",
  "forwarding",
  "upperThreshold",
  "lowerThreshold",
];

/** `weight was 7, wanted 1`. */
function changes(before: Service | Destination, wanted: Service | Destination): string {
  const old = new Map(Object.entries(before));
  const parts = Object.entries(wanted)
    .filter(([name, value]) => COMPARED.includes(name) && JSON.stringify(value) !== JSON.stringify(old.get(name)))
    .map(([name, value]) => `${name} was ${shown(old.get(name))}, wanted ${shown(value)}`);
  return parts.length > 0 ? parts.join("; ") : "was changed";
}

function shown(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([, part]) => shown(part))
    .join(" ");
}
