// Process layer, appliance: this start and those before it, as the EFI system partition keeps them: the loader's count of tries and the
// history. The partition is mounted for the moment of reading or writing only.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_SYNCHRONOUS, mount, unmount } from "../../../ffi/machine.ts";
import {
  type Boot,
  type BootEnvironment,
  isOnTrial,
  markedGood,
  markedUnusable,
  readEnvironment,
  type Slot,
  writeEnvironment,
} from "../../appliance/boot.ts";
import {
  begin,
  ended,
  good,
  type History,
  NO_HISTORY,
  readPlaces,
  type StartRecord,
  updateWritten,
  writePlace,
} from "../../appliance/history.ts";
import { partitionsNamed } from "../../kernel/partitions.ts";

const ENVIRONMENT = "grub/grubenv";
/** The loader takes it when the first one is damaged (appliance/grub.cfg). */
const ENVIRONMENT_COPY = "grub/grubenv.2";
const PLACES = ["lbd/starts.1", "lbd/starts.2"];

export interface Starts {
  /** The slot has not yet shown that it works, and the other one has. */
  readonly trial: boolean;
  /** What was wrong with the loader's environment at this start. */
  readonly damage?: string;
  history(): History;
  isGood(): boolean;
  good(): void;
  ended(how: NonNullable<StartRecord["end"]>, reason: string): void;
  written(slot: Slot, version: string, faults: readonly string[]): void;
  changeEnvironment(change: (before: BootEnvironment) => BootEnvironment): void;
}

export interface StartPorts {
  readonly boot: Boot;
  readonly version: string;
  now(): string;
  readonly crash?: string;
  readonly byWatchdog: boolean;
  /** Another process of the appliance noted this start. */
  readonly again: boolean;
  /** Does something with the partition's files; @throws Error when there is none, or it is damaged */
  withFiles<T>(act: (files: string) => T): T;
}

/** Notes that this start began. @throws Error when the partition can't be used; the machine then runs without a memory */
export function beginStart(ports: StartPorts): Starts {
  const { boot, version, now, crash, byWatchdog, again, withFiles } = ports;
  const { slot } = boot;
  if (slot === undefined) return FORGETFUL;
  let history: History = NO_HISTORY;
  let isGood: boolean;

  function change(next: (before: History) => History, environment?: (before: BootEnvironment) => BootEnvironment) {
    withFiles((files) => {
      if (environment) changeEnvironmentIn(files, environment);
      const places = PLACES.map((place) => readFileIn(files, place));
      const kept = readPlaces(places);
      history = next(kept.history);
      const into = PLACES[(kept.place + 1) % PLACES.length] ?? "";
      writeOver(join(files, into), writePlace({ history, sequence: kept.sequence + 1 }));
    });
  }

  let trial = false;
  const damage: string[] = [];
  let givenUp: Slot | undefined;
  withFiles((files) => {
    const { environment, damaged } = readEnvironmentIn(files);
    trial = isOnTrial(environment, slot);
    if (damaged)
      damage.push("the boot environment was damaged: the loader took its copy, or the first values of a disk");
    if (boot.left === undefined)
      damage.push("no slot had starts left: the loader took one that was good before, without counting");
  });
  if (again) history = withFiles((files) => readPlaces(PLACES.map((place) => readFileIn(files, place))).history);
  else
    change((before) => {
      const crashed = crash === undefined ? {} : { crash };
      const begun = begin(before, { slot, version, at: now(), trial, byWatchdog, ...crashed });
      givenUp = begun.givenUp;
      return begun.history;
    });
  isGood = history.starts.at(-1)?.good === true;
  if (givenUp !== undefined) {
    const lost = givenUp;
    withFiles((files) => changeEnvironmentIn(files, (before) => markedUnusable(before, lost)));
  }
  return {
    trial,
    ...(damage.length > 0 && { damage: damage.join("; ") }),
    history: () => history,
    isGood: () => isGood,
    good() {
      change(good, (before) => markedGood(before, slot));
      isGood = true;
    },
    ended: (how, reason) => change((before) => ended(before, how, reason)),
    written: (to, what, faults) =>
      change((before) => updateWritten(before, { slot: to, version: what, at: now(), faults })),
    changeEnvironment: (next) => withFiles((files) => changeEnvironmentIn(files, next)),
  };
}

/** Of a machine without slots: a live medium, a start over the network. */
export const FORGETFUL: Starts = {
  trial: false,
  history: () => NO_HISTORY,
  isGood: () => true,
  good() {},
  ended() {},
  written() {},
  changeEnvironment() {
    throw new Error("this machine keeps no boot environment");
  },
};

/** The partition at `at`, mounted for the moment. */
export function withEfiPartition<T>(at: string, act: (files: string) => T): T {
  const [place] = partitionsNamed("lbd-esp");
  if (!place) throw new Error("no disk has the partition lbd-esp");
  mkdirSync(at, { recursive: true });
  mount(place.device, at, "vfat", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_SYNCHRONOUS);
  try {
    return act(at);
  } finally {
    unmount(at);
  }
}

function readEnvironmentIn(files: string): { readonly environment: BootEnvironment; readonly damaged: boolean } {
  const first = readEnvironment(readFileIn(files, ENVIRONMENT) ?? "");
  if (first.size > 0) return { environment: first, damaged: false };
  return { environment: readEnvironment(readFileIn(files, ENVIRONMENT_COPY) ?? ""), damaged: true };
}

/** The files keep their blocks (the loader writes by their numbers), so they are written over in place; the copy comes second. */
function changeEnvironmentIn(files: string, change: (before: BootEnvironment) => BootEnvironment): void {
  const after = writeEnvironment(change(readEnvironmentIn(files).environment));
  writeOver(join(files, ENVIRONMENT), after);
  writeOver(join(files, ENVIRONMENT_COPY), after);
}

function readFileIn(files: string, name: string): string | undefined {
  const path = join(files, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function writeOver(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, existsSync(path) ? "r+" : "w");
  try {
    const bytes = Buffer.from(text, "utf8");
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at, bytes.byteLength - at, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
