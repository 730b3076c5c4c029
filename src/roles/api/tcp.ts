// Role api: the TCP listener. A port that another program has is told once, with who has it, and waited for; when it is
// free, the process is renewed, because one that has given up its rights can't bind a port below 1024.

import { isLoopback } from "../../api/guard.ts";
import type { HttpServer, Where } from "../../api/server.ts";
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { formatEndpoint } from "../../base/ip.ts";
import type { Log } from "../../base/log.ts";
import type { PortHolder } from "../../kernel/port-holder.ts";
import type { TcpAddress } from "../../process/options.ts";

/** How often a port that was taken is looked at again. */
export const LOOK_EVERY_MS = 2000;
/** The shortest life of a process that is renewed for a port: who takes it and lets it go again can't keep the API busy with that. */
export const LEAST_LIFE_MS = 5000;

export interface TcpPorts {
  readonly clock: Clock;
  readonly log: Log;
  open(where: Where): Promise<HttpServer>;
  /** Who listens on the port; undefined: nobody. */
  holder(address: string, port: number): PortHolder | undefined;
  /** Whether an interface has the address now. */
  hasAddress(address: string): boolean;
  renew(reason: string): void;
  /** What is told of the listener, in words: `listening`, or why not. */
  say(state: string, where: string): void;
}

export interface TcpListener {
  /** Tries once, with all rights; then waits for the port where it is taken. */
  start(): Promise<HttpServer | undefined>;
  stop(): void;
}

export function createTcpListener({ address, port }: TcpAddress, ports: TcpPorts): TcpListener {
  const { clock, log } = ports;
  const bornAt: MonoMs = clock.now();
  let cancelLook: Cancel = () => {};

  function look(why: string): void {
    const isFree = why === TAKEN ? ports.holder(address, port) === undefined : ports.hasAddress(address);
    if (isFree && clock.now() - bornAt >= LEAST_LIFE_MS)
      ports.renew(`${formatEndpoint(address, port)} can be listened on now`);
    else cancelLook = clock.at(clock.now() + LOOK_EVERY_MS, () => look(why));
  }

  return {
    async start() {
      try {
        const server = await ports.open({ kind: "tcp", address, port });
        const where = formatEndpoint(address, server.port ?? port);
        log({ level: "info", area: "api", message: `listening on http://${where}` });
        if (!isLoopback(address)) {
          const message = `${address} is no loopback address: the status is open to its network`;
          log({ level: "warning", area: "api", message });
        }
        ports.say("listening", where);
        return server;
      } catch (error) {
        const where = formatEndpoint(address, port);
        const why = tcpError(error);
        const by = why === TAKEN ? heldBy(ports.holder(address, port)) : "";
        const waits = why === TAKEN || why === NO_ADDRESS;
        const message = `can't listen on ${where}: ${why}${by}${waits ? "; waiting for it" : ""}, api.sock works meanwhile`;
        log({ level: "error", area: "api", message });
        ports.say(`can't listen: ${why}${by}`, where);
        if (waits) cancelLook = clock.at(clock.now() + LOOK_EVERY_MS, () => look(why));
        return undefined;
      }
    },
    stop: () => cancelLook(),
  };
}

const TAKEN = "another program has the port";
const NO_ADDRESS = "no interface has the address";

function tcpError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE") return TAKEN;
  if (code === "EADDRNOTAVAIL") return NO_ADDRESS;
  if (code === "EACCES") return "ports below 1024 need root";
  return messageOf(error);
}

function heldBy(holder: PortHolder | undefined): string {
  return holder?.pid === undefined ? "" : ` (${holder.name}, pid ${holder.pid})`;
}
