// Adapter: SSL_GET's connection: connects like any other check, then hands the socket to TLS. Same time limits as a plain one.

import type { Cancel } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import type { Decoded } from "../base/result.ts";
import { bad, type Outcome } from "../check/outcome.ts";
import type { CheckEndpoint, SslClient } from "../config/model/check.ts";
import type { Ready } from "../kernel/readiness.ts";
import type { OpenSystemTls, SystemTls, TlsContext } from "../kernel/system-tls.ts";
import {
  type Connected,
  type Conversation,
  connectTcp,
  type Established,
  type StreamPorts,
  startTimeLimit,
  timedOut,
} from "./stream.ts";
import { connectTls, type TlsConnection, type TlsHandlers, type TlsSettings } from "./tls-connect.ts";
import { connectSystemTls } from "./tls-system.ts";

/** Files of `SSL {}` are no longer than this. */
const MAX_PEM_BYTES = 1024 * 1024;

/** The whole of a regular file. @throws Error saying why not, and beyond `maxBytes` */
export type ReadWhole = (path: string, maxBytes: number) => Uint8Array;

/** The client's side of TLS from the configuration's files, or why they can't be used. */
export function loadTlsSettings(
  ssl: SslClient | undefined,
  read: ReadWhole,
): { settings: TlsSettings } | { error: string } {
  if (!ssl) return { settings: {} };
  try {
    return {
      settings: {
        ...(ssl.certificate === undefined ? {} : { certificate: readPem(ssl.certificate, read) }),
        ...(ssl.key === undefined ? {} : { key: readPem(ssl.key, read) }),
        ...(ssl.ca === undefined ? {} : { ca: readPem(ssl.ca, read) }),
        ...(ssl.password === undefined ? {} : { password: ssl.password }),
      },
    };
  } catch (error) {
    return { error: `SSL block: ${messageOf(error)}` };
  }
}

function readPem(path: string, read: ReadWhole): string {
  return new TextDecoder().decode(read(path, MAX_PEM_BYTES));
}

/** The runtime's own TLS, or that of the system's OpenSSL. */
type Way = "runtime" | "system";

/** What is known of one check's server. */
export interface TlsMemory {
  /** Where the next attempt begins. */
  way: Way;
  /** Neither could agree with it last time: one way for each attempt, in turns, until one can. */
  neither: boolean;
}

export function tlsMemory(): TlsMemory {
  return { way: "runtime", neither: false };
}

export interface TlsPorts extends StreamPorts {
  readonly openSystemTls: OpenSystemTls;
}

/** What one attempt is made with. */
export interface TlsTarget {
  readonly endpoint: CheckEndpoint;
  readonly settings: TlsSettings;
  readonly memory: TlsMemory;
  /** The same for all attempts with these settings; undefined where it can't be made. */
  systemContext(library: SystemTls): Decoded<TlsContext, string>;
}

interface Speaking {
  readonly connection: TlsConnection;
  readonly onReady?: (ready: Ready) => void;
}

/**
 * Tries one connection with TLS and plays the conversation in it. Where the handshake fails, a second connection is made by the
 * other way, in the time of the same attempt.
 */
export function startTlsStream(
  ports: TlsPorts,
  target: TlsTarget,
  conversation: Conversation,
  done: (outcome: Outcome) => void,
): Cancel {
  const { endpoint, settings, memory } = target;
  let way: Way = memory.way;
  /** Why the first way did not do, once the second one is under way. */
  let firstFailure: string | undefined;
  let tls: Speaking | undefined;
  let secured = false;
  let over = false;
  let cancelConnect: Cancel = () => {};

  function finish(outcome: Outcome | undefined): void {
    if (over) return;
    // First: ending the connection calls handlers at once (runtime.md §3).
    over = true;
    limit.stop();
    cancelConnect();
    tls?.connection.terminate();
    if (outcome) done(outcome);
  }

  const limit = startTimeLimit(ports.clock, endpoint.connectTimeoutMs, (silent) => {
    if (tls && !secured) finish(bad("timeout", `no TLS handshake within ${endpoint.connectTimeoutMs} ms`));
    else finish(timedOut(tls !== undefined, silent, endpoint.connectTimeoutMs));
  });

  function begin(): void {
    cancelConnect = connectTcp(ports, endpoint, (ready) => tls?.onReady?.(ready), connected);
  }

  function connected(result: Connected): void {
    if (result.kind === "failed") {
      finish(result.outcome);
      return;
    }
    limit.progress();
    if (way === "runtime") speakByRuntime(result);
    else speakBySystem(result);
  }

  function speakByRuntime({ registration, socket }: Established): void {
    registration.remove();
    tls = { connection: connectTls(socket.handOver(), settings, handlers()) };
  }

  function speakBySystem({ registration, socket }: Established): void {
    const library = ports.openSystemTls();
    const context = library.ok ? target.systemContext(library.value) : library;
    if (!context.ok) {
      registration.leave();
      socket.close();
      finish(bad("tls", escapeControls(context.error)));
      return;
    }
    const session = context.value.session(settings.serverName);
    // A fixed source port must not rest in TIME_WAIT: the next check needs it.
    const closeSocket = () => (endpoint.bindPort ? socket.reset() : socket.close());
    const connection = connectSystemTls({ socket, registration, session, closeSocket }, handlers());
    tls = { connection, onReady: connection.onReady };
    connection.start();
  }

  function handlers(): TlsHandlers {
    return {
      secured() {
        if (over) return;
        secured = true;
        memory.way = way;
        memory.neither = false;
        limit.progress();
        if (conversation.opening) tls?.connection.write(new TextDecoder().decode(conversation.opening));
      },
      data(bytes) {
        if (over) return;
        limit.progress();
        const next = conversation.feed(bytes);
        if (!next) return;
        if ("send" in next) tls?.connection.write(next.send);
        else finish(next);
      },
      closed(error) {
        if (over) return;
        if (!secured) handshakeFailed(escapeControls(error ?? "connection closed"));
        else if (error === undefined) finish(conversation.end());
        else finish(bad("tls", `TLS: ${escapeControls(error)}`));
      },
    };
  }

  function handshakeFailed(words: string): void {
    const other: Way = way === "runtime" ? "system" : "runtime";
    if (memory.neither || firstFailure !== undefined) {
      // In turns from now on: a server that speaks no TLS at all is asked once in each run.
      memory.neither = true;
      memory.way = other;
      finish(bad("tls", `TLS handshake: ${firstFailure === undefined ? words : bothFailed(firstFailure, words)}`));
      return;
    }
    const library = ports.openSystemTls();
    if (!library.ok) {
      finish(bad("tls", withRemedy(words)));
      return;
    }
    firstFailure = words;
    way = other;
    tls?.connection.terminate();
    tls = undefined;
    limit.progress();
    begin();
  }

  begin();
  return () => finish(undefined);
}

/** In the words of both, the system's last: its libraries speak more. */
function bothFailed(first: string, second: string): string {
  return first === second ? first : `${second} (and: ${first})`;
}

function withRemedy(words: string): string {
  return (
    `TLS handshake: ${words}; if this runtime can't speak what the server offers (DHE, CBC with SHA-2, P-521, X448): ` +
    "install OpenSSL 3 here (Debian: libssl3), or let the server offer ECDHE with AES-GCM or ChaCha20"
  );
}
