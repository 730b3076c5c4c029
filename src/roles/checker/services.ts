// Role checker: the virtual servers of this director and how each stands, and whose a kernel service is. A start takes all of them, a
// reload only what differs: a virtual server whose settings are the same goes on as it is, checks and all.
import type { Clock } from "../../base/clock.ts";
import { sameValue } from "../../base/same-value.ts";
import type { CheckRunner } from "../../check/runner.ts";
import { type ServerStanding, type ServiceStanding, standServer, standService } from "../../check/standing.ts";
import type { VirtualServer } from "../../config/model/lvs.ts";
import { desiredEntries, serviceKeysOf } from "../../lvs/desired.ts";
import type { SeenService, ServiceEntry } from "../../lvs/model.ts";
import { adopt } from "./adoption.ts";
import { createServerChecks, viewsOf } from "./checks.ts";
import type { CheckerRecord, Inheritance } from "./journal.ts";
import type { HealthBefore } from "./kept-health.ts";
import { createPlaces, type Places } from "./places.ts";
import type { CheckedServer, CheckedService, ServerCheck } from "./served.ts";

/** What a start or a reload changed. */
export interface ServiceChanges {
  /** Those that are new or set otherwise, in the order of the file; `before`: what such a one was. */
  readonly taken: readonly { readonly before: CheckedService | undefined; readonly service: CheckedService }[];
  readonly removed: readonly CheckedService[];
  /** What the table should hold otherwise than before, and keys of what it should hold no more. */
  readonly wanted: readonly ServiceEntry[];
  readonly unwanted: readonly string[];
  /** Other services or servers are configured than before, so the journal is to be written. */
  readonly named: boolean;
}

/** What earlier lives of the role left. */
export interface LivesBefore {
  readonly inheritance: Inheritance;
  /** The kernel's table. */
  seen(key: string): SeenService | undefined;
  readonly health: HealthBefore | undefined;
}

export interface CheckerServices {
  all(): IterableIterator<CheckedService>;
  /** Whose a service of the kernel is. */
  ofKey(key: string): CheckedService | undefined;
  /** Whether it is one of them still. */
  holds(service: CheckedService): boolean;
  /** Takes the virtual servers of a configuration. `before`: what earlier lives of the role left, with the first one. */
  take(virtualServers: readonly VirtualServer[], before?: LivesBefore): ServiceChanges;
  /** Works out a real server and its service anew; what they were is given back. */
  restand(server: CheckedServer): { readonly server: ServerStanding | undefined; readonly quorumUp: boolean };
  suspend(service: CheckedService, suspended: boolean): void;
  /** What the table should hold for some of them. */
  wanted(services: Iterable<CheckedService>): ServiceEntry[];
  readonly placeOf: Places["placeOf"];
  /** What the journal should know of them. */
  record(): Pick<CheckerRecord, "services" | "servers">;
  /** Whether this is the first that is heard of a check that started as down. */
  firstWord(check: ServerCheck): boolean;
  /** The FILE_CHECKs of a path. */
  checksOfFile(path: string): Iterable<ServerCheck>;
  checksOfSession(name: string): Iterable<ServerCheck>;
  /** Paths of all FILE_CHECKs. */
  files(): Iterable<string>;
}

/** Where something stands in the file says nothing about what it does. */
const PLACES: ReadonlySet<string> = new Set(["origin"]);

export function createCheckerServices(clock: Clock, runner: CheckRunner<CheckedServer>): CheckerServices {
  let services = new Map<string, CheckedService>();
  /** Whose a kernel service is, by its key: where two virtual servers name one address, the first of the file has it. */
  let claims = new Map<string, CheckedService>();
  const checks = createServerChecks(runner);
  const places = createPlaces((key) => claims.get(key)?.virtualServer);

  function takeOne(
    virtualServer: VirtualServer,
    before: CheckedService | undefined,
    lives: LivesBefore | undefined,
  ): CheckedService {
    const adopted = lives && adopt(virtualServer, lives.inheritance, lives.seen);
    const wallMs = clock.wallMs();
    const realServers = new Map<string, ServerStanding>();
    const servers: CheckedServer[] = [];
    const standing: ServiceStanding = { ...NOT_STOOD, realServers };
    const keys = serviceKeysOf(virtualServer);
    const service: CheckedService = { virtualServer, keys, standing, realServers, servers, suspended: false };
    const olds = new Map(before?.servers.map((server) => [server.realServer.id, server]));
    for (const realServer of virtualServer.realServers) {
      const { id } = realServer;
      const old = olds.get(id);
      const server: CheckedServer = { service, realServer, checks: [] };
      server.checks = checks.take(server, old, { adopted: adopted?.get(id), health: lives?.health });
      servers.push(server);
      realServers.set(id, standServer(before?.realServers.get(id), realServer, viewsOf(server.checks), wallMs));
      olds.delete(id);
    }
    for (const gone of olds.values()) checks.end(gone);
    const wasUp =
      before?.standing ?? (adopted && { quorumUp: [...adopted.values()].some(({ up }) => up), sinceWallMs: wallMs });
    service.standing = standService(wasUp, virtualServer, realServers, wallMs);
    return service;
  }

  /** Takes over another text of the same settings. */
  function replaceText(service: CheckedService, virtualServer: VirtualServer): void {
    service.virtualServer = virtualServer;
    for (const [i, server] of service.servers.entries()) {
      const realServer = virtualServer.realServers[i];
      if (!realServer || realServer === server.realServer) continue;
      server.realServer = realServer;
      checks.replaceText(server);
    }
  }

  function take(virtualServers: readonly VirtualServer[], lives?: LivesBefore): ServiceChanges {
    const old = services;
    const taken: { before: CheckedService | undefined; service: CheckedService }[] = [];
    services = new Map();
    for (const virtualServer of virtualServers) {
      const before = old.get(virtualServer.id);
      if (before && sameValue(before.virtualServer, virtualServer, PLACES)) {
        if (before.virtualServer !== virtualServer) replaceText(before, virtualServer);
        services.set(virtualServer.id, before);
        continue;
      }
      const service = takeOne(virtualServer, before, lives);
      services.set(virtualServer.id, service);
      taken.push({ before, service });
    }
    const removed = [...old.values()].filter(({ virtualServer }) => !services.has(virtualServer.id));
    for (const gone of removed) for (const server of gone.servers) checks.end(server);
    places.forget();
    const named = removed.length > 0 || taken.some(({ before, service }) => !before || !sameNames(before, service));
    return { taken, removed, named, ...reclaim(taken.map(({ service }) => service)) };
  }

  /** Who has which kernel service now, and what the table should hold otherwise for it. */
  function reclaim(taken: readonly CheckedService[]): Pick<ServiceChanges, "wanted" | "unwanted"> {
    const before = claims;
    claims = new Map();
    const touched = new Set(taken);
    for (const service of services.values()) {
      for (const key of service.keys) {
        if (claims.has(key)) continue;
        claims.set(key, service);
        if (before.get(key) !== service) touched.add(service);
      }
    }
    return { wanted: wanted(touched), unwanted: [...before.keys()].filter((key) => !claims.has(key)) };
  }

  function wanted(some: Iterable<CheckedService>): ServiceEntry[] {
    return [...some].flatMap((service) =>
      desiredEntries(service.virtualServer, service.standing, (key) => claims.get(key) === service),
    );
  }

  return {
    all: () => services.values(),
    ofKey: (key) => claims.get(key),
    holds: (service) => services.get(service.virtualServer.id) === service,
    take,
    restand(server) {
      const { service, realServer } = server;
      const { virtualServer, standing, realServers } = service;
      const wallMs = clock.wallMs();
      const before = realServers.get(realServer.id);
      const after = standServer(before, realServer, viewsOf(server.checks), wallMs);
      realServers.set(realServer.id, after);
      if (before?.healthy !== after.healthy || before.weight !== after.weight)
        service.standing = standService(standing, virtualServer, realServers, wallMs);
      return { server: before, quorumUp: standing.quorumUp };
    },
    suspend(service, suspended) {
      service.suspended = suspended;
      for (const server of service.servers)
        for (const check of server.checks)
          if (suspended) runner.suspend(check);
          else runner.resume(check);
    },
    wanted,
    placeOf: places.placeOf,
    record: () => ({
      services: [...services.values()].flatMap(({ keys }) => keys),
      servers: [...services.values()].flatMap(({ virtualServer }) => serverNames(virtualServer)),
    }),
    firstWord: checks.firstWord,
    checksOfFile: checks.ofFile,
    checksOfSession: checks.ofSession,
    files: checks.files,
  };
}

const NOT_STOOD = { quorumUp: false, liveWeight: 0, sinceWallMs: 0, reason: "" };

/** Both say the same in the journal. */
function sameNames(one: CheckedService, other: CheckedService): boolean {
  const names = (service: CheckedService) => [...service.keys, ...serverNames(service.virtualServer)];
  return sameValue(names(one), names(other));
}

/** As the journal has its real servers. */
function serverNames({ id, realServers }: VirtualServer): string[] {
  return realServers.map((realServer) => `${id}|${realServer.id}`);
}
