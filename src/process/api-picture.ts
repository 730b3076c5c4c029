// Process layer, parent: what an api process that has just come is shown: all that is known, then what every role tells of itself. It may
// answer when that is whole.
import type { Cancel, Clock } from "../base/clock.ts";
import type { RoleName } from "../roles/role.ts";
import type { StatusUpdate } from "../status/schema.ts";
import type { ApiCallers } from "./api-callers.ts";
import type { Relay } from "./relay.ts";
import type { Telling } from "./telling.ts";
import type { Workers } from "./workers.ts";

/** Who calls is answered when every role has told how it is, or after this long. */
const COMPLETE_LIMIT_MS = 5000;

export interface ApiPicturePorts {
  readonly clock: Clock;
  readonly relay: Relay;
  readonly workers: Workers;
  /** Of the parent itself. */
  readonly telling: Telling;
  /** Absent: an api process runs always, and answers at once. */
  readonly callers?: ApiCallers;
}

export interface ApiPicture {
  /** An api process runs that knows nothing yet. */
  begin(director: StatusUpdate): void;
  /** A role has told how it is, or has gone. */
  told(role: string): void;
  /** The api process goes: nobody looks any more. */
  end(): void;
}

export function createApiPicture({ clock, relay, workers, telling, callers }: ApiPicturePorts): ApiPicture {
  /** Roles that have not told how they are. */
  let awaited = new Set<string>();
  let cancelLimit: Cancel = () => {};

  /** The first caller sees all that there is to see. */
  function complete(): void {
    cancelLimit();
    if (!callers) return;
    const lingerMs = callers.lingerMs();
    relay.whenEmpty(() => void workers.send("api", { kind: "complete", lingerMs }));
  }

  return {
    begin(director) {
      relay.begin(director);
      telling.watch();
      workers.snapshot();
      if (!callers) return;
      awaited = new Set<RoleName>(workers.running());
      relay.take({ kind: "facts", role: "api", values: callers.facts() });
      cancelLimit = clock.at(clock.now() + COMPLETE_LIMIT_MS, complete);
      if (awaited.size === 0) complete();
    },
    told(role) {
      if (awaited.delete(role) && awaited.size === 0) complete();
    },
    end() {
      cancelLimit();
      telling.unwatch();
      workers.sendAll({ kind: "unwatched" }, "api");
    },
  };
}
