// Roles: reading the kernel's tables now and then may fail for a moment. A few failures in a row are logged and tried again with the
// next look; more of them end the process, for a new one with new sockets is the next thing to try.
import { SyscallError } from "../../ffi/errno.ts";
import type { Log } from "../base/log.ts";

const MAX_READ_FAILURES = 3;

export interface ReadFailures {
  /** Runs it; false when the kernel refused. @throws what it throws: not the kernel's refusal, or the third one in a row */
  attempt(run: () => void): boolean;
  /** Failures since the start. */
  total(): number;
}

/** `what`: `the kernel's links, addresses, routes and rules`. */
export function createReadFailures(area: string, what: string, log: Log): ReadFailures {
  let inRow = 0;
  let total = 0;
  return {
    attempt(run) {
      try {
        run();
        inRow = 0;
        return true;
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        inRow++;
        total++;
        if (inRow >= MAX_READ_FAILURES)
          throw new Error(`${what} can't be read, ${inRow} times in a row: ${error.message}`, { cause: error });
        log({ level: "error", area, message: `${what} can't be read: ${error.message}; trying again` });
        return false;
      }
    },
    total: () => total,
  };
}
