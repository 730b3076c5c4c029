// Which variables of the environment go on to the processes and programs of a director. A list of what is kept: what the loader, a
// shell, an interpreter or the runtime acts on has no end, and any of the others may hold a secret (`${_ENV}` in configurations).

/** Where programs are looked for when a configuration gives no path, and what programs find in PATH. */
export const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the JavaScript engine acts on. BUN_GC_TIMER_INTERVAL, which conf/lbd.service sets, is a number of milliseconds and no more. */
export const ENGINE_VARIABLE = /^(BUN_(?!GC_TIMER_INTERVAL$)|NODE_|DENO_)/;

const KEPT = /^(LANG|LANGUAGE|LC_[A-Z]+|TZ)$/;

/** Language and time zone as they are, and a PATH of ours. */
export function keptEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = { PATH: SEARCH_PATH };
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && KEPT.test(name)) kept[name] = value;
  return kept;
}
