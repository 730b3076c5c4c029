// Adapter api: the connections of one listener, bounded in number and in the time they may do nothing.
import type { Socket } from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";

/** At one time and socket; one more takes the place of the one that has been idle longest. */
export const MAX_CONNECTIONS = 128;
/** A connection on which nothing is being answered. */
export const IDLE_MS = 15_000;
const SWEEP_MS = 1000;

export interface Connection {
  readonly socket: Socket;
  /** Requests that are being answered. */
  busy: number;
  lastAt: number;
}

export interface Connections {
  /** Takes it, or turns it away. */
  admit(socket: Socket): void;
  of(socket: Socket): Connection | undefined;
  count(): number;
  closeAll(): void;
}

/** `ready`: false turns connections away. `changed`: a connection came or went. */
export function createConnections(clock: Clock, ready: () => boolean, changed: (() => void) | undefined): Connections {
  const connections = new Map<Socket, Connection>();
  let sweep: Cancel | undefined;

  function admit(socket: Socket) {
    if (!ready()) return socket.destroy();
    if (connections.size >= MAX_CONNECTIONS) {
      const victim = longestIdle();
      if (!victim) return socket.destroy();
      victim.socket.destroy();
      connections.delete(victim.socket);
    }
    connections.set(socket, { socket, busy: 0, lastAt: clock.now() });
    sweep ??= clock.at(clock.now() + SWEEP_MS, closeIdle);
    changed?.();
    socket.on("close", () => {
      connections.delete(socket);
      changed?.();
    });
    // A client that resets its connection is no news.
    socket.on("error", () => {});
  }

  function longestIdle(): Connection | undefined {
    let found: Connection | undefined;
    for (const connection of connections.values())
      if (connection.busy === 0 && (!found || connection.lastAt < found.lastAt)) found = connection;
    return found;
  }

  function closeIdle(): void {
    const now = clock.now();
    for (const { socket, busy, lastAt } of connections.values())
      if (busy === 0 && now - lastAt > IDLE_MS) socket.destroy();
    sweep = connections.size > 0 ? clock.at(now + SWEEP_MS, closeIdle) : undefined;
  }

  return {
    admit,
    of: (socket) => connections.get(socket),
    count: () => connections.size,
    closeAll() {
      sweep?.();
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}
