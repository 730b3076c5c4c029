// Role api: the api role. Binds its sockets, gives up all rights, and then shows what the parent relays. It owns nothing in the
// kernel: when it dies, forwarding and failover never notice.
import { chmodSync, chownSync, rmSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { createApp } from "../../api/app.ts";
import { createEventStream } from "../../api/events.ts";
import { isLoopback } from "../../api/guard.ts";
import { type HttpServer, listen, type Where } from "../../api/server.ts";
import { canonicalIp } from "../../base/ip.ts";
import { limitLog } from "../../base/log-limit.ts";
import { findGroup } from "../../kernel/accounts.ts";
import { becomeNobody, refuseSystemCalls } from "../../kernel/confinement.ts";
import { portHolder } from "../../kernel/port-holder.ts";
import { socketPath } from "../../process/host/places.ts";
import { expectedParent, runtimeVersion } from "../../process/runtime.ts";
import { createStatusStore } from "../../status/store.ts";
import { REVISION, VERSION } from "../../version.ts";
import type { Role, RoleContext } from "../role.ts";
import { createEffectiveReader } from "./effective.ts";
import { createTcpListener } from "./tcp.ts";

/** The account that runs lbd and its group, which an operator may open the run directory to. */
const SOCKET_MODE = 0o660;

export function createApiRole(context: RoleContext): Role {
  const { clock, log, options } = context;
  const store = createStatusStore();
  const limited = limitLog(log, clock);
  const servers: HttpServer[] = [];
  const effective = createEffectiveReader(clock, (serial) => context.wantEffective?.(serial));
  let confined = false;
  let facts: Readonly<Record<string, string>> = {};

  const { tcp, hosts = [], instanceLabel } = options.api;
  const kernel = process.getBuiltinModule("node:os").release();
  const app = createApp({
    state: {
      store,
      events: createEventStream(store, clock),
      build: { version: VERSION, revision: REVISION, bun: runtimeVersion, kernel },
      vrrpLabel: instanceLabel ? "instance" : "vrrp",
      effective: effective.open,
    },
    // Clients cause these lines.
    log: (line) => limited(line.area, line),
    names: { address: tcp?.address, hosts: [...hosts, ...(tcp && !isLoopback(tcp.address) ? ownNames() : [])] },
    nonce: crypto.randomUUID().slice(0, 8),
  });
  const open = (where: Where) => listen(where, { app, clock, ready: () => confined });
  const listener =
    tcp &&
    createTcpListener(tcp, {
      clock,
      log,
      open,
      holder: portHolder,
      hasAddress,
      renew: (reason) => context.renew?.(reason),
      say,
    });

  function say(state: string, where: string): void {
    facts = { tcp: state, tcpAddress: where, socket: socketPath(options.runDir) };
    report();
  }

  function openToGroup(path: string): void {
    chmodSync(path, SOCKET_MODE);
    const { socketGroup } = options.api;
    if (socketGroup === undefined) return;
    const group = findGroup(socketGroup);
    if (group !== undefined) chownSync(path, 0, group);
    else log({ level: "error", area: "api", message: `--api-socket-group: there is no group ${socketGroup}` });
  }

  function report(): void {
    context.report({ kind: "facts", role: "api", values: facts });
  }

  return {
    async start() {
      const path = socketPath(options.runDir);
      // Left by an api process that was killed; the run directory is ours alone.
      rmSync(path, { force: true });
      servers.push(await open({ kind: "unix", path }));
      openToGroup(path);
      const server = await listener?.start();
      if (server) servers.push(server);
      if (!listener) say("off", "off");
      // From here on no right is left, and only now requests are answered.
      becomeNobody(expectedParent() ?? process.ppid);
      const unfiltered = refuseSystemCalls();
      if (unfiltered !== undefined)
        log({ level: "warning", area: "api", message: `no filter of system calls here: ${unfiltered}` });
      confined = true;
    },
    reload() {},
    stop() {
      listener?.stop();
      for (const server of servers) server.close();
    },
    snapshot: report,
    update(updates) {
      for (const update of updates) store.apply(update);
    },
    effective: effective.take,
  };
}

/** What the network may call this machine; a name that leads elsewhere by now reaches somebody else. */
function ownNames(): string[] {
  const name = hostname().toLowerCase();
  const [short = ""] = name.split(".");
  return name === short ? [name] : [name, short];
}

function hasAddress(address: string): boolean {
  const wanted = canonicalIp(address);
  return Object.values(networkInterfaces()).some((of) => of?.some((one) => canonicalIp(one.address) === wanted));
}
