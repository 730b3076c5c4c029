// Process layer, appliance: `lbd appliance`, what the first process of an image runs. Drivers, the configuration partition, the network,
// kernel settings; then the director as a child, while this process stays: it keeps the network as it is asked for, tells the boot loader
// that the start was a good one, and ends the machine in order. Nothing that a configuration says can end it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, mount, setHostName, unmount } from "../../../ffi/machine.ts";
import { createAudit } from "../../appliance/access/audit.ts";
import { type Boot, readBoot } from "../../appliance/boot.ts";
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
import { openRtnetlink } from "../../kernel/rtnetlink.ts";
import { allowEmpty } from "../configuration/allow-empty.ts";
import { DEFAULT_RUN_DIR, socketPath } from "../host/places.ts";
import { createAccess } from "./access/access.ts";
import { createLocalDoor } from "./access/door.ts";
import { machineRoutes } from "./access/routes.ts";
import { startGate } from "./access/start-gate.ts";
import { APPLIANCE_SOCKET, type ApplianceRoute, serveOn } from "./api.ts";
import { keepCardNames, readCardNames } from "./card-names.ts";
import { type Folder, KEEPALIVED_CONF, readFolder, takeCopy, withDirectorFile } from "./configuration.ts";
import { startConsole, startShell, terminalsOf } from "./console.ts";
import { createDaemon, type Daemon, spawnDirector } from "./daemon.ts";
import { createImageKeeper } from "./image-keeper.ts";
import { bringUp, LINK_DRIVERS, type NetworkPorts } from "./network.ts";
import { keepOnPartition } from "./partition.ts";
import { imageVersion, statusOf, statusRoute } from "./status.ts";

/** The copy in memory that everything is read from. */
const FOLDER = CONFIGURATION_FOLDER;
const MOUNTS = "/run/lbd-appliance/mounts";
const CARD_NAMES = "/run/lbd-appliance/card-names.json";
/** Drivers that no device asks for by itself. */
const ALWAYS = ["sd_mod", "vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii", "atkbd"];
/** A disk that is slow to come: a controller of many, a stick. */
const DISK_WAIT_MS = 10_000;
const DISK_LOOK_MS = 100;
/** Cards whose drivers come late, links that somebody took away. */
const NETWORK_LOOK_MS = 2000;
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
  const boot = readBoot(readFileSync("/proc/cmdline", "utf8"));
  const modules = kernelModules();
  const coldplug = createColdplug(modules, { bus: "/sys/bus", directory: `/lib/modules/${release()}` });
  for (const name of ALWAYS) modules.load(name);
  lookForHardware(coldplug);

  mkdirSync(MOUNTS, { recursive: true, mode: 0o700 });
  const folder = await takeConfiguration(clock, coldplug, boot, say);
  attempt(say, "host name", () => setHostName(folder.settings.hostname));
  const moduleFaults = loadIpvs(modules, folder, say);
  setKernelSettings(say);
  const networkFaults = keepNetworkUp(folder, clock, coldplug, modules, say);

  const keeper = createImageKeeper({
    ...{ clock, say, boot, modules, moduleFaults, networkFaults, finish },
    version: imageVersion(),
    settings: folder.settings,
    mounts: MOUNTS,
  });
  const words = [...directorWords(folder), ...keeper.director.words];
  const { environment } = keeper.director;
  const daemon = createDaemon({ clock, log, start: (ended) => spawnDirector({ words, environment, log }, ended) });
  daemon.start();
  keeper.begin(daemon);
  const audit = createAudit();
  const reload = (mayEmpty: boolean) => {
    if (mayEmpty) allowEmpty(DEFAULT_RUN_DIR);
    daemon.reload();
  };
  const status = () =>
    statusOf({ boot, folder, daemon, networkFaults: networkFaults(), access: access.status(), image: keeper.status() });
  const routes: readonly ApplianceRoute[] = [
    statusRoute(status),
    ...machineRoutes({ book, audit, reload, finish }),
    ...keeper.routes,
  ];
  const access = createAccess({
    ...{ clock, log, audit, routes, startGate, folder: FOLDER },
    directorSocket: socketPath(DEFAULT_RUN_DIR),
    keep: keepOnConfigurationPartition,
  });
  await serveOn({ path: APPLIANCE_SOCKET }, createLocalDoor({ routes, clock, log, audit })).catch((error: unknown) =>
    say("error", `the machine's own API: ${messageOf(error)}`),
  );
  await access.apply(folder.settings);
  const screen = keepConsole(clock, log, boot, folder.settings);
  return {
    reload: () => daemon.reload(),
    end: (how, reason) => {
      keeper.ended(how, reason);
      void screen?.stop(STOP_LIMIT_MS);
      return daemon.stop(STOP_LIMIT_MS);
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
  const [place] = partitionsNamed("lbd-conf");
  if (!place) throw new Error("no disk has a configuration partition (lbd-conf)");
  keepOnPartition(place.device, join(MOUNTS, "configuration"), files);
}

function directorWords({ settings }: Folder): readonly string[] {
  return [
    "--config",
    join(FOLDER, KEEPALIVED_CONF),
    "--run-dir",
    DEFAULT_RUN_DIR,
    ...(settings.strict ? ["--strict"] : []),
  ];
}

/** A driver brings new devices up, so it goes on until nothing is new. */
function lookForHardware(coldplug: Coldplug): void {
  while (coldplug.look() > 0);
}

/** Copies the configuration into memory and reads it. Without any the machine has the defaults. */
async function takeConfiguration(clock: Clock, coldplug: Coldplug, boot: Boot, say: Say): Promise<Folder> {
  if (existsSync(GIVEN_CONFIGURATION)) attempt(say, GIVEN_CONFIGURATION, () => takeCopy(GIVEN_CONFIGURATION, FOLDER));
  else await copyPartition(clock, coldplug, boot, say);
  const folder = readFolder(FOLDER);
  for (const { severity, span, message, hint } of folder.findings) {
    const place = span === undefined ? "" : `${span.file.name}:${span.line}:${span.column}: `;
    say(severity === "error" ? "error" : "warning", `${place}${message}${hint === undefined ? "" : ` (${hint})`}`);
  }
  for (const name of folder.missing) say("warning", `the configuration has no ${name}`);
  for (const { id, dhcp4, dhcp6 } of folder.network.links)
    if (dhcp4 || dhcp6) say("warning", `network.yaml: ${id}: DHCP is not spoken yet: write addresses and routes`);
  attempt(say, KEEPALIVED_CONF, () => withDirectorFile(FOLDER));
  return folder;
}

/** Waits for the partition of a disk. */
async function copyPartition(clock: Clock, coldplug: Coldplug, boot: Boot, say: Say): Promise<void> {
  const until = clock.now() + DISK_WAIT_MS;
  let found = partitionsNamed("lbd-conf");
  while (found.length === 0 && boot.slot !== undefined && clock.now() < until) {
    await new Promise<void>((resolve) => clock.at(clock.now() + DISK_LOOK_MS, resolve));
    lookForHardware(coldplug);
    found = partitionsNamed("lbd-conf");
  }
  const [place, ...others] = found;
  if (!place) say("error", "no disk has a configuration partition (lbd-conf)");
  else if (others.length > 0)
    say("warning", `${found.length} disks have a configuration partition: ${place.device} of ${place.disk} is taken`);
  if (place)
    attempt(say, "the configuration partition", () => {
      const at = join(MOUNTS, "configuration");
      mkdirSync(at, { recursive: true });
      mount(place.device, at, "vfat", MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC);
      try {
        takeCopy(at, FOLDER);
      } finally {
        unmount(at);
      }
    });
}

/** The size of its table can be said only when the module is loaded. @returns why it is not there, one line each */
function loadIpvs(modules: KernelModules, { settings }: Folder, say: Say): readonly string[] {
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

/**
 * Brings it up now, and again every few seconds: what came late or was taken away is put right, and each fault is told once.
 * @returns what is wrong at this moment
 */
function keepNetworkUp(
  { network }: Folder,
  clock: Clock,
  coldplug: Coldplug,
  modules: KernelModules,
  say: Say,
): () => readonly string[] {
  const ports: NetworkPorts = {
    rtnetlink: openRtnetlink(),
    cards: readCards,
    driver(kind) {
      const outcome = modules.load(...LINK_DRIVERS[kind]);
      return outcome.kind === "failed" ? outcome.reason : undefined;
    },
    firstNames: readCardNames(CARD_NAMES),
  };
  let told: readonly string[] = [];
  const look = () => {
    lookForHardware(coldplug);
    try {
      const known = ports.firstNames.size;
      const faults = bringUp(network, ports);
      if (ports.firstNames.size !== known) keepCardNames(CARD_NAMES, ports.firstNames);
      for (const fault of faults) if (!told.includes(fault)) say("error", `network: ${fault}`);
      for (const fault of told) if (!faults.includes(fault)) say("info", `network: no longer: ${fault}`);
      told = faults;
    } catch (error) {
      say("error", `network: ${messageOf(error)}`);
    }
    clock.at(clock.now() + NETWORK_LOOK_MS, look);
  };
  look();
  return () => told;
}

function attempt(say: Say, what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    say("error", `${what}: ${messageOf(error)}`);
  }
}
