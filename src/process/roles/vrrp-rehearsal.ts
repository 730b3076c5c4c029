// Process layer, vrrp role: a takeover without a packet and without a command to the kernel, so that the real one finds its code compiled
// and its data at hand (docs/decisions/007-takeover-in-time.md). The core says when and what (vrrp/rehearsal.ts); here is how.
import type { Clock } from "../../base/clock.ts";
import { ipBytes } from "../../base/ip.ts";
import type { VrrpInstance } from "../../config/model.ts";
import type { DirectorAction } from "../../vrrp/actions.ts";
import type { Announcer } from "./vrrp-announcer.ts";
import type { Station } from "./vrrp-station.ts";

/** The engine compiles what has run some dozen times, and optimises what has run twice as often. */
const WARM_UPS = 100;
/** Apart, so that packets and timers come in between. */
const WARM_UP_EVERY_MS = 20;

export interface RehearsalPorts {
  readonly clock: Clock;
  readonly stations: ReadonlyMap<string, Station>;
  readonly announcer: Announcer;
  /** As if these instances had become master. */
  rehearseTables(gained: ReadonlyMap<string, VrrpInstance>): void;
}

export interface Rehearsal {
  /** All that is done with these actions until the neighbours know. */
  run(actions: readonly DirectorAction[]): void;
  /** Some dozens of rehearsals within the first seconds, in which a director waits for a master anyway. */
  warmUp(takeover: () => readonly DirectorAction[]): void;
}

export function createRehearsal({ clock, stations, announcer, rehearseTables }: RehearsalPorts): Rehearsal {
  function run(actions: readonly DirectorAction[]): void {
    const gained = new Map<string, VrrpInstance>();
    for (const action of actions) {
      if (action.kind === "send") send(action);
      else if (action.kind === "addAddresses") gained.set(action.instance, action.config);
    }
    if (gained.size > 0) rehearseTables(gained);
    for (const action of actions)
      if (action.kind === "announce") announcer.rehearse(stations.get(action.instance), action.targets);
  }

  function send({ instance, datagrams }: DirectorAction & { kind: "send" }): void {
    const { socket, source } = stations.get(instance) ?? {};
    if (!socket || source === undefined) return;
    const from = ipBytes(source);
    for (const { destination, bytes } of datagrams) socket.rehearse(destination, bytes, from);
  }

  function warmUp(takeover: () => readonly DirectorAction[], left = WARM_UPS): void {
    if (left === 0) return;
    clock.at(clock.now() + WARM_UP_EVERY_MS, () => {
      const actions = takeover();
      run(actions);
      if (actions.length > 0) warmUp(takeover, left - 1);
    });
  }

  return { run, warmUp: (takeover) => warmUp(takeover) };
}
