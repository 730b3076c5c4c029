// Process layer, appliance: what concerns the image and not the director: what came of the starts, whether this one is a good one, the
// watchdog, the last crash, and updates. It ties their parts together; run.ts knows only this.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname, join } from "node:path";
import type { Boot } from "../../appliance/boot.ts";
import type { History } from "../../appliance/history.ts";
import { UPDATE_KEY_FILE } from "../../appliance/image.ts";
import { type MinisignKey, readMinisignKey, readMinisignKeyFile } from "../../appliance/minisign.ts";
import type { StartFacts } from "../../appliance/self-test.ts";
import type { ApplianceSettings } from "../../appliance/settings.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import type { KernelModules } from "../../kernel/modules.ts";
import type { Readiness } from "../../kernel/readiness.ts";
import { openServiceSocket } from "../../kernel/service-socket.ts";
import { openWatchdog, seenWatchdogs } from "../../kernel/watchdog.ts";
import { DEFAULT_RUN_DIR, socketPath } from "../host/places.ts";
import { APPLIANCE_SOCKET } from "./api.ts";
import { type CrashKeeper, openCrashKeeper } from "./crash-keeper.ts";
import type { Daemon } from "./daemon.ts";
import { createHeart, type Heart, type WatchdogStatus } from "./heart.ts";
import { answers, type SelfTest, startSelfTest } from "./self-test.ts";
import { openSlot } from "./slot-storage.ts";
import { beginStart, FORGETFUL, type Starts, withEfiPartition } from "./starts.ts";
import { createUpdates, type UpdateStatus, type Updates } from "./update.ts";

const RUN = "/run/lbd-appliance";
/** The director's own instances wait as long as it is there (`--hold-vrrp`). */
const HOLD = join(RUN, "hold-vrrp");
const NOTIFY = join(RUN, "notify.sock");
/**
 * This start was noted: for a process of the appliance that comes after one that crashed, and for the first process (appliance/init.c).
 * `trial 12.34` or `start 12.34`: the seconds that the machine had run.
 */
const BEGUN = join(RUN, "start-began");
/** Its trial is over: the first process watches no longer. */
const JUDGED = join(RUN, "start-judged");
/** Time of the commit that the image was made from, seconds of 1970 (appliance/initrd.ts). */
const EPOCH_FILE = "/etc/lbd-epoch";
const ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export interface StartStatus {
  readonly good: boolean;
  readonly trial: boolean;
  readonly faults: readonly string[];
  /** What was wrong with what the loader went by. */
  readonly damage?: string;
}

export interface ImageStatus {
  /** This start has shown that it is a good one; on trial: it has to, or the other slot has its turn. */
  readonly start: StartStatus;
  readonly history: History;
  readonly watchdog: WatchdogStatus;
  /** Where the kernel's last words outlive a crash: `efi_pstore`, `erst`, `ramoops`. Absent: nowhere. */
  readonly crashRecords?: string;
  readonly updateKeys: readonly string[];
  readonly update?: UpdateStatus;
}

export interface ImageKeeperPorts {
  readonly clock: Clock;
  readonly readiness: Readiness;
  say(level: Level, message: string): void;
  readonly boot: Boot;
  readonly version: string;
  readonly settings: ApplianceSettings;
  readonly modules: KernelModules;
  /** Modules that are needed and not there, one line each. */
  readonly moduleFaults: readonly string[];
  networkFaults(): readonly string[];
  /** Where partitions are mounted for a moment. */
  readonly mounts: string;
  /** Ends the machine. */
  finish(how: "restart" | "power-off"): void;
}

export interface ImageKeeper {
  /** Words and variables for the director's command line. */
  readonly director: { readonly words: readonly string[]; readonly environment: Readonly<Record<string, string>> };
  readonly updates: Updates;
  /** Once the director was started. */
  begin(daemon: Daemon): void;
  /** The machine ends in order. */
  ended(how: "restart" | "power-off", reason: string): void;
  status(): ImageStatus;
}

export function createImageKeeper(ports: ImageKeeperPorts): ImageKeeper {
  const { clock, say, boot, settings } = ports;
  const crashes = openCrashKeeper(ports.modules, say);
  const starts = noteStart(ports, crashes);
  let daemon: Daemon | undefined;
  let test: SelfTest | undefined;
  const heart = createHeart(
    {
      clock,
      say,
      pid: () => daemon?.pid,
      kill: () => daemon?.kill(),
      watchdogs: seenWatchdogs,
      // It panics before it restarts the machine, so that a crash record tells of it.
      loadSoftware: () => void ports.modules.load("softdog", "soft_panic=1"),
      starves: (reason) => attempt(say, "the history of starts", () => starts.ended("lost", reason)),
      open: (name) => openWatchdog(name, settings.watchdog.timeoutS),
    },
    NOTIFY,
    settings.watchdog.enabled,
  );
  attempt(say, "the director's signs of life", () => openServiceSocket(ports.readiness, NOTIFY, heart.said));
  if (starts.trial) attempt(say, "the hold of VRRP", () => writeFileSync(HOLD, ""));
  const keys = trustedKeys(settings);
  const updates = createUpdates({
    slot: boot.slot,
    architecture: ARCHITECTURE[process.arch] ?? process.arch,
    runs: { version: ports.version, ...epochOf(readQuietly(EPOCH_FILE)) },
    say,
    keys: () => keys,
    isGood: starts.isGood,
    open: openSlot,
    changeEnvironment: starts.changeEnvironment,
    written: (slot, version) => starts.written(slot, version, test?.faults() ?? []),
  });

  const judged = () => attempt(say, JUDGED, () => writeFileSync(JUDGED, ""));

  function failed(reason: string): void {
    judged();
    say("error", `slot ${boot.slot}: this start failed its trial: ${reason}`);
    attempt(say, "the history of starts", () => starts.ended("failed", reason));
    ports.finish("restart");
  }

  function passed(): void {
    judged();
    attempt(say, "the boot environment", () => {
      starts.good();
      if (boot.slot !== undefined) say("info", `slot ${boot.slot}: a good start`);
    });
    rmSync(HOLD, { force: true });
  }

  return {
    director: { words: ["--hold-vrrp", HOLD], environment: heart.environment },
    updates,
    begin(running) {
      daemon = running;
      test = startSelfTest({
        ...{ clock, say, failed, good: passed },
        trial: starts.trial,
        elapsedMs: begunBeforeMs(),
        before: starts.history().pending?.faults ?? [],
        facts: () => factsOf(ports, heart),
      });
    },
    ended: (how, reason) => attempt(say, "the history of starts", () => endInOrder(starts, how, reason)),
    status: () => ({
      ...statusOf(starts, heart, updates, keys, test),
      ...(crashes.place !== undefined && { crashRecords: crashes.place }),
    }),
  };
}

/** A start that failed its trial has said so. */
function endInOrder(starts: Starts, how: "restart" | "power-off", reason: string): void {
  if (starts.history().starts.at(-1)?.end !== "failed") starts.ended(how, reason);
}

async function factsOf({ moduleFaults, networkFaults }: ImageKeeperPorts, heart: Heart): Promise<StartFacts> {
  const [ready, api] = await Promise.all([
    answers(socketPath(DEFAULT_RUN_DIR), "/readyz"),
    answers(APPLIANCE_SOCKET, "/v1/appliance"),
  ]);
  const director = ready === true && !heart.isReady() ? "it has not said that it is ready" : ready;
  return { modules: moduleFaults, network: networkFaults(), director, api };
}

function statusOf(
  starts: Starts,
  heart: Heart,
  updates: Updates,
  keys: readonly MinisignKey[],
  test: SelfTest | undefined,
): ImageStatus {
  const update = updates.status();
  return {
    start: {
      ...{ good: starts.isGood(), trial: starts.trial, faults: test?.faults() ?? [] },
      ...(starts.damage !== undefined && { damage: starts.damage }),
    },
    history: starts.history(),
    watchdog: heart.watchdog(),
    updateKeys: keys.map(({ id }) => id),
    ...(update && { update }),
  };
}

/** Notes that this start began; by what the machine says of the one before. A process that comes after one that crashed notes nothing. */
function noteStart({ say, boot, version, mounts, clock }: ImageKeeperPorts, crashes: CrashKeeper): Starts {
  const begun = readQuietly(BEGUN);
  const again = begun !== undefined;
  let trial = false;
  try {
    const crash = again ? undefined : crashes.take();
    if (crash !== undefined)
      say("error", `the kernel crashed before this start; its last words are in GET /v1/appliance`);
    const starts = beginStart({
      boot,
      version,
      now: () => new Date(clock.wallMs()).toISOString(),
      ...(crash !== undefined && { crash }),
      byWatchdog: !again && seenWatchdogs().some(({ bit }) => bit),
      again,
      withFiles: (act) => withEfiPartition(join(mounts, "esp"), act),
    });
    trial = starts.trial;
    if (starts.damage !== undefined) say("warning", starts.damage);
    if (!again) tellPast(starts.history(), say);
    return starts;
  } catch (error) {
    say("error", `the history of starts: ${messageOf(error)}: updates are not possible`);
    return FORGETFUL;
  } finally {
    attempt(say, BEGUN, () => {
      if (again) return;
      mkdirSync(dirname(BEGUN), { recursive: true });
      writeFileSync(BEGUN, `${trial ? "trial" : "start"} ${uptime()}\n`);
    });
  }
}

/** How long ago this start was noted: a life of this process that ends before the start is judged gives the next one no new time. */
function begunBeforeMs(): number {
  const begun = Number(/ (\d+(?:\.\d+)?)$/m.exec(readQuietly(BEGUN) ?? "")?.[1] ?? Number.NaN);
  return Number.isNaN(begun) ? 0 : Math.max(0, (uptime() - begun) * 1000);
}

function tellPast({ starts, failure }: History, say: ImageKeeperPorts["say"]): void {
  const before = starts.at(-2);
  if (before?.end === "lost" || before?.end === "failed")
    say("warning", `the start before (slot ${before.slot}, ${before.version}): ${before.reason}`);
  if (failure) say("error", `the update to ${failure.version} (slot ${failure.slot}) was given up: ${failure.reason}`);
}

function trustedKeys({ updateKeys }: ApplianceSettings): readonly MinisignKey[] {
  const own = readMinisignKeyFile(readQuietly(UPDATE_KEY_FILE) ?? "");
  const given = updateKeys.flatMap((text) => readMinisignKey(text) ?? []);
  return own ? [own, ...given] : given;
}

function epochOf(text: string | undefined): { readonly epoch?: number } {
  const epoch = Number(text?.trim());
  return Number.isSafeInteger(epoch) && epoch > 0 ? { epoch } : {};
}

function readQuietly(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function attempt(say: ImageKeeperPorts["say"], what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    say("error", `${what}: ${messageOf(error)}`);
  }
}
