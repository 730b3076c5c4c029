// Role api: answers who asks the director. It is started with the sockets on which it is asked, gives up all rights, is told what there is to
// tell, answers, and goes when nobody has asked for a while. It owns nothing in the kernel: when it dies, forwarding and failover never notice.
import { hostname } from "node:os";
import { createApp } from "../../api/app.ts";
import { createEventStream } from "../../api/events.ts";
import { ROUTES } from "../../api/routes/table.ts";
import { type HttpServer, listen } from "../../api/server.ts";
import { isLoopback } from "../../base/ip.ts";
import { limitLog } from "../../base/log-limit.ts";
import { type AdoptedListener, adoptListener, placeholderName } from "../../kernel/adopted-listener.ts";
import { becomeNobody, refuseSystemCalls } from "../../kernel/confinement.ts";
import { expectedParent, handedListeners, runtimeVersion } from "../../process/runtime.ts";
import { createStatusStore } from "../../status/store.ts";
import { REVISION, VERSION } from "../../version.ts";
import type { Role, RoleContext } from "../role.ts";
import { createEffectiveReader } from "./effective.ts";
import { createLinger } from "./linger.ts";

export function createApiRole(context: RoleContext): Role {
  const { clock, log, options } = context;
  const store = createStatusStore();
  const limited = limitLog(log, clock);
  const servers: HttpServer[] = [];
  const adopted: AdoptedListener[] = [];
  const effective = createEffectiveReader(clock, (serial) => context.wantEffective?.(serial));
  let confined = false;

  const { tcp, hosts = [], instanceLabel } = options.api;
  const kernel = process.getBuiltinModule("node:os").release();
  const app = createApp({
    routes: ROUTES,
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
  const linger = createLinger({
    clock,
    connections: () => servers.reduce((sum, server) => sum + server.connections(), 0),
    retire() {
      for (const server of servers) server.retire();
    },
    idle: () => context.idle?.(),
    later: setImmediate,
  });

  return {
    async start() {
      for (const { kind, fd } of handedListeners()) {
        const path = placeholderName();
        const where = kind === "tcp" ? ({ kind: "unix", path, as: "tcp" } as const) : ({ kind: "unix", path } as const);
        servers.push(await listen(where, { app, clock, ready: () => confined, changed: linger.changed }));
        adopted.push(adoptListener(path, fd));
      }
      // From here on no right is left, and only now requests are answered.
      becomeNobody(expectedParent() ?? process.ppid);
      const unfiltered = refuseSystemCalls();
      if (unfiltered !== undefined)
        log({ level: "warning", area: "api", message: `no filter of system calls here: ${unfiltered}` });
      confined = true;
    },
    reload() {},
    stop() {
      linger.stop();
      for (const server of servers) server.close();
    },
    snapshot() {},
    update(updates) {
      for (const update of updates) store.apply(update);
    },
    complete(lingerMs) {
      for (const listener of adopted.splice(0)) listener.admit();
      linger.begin(lingerMs);
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
