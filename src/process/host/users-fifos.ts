// Process layer, parent: notify FIFOs that belong to a user. The parent makes and removes them: vrrp and checker have no right to give a
// file to somebody, which would be the way to any file of root's (docs/security.md).

/** A FIFO with the keyword's user. */
export interface UsersFifo {
  readonly path: string;
  readonly user: string;
  readonly group?: string;
}

export interface UsersFifos {
  /** From now on there are these, and those that were made before and are none of them go. Never throws. */
  keep(wanted: readonly UsersFifo[]): void;
}

/** @param make gives the way to remove what it made; undefined: it was there. What it throws is the role's to tell, which can't open it */
export function createUsersFifos(
  make: (path: string, user: string, group: string | undefined) => (() => void) | undefined,
): UsersFifos {
  const made = new Map<string, () => void>();
  const keyOf = ({ path, user, group }: UsersFifo) => JSON.stringify([path, user, group]);

  return {
    keep(wanted) {
      const keys = new Set(wanted.map(keyOf));
      for (const [key, remove] of made) {
        if (keys.has(key)) continue;
        made.delete(key);
        remove();
      }
      for (const fifo of wanted) {
        if (made.has(keyOf(fifo))) continue;
        try {
          const remove = make(fifo.path, fifo.user, fifo.group);
          if (remove) made.set(keyOf(fifo), remove);
        } catch {
          // The role meets the same, and says so with the FIFO's name.
        }
      }
    },
  };
}
