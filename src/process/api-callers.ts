// Process layer, parent: the api process runs while it is asked. Its sockets stay here; the first caller starts it, and when nobody has
// asked for a while it says so and goes. Who calls in between waits in the sockets' queues, and is the first caller of the next one.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import type { ApiSockets } from "./api-sockets.ts";
import type { HandedListener } from "./runtime.ts";
import { HEARTBEAT_MS } from "./signs-of-life.ts";

/** How long an api process stays behind its last caller. */
export const LINGER_MS = 30_000;
/** The same when callers come again and again: one who asks every minute, or every few, keeps it. */
export const LINGER_OFTEN_MS = 330_000;
/** A caller this soon behind the end of the process before is one of those. */
export const OFTEN_MS = 300_000;

export interface CallerPorts {
  readonly clock: Clock;
  readonly sockets: ApiSockets;
  /** Has `look` run when a signal says that somebody calls. */
  onSignal(look: () => void): void;
}

/** The life of the api process. */
export interface ApiLife {
  start(): void;
  /** Stops it in order; resolves when it is gone. */
  dismiss(): Promise<void>;
}

export interface ApiCallers {
  /** Opens the sockets, TCP's in the network namespace, and waits for the first caller. Once. */
  open(namespace: string | undefined, life: ApiLife): void;
  /** What a process that starts now is handed. */
  listeners(): readonly HandedListener[];
  /** Of the sockets, for the status. */
  facts(): Readonly<Record<string, string>>;
  /** What the process that was started last stays for behind its last caller. */
  lingerMs(): number;
  /** The process serves nobody, and takes nobody any more. */
  idle(): void;
  /** There is a socket more than a process has. */
  added(): void;
  /** No process is started any more; who calls is told so when the director has ended. */
  stop(): void;
  close(): void;
}

export function createApiCallers({ clock, sockets, onSignal }: CallerPorts): ApiCallers {
  let state: "new" | "waiting" | "serving" | "leaving" | "stopped" = "new";
  let life: ApiLife | undefined;
  let wentAt: MonoMs | undefined;
  let lingerMs = LINGER_MS;
  let cancelLook: Cancel = () => {};

  function wait(): void {
    state = "waiting";
    for (const socket of sockets.all()) socket.signal();
    // Who came before the signals were asked for.
    look();
  }

  function look(): void {
    if (state !== "waiting") return;
    cancelLook();
    if (sockets.all().some((socket) => socket.callerWaits())) serve();
    // A signal can be lost; the wake-up is that of the heartbeats.
    else cancelLook = clock.at((Math.floor(clock.now() / HEARTBEAT_MS) + 1) * HEARTBEAT_MS, look);
  }

  function serve(): void {
    state = "serving";
    for (const socket of sockets.all()) socket.quiet();
    lingerMs = wentAt !== undefined && clock.now() - wentAt < OFTEN_MS ? LINGER_OFTEN_MS : LINGER_MS;
    life?.start();
  }

  function leave(): void {
    if (state !== "serving") return;
    state = "leaving";
    void life?.dismiss().then(() => {
      wentAt = clock.now();
      if (state === "leaving") wait();
    });
  }

  return {
    open(namespace, given) {
      if (state !== "new") return;
      life = given;
      sockets.open(namespace);
      onSignal(look);
      wait();
    },
    listeners: () => sockets.all().map(({ kind, fd }) => ({ kind, fd })),
    facts: sockets.facts,
    lingerMs: () => lingerMs,
    idle: leave,
    added() {
      if (state === "waiting") wait();
      else leave();
    },
    stop() {
      state = "stopped";
      cancelLook();
    },
    close: sockets.close,
  };
}
