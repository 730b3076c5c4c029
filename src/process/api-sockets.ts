// Process layer, parent: the sockets on which the API is asked. They stand as long as the director does; the process that answers is handed
// them, and comes and goes. A port that another program has is told once, with who has it, and waited for.
import type { Cancel, Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { formatEndpoint } from "../base/ip.ts";
import type { Log } from "../base/log.ts";
import type { ListenAt, ListeningSocket } from "../kernel/listening-socket.ts";
import type { PortHolder } from "../kernel/port-holder.ts";
import { socketPath } from "./host/places.ts";
import type { TcpAddress } from "./options.ts";

/** How often a port that was taken is looked at again. */
export const LOOK_EVERY_MS = 2000;

export interface ApiSocketPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** @throws Error with the code of the system */
  open(at: ListenAt, namespace: string | undefined): ListeningSocket;
  /** Who may ask on the UNIX socket. */
  permit(path: string): void;
  /** Who listens on the port; undefined: nobody. */
  holder(address: string, port: number, namespace: string | undefined): PortHolder | undefined;
  isLoopback(address: string): boolean;
  /** A socket is there that was waited for. */
  added(): void;
}

export interface ApiSockets {
  /** Opens what can be opened, TCP's in a network namespace, and waits for what can't. Once. */
  open(namespace: string | undefined): void;
  /** In an order that holds for the life of the director. */
  all(): readonly ListeningSocket[];
  /** In words: `listening`, or why not; where; and the UNIX socket. */
  facts(): Readonly<Record<string, string>>;
  close(): void;
}

export function createApiSockets(runDir: string, tcp: TcpAddress | null, ports: ApiSocketPorts): ApiSockets {
  const { clock, log } = ports;
  const sockets: ListeningSocket[] = [];
  let cancelLook: Cancel = () => {};
  let namespace: string | undefined;
  const path = socketPath(runDir);
  let facts = { tcp: "off", tcpAddress: "off", socket: path };

  function openUnix(): void {
    try {
      sockets.push(ports.open({ kind: "unix", path }, undefined));
      ports.permit(path);
    } catch (error) {
      log({ level: "error", area: "api", message: `can't listen on ${path}: ${messageOf(error)}` });
    }
  }

  function openTcp({ address, port }: TcpAddress, isFirst: boolean): boolean {
    try {
      const socket = ports.open({ kind: "tcp", address, port }, namespace);
      sockets.push(socket);
      const where = formatEndpoint(address, socket.port ?? port);
      log({ level: "info", area: "api", message: `listening on http://${where}` });
      if (!ports.isLoopback(address)) {
        const message = `${address} is no loopback address: the status is open to its network`;
        log({ level: "warning", area: "api", message });
      }
      say("listening", where);
      return true;
    } catch (error) {
      if (isFirst) cantListen({ address, port }, error);
      return false;
    }
  }

  function cantListen({ address, port }: TcpAddress, error: unknown): void {
    const where = formatEndpoint(address, port);
    const why = tcpError(error);
    const by = why === TAKEN ? heldBy(ports.holder(address, port, namespace)) : "";
    const waits = why === TAKEN || why === NO_ADDRESS;
    const message = `can't listen on ${where}: ${why}${by}${waits ? "; waiting for it" : ""}, api.sock works meanwhile`;
    log({ level: "error", area: "api", message });
    say(`can't listen: ${why}${by}`, where);
    if (waits) lookLater({ address, port });
  }

  /** By trying: who has the port is not looked for again, which costs the more the more sockets and processes others have. */
  function lookLater(wanted: TcpAddress): void {
    cancelLook = clock.at(clock.now() + LOOK_EVERY_MS, () => {
      if (openTcp(wanted, false)) ports.added();
      else lookLater(wanted);
    });
  }

  function say(state: string, where: string): void {
    facts = { tcp: state, tcpAddress: where, socket: path };
  }

  return {
    open(inside) {
      namespace = inside;
      openUnix();
      if (tcp) openTcp(tcp, true);
    },
    all: () => sockets,
    facts: () => facts,
    close() {
      cancelLook();
      for (const socket of sockets.splice(0)) socket.close();
    },
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
