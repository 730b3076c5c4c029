// Adapter api: routes of VRRP instances and sync groups.
import { shapes } from "../../status/shapes.ts";
import * as answers from "../answers.ts";
import { jsonAnswer } from "../pieces.ts";
import { problem } from "../problem.ts";
import type { ApiState, Route } from "../route.ts";

const NO_SUCH_INSTANCE = "no VRRP instance of that name";
const NO_SUCH_GROUP = "no sync group of that name";
const INSTANCE_PARAM = { name: "name", description: "Name of the instance" } as const;
const GROUP_PARAM = { name: "name", description: "Name of the sync group" } as const;

export const VRRP_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/vrrp",
    guard: "anybody",
    summary: "All VRRP instances and sync groups",
    ok: { description: "Instances and groups", schema: answers.VrrpList },
    revision: ({ store }) => Math.max(store.revisionOf("vrrp"), store.revisionOf("sync-group")),
    answer({ store }) {
      const instances = store.vrrp();
      const groups = store.syncGroups();
      const addresses = instances.reduce((sum, { addresses: own }) => sum + own.length, 0);
      return jsonAnswer({ instances, groups }, 2 * instances.length + groups.length + addresses / 4);
    },
  },
  {
    method: "GET",
    path: "/v1/vrrp/{name}",
    guard: "anybody",
    summary: "One VRRP instance",
    params: [INSTANCE_PARAM],
    ok: { description: "The instance", schema: shapes.Vrrp },
    errors: { 404: NO_SUCH_INSTANCE },
    revision: ({ store }, { params: [name = ""] }) =>
      store.vrrpInstance(name) ? store.revisionOf("vrrp", name) : undefined,
    answer: ({ store }, { params: [name = ""] }) => store.vrrpInstance(name) ?? noInstance(store, name),
  },
  {
    method: "GET",
    path: "/v1/vrrp/{name}/active",
    guard: "anybody",
    summary: "Whether this director is master, for load balancers and scripts",
    params: [INSTANCE_PARAM],
    ok: { description: "It is", schema: answers.Active },
    errors: { 404: NO_SUCH_INSTANCE, 503: "It is not" },
    answer: ({ store }, { params: [asked = ""] }) => active(store.vrrpInstance(asked)) ?? noInstance(store, asked),
  },
  {
    method: "GET",
    path: "/v1/sync-groups",
    guard: "anybody",
    summary: "All sync groups",
    ok: { description: "Sync groups", schema: answers.SyncGroupList },
    revision: ({ store }) => store.revisionOf("sync-group"),
    answer: ({ store }) => jsonAnswer({ groups: store.syncGroups() }, store.syncGroups().length),
  },
  {
    method: "GET",
    path: "/v1/sync-groups/{name}",
    guard: "anybody",
    summary: "One sync group with its instances",
    params: [GROUP_PARAM],
    ok: { description: "The group, and its instances as /v1/vrrp shows them", schema: answers.GroupWithMembers },
    errors: { 404: NO_SUCH_GROUP },
    revision({ store }, { params: [name = ""] }) {
      const group = groupOf(store, name);
      if (!group) return undefined;
      const members = group.instances.map((member) => store.revisionOf("vrrp", member));
      return Math.max(store.revisionOf("sync-group", name), ...members);
    },
    answer({ store }, { params: [name = ""] }) {
      const group = groupOf(store, name);
      if (!group) return problem("no-such-group", NO_SUCH_GROUP);
      const members = group.instances.flatMap((member) => store.vrrpInstance(member) ?? []);
      return jsonAnswer({ ...group, members }, 2 * members.length);
    },
  },
  {
    method: "GET",
    path: "/v1/sync-groups/{name}/active",
    guard: "anybody",
    summary: "Whether this director is master of a sync group",
    params: [GROUP_PARAM],
    ok: { description: "It is", schema: answers.Active },
    errors: { 404: NO_SUCH_GROUP, 503: "It is not" },
    answer: ({ store }, { params: [name = ""] }) =>
      active(groupOf(store, name)) ?? problem("no-such-group", NO_SUCH_GROUP),
  },
];

type Store = ApiState["store"];

function groupOf(store: Store, name: string) {
  return store.syncGroups().find((group) => group.name === name);
}

function active(of: { readonly name: string; readonly state: string; readonly since: string } | undefined) {
  if (!of) return undefined;
  const { name, state, since } = of;
  return state === "MASTER" ? { name, state, since } : problem("not-master", `${name} is ${state}`);
}

function noInstance(store: Store, name: string): Response {
  const other = groupOf(store, name)
    ? `; a sync group is called so, see /v1/sync-groups/${encodeURIComponent(name)}`
    : "";
  return problem("no-such-instance", NO_SUCH_INSTANCE + other);
}
