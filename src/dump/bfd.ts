// Dump core: keepalived_bfd.data, the dump of the BFD process, in keepalived's shape. Where it has addresses of its memory there is none.
import type { Session } from "../bfd/session.ts";
import type { Config } from "../config/model/config.ts";
import { globalLines } from "./global.ts";
import { type AccountOf, stampAtEnd, stampWithoutYear, text, title, trueFalse } from "./words.ts";

export interface BfdSource {
  readonly config: Config;
  readonly accountOf: AccountOf;
  readonly wallMs: (mono: number) => number;
  readonly sessions: readonly SessionShown[];
}

export interface SessionShown {
  readonly session: Session;
  /** Before jitter; Infinity: no periodic packets. */
  readonly sendIntervalMs: number;
  readonly detectionMs: number;
  readonly hasSendError: boolean;
}

/** RFC 5880 §4.1, in keepalived's words. */
const DIAGNOSTICS = [
  "No Diagnostic",
  "Control Detection Time Expired",
  "Echo Function Failed",
  "Neighbor Signaled Session Down",
  "Forwarding Plane Reset",
  "Path Down",
  "Concatenated Path Down",
  "Administratively Down",
  "Reverse Concatenated Path Down",
];

export function bfdDump(source: BfdSource): Iterable<string> {
  return text(bfdLines(source));
}

function* bfdLines(source: BfdSource): Generator<string> {
  const { config, accountOf, sessions } = source;
  yield* globalLines("bfd", config, accountOf);
  yield title("BFD Data");
  yield " fd_in = -1";
  yield " thread_in = 0x(nil)";
  if (sessions.length > 0) yield title("BFD Topology");
  for (const shown of sessions) yield* sessionLines(shown, source.wallMs);
}

function* sessionLines(shown: SessionShown, wallMs: BfdSource["wallMs"]): Generator<string> {
  const { config, local, state, diagnostic, remote } = shown.session;
  yield ` BFD Instance = ${config.name}`;
  yield `   Neighbor IP = ${config.neighborIp}`;
  if (config.sourceIp !== undefined) yield `   Source IP = ${config.sourceIp}`;
  yield `   Required min RX interval = ${config.minRxUs} us`;
  yield `   Desired min TX interval = ${config.minTxUs} us`;
  yield `   Desired idle TX interval = ${config.idleTxUs} us`;
  yield `   Detection multiplier = ${config.multiplier}`;
  yield `   ${config.neighborIp.includes(":") ? "hoplimit" : "TTL"} = ${config.ttl}`;
  yield `   max_hops = ${config.maxHops}`;
  yield `   passive = ${trueFalse(config.passive)}`;
  yield `   send event to VRRP process = ${config.forVrrp ? "Yes" : "No"}`;
  yield `   send event to checker process = ${config.forChecker ? "Yes" : "No"}`;
  yield* timerLines(shown, wallMs);
  yield `   local state = ${state}`;
  yield `   remote state = ${remote.state}`;
  yield `   local discriminator = 0x${local.toString(16)}`;
  yield `   remote discriminator = 0x${remote.discriminator.toString(16)}`;
  yield `   local diag = ${DIAGNOSTICS[diagnostic] ?? "Unknown"}`;
  yield `   remote diag = ${DIAGNOSTICS[remote.diagnostic] ?? "Unknown"}`;
  yield* intervalLines(shown);
  const { lastHeardAt } = shown.session;
  yield lastHeardAt === undefined ? "   last_seen = [never]" : `   last seen = ${stampAtEnd(wallMs(lastHeardAt))}`;
}

function* timerLines({ session, hasSendError }: SessionShown, wallMs: BfdSource["wallMs"]): Generator<string> {
  const due = (at: number) => (Number.isFinite(at) ? stampWithoutYear(wallMs(at)) : "[disabled]");
  yield "   fd_out -1";
  yield "   thread_open_fd_out 0x(nil)";
  yield "   thread_out 0x(nil)";
  yield `   sands_out = ${due(session.sendAt)}`;
  yield "   thread_exp 0x(nil)";
  yield `   sands_exp = ${due(session.detectAt)}`;
  yield "   thread_rst 0x(nil)";
  yield "   sands_rst = [disabled]";
  yield `   send error = ${trueFalse(hasSendError)}`;
}

function* intervalLines({ session, sendIntervalMs, detectionMs }: SessionShown): Generator<string> {
  const { config, remote, polling, agreedRxUs } = session;
  const isKnown = remote.discriminator !== 0;
  const localTxUs = Number.isFinite(sendIntervalMs) ? sendIntervalMs * 1000 : config.idleTxUs;
  const remoteTxUs = Math.max(agreedRxUs, remote.desiredMinTxUs);
  yield `   remote min tx intv = ${remote.desiredMinTxUs} us`;
  yield `   remote min rx intv = ${isKnown ? remote.minRxUs : 0} us`;
  yield "   local demand = 0";
  yield `   remote demand = ${remote.demand ? 1 : 0}`;
  yield `   remote detect multiplier = ${remote.multiplier}`;
  yield `   ${polling ? "" : "!"}poll, !final`;
  yield `   local tx intv = ${Math.round(localTxUs)} us`;
  yield `   remote tx intv = ${isKnown ? remoteTxUs : 0} us`;
  yield `   local detection time = ${isKnown ? Math.round(detectionMs * 1000) : 0} us`;
  yield `   remote detection time = ${isKnown ? Math.round(localTxUs * config.multiplier) : 0} us`;
}
