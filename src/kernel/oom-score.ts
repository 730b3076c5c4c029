// Adapter: whom the kernel ends first when memory runs out (proc_pid_oom_score_adj(5)).
import { readFileSync, writeFileSync } from "node:fs";

const OWN = "/proc/self/oom_score_adj";
/** As if half of the machine's memory were in use by it: before whatever serves, and it comes back when it is wanted. */
const EXPENDABLE = 500;

/**
 * For a process that strangers speak to, and that can grow by what they ask: it goes before those that balance and fail over, which have
 * their parent's score. Raising takes no right; comes before Landlock and a change of user take the file away. One without /proc goes on.
 */
export function goFirst(): void {
  try {
    const inherited = Number(readFileSync(OWN, "latin1"));
    if (inherited < EXPENDABLE) writeFileSync(OWN, `${EXPENDABLE}`);
  } catch {
    // Then it is as likely as its parent.
  }
}
