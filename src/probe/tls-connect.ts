// Adapter: the one place where TLS is spoken: an open connection is handed to the runtime (runtime.md §3). Certificates of
// servers are never verified, as with keepalived (trap C5): a check asks whether the service answers.

import { closeSync } from "node:fs";
import type { Socket } from "bun";
import { messageOf } from "../base/errors.ts";

declare module "bun" {
  // The runtime takes over an open descriptor; its published types don't say so.
  function connect(options: {
    readonly fd: number;
    readonly tls: TLSOptions & { readonly serverName?: string };
    readonly socket: SocketHandler<undefined>;
  }): Promise<Socket<undefined>>;
}

export interface TlsSettings {
  /** SNI; absent: none is sent. */
  readonly serverName?: string;
  /** PEM text of the client certificate and its key. */
  readonly certificate?: string;
  readonly key?: string;
  readonly password?: string;
  readonly ca?: string;
}

export interface TlsHandlers {
  secured(): void;
  data(bytes: Uint8Array): void;
  /** Ended by the other side, by an error in words, or by nothing that is known. */
  closed(error: string | undefined): void;
}

export interface TlsConnection {
  /** Writes text; what does not fit now is sent later. */
  write(text: string): void;
  /** Ends it at once and for good; no handler is called any more. */
  terminate(): void;
}

/** Takes a connected descriptor over; it is closed here from now on. */
export function connectTls(fd: number, settings: TlsSettings, handlers: TlsHandlers): TlsConnection {
  let socket: Socket | undefined;
  let over = false;
  let unsent = "";

  function close(error: string | undefined): void {
    if (over) return;
    over = true;
    handlers.closed(error);
  }

  function flush(): void {
    if (!socket || unsent === "") return;
    const sent = socket.write(unsent);
    unsent = unsent.slice(Math.max(0, sent));
  }

  const { serverName, certificate, key, password, ca } = settings;
  const start = () =>
    Bun.connect({
      fd,
      tls: {
        rejectUnauthorized: false,
        ...(serverName === undefined ? {} : { serverName }),
        ...(certificate === undefined ? {} : { cert: certificate }),
        ...(key === undefined ? {} : { key }),
        ...(password === undefined ? {} : { passphrase: password }),
        ...(ca === undefined ? {} : { ca }),
      },
      socket: {
        open(opened) {
          socket = opened;
          if (over) opened.terminate();
        },
        handshake(_socket, success, error) {
          if (over) return;
          if (success || error === null || error === undefined || isVerification(error)) handlers.secured();
          else close(error.message);
        },
        data(_socket, bytes) {
          if (!over) handlers.data(bytes);
        },
        drain: flush,
        end: () => close(undefined),
        close: (_socket, error) => close(error?.message),
        error: (_socket, error) => close(error.message),
        connectError: (_socket, error) => close(error.message),
      },
    });
  try {
    start().catch((error: unknown) => close(messageOf(error)));
  } catch (error) {
    // Refused before it was taken over (a certificate that is none): still ours to close.
    closeSync(fd);
    close(messageOf(error));
  }

  return {
    write(text) {
      unsent += text;
      flush();
    },
    terminate() {
      over = true;
      socket?.terminate();
    },
  };
}

/** The handshake went through; the runtime only tells that it would not trust the certificate. */
function isVerification(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && !/^(?:ERR_SSL|ECONN|EPROTO)/.test(error.code);
}
