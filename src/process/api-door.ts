// Process layer, parent: the sockets of the API and who calls on them, with what they need of this machine.
import { chmodSync, chownSync, rmSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { isLoopback } from "../base/ip.ts";
import type { Log } from "../base/log.ts";
import { findGroup } from "../kernel/accounts.ts";
import { openListeningSocket } from "../kernel/listening-socket.ts";
import { inNetworkNamespace } from "../kernel/namespace.ts";
import { portHolder } from "../kernel/port-holder.ts";
import { type ApiCallers, createApiCallers } from "./api-callers.ts";
import { createApiSockets } from "./api-sockets.ts";
import type { RunOptions } from "./options.ts";

/** The account that runs lbd and its group, which an operator may open the run directory to. */
const SOCKET_MODE = 0o660;

export function openApiDoor({ runDir, api, apiSocketGroup }: RunOptions, clock: Clock, log: Log): ApiCallers {
  function permit(path: string): void {
    chmodSync(path, SOCKET_MODE);
    if (apiSocketGroup === undefined) return;
    const group = findGroup(apiSocketGroup);
    if (group !== undefined) chownSync(path, 0, group);
    else log({ level: "error", area: "api", message: `--api-socket-group: there is no group ${apiSocketGroup}` });
  }

  const sockets = createApiSockets(runDir, api, {
    clock,
    log,
    open(at, namespace) {
      // Left by a director that was killed; the run directory is ours alone.
      if (at.kind === "unix") rmSync(at.path, { force: true });
      return openListeningSocket(at, namespace);
    },
    permit,
    holder: (address, port, namespace) => inNetworkNamespace(namespace, () => portHolder(address, port)),
    isLoopback,
    added: () => callers.added(),
  });
  const callers = createApiCallers({
    clock,
    sockets,
    onSignal: (look) => void process.on("SIGIO", look),
  });
  return callers;
}
