// Role checker: the virtual servers of the checker role and how each stands. Hands the checks of their real servers to the runner:
// anew at a start, going on over a reload, taken over from the kernel's table after a crash.
import type { Clock } from "../../base/clock.ts";
import { initialHealth } from "../../check/health.ts";
import { checkKey } from "../../check/key.ts";
import type { WeightShare } from "../../check/outcome.ts";
import type { CheckRunner } from "../../check/runner.ts";
import {
  type CheckView,
  type ServerStanding,
  type ServiceStanding,
  standServer,
  standService,
} from "../../check/standing.ts";
import type { Check } from "../../config/model/check.ts";
import type { Config } from "../../config/model/config.ts";
import type { RealServer, ServiceAddress, SorryServer, VirtualServer } from "../../config/model/lvs.ts";
import { desiredServices, serverDestinationKey, serviceOf } from "../../lvs/desired.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand, SeenService, ServiceEntry } from "../../lvs/model.ts";
import type { Inheritance } from "./ipvs.ts";
import type { CheckerRecord } from "./journal.ts";

export interface CheckedService {
  readonly virtualServer: VirtualServer;
  standing: ServiceStanding;
  /** The same map as in `standing`: a run of a check touches its own server only. */
  readonly realServers: Map<string, ServerStanding>;
  suspended: boolean;
  /** Ids of the runner's checks, by real server. */
  readonly checks: ReadonlyMap<string, readonly string[]>;
}

/** Where a check belongs. */
export interface CheckOwner {
  readonly service: CheckedService;
  readonly realServer: RealServer;
}

export interface CheckerServices {
  all(): IterableIterator<CheckedService>;
  /** All are gone; what they were is given back, for `add` or `forget`. */
  clear(): Map<string, CheckedService>;
  /** Takes one on. `before`: what it was until a reload; `inheritance`: what an earlier life of the role left. */
  add(virtualServer: VirtualServer, before: CheckedService | undefined, inheritance?: Inheritance): CheckedService;
  /** Ends the checks of one that is gone. */
  forget(gone: CheckedService): void;
  /** Whose a check is; undefined for one that is gone. */
  ownerOf(checkId: string): CheckOwner | undefined;
  /** Whether this is the first that is heard of a check that started as down. */
  firstWord(checkId: string): boolean;
  /** Works out a real server and its service anew; what they were is given back. */
  restand(owner: CheckOwner): { readonly server: ServerStanding | undefined; readonly quorumUp: boolean };
  suspend(service: CheckedService, suspended: boolean): void;
  /** What the table should hold for all of them, or for some. */
  wanted(config: Config, only?: ReadonlySet<CheckedService>): ServiceEntry[];
  /** Where in the configuration the object of a kernel call stands: `keepalived.conf:12`. */
  placeOf(command: IpvsCommand): string | undefined;
  /** What the journal should know of them. */
  record(): Pick<CheckerRecord, "services" | "servers">;
  checkCount(): number;
  /** Ids of the FILE_CHECKs of a path. */
  checksOfFile(path: string): Iterable<string>;
}

const NO_STANDING = { quorumUp: true, realServers: new Map<string, ServerStanding>() };

/** How a real server of an earlier life stands in the table. */
interface Adopted {
  readonly up: boolean;
  readonly weight: number;
}

export function createCheckerServices(
  clock: Clock,
  runner: CheckRunner,
  seen: (key: string) => SeenService | undefined,
): CheckerServices {
  const services = new Map<string, CheckedService>();
  const owners = new Map<string, { readonly service: string; readonly realServer: RealServer }>();
  const untold = new Set<string>();
  const fileChecks = new Map<string, Set<string>>();
  /** By key of the kernel's service. */
  const serverNames = new Map<string, ReadonlyMap<string, RealServer | SorryServer>>();
  /** Whose a kernel service is, by its key: where two virtual servers name one address, the first has it (desired.ts). */
  const claims = new Map<string, string>();

  function add(
    virtualServer: VirtualServer,
    before: CheckedService | undefined,
    inheritance?: Inheritance,
  ): CheckedService {
    const adopted = inheritance && adopt(virtualServer, inheritance);
    const checks = new Map<string, readonly string[]>();
    for (const realServer of virtualServer.realServers) {
      const old = before?.checks.get(realServer.id);
      checks.set(realServer.id, takeChecks(virtualServer, realServer, old, adopted?.get(realServer.id)));
    }
    if (before) forgetChecks(before, checks);
    const wallMs = clock.wallMs();
    const realServers = new Map<string, ServerStanding>();
    for (const realServer of virtualServer.realServers) {
      const views = viewsOf(checks.get(realServer.id) ?? []);
      const old = before?.standing.realServers.get(realServer.id);
      realServers.set(realServer.id, standServer(old, realServer, views, wallMs));
    }
    const wasUp =
      before?.standing ?? (adopted && { quorumUp: [...adopted.values()].some(({ up }) => up), sinceWallMs: wallMs });
    const standing = standService(wasUp, virtualServer, realServers, wallMs);
    const service: CheckedService = { virtualServer, standing, realServers, suspended: false, checks };
    services.set(virtualServer.id, service);
    for (const key of keysOf(virtualServer)) if (!claims.has(key)) claims.set(key, virtualServer.id);
    return service;
  }

  function forgetChecks(gone: CheckedService, kept: ReadonlyMap<string, readonly string[]>): void {
    const goesOn = new Set([...kept.values()].flat());
    for (const id of [...gone.checks.values()].flat()) {
      if (goesOn.has(id)) continue;
      const check = runner.state(id)?.check;
      if (check?.kind === "FILE_CHECK") unwatch(check.file, id);
      runner.remove(id);
      owners.delete(id);
      untold.delete(id);
    }
  }

  function watch(path: string, id: string): void {
    const ids = fileChecks.get(path);
    if (ids) ids.add(id);
    else fileChecks.set(path, new Set([id]));
  }

  function unwatch(path: string, id: string): void {
    const ids = fileChecks.get(path);
    ids?.delete(id);
    if (ids?.size === 0) fileChecks.delete(path);
  }

  /**
   * Hands the checks of a real server to the runner: equal keys go on with their health, new ones start. A new check of a server
   * that was known stands where the check stood that it replaces, so that a reload neither brings a dead server back nor takes a
   * living one out.
   */
  function takeChecks(
    vs: VirtualServer,
    rs: RealServer,
    old: readonly string[] | undefined,
    adopted: Adopted | undefined,
  ): string[] {
    const ids = checkIdsOf(vs, rs);
    const replaced = (old ?? []).filter((id) => !ids.includes(id)).map((id) => runner.state(id));
    const standing = replaced.every((state) => state?.health.up !== false);
    for (const [i, check] of rs.checks.entries()) {
      const id = ids[i] ?? "";
      if (runner.state(id)) runner.change(id, check);
      else {
        const up = old ? standing : adopted === undefined ? !check.timing.alpha : adopted.up;
        runner.add(id, check, initialHealth(up), inheritedWeight(check, adopted));
        if (!up && !old && adopted === undefined) untold.add(id);
        // keepalived: what a file says holds from the start on.
        if (check.kind === "FILE_CHECK") runner.kick(id);
      }
      if (check.kind === "FILE_CHECK") watch(check.file, id);
      owners.set(id, { service: vs.id, realServer: rs });
    }
    return ids;
  }

  /** How those servers stand that an earlier life had configured; undefined when its services are not there. */
  function adopt(virtualServer: VirtualServer, inheritance: Inheritance): ReadonlyMap<string, Adopted> | undefined {
    const [address] = virtualServer.services;
    if (!address) return undefined;
    const key = serviceKey(serviceOf(virtualServer, address));
    const found = inheritance.services.has(key) ? seen(key) : undefined;
    if (!found) return undefined;
    const weights = new Map(found.destinations.map((destination) => [destinationKey(destination), destination.weight]));
    return new Map(
      virtualServer.realServers
        .filter((realServer) => inheritance.servers.has(serverName(virtualServer, realServer)))
        .map((realServer) => {
          const weight = weights.get(serverDestinationKey(address, realServer)) ?? -1;
          // Weight 0 is a failed server only where failed ones stay in the table; elsewhere it is quiesced on purpose.
          const up = weight > 0 || (weight === 0 && (realServer.weight === 0 || !realServer.inhibitOnFailure));
          return [realServer.id, { up, weight }];
        }),
    );
  }

  function viewsOf(ids: readonly string[]): CheckView[] {
    return ids.flatMap((id) => {
      const state = runner.state(id);
      if (!state) return [];
      const { check, health, weight, last } = state;
      return [
        {
          id: check.id,
          up: health.up,
          ...(last ? { reason: last.verdict.reason } : {}),
          ...(weight ? { weight } : {}),
        },
      ];
    });
  }

  return {
    all: () => services.values(),
    clear() {
      const old = new Map(services);
      services.clear();
      claims.clear();
      serverNames.clear();
      return old;
    },
    add,
    forget: (gone) => forgetChecks(gone, new Map()),
    ownerOf(checkId) {
      const owner = owners.get(checkId);
      const service = owner && services.get(owner.service);
      return service && { service, realServer: owner.realServer };
    },
    firstWord: (checkId) => untold.delete(checkId),
    restand({ service, realServer }) {
      const { virtualServer, standing, realServers } = service;
      const wallMs = clock.wallMs();
      const before = realServers.get(realServer.id);
      const after = standServer(before, realServer, viewsOf(service.checks.get(realServer.id) ?? []), wallMs);
      realServers.set(realServer.id, after);
      if (before?.healthy !== after.healthy || before.weight !== after.weight)
        service.standing = standService(standing, virtualServer, realServers, wallMs);
      return { server: before, quorumUp: standing.quorumUp };
    },
    suspend(service, suspended) {
      service.suspended = suspended;
      for (const id of [...service.checks.values()].flat())
        if (suspended) runner.suspend(id);
        else runner.resume(id);
    },
    wanted(config, only) {
      const standingOf = (id: string) => services.get(id)?.standing ?? NO_STANDING;
      if (!only) return desiredServices(config, standingOf);
      return [...only].flatMap(({ virtualServer }) =>
        desiredServices({ ...config, virtualServers: [virtualServer] }, standingOf).filter(
          ({ service }) => claims.get(serviceKey(service)) === virtualServer.id,
        ),
      );
    },
    placeOf(command) {
      const key = serviceKey(command.service);
      const owner = services.get(claims.get(key) ?? "")?.virtualServer;
      if (!owner) return undefined;
      let names = serverNames.get(key);
      // Made once for a service: where one of its servers is refused, all may be.
      if (!names && "destination" in command) {
        names = serversByDestination(owner, command.service.address);
        serverNames.set(key, names);
      }
      const server = "destination" in command ? names?.get(destinationKey(command.destination)) : undefined;
      const { file, line } = server?.origin ?? owner.origin;
      return `${file}:${line}`;
    },
    record() {
      const configured = [...services.values()].map(({ virtualServer }) => virtualServer);
      return {
        services: configured.flatMap(keysOf),
        servers: configured.flatMap((vs) => vs.realServers.map((realServer) => serverName(vs, realServer))),
      };
    },
    checkCount: () => owners.size,
    checksOfFile: (path) => fileChecks.get(path) ?? [],
  };
}

/** Keys of its kernel services. */
export function keysOf(virtualServer: VirtualServer): string[] {
  return virtualServer.services.map((address) => serviceKey(serviceOf(virtualServer, address)));
}

/** The servers of a virtual server by the key of the destination that stands for each; the first of the file has it. */
function serversByDestination(
  { realServers, sorryServer }: VirtualServer,
  address: ServiceAddress,
): ReadonlyMap<string, RealServer | SorryServer> {
  const servers = new Map<string, RealServer | SorryServer>();
  for (const server of [...realServers, ...(sorryServer ? [sorryServer] : [])]) {
    const key = serverDestinationKey(address, server);
    if (!servers.has(key)) servers.set(key, server);
  }
  return servers;
}

/** The same check has the same id over a reload; two equal ones of a server are told apart by a number. */
function checkIdsOf(vs: VirtualServer, rs: RealServer): string[] {
  const taken = new Set<string>();
  return rs.checks.map((check) => {
    const name = `${serverName(vs, rs)}|${checkKey(check)}`;
    let id = name;
    for (let n = 2; taken.has(id); n++) id = `${name}#${n}`;
    taken.add(id);
    return id;
  });
}

/** A weight that a check had set lies in the kernel; it holds until the check says another. */
function inheritedWeight(check: Check, adopted: Adopted | undefined): { weight?: WeightShare } {
  const dynamic = check.kind === "FILE_CHECK" || (check.kind === "MISC_CHECK" && check.dynamic);
  return dynamic && adopted?.up ? { weight: { set: adopted.weight } } : {};
}

function serverName(virtualServer: VirtualServer, realServer: RealServer): string {
  return `${virtualServer.id}|${realServer.id}`;
}
