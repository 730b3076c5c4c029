// Process layer, appliance: `lbd appliance`, what the first process of an image runs. Drivers, the configuration partition, the network,
// kernel settings; then the director as a child, while this process stays: it keeps the network as it is asked for, tells the boot loader
// that the start was a good one, and ends the machine in order. Nothing that a configuration says can end it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { join } from "node:path";
import { setHostName } from "../../../ffi/machine.ts";
import { createAudit } from "../../appliance/access/audit.ts";
import { type Boot, readBoot } from "../../appliance/boot.ts";
import type { Files } from "../../appliance/folder/parts.ts";
import { CONFIGURATION_FOLDER, GIVEN_CONFIGURATION } from "../../appliance/image.ts";
import { createLogBook } from "../../appliance/log-book.ts";
import type { ApplianceSettings } from "../../appliance/settings.ts";
import { connectionTableBits, DIRECTOR_SETTINGS } from "../../appliance/sysctls.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level, Log } from "../../base/log.ts";
import { readCards } from "../../kernel/cards.ts";
import { type Coldplug, createColdplug } from "../../kernel/coldplug.ts";
import { type KernelModules, kernelModules } from "../../kernel/modules.ts";
import { partitionsNamed } from "../../kernel/partitions.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import { openRtnetlink } from "../../kernel/rtnetlink.ts";
import { DEFAULT_RUN_DIR, socketPath } from "../host/places.ts";
import { replaceFile } from "../host/replace-file.ts";
import { createSyslogSender } from "../host/syslog-sender.ts";
import { startGate } from "./access/start-gate.ts";
import { APPLIANCE_SOCKET } from "./api.ts";
import { keepCardNames, readCardNames } from "./card-names.ts";
import { readFiles } from "./configuration.ts";
import { createConfigurationKeeper } from "./configuration-keeper.ts";
import {
  mounted,
  readGood,
  readPartition,
  replacePartition,
  type WithFolder,
  writeGood,
} from "./configuration-store.ts";
import { startConsole, startShell, terminalsOf } from "./console.ts";
import { createDaemon, type Daemon } from "./daemon.ts";
import { createDhcpClients } from "./dhcp.ts";
import { createDirector } from "./director.ts";
import { bringHealthBack, takeHealthAway } from "./health-store.ts";
import { createImageKeeper } from "./image-keeper.ts";
import { endLeftChildren } from "./left-children.ts";
import { letGoOfMounts } from "./left-mounts.ts";
import { startMachine } from "./machine.ts";
import { LINK_DRIVERS } from "./network.ts";
import { createNetworkKeeper, type NetworkKeeper, setLinkSetting } from "./network-keeper.ts";
import { keepOnPartition } from "./partition.ts";
import { answers } from "./self-test.ts";
import { imageVersion } from "./status.ts";
import { createTimeKeeper, type TimeKeeper } from "./time-keeper.ts";

/** The copy in memory that everything is read from. */
const FOLDER = CONFIGURATION_FOLDER;
const RUN = "/run/lbd-appliance";
const MOUNTS = `${RUN}/mounts`;
const CARD_NAMES = `${RUN}/card-names.json`;
/** Drivers that no device asks for by itself. */
const ALWAYS = ["sd_mod", "vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii", "atkbd"];
/** A disk that is slow to come: a controller of many, a stick. */
const DISK_WAIT_MS = 10_000;
const DISK_LOOK_MS = 100;
const STOP_LIMIT_MS = 20_000;

export interface Appliance {
  /** The director reads its configuration again. */
  reload(): void;
  /** Ends the director in order; the exit status then tells the first process what to do (appliance/init.c). */
  end(how: "restart" | "power-off", reason: string): Promise<void>;
}

type Say = (level: Level, message: string) => void;

/**
 * Never throws for what a file says or a piece of hardware does.
 * @param write shows a line of the log on the console
 * @param finish ends the machine in order, as the appliance itself or a caller of its API asks
 */
export async function startAppliance(
  clock: Clock,
  write: Log,
  finish: (how: "restart" | "power-off") => void,
): Promise<Appliance> {
  const book = createLogBook();
  const log: Log = (line) => {
    book.add(line, new Date(clock.wallMs()).toISOString());
    write(line);
  };
  const say: Say = (level, message) => log({ level, area: "appliance", message });
  endLeftChildren();
  letGoOfMounts(readFileSync("/proc/self/mounts", "utf8"), MOUNTS, say);
  const boot = readBoot(readFileSync("/proc/cmdline", "utf8"));
  const modules = kernelModules();
  const coldplug = createColdplug(modules, { bus: "/sys/bus", directory: `/lib/modules/${release()}` });
  for (const name of ALWAYS) modules.load(name);
  lookForHardware(coldplug);

  mkdirSync(MOUNTS, { recursive: true, mode: 0o700 });
  await waitForPartition(clock, coldplug, boot, say);
  const isWell = async () => ({
    director: (await answers(socketPath(DEFAULT_RUN_DIR), "/readyz")) === true,
    network: network.faults().length === 0,
  });
  const configuration = createConfigurationKeeper({ clock, say, folder: FOLDER, isWell, ...configurationPlaces(boot) });
  const { settings } = await configuration.take();
  const moduleFaults = loadIpvs(modules, settings, say);
  setKernelSettings(say);
  const time = createTimeKeeper(clock, log, `${RUN}/chrony`);
  const network = keepNetwork(clock, log, coldplug, modules, time);
  const readiness = openReadiness();
  const health = { withFolder: byLoader, runDir: DEFAULT_RUN_DIR, say };
  const image = () =>
    createImageKeeper({
      ...{ clock, say, readiness, boot, modules, moduleFaults, networkFaults: network.faults, finish, settings },
      version: imageVersion(),
      mounts: MOUNTS,
    });
  const machine = await startMachine({
    ...{ clock, log, book, boot, configuration, network, time, image, finish, audit: createAudit() },
    syslog: createSyslogSender({ clock, book, hostname, log }),
    nameHost: setHostName,
    director(start) {
      if (boot.slot !== undefined) bringHealthBack(health);
      return createDirector({ clock, log, readiness, folder: RUN, ...start });
    },
    directorEnded() {
      if (boot.slot !== undefined) takeHealthAway(health);
    },
    gate: { startGate, keep: keepOnConfigurationPartition },
    places: { folder: FOLDER, runDir: DEFAULT_RUN_DIR, socket: APPLIANCE_SOCKET },
  });
  const screen = keepConsole(clock, log, boot, settings);
  return {
    reload: () => void machine.reload(),
    end(how, reason) {
      void screen?.stop(STOP_LIMIT_MS);
      return machine.end(how, reason);
    },
  };
}

/** The screen at the machine, or a shell where the kernel's command line asks for one. */
function keepConsole(clock: Clock, log: Log, { rescue }: Boot, settings: ApplianceSettings): Daemon | undefined {
  const terminals = terminalsOf(settings.console);
  if (!rescue && (!settings.console.menu || terminals.length === 0)) return undefined;
  if (rescue) log({ level: "warning", area: "appliance", message: "lbd.rescue: a shell of root at the console" });
  const screen = createDaemon({
    clock,
    log,
    name: rescue ? "the rescue shell" : "the console's screen",
    start: (ended) => (rescue ? startShell(ended) : startConsole(terminals, ended)),
  });
  screen.start();
  return screen;
}

/** @throws Error when there is no such partition, or it can't be written */
function keepOnConfigurationPartition(files: ReadonlyMap<string, string>): void {
  keepOnPartition(partition("lbd-conf"), join(MOUNTS, "configuration"), files);
}

/** @throws Error when no disk has it */
function partition(name: string): string {
  const [place] = partitionsNamed(name);
  if (!place) throw new Error(`no disk has the partition ${name}`);
  return place.device;
}

/** The loader's partition. */
const byLoader: WithFolder = (how, act) => mounted(partition("lbd-esp"), join(MOUNTS, "esp"))(how, act);

/** Where the folder and the last good one lie; a machine that was not started from a slot keeps none. */
function configurationPlaces(boot: Boot) {
  const onPartition: WithFolder = (how, act) => mounted(partition("lbd-conf"), join(MOUNTS, "configuration"))(how, act);
  const isGiven = existsSync(GIVEN_CONFIGURATION);
  return {
    readPartition: () => (isGiven ? readFiles(GIVEN_CONFIGURATION) : readPartition(onPartition)),
    replacePartition: (files: Files) => {
      if (isGiven) throw new Error("the configuration came with the start over the network: it is changed there");
      replacePartition(onPartition, files);
    },
    readGood: () => (boot.slot === undefined ? undefined : readGood(byLoader)),
    writeGood: (files: Files) => {
      if (boot.slot === undefined) throw new Error("this machine was not started from a slot");
      writeGood(byLoader, files);
    },
  };
}

/** A driver brings new devices up, so it goes on until nothing is new. */
function lookForHardware(coldplug: Coldplug): void {
  while (coldplug.look() > 0);
}

/** A disk may be slow to come. */
async function waitForPartition(clock: Clock, coldplug: Coldplug, boot: Boot, say: Say): Promise<void> {
  if (existsSync(GIVEN_CONFIGURATION)) return;
  const until = clock.now() + DISK_WAIT_MS;
  let found = partitionsNamed("lbd-conf");
  while (found.length === 0 && boot.slot !== undefined && clock.now() < until) {
    await new Promise<void>((resolve) => clock.at(clock.now() + DISK_LOOK_MS, resolve));
    lookForHardware(coldplug);
    found = partitionsNamed("lbd-conf");
  }
  const [place] = found;
  if (place && found.length > 1)
    say("warning", `${found.length} disks have a configuration partition: ${place.device} of ${place.disk} is taken`);
}

/** The size of its table can be said only when the module is loaded. @returns why it is not there, one line each */
function loadIpvs(modules: KernelModules, settings: ApplianceSettings, say: Say): readonly string[] {
  const memory = Number(/^MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) * 1024;
  const bits = settings.connectionTableBits ?? connectionTableBits(memory);
  const outcome = modules.load("ip_vs", `conn_tab_bits=${bits}`);
  if (outcome.kind !== "failed") return [];
  say("error", `ip_vs: ${outcome.reason}`);
  return [`ip_vs: ${outcome.reason}`];
}

function setKernelSettings(say: Say): void {
  for (const { path, value } of DIRECTOR_SETTINGS)
    attempt(say, `setting ${path}`, () => writeFileSync(join("/proc/sys", path), value));
}

function keepNetwork(
  clock: Clock,
  log: Log,
  coldplug: Coldplug,
  modules: KernelModules,
  time: TimeKeeper,
): NetworkKeeper {
  const firstNames = readCardNames(CARD_NAMES);
  return createNetworkKeeper({
    ...{ clock, firstNames, rtnetlink: openRtnetlink(), cards: readCards, setting: setLinkSetting },
    say: (level, message) => log({ level, area: "appliance", message }),
    driver(kind) {
      const outcome = modules.load(...LINK_DRIVERS[kind]);
      return outcome.kind === "failed" ? outcome.reason : undefined;
    },
    dhcp: createDhcpClients({ clock, log, folder: `${RUN}/dhcp`, program: "/bin/busybox" }),
    lookForHardware: () => lookForHardware(coldplug),
    keepNames: () => keepCardNames(CARD_NAMES, firstNames),
    resolve: (text) => replaceFile("/etc/resolv.conf", text, 0o644),
    timeServers: time.learned,
  });
}

function attempt(say: Say, what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    say("error", `${what}: ${messageOf(error)}`);
  }
}
