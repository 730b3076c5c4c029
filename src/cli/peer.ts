// CLI: whom a command asks: the director of this machine, or an appliance over the network (`--host`). Both are a UNIX socket with an HTTP
// server behind it: for an appliance it leads through TLS to a machine that was known before (remote.ts).
import { socketPath } from "../process/host/places.ts";

export interface Peer {
  readonly socket: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly kind: "local" | "remote";
  /** In words for errors, when nobody answers. */
  silent(error: { readonly code?: unknown; readonly message: string }): {
    readonly message: string;
    readonly isNone: boolean;
  };
}

export const REMOTE_ARGS = {
  host: {
    type: "string",
    valueHint: "NAME[:PORT]",
    description: "An appliance over the network instead of this machine (lbd --host NAME COMMAND works as well)",
  },
  "token-file": {
    type: "string",
    valueHint: "FILE",
    description: "Its token, in a file of mode 0600; else LBD_TOKEN, or ~/.config/lbd/token",
  },
  "client-cert": { type: "string", valueHint: "FILE", description: "A client certificate instead of a token, PEM" },
  "client-key": { type: "string", valueHint: "FILE", description: "Its key, PEM" },
  fingerprint: {
    type: "string",
    valueHint: "SHA256",
    description: "Of its certificate, as its console shows it; known from then on",
  },
} as const;

export interface RemoteWords {
  readonly host?: string | undefined;
  readonly "token-file"?: string | undefined;
  readonly "client-cert"?: string | undefined;
  readonly "client-key"?: string | undefined;
  readonly fingerprint?: string | undefined;
}

export function directorPeer(runDir: string): Peer {
  const socket = socketPath(runDir);
  const none = `no director runs with the run directory ${runDir} (${socket} does not answer)`;
  return localPeer(socket, none);
}

export function appliancePeer(socket: string): Peer {
  return localPeer(socket, `this machine is no appliance (${socket} does not answer): name one with --host`);
}

function localPeer(socket: string, none: string): Peer {
  return {
    socket,
    headers: { host: "localhost" },
    kind: "local",
    silent({ code, message }) {
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "FailedToOpenSocket")
        return { message: none, isNone: true };
      if (code === "EACCES" || code === "EPERM")
        return { message: `${socket}: no permission, ask as root`, isNone: true };
      return { message: `${socket}: ${message}`, isNone: false };
    },
  };
}
