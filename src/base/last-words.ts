// Layer 0: how a log line tells what a program wrote before it failed.

/** Behind the reason of a failure; empty when it wrote nothing. What programs write goes to the log only: it may hold anything. */
export function whatItWrote(output: string | undefined): string {
  return output === undefined || output === "" ? "" : `; it wrote: ${output}`;
}
