// Adapter api: the bodies of the JSON answers that are no object of the store by themselves, each with its schema.
import * as v from "valibot";
import { canonicalIp } from "../base/ip.ts";
import type { DirectorStatus, RealServerStatus, VirtualServerStatus } from "../status/schema.ts";
import { ListedRealServer, shapes } from "../status/shapes.ts";
import type { StatusStore } from "../status/store.ts";
import { vrrpErrors } from "../status/text-vrrp.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const Live = v.object({ status: v.literal("live") });
const details = v.pipe(v.array(v.string()), v.description("What is wrong although it is ready"));
export const Ready = v.object({ status: v.literal("ready"), details: v.optional(details) });

export const Status = v.object({
  ready: v.boolean(),
  /** Why it is not ready; empty when it is. */
  reasons: v.array(v.string()),
  details,
  revision: v.pipe(count, v.description("Grows with every change of anything")),
  director: v.nullable(shapes.Director),
  processes: v.array(shapes.Process),
  summary: v.object({
    virtualServers: v.object({ total: count, up: count }),
    realServers: v.object({ total: count, healthy: count }),
    vrrp: v.object({ total: count, master: count, backup: count, fault: count }),
  }),
  facts: v.pipe(
    v.record(v.string(), v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
    v.description("What each role says about itself, by role"),
  ),
});
export type Status = v.InferOutput<typeof Status>;

const next = v.exactOptional(v.pipe(v.string(), v.description("Cursor of the next page; absent on the last one")));

export const VirtualServerList = v.object({ virtualServers: v.array(shapes.VirtualServer), next });
export const RealServerList = v.object({ realServers: v.array(ListedRealServer), next });
export const VrrpList = v.object({ instances: v.array(shapes.Vrrp), groups: v.array(shapes.SyncGroup) });
export const BfdList = v.object({ sessions: v.array(shapes.Bfd) });
export const SyncGroupList = v.object({ groups: v.array(shapes.SyncGroup) });
export const GroupWithMembers = v.object({ ...shapes.SyncGroup.entries, members: v.array(shapes.Vrrp) });
export const Active = v.object({ name: v.string(), state: v.literal("MASTER"), since: v.string() });

export const EffectiveConfig = v.object({
  ...shapes.ConfigState.entries,
  effective: v.pipe(
    v.unknown(),
    v.description("Values in force, each with file and line of its origin; secrets are masked"),
  ),
});

export const Index = v.object({
  name: v.literal("lbd"),
  version: v.string(),
  links: v.pipe(v.record(v.string(), v.string()), v.description("Path to what is there")),
});

/** Why the director is not ready, in words; empty when it is. */
export function unready(store: StatusStore): string[] {
  const director = store.director();
  if (!director) return ["the status has not arrived yet"];
  const reasons: string[] = [];
  if (director.config.state !== "loaded") reasons.push(`configuration: ${director.config.state}`);
  for (const { role, state, reason } of store.processes())
    if (role !== "api" && state !== "running") reasons.push(`${role}: ${state}${reason === "" ? "" : `, ${reason}`}`);
  // A role that runs may still lack what its work needs: the kernel's IPVS.
  for (const [role, { problem }] of Object.entries(store.facts()))
    if (problem !== undefined && problem !== "") reasons.push(`${role}: ${problem}`);
  return reasons;
}

/** What somebody has to look after although the director is ready. */
export function detailsOf(store: StatusStore): string[] {
  const errors = store.director()?.config.errorCount ?? 0;
  const config = errors === 0 ? [] : [`configuration: loaded with ${errors} error${errors === 1 ? "" : "s"}`];
  return [...config, ...store.vrrp().flatMap(vrrpErrors)];
}

export function statusAnswer(store: StatusStore): Status {
  const director = store.director();
  const servers = store.virtualServers();
  const reals = servers.flatMap((server) => server.realServers);
  const vrrp = store.vrrp();
  const inState = (state: string) => vrrp.filter((instance) => instance.state === state).length;
  const reasons = unready(store);
  return {
    ready: reasons.length === 0,
    reasons,
    details: detailsOf(store),
    revision: store.revision(),
    director: director ? { ...director, config: withOwnLists(director.config) } : null,
    processes: [...store.processes()],
    summary: {
      virtualServers: { total: servers.length, up: servers.filter((server) => server.up).length },
      realServers: { total: reals.length, healthy: reals.filter((server) => server.healthy).length },
      vrrp: { total: vrrp.length, master: inState("MASTER"), backup: inState("BACKUP"), fault: inState("FAULT") },
    },
    facts: { ...store.facts() },
  };
}

function withOwnLists(config: DirectorStatus["config"]) {
  const { errors, tolerated, lastReload } = config;
  const { at = "", ok = false, durationMs = 0, changes } = lastReload ?? {};
  return {
    ...config,
    errors: [...errors],
    tolerated: [...tolerated],
    lastReload: lastReload && { at, ok, durationMs, ...(changes && { changes: [...changes] }) },
  };
}

/** Up, with all its real servers. */
export function isWhole({ up, realServers }: VirtualServerStatus): boolean {
  return up && realServers.every(({ healthy }) => healthy);
}

export type Listed = RealServerStatus & { readonly virtualServer: string };

/** Real servers of these virtual servers that `wanted` lets through, each made when it is its turn. */
export function* realServersOf(
  servers: readonly VirtualServerStatus[],
  wanted: (real: RealServerStatus) => boolean,
): Generator<Listed, void> {
  for (const { id, realServers } of servers)
    for (const real of realServers) if (wanted(real)) yield { virtualServer: id, ...real };
}

/** A real server by its id, or by its address alone, with or without brackets and in any spelling. */
export function isCalled({ id, address }: RealServerStatus, asked: string): boolean {
  if (id === asked || id.toLowerCase() === asked.toLowerCase()) return true;
  const ip = canonicalIp(asked.replace(/^\[(.*)\]$/, "$1"));
  return ip !== undefined && address === ip;
}

export type Found =
  | { readonly kind: "one"; readonly server: VirtualServerStatus }
  | { readonly kind: "none" }
  | { readonly kind: "several"; readonly ids: readonly string[] };

/**
 * Finds a virtual server by its id, or by what people write: `192.0.2.1:80` without the protocol, the name of a group,
 * `fwmark:5`, `5` for a mark.
 */
export function findVirtualServer(store: StatusStore, asked: string): Found {
  const exact = store.virtualServer(asked);
  if (exact) return { kind: "one", server: exact };
  const lower = asked.toLowerCase();
  const fits = store.virtualServers().filter(({ id, name }) => {
    const whole = id.toLowerCase();
    const bare = whole.slice(0, whole.lastIndexOf("/"));
    const afterKind = bare.replace(/^(fwmark|group):/, "");
    return whole === lower || bare === lower || afterKind === lower || name === asked;
  });
  const [first, ...more] = fits;
  if (!first) return { kind: "none" };
  return more.length === 0 ? { kind: "one", server: first } : { kind: "several", ids: fits.map(({ id }) => id) };
}
