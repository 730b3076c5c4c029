// Adapter: SSL_GET's connection: connects like any other check, then hands the socket to TLS. Same time limits as a plain one.
import { readFileSync } from "node:fs";
import type { Cancel } from "../base/clock.ts";
import { escapeControls } from "../base/log.ts";
import { bad, type Outcome } from "../check/outcome.ts";
import type { CheckEndpoint, SslClient } from "../config/model.ts";
import { type Connected, type Conversation, connectTcp, type StreamPorts, startTimeLimit, timedOut } from "./stream.ts";
import { connectTls, type TlsConnection, type TlsSettings } from "./tls-connect.ts";

/** Files of `SSL {}` are no longer than this. */
const MAX_PEM_BYTES = 1024 * 1024;

/** The client's side of TLS from the configuration's files, or why they can't be used. */
export function loadTlsSettings(ssl: SslClient | undefined): { settings: TlsSettings } | { error: string } {
  if (!ssl) return { settings: {} };
  try {
    return {
      settings: {
        ...(ssl.certificate === undefined ? {} : { certificate: readPem(ssl.certificate) }),
        ...(ssl.key === undefined ? {} : { key: readPem(ssl.key) }),
        ...(ssl.ca === undefined ? {} : { ca: readPem(ssl.ca) }),
        ...(ssl.password === undefined ? {} : { password: ssl.password }),
      },
    };
  } catch (error) {
    return { error: `SSL block: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function readPem(path: string): string {
  const text = readFileSync(path, "utf8");
  if (text.length > MAX_PEM_BYTES) throw new Error(`${path} is longer than ${MAX_PEM_BYTES} bytes`);
  return text;
}

/** Tries one connection with TLS and plays the conversation in it. */
export function startTlsStream(
  ports: StreamPorts,
  endpoint: CheckEndpoint,
  settings: TlsSettings,
  conversation: Conversation,
  done: (outcome: Outcome) => void,
): Cancel {
  let tls: TlsConnection | undefined;
  let secured = false;
  let over = false;
  let cancelConnect: Cancel = () => {};

  function finish(outcome: Outcome | undefined): void {
    if (over) return;
    // First: ending the connection calls handlers at once (runtime.md §3).
    over = true;
    limit.stop();
    cancelConnect();
    tls?.terminate();
    if (outcome) done(outcome);
  }

  const limit = startTimeLimit(ports.clock, endpoint.connectTimeoutMs, (silent) => {
    if (tls && !secured) finish(bad("timeout", `no TLS handshake within ${endpoint.connectTimeoutMs} ms`));
    else finish(timedOut(tls !== undefined, silent, endpoint.connectTimeoutMs));
  });

  function connected(result: Connected): void {
    if (result.kind === "failed") {
      finish(result.outcome);
      return;
    }
    limit.progress();
    result.registration.remove();
    tls = connectTls(result.socket.handOver(), settings, {
      secured() {
        secured = true;
        limit.progress();
        if (conversation.opening) tls?.write(new TextDecoder().decode(conversation.opening));
      },
      data(bytes) {
        if (over) return;
        limit.progress();
        const next = conversation.feed(bytes);
        if (!next) return;
        if ("send" in next) tls?.write(next.send);
        else finish(next);
      },
      closed(error) {
        if (over) return;
        if (secured && error === undefined) finish(conversation.end());
        else
          finish(bad("tls", `${secured ? "TLS" : "TLS handshake"}: ${escapeControls(error ?? "connection closed")}`));
      },
    });
  }

  cancelConnect = connectTcp(ports, endpoint, () => {}, connected);
  return () => finish(undefined);
}
