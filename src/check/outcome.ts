// Check core: what one attempt to reach a real server came to. Every kind of check ends in one of these.

/** Short and stable, for labels of metrics and the API. `local`: this machine could not try. */
export type OutcomeCode =
  | "ok"
  | "refused"
  | "timeout"
  | "unreachable"
  | "reset"
  | "protocol"
  | "status"
  | "digest"
  | "regex"
  | "tls"
  | "exit"
  | "signal"
  | "exec"
  | "reply"
  | "rcode"
  | "file"
  | "bfd"
  | "too-large"
  | "local"
  | "unsupported";

/** What a check says on the weight: `set` replaces the configured weight (misc_dynamic), `add` changes it (FILE_CHECK). */
export type WeightShare = { readonly set: number } | { readonly add: number };

export interface Outcome {
  readonly ok: boolean;
  readonly code: OutcomeCode;
  /** In words: `connection refused`, `status 503, wanted 200-299`. Safe to print. */
  readonly reason: string;
  readonly weight?: WeightShare;
  /** The last lines of a program that failed, for the log. */
  readonly output?: string;
  /** The attempt could not be made for want of this machine's own resources; it says nothing about the server. */
  readonly inconclusive?: true;
}

export function good(reason: string): Outcome {
  return { ok: true, code: "ok", reason };
}

export function bad(code: OutcomeCode, reason: string): Outcome {
  return { ok: false, code, reason };
}

const REASONS: Readonly<Record<string, readonly [OutcomeCode, string]>> = {
  ECONNREFUSED: ["refused", "connection refused"],
  ECONNRESET: ["reset", "connection reset"],
  EPIPE: ["reset", "connection closed while we wrote"],
  ETIMEDOUT: ["timeout", "no answer to the connection attempt"],
  EHOSTUNREACH: ["unreachable", "no route to host"],
  ENETUNREACH: ["unreachable", "network unreachable"],
  EHOSTDOWN: ["unreachable", "host is down"],
  ENETDOWN: ["unreachable", "network is down"],
  ENONET: ["unreachable", "network unreachable"],
  EACCES: ["local", "not permitted"],
  EPERM: ["local", "not permitted (packet filter or missing right)"],
  EADDRINUSE: ["local", "source address and port (bind_port) in use"],
  EADDRNOTAVAIL: ["local", "source address not on this machine, or no source port left"],
  ENODEV: ["local", "no such interface to bind to"],
  EINVAL: ["local", "address can't be used"],
  EMFILE: ["local", "no file descriptor left (LimitNOFILE)"],
  ENFILE: ["local", "no file descriptor left on this machine"],
  ENOBUFS: ["local", "no buffer left"],
  ENOMEM: ["local", "no memory left"],
  EAFNOSUPPORT: ["local", "address family not supported"],
};

/** A full table of descriptors or buffers is our trouble: judging servers by it would take all of them down at once. */
const OWN_RESOURCES = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRINUSE", "EADDRNOTAVAIL"]);
/** Before these are through no packet was sent. keepalived: "bind failed. Rescheduling", "fail to create socket. Rescheduling". */
const OWN_CALLS = new Set(["socket", "setsockopt", "bind"]);

/** The outcome for the name of an errno, met while doing `what` (`connect`, `bind`, `read` …). */
export function failedCall(what: string, code: string): Outcome {
  const [kind, words] = REASONS[code] ?? ["local", "failed"];
  if (OWN_RESOURCES.has(code) || OWN_CALLS.has(what)) {
    const why = words === "failed" ? "" : `${words} `;
    return { ok: false, code: "local", reason: `could not try: ${why}(${what}: ${code})`, inconclusive: true };
  }
  return bad(kind, `${words} (${what}: ${code})`);
}
