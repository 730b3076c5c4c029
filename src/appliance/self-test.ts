// Appliance core: whether a start is a good one. It is judged by the machine and not by what stands behind it: servers that are down, a
// cable that is out or a mistake in a file are no reason for another image. So a start on trial is held against the start that wrote it:
// what was wrong then may be wrong now, and nothing else.

/** One that takes longer is none: the loader's next try, or the other slot, has its turn. */
export const TRIAL_LIMIT_MS = 120_000;
/** Everything has to be well for so long. */
export const STEADY_MS = 3000;

export interface StartFacts {
  /** What the kernel can't do that a director needs, one line each. */
  readonly modules: readonly string[];
  readonly network: readonly string[];
  /** The director's own word (`/readyz`); a text: why it is not ready. */
  readonly director: true | string;
  /** The machine's API answers. */
  readonly api: true | string;
}

/** What is wrong, one line each. */
export function faultsOf({ modules, network, director, api }: StartFacts): readonly string[] {
  return [
    ...modules.map((one) => `modules: ${one}`),
    ...network.map((one) => `network: ${one}`),
    ...(director === true ? [] : [`director: ${director}`]),
    ...(api === true ? [] : [`api: ${api}`]),
  ];
}

/** What is worse than before. A director that was not ready for one reason may be so for another. */
export function newFaults(now: readonly string[], before: readonly string[]): readonly string[] {
  const wasWithoutDirector = before.some((fault) => fault.startsWith("director: "));
  return now.filter((fault) => !before.includes(fault) && !(wasWithoutDirector && fault.startsWith("director: ")));
}

export type Verdict =
  | { readonly kind: "good" }
  | { readonly kind: "wait" }
  /** Only of a start on trial. */
  | { readonly kind: "failed"; readonly reason: string };

export interface Trial {
  readonly trial: boolean;
  readonly faults: readonly string[];
  /** What was wrong when the slot was written. */
  readonly before: readonly string[];
  /** Since the appliance began. */
  readonly elapsedMs: number;
  /** How long nothing new has been wrong; 0 while something is. */
  readonly steadyMs: number;
}

export function judge({ trial, faults, before, elapsedMs, steadyMs }: Trial): Verdict {
  const worse = newFaults(faults, before);
  if (worse.length === 0 && steadyMs >= STEADY_MS) return { kind: "good" };
  if (elapsedMs < TRIAL_LIMIT_MS) return { kind: "wait" };
  // A slot that has shown once that it works stays: what is wrong now is the machine's or a file's.
  if (!trial || worse.length === 0) return { kind: "good" };
  return { kind: "failed", reason: `after ${Math.round(elapsedMs / 1000)} s: ${worse.join("; ")}` };
}
