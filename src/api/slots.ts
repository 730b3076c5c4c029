// Adapter api: how many large answers may be on their way at one time, counted before anything of them is made, and for each listener
// apart: who may only ask over TCP takes nothing from the UNIX socket.
import type { Via } from "./guard.ts";

/** `config` is one of the large ones, and there is one of it. */
export type Slot = "large" | "config";

const MAX_LARGE = 2;
const MAX_CONFIG = 1;

export interface Slots {
  /** Undefined when none is free; else gives it back, once, however often it is called. */
  take(via: Via, slot: Slot): (() => void) | undefined;
}

export function createSlots(): Slots {
  const taken = new Map<string, number>();
  const key = (via: Via, slot: Slot) => `${via.kind} ${slot}`;
  const count = (of: string, change: number) => taken.set(of, (taken.get(of) ?? 0) + change);
  return {
    take(via, slot) {
      const large = key(via, "large");
      const config = key(via, "config");
      if ((taken.get(large) ?? 0) >= MAX_LARGE) return undefined;
      if (slot === "config" && (taken.get(config) ?? 0) >= MAX_CONFIG) return undefined;
      const mine = slot === "config" ? [large, config] : [large];
      for (const of of mine) count(of, 1);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        for (const of of mine) count(of, -1);
      };
    },
  };
}
