// CLI: what `lbd status` asks the director: all of it, what is down, or what the command line names. Of a large director everything is
// counted and only what is down is shown, unless more is asked for.
import * as v from "valibot";
import { RealServerList, Status, VirtualServerList, VrrpList } from "../api/answers.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import type { RealServerStatus, VirtualServerStatus, VrrpStatus } from "../status/schema.ts";
import { shapes } from "../status/shapes.ts";
import type { Picture } from "../status/text.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import type { Answer, AskError } from "./client.ts";
import { nearOnes } from "./terminal.ts";

/** Real servers that are shown without being asked for. */
export const MANY = 500;
/** Virtual servers of such a director that are shown when something of them is down. */
const SHOWN_DOWN = 100;

export interface Wanted {
  /** Ids or names: virtual servers, real servers, instances, sync groups. */
  readonly ids: readonly string[];
  /** One virtual server: alone, or with ids of its real servers. */
  readonly vs?: string | undefined;
  readonly down: boolean;
  readonly all: boolean;
}

type Vrrp = v.InferOutput<typeof VrrpList>;
export type Asker = (path: string) => Promise<Answer>;

export async function readPicture(asker: Asker, wanted: Wanted): Promise<Decoded<Picture, AskError>> {
  const status = await askFor(asker, "/v1/status", Status);
  if (!status.ok) return status;
  const vrrp = await askFor(asker, "/v1/vrrp", VrrpList);
  if (!vrrp.ok) return vrrp;
  const shown =
    wanted.ids.length > 0 || wanted.vs !== undefined
      ? await readNamed(asker, wanted, vrrp.value)
      : await readAll(asker, wanted, vrrp.value, status.value.summary);
  return shown.ok ? ok({ ...status.value, ...shown.value }) : shown;
}

type Shown = Pick<Picture, "virtualServers" | "vrrp" | "groups" | "scope" | "left"> & {
  readonly realServers?: readonly (RealServerStatus & { readonly virtualServer: string })[];
};

async function readAll(
  asker: Asker,
  { down, all }: Wanted,
  vrrp: Vrrp,
  { virtualServers, realServers }: Status["summary"],
): Promise<Decoded<Shown, AskError>> {
  const isLarge = realServers.total + virtualServers.total > MANY;
  const onlyDown = down || (isLarge && !all);
  const query = `${onlyDown ? "?healthy=false" : ""}${onlyDown && !all ? `&limit=${SHOWN_DOWN}` : ""}`;
  const list = await askFor(asker, `/v1/virtual-servers${query}`, VirtualServerList);
  if (!list.ok) return list;
  const { virtualServers: shown, next } = list.value;
  const parts = { vrrp: vrrp.instances, groups: vrrp.groups, virtualServers: shown };
  if (down) return ok({ ...parts, scope: "down", left: next === undefined ? 0 : await countDown(asker, next) });
  // What is not down is left out of a large one.
  if (onlyDown) return ok({ ...parts, scope: "large", left: virtualServers.total - shown.length });
  return ok({ ...parts, scope: "all", left: 0 });
}

/** How many more there are behind a page. */
async function countDown(asker: Asker, cursor: string): Promise<number> {
  const rest = await askFor(asker, `/v1/virtual-servers?healthy=false&cursor=${cursor}`, VirtualServerList);
  return rest.ok ? rest.value.virtualServers.length : 0;
}

async function readNamed(asker: Asker, { ids, vs, down }: Wanted, all: Vrrp): Promise<Decoded<Shown, AskError>> {
  const virtualServers: VirtualServerStatus[] = [];
  const realServers: (RealServerStatus & { readonly virtualServer: string })[] = [];
  const names: string[] = [];
  if (vs !== undefined && ids.length === 0) {
    const one = await askFor(asker, `/v1/virtual-servers/${encodeURIComponent(vs)}`, shapes.VirtualServer);
    if (!one.ok) return one;
    virtualServers.push(one.value);
  }
  for (const id of ids) {
    const encoded = encodeURIComponent(id);
    if (vs !== undefined) {
      const path = `/v1/virtual-servers/${encodeURIComponent(vs)}/real-servers/${encoded}`;
      const one = await askFor(asker, path, v.object({ ...shapes.RealServer.entries, virtualServer: v.string() }));
      if (!one.ok) return one;
      realServers.push(one.value);
      continue;
    }
    if ([...all.instances, ...all.groups].some(({ name }) => name === id)) {
      names.push(id);
      continue;
    }
    const server = await askFor(asker, `/v1/virtual-servers/${encoded}`, shapes.VirtualServer);
    if (server.ok) {
      virtualServers.push(server.value);
      continue;
    }
    // Several are called so, or nobody answers: that is what is to be said.
    if (server.error.code !== "no-such-virtual-server") return server;
    const reals = await askFor(asker, `/v1/real-servers/${encoded}`, RealServerList);
    if (reals.ok) realServers.push(...reals.value.realServers);
    else return reals.error.code === "no-such-real-server" ? err(unknown(id, all)) : reals;
  }
  const isNamed = ({ name, group }: VrrpStatus) => names.includes(name) || (group !== null && names.includes(group));
  return ok({
    virtualServers,
    realServers: down ? realServers.filter(({ healthy }) => !healthy) : realServers,
    vrrp: all.instances.filter(isNamed),
    groups: all.groups.filter(({ name }) => names.includes(name)),
    scope: down ? "down" : "some",
    left: 0,
  });
}

function unknown(id: string, { instances, groups }: Vrrp): AskError {
  const [near] = nearOnes(
    id,
    [...instances, ...groups].map(({ name }) => name),
  );
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return { exit: ASK_EXIT.failed, message: `no virtual server, real server, instance or sync group ${id}${hint}` };
}

/** The director's (src/api/problem.ts), and those of an appliance. */
const AnyProblem = v.object({
  code: v.string(),
  detail: v.exactOptional(v.string()),
  reasons: v.exactOptional(v.array(v.string())),
});

/** The answer as `schema` has it; a problem gives its detail, and its code for who asks on. */
export async function askFor<T>(
  asker: Asker,
  path: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<Decoded<T, AskError & { readonly code?: string }>> {
  const answer = await asker(path);
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  const read = v.safeParse(schema, body);
  if (status >= 200 && status < 300 && read.success) return ok(read.output);
  const problem = v.safeParse(AnyProblem, body);
  if (status >= 400 && problem.success) {
    const { code, detail = "", reasons = [] } = problem.output;
    const message = `${detail}${reasons.length > 0 ? `: ${reasons.join(", ")}` : ""}`;
    return err({ exit: ASK_EXIT.failed, message, code });
  }
  const other = `${path}: status ${status}${status === 200 ? ", another version of lbd" : ""}`;
  return err({ exit: ASK_EXIT.failed, message: `the director's answer can't be used (${other})` });
}
