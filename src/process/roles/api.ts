// Process layer: the api role. Binds its sockets, gives up all rights, and then shows what the parent relays. It owns nothing in the
// kernel: when it dies, forwarding and failover never notice.
import { chmodSync, rmSync } from "node:fs";
import { createApp } from "../../api/app.ts";
import { createEventStream } from "../../api/events.ts";
import { isLoopback } from "../../api/guard.ts";
import { type HttpServer, listen, type Where } from "../../api/server.ts";
import type { Cancel } from "../../base/clock.ts";
import { formatEndpoint } from "../../base/ip.ts";
import { limitLog } from "../../base/log-limit.ts";
import { becomeNobody } from "../../kernel/confinement.ts";
import { createStatusStore } from "../../status/store.ts";
import { REVISION, VERSION } from "../../version.ts";
import { socketPath } from "../pidfile.ts";
import type { Role, RoleContext } from "../role.ts";
import { expectedParent, runtimeVersion } from "../runtime.ts";
import { createEffectiveCache } from "./api-effective.ts";

/** How often a TCP port that was taken is tried again. */
export const RETRY_MS = 2000;
/** The account that runs lbd and its group, which an operator may open the run directory to. */
const SOCKET_MODE = 0o660;

export function createApiRole(context: RoleContext): Role {
  const { clock, log, options } = context;
  const store = createStatusStore();
  const limited = limitLog(log, clock);
  const servers: HttpServer[] = [];
  const effective = createEffectiveCache(clock, () => context.wantEffective?.());
  let loadedAt: string | null = null;
  let confined = false;
  let cancelRetry: Cancel = () => {};
  let lastTcpError = "";
  let facts: Readonly<Record<string, string>> = {};

  const { tcp } = options.api;
  const kernel = process.getBuiltinModule("node:os").release();
  const app = createApp({
    state: {
      store,
      events: createEventStream(store, clock),
      build: { version: VERSION, revision: REVISION, bun: runtimeVersion, kernel },
      effective: effective.get,
    },
    // Clients cause these lines.
    log: (line) => limited(line.area, line),
    ...(tcp ? { listenAddress: tcp.address } : {}),
  });
  const open = (where: Where) => listen(where, { app, clock, ready: () => confined });

  /** Port and address are as they were asked for: a name or port that is taken now may be free in a while. */
  async function openTcp(): Promise<void> {
    if (!tcp) return;
    let where = formatEndpoint(tcp.address, tcp.port);
    try {
      const server = await open({ kind: "tcp", ...tcp });
      servers.push(server);
      where = formatEndpoint(tcp.address, server.port ?? tcp.port);
      log({ level: "info", area: "api", message: `listening on http://${where}` });
      if (!isLoopback(tcp.address))
        log({
          level: "warning",
          area: "api",
          message: `${tcp.address} is no loopback address: the status is open to its network`,
        });
      lastTcpError = "";
      return say("listening", where);
    } catch (error) {
      const why = tcpError(error);
      if (why !== lastTcpError)
        log({ level: "error", area: "api", message: `can't listen on ${where}: ${why}; trying again` });
      lastTcpError = why;
      say(`can't listen: ${why}`, where);
      cancelRetry = clock.at(clock.now() + RETRY_MS, () => void openTcp());
    }
  }

  function say(state: string, where: string): void {
    facts = { tcp: state, tcpAddress: where, socket: socketPath(options.runDir) };
    report();
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
      chmodSync(path, SOCKET_MODE);
      await openTcp();
      if (!tcp) say("off", "off");
      // From here on no right is left, and only now requests are answered.
      becomeNobody(expectedParent() ?? process.ppid);
      confined = true;
    },
    reload() {},
    stop() {
      cancelRetry();
      for (const server of servers) server.close();
    },
    snapshot: report,
    update(updates) {
      for (const update of updates) store.apply(update);
      const now = store.director()?.config.loadedAt ?? null;
      if (now !== loadedAt) effective.forget();
      loadedAt = now;
    },
    effective: effective.take,
  };
}

function tcpError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE") return "another program has the port";
  if (code === "EADDRNOTAVAIL") return "no interface has the address";
  if (code === "EACCES") return "ports below 1024 need root, which the api process has only while it starts";
  return error instanceof Error ? error.message : String(error);
}
