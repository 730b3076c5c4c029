// Appliance core: what the boot loader and this machine tell each other: words of the kernel's command line, and GRUB's environment block,
// which holds for each slot how many starts it has left (appliance/grub.cfg).

export type Slot = "A" | "B";

export function otherSlot(slot: Slot): Slot {
  return slot === "A" ? "B" : "A";
}

/** The start that is running. */
export interface Boot {
  /** Absent: not from a slot (a live medium, PXE): nothing is kept, nothing is updated. */
  readonly slot?: Slot;
  /** Starts the slot has left after this one; absent: it was taken without counting, since none was left for either. */
  readonly left?: number;
  /** `lbd.rescue`: a shell at the machine's console. */
  readonly rescue: boolean;
}

/** @param commandLine of /proc/cmdline */
export function readBoot(commandLine: string): Boot {
  const words = new Map(
    commandLine.split(/\s+/).map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
  const slot = words.get("lbd.slot");
  const left = words.get("lbd.left");
  return {
    ...((slot === "A" || slot === "B") && { slot }),
    ...(left !== undefined && /^\d$/.test(left) && { left: Number(left) }),
    rescue: words.has("lbd.rescue"),
  };
}

const TRIAL_STARTS = 3;
/** GRUB reads and writes exactly so many bytes. */
const BLOCK_BYTES = 1024;
const HEAD = "# GRUB Environment Block\n";

export type BootEnvironment = ReadonlyMap<string, string>;

/** Reads a block; what is damaged has nothing in it. GRUB: names and values by =, one a line, backslash before newline and backslash. */
export function readEnvironment(block: string): BootEnvironment {
  if (!block.startsWith(HEAD)) return new Map();
  const values = new Map<string, string>();
  for (const [, name = "", value = ""] of block
    .slice(HEAD.length)
    .matchAll(/^([A-Za-z_]\w*)=((?:[^\\\n]|\\[\s\S])*)\n/gm))
    values.set(name, value.replace(/\\([\s\S])/g, "$1"));
  return values;
}

/** @throws RangeError when it does not fit; nothing is half written then */
export function writeEnvironment(values: BootEnvironment): string {
  const lines = [...values].map(
    ([name, value]) => `${name}=${value.replace(/[\\\n]/g, (character) => `\\${character}`)}\n`,
  );
  const text = `${HEAD}${lines.join("")}`;
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > BLOCK_BYTES)
    throw new RangeError(`the boot environment has ${BLOCK_BYTES} bytes, and ${bytes} are needed`);
  return text + "#".repeat(BLOCK_BYTES - bytes);
}

/** What a disk that was never started has. */
export const FIRST_ENVIRONMENT: BootEnvironment = new Map([
  ["order", "AB"],
  ["A_left", `${TRIAL_STARTS}`],
  ["A_ok", "0"],
  ["B_left", "0"],
  ["B_ok", "0"],
]);

/** The slot has not shown yet that it works, and there is one to go back to. */
export function isOnTrial(environment: BootEnvironment, slot: Slot): boolean {
  return environment.get(`${slot}_ok`) !== "1" && environment.get(`${otherSlot(slot)}_ok`) === "1";
}

/** This start was a good one: the slot has all its starts again, and is the first. The other slot's state stays. */
export function markedGood(environment: BootEnvironment, slot: Slot): BootEnvironment {
  const base = environment.size === 0 ? FIRST_ENVIRONMENT : environment;
  return new Map([
    ...base,
    ["order", slot === "A" ? "AB" : "BA"],
    [`${slot}_left`, `${TRIAL_STARTS}`],
    [`${slot}_ok`, "1"],
  ]);
}

/** While a slot is written it can't be started: a broken update is never tried. */
export function markedUnusable(environment: BootEnvironment, slot: Slot): BootEnvironment {
  const base = environment.size === 0 ? FIRST_ENVIRONMENT : environment;
  return new Map([...base, [`${slot}_left`, "0"], [`${slot}_ok`, "0"]]);
}

/** A slot that was written and read back: the next start is its first of three. */
export function markedForTrial(environment: BootEnvironment, slot: Slot): BootEnvironment {
  return new Map([
    ...markedUnusable(environment, slot),
    ["order", slot === "A" ? "AB" : "BA"],
    [`${slot}_left`, `${TRIAL_STARTS}`],
  ]);
}
