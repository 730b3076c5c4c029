// Adapter: makes the named pipes of the notify FIFOs (cli-signals.md §6): owner from the keyword, nobody else may write.
import { chownSync } from "node:fs";
import { EEXIST, SyscallError } from "../../ffi/errno.ts";
import { mkfifo } from "../../ffi/fd.ts";
import { findAccount } from "./accounts.ts";

const FIFO_MODE = 0o600;

/** @throws Error when it can't be made, or the user or group is unknown */
export function makeFifo(path: string, user: string | undefined, group: string | undefined): "made" | "exists" {
  const owner = user === undefined ? undefined : findAccount(user, group);
  if (owner && !owner.ok) throw new Error(owner.reason);
  try {
    mkfifo(path, FIFO_MODE);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === EEXIST) return "exists";
    throw error;
  }
  if (owner) chownSync(path, owner.account.uid, owner.account.gid);
  return "made";
}
