// Layer 0: what a real server may weigh.

/** kernel: weights are signed numbers of 32 bits, and a negative one is refused (ip_vs_add_dest). */
const MAX_WEIGHT = 2 ** 31 - 1;

/** Weights outside of what the kernel takes end at its limits: a negative sum means quiesced (checkers.md §2). */
export function clampWeight(weight: number): number {
  return Math.min(MAX_WEIGHT, Math.max(0, Math.trunc(weight)));
}
