// Role bfd: what the bfd role works with: the real things here, fakes in tests.
import type { BfdChance } from "../../bfd/speaker.ts";
import type { ProcessRights } from "../../config/model/global.ts";
import { type BfdSockets, openBfdSockets, type ReceivedControl } from "../../kernel/bfd-sockets.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import { openRights } from "../../kernel/rights.ts";
import type { RoleContext } from "../role.ts";

export interface BfdPorts {
  /** `onControl` is called during reading. */
  openSockets(onControl: (control: ReceivedControl) => void): BfdSockets;
  readonly chance: BfdChance;
  /** Priority, CPUs, locked memory and limits of this process. */
  takeRights(rights: ProcessRights): void;
}

/** The real ones. */
export function realPorts({ clock, log }: RoleContext): BfdPorts {
  const readiness = openReadiness();
  const chance = kernelChance();
  return {
    openSockets: (onControl) => openBfdSockets(readiness, () => clock.now(), chance.word, onControl),
    chance,
    takeRights: openRights("bfd", log),
  };
}

/** Words fetched at a time: each packet takes one. */
const POOL_WORDS = 256;

function kernelChance(): BfdChance {
  const pool = new Uint32Array(POOL_WORDS);
  let at = POOL_WORDS;
  const word = () => {
    if (at >= POOL_WORDS) {
      crypto.getRandomValues(pool);
      at = 0;
    }
    return pool[at++] ?? 0;
  };
  return { word, share: () => word() / 2 ** 32 };
}
