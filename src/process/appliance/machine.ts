// Process layer, appliance: the parts of a machine and how they hang together: the configuration that is in force goes to network, time, log and
// director; calls of the API come by one table of routes, from the network and from the machine itself. What is hardware comes by ports.
import type { createAudit } from "../../appliance/access/audit.ts";
import type { Boot } from "../../appliance/boot.ts";
import type { LogBook } from "../../appliance/log-book.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level, Log } from "../../base/log.ts";
import { oneWaiting } from "../../base/one-waiting.ts";
import { giveWord } from "../configuration/words-given.ts";
import { socketPath } from "../host/places.ts";
import type { SyslogSender } from "../host/syslog-sender.ts";
import { type Access, type AccessPorts, createAccess } from "./access/access.ts";
import { documentRoutes } from "./access/document.ts";
import { createLocalDoor } from "./access/door.ts";
import { createTrail } from "./access/trail.ts";
import { serveOn } from "./api.ts";
import { type Folder, KEEPALIVED_CONF } from "./configuration.ts";
import type { ConfigurationKeeper } from "./configuration-keeper.ts";
import { createDaemon } from "./daemon.ts";
import type { Director, DirectorPorts } from "./director.ts";
import { createDrain } from "./drain.ts";
import type { ImageKeeper } from "./image-keeper.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import { applianceRoutes } from "./routes.ts";
import { statusOf } from "./status.ts";
import type { TimeKeeper } from "./time-keeper.ts";

const STOP_LIMIT_MS = 20_000;

export interface MachinePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly book: LogBook;
  readonly boot: Boot;
  readonly audit: ReturnType<typeof createAudit>;
  readonly configuration: ConfigurationKeeper;
  readonly network: NetworkKeeper;
  readonly time: TimeKeeper;
  readonly syslog: SyslogSender;
  /** Made when the network is on its way up: it looks at disks. */
  image(): ImageKeeper;
  /** @throws SyscallError EPERM */
  nameHost(name: string): void;
  /** @throws SyscallError or Error when its FIFOs can't be made */
  director(start: Pick<DirectorPorts, "words" | "environment">): Director;
  /** The machine ends, and its director has done so in order. */
  directorEnded(): void;
  /** As for access/access.ts. */
  readonly gate: Pick<AccessPorts, "startGate" | "keep" | "socket" | "group">;
  readonly places: {
    /** The copy of the configuration in memory. */
    readonly folder: string;
    /** Of the director. */
    readonly runDir: string;
    /** Of the machine's own API. */
    readonly socket: string;
    /** The file of a drain; absent: the machine's. */
    readonly drain?: string;
  };
  /** That judges the folder; absent: this one. */
  readonly program?: readonly string[];
  /** Ends the machine in order, as a caller of its API asks. */
  finish(how: "restart" | "power-off"): void;
}

export interface Machine {
  readonly access: Access;
  /** Takes what the configuration partition has, and puts it into force; then the director reads it again. */
  reload(): Promise<void>;
  end(how: "restart" | "power-off", reason: string): Promise<void>;
}

/** With the configuration that was taken already. Never throws for what a file says. */
export async function startMachine(ports: MachinePorts): Promise<Machine> {
  const { clock, log, book, boot, audit, configuration, network, time, places } = ports;
  const say = (level: Level, message: string) => log({ level, area: "appliance", message });
  applyFolder(ports, configuration.inForce(), say);
  const image = ports.image();
  const director = ports.director({
    words: () => [...directorWords(configuration.inForce(), places), ...image.director.words, ...drain.words],
    environment: image.director.environment,
  });
  const drain = createDrain(say, () => daemon.reload(), places.drain);
  const daemon = createDaemon({ clock, log, ...director });
  daemon.start();
  image.begin(daemon);
  configuration.watch();

  const reload = oneWaiting(() => reloadOnce().catch((error: unknown) => say("error", `reload: ${messageOf(error)}`)));
  const routes = applianceRoutes({
    status: () =>
      statusOf({
        ...{
          boot,
          daemon,
          drained: drain.isOn(),
          networkFaults: network.faults(),
          access: access.status(),
          image: image.status(),
        },
        folder: configuration.inForce(),
        configuration: configuration.status(),
      }),
    machine: {
      ...{ book, audit, finish: ports.finish },
      reload(mayEmpty) {
        if (mayEmpty) giveWord(places.runDir, "allow-empty");
        void reload();
      },
    },
    configuration: { keeper: configuration, reload },
    updates: image.updates,
    drain,
    folder: places.folder,
    ...(ports.program && { program: ports.program }),
  });
  const trail = createTrail({ clock, log, audit, happened: (event) => director.tell(JSON.stringify(event)) });
  const access = createAccess({
    ...{ clock, log, trail, folder: places.folder, directorSocket: socketPath(places.runDir) },
    ...ports.gate,
    routes: [...routes, ...documentRoutes(routes)],
  });
  async function reloadOnce(): Promise<void> {
    const next = await configuration.take();
    applyFolder(ports, next, say);
    await access.apply(next.settings);
    daemon.reload();
    configuration.watch();
  }

  await serveOn({ path: places.socket }, createLocalDoor({ routes, log, trail })).catch((error: unknown) =>
    say("error", `the machine's own API: ${messageOf(error)}`),
  );
  await access.apply(configuration.inForce().settings);
  return {
    access,
    reload,
    async end(how, reason) {
      image.ended(how, reason);
      await daemon.stop(STOP_LIMIT_MS);
      ports.directorEnded();
      await Promise.all([network.stop(), time.stop()]);
    },
  };
}

function applyFolder(
  { nameHost, network, time, syslog }: MachinePorts,
  { settings, network: wanted }: Folder,
  say: (level: Level, message: string) => void,
): void {
  try {
    nameHost(settings.hostname);
  } catch (error) {
    say("error", `host name: ${messageOf(error)}`);
  }
  network.apply(wanted);
  time.want(settings.timeServers);
  syslog.apply(settings.syslog);
}

function directorWords({ settings }: Folder, { folder, runDir }: MachinePorts["places"]): readonly string[] {
  const file = `${folder}/${KEEPALIVED_CONF}`;
  return ["--config", file, "--run-dir", runDir, "--keep-health", ...(settings.strict ? ["--strict"] : [])];
}
