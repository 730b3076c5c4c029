// Configurations for tests of what comes after the language: small, complete, with the defaults of checkers.md §1.
import type {
  CheckEndpoint,
  CheckTiming,
  HttpCheck,
  HttpUrl,
  MiscCheck,
  TcpCheck,
} from "../../src/config/model/check.ts";
import type { Config } from "../../src/config/model/config.ts";
import type { RealServer, SorryServer, VirtualServer } from "../../src/config/model/lvs.ts";
import type { Origin } from "../../src/config/text/span.ts";
import { desiredEntries, type VirtualServerState } from "../../src/lvs/desired.ts";
import type { ServiceEntry } from "../../src/lvs/model.ts";
import { bindText } from "./config.ts";

export const ORIGIN: Origin = { file: "test.conf", line: 1, column: 1 };

const EMPTY = bindText("").config;

/** A configuration with these virtual servers. `lvs` changes the global LVS settings. */
export function configOf(virtualServers: readonly VirtualServer[], lvs: Partial<Config["global"]["lvs"]> = {}): Config {
  return { ...EMPTY, virtualServers, global: { ...EMPTY.global, lvs: { ...EMPTY.global.lvs, ...lvs } } };
}

/** The whole table that is wanted. Where two virtual servers claim one kernel service, the first of the file has it. */
export function wantedTable(config: Config, stateOf: (id: string) => VirtualServerState): ServiceEntry[] {
  const taken = new Set<string>();
  const isFree = (key: string) => !taken.has(key) && taken.add(key).size > 0;
  return config.virtualServers.flatMap((one) => desiredEntries(one, stateOf(one.id), isFree));
}

/** A TCP service 10.9.0.1:80 with NAT, quorum 1. */
export function virtualServer(realServers: readonly RealServer[], part: Partial<VirtualServer> = {}): VirtualServer {
  return {
    id: "10.9.0.1:80/tcp",
    name: { kind: "address", text: "10.9.0.1:80" },
    origin: ORIGIN,
    services: [{ kind: "address", ip: "10.9.0.1", port: 80 }],
    family: 4,
    protocol: "TCP",
    scheduler: "rr",
    flags: 0,
    quorum: 1,
    hysteresis: 0,
    alpha: false,
    omega: false,
    haSuspend: false,
    smtpAlert: false,
    realServers,
    ...part,
  };
}

/** Real server 10.9.1.`host`:80. */
export function realServer(host: number, part: Partial<RealServer> = {}): RealServer {
  return {
    id: `10.9.1.${host}:80`,
    ip: `10.9.1.${host}`,
    port: 80,
    weight: 1,
    forwarding: { method: "NAT" },
    upperThreshold: 0,
    lowerThreshold: 0,
    inhibitOnFailure: false,
    smtpAlert: false,
    checks: [],
    origin: ORIGIN,
    ...part,
  };
}

export function sorryServer(part: Partial<SorryServer> = {}): SorryServer {
  return {
    ip: "10.9.1.8",
    port: 80,
    weight: 1,
    forwarding: { method: "NAT" },
    inhibit: false,
    origin: ORIGIN,
    ...part,
  };
}

/** No warm-up, no retry, a period of 500 ms. */
export function timing(part: Partial<CheckTiming> = {}): CheckTiming {
  return {
    delayLoopMs: 500,
    retry: 0,
    delayBeforeRetryMs: 500,
    warmupMs: 0,
    alpha: false,
    logAllFailures: false,
    ...part,
  };
}

export function endpoint(ip: string, port = 80, part: Partial<CheckEndpoint> = {}): CheckEndpoint {
  return { ip, port, fwmark: 0, connectTimeoutMs: 1000, ...part };
}

export function tcpCheck(ip: string, part: Partial<TcpCheck> = {}): TcpCheck {
  return { kind: "TCP_CHECK", id: "TCP_CHECK", timing: timing(), origin: ORIGIN, endpoint: endpoint(ip), ...part };
}

export function httpUrl(part: Partial<HttpUrl> = {}): HttpUrl {
  return { path: "/", host: "10.9.1.1:80", statusCodes: [[200, 299]], ...part };
}

export function httpCheck(ip: string, part: Partial<HttpCheck> = {}): HttpCheck {
  return {
    kind: "HTTP_GET",
    id: "HTTP_GET",
    timing: timing(),
    origin: ORIGIN,
    endpoint: endpoint(ip),
    httpProtocol: "1.0",
    enableSni: false,
    tlsCompliant: false,
    fastRecovery: false,
    urls: [httpUrl()],
    ...part,
  };
}

export function miscCheck(argv: readonly string[], part: Partial<MiscCheck> = {}): MiscCheck {
  return {
    kind: "MISC_CHECK",
    id: "MISC_CHECK",
    timing: timing(),
    origin: ORIGIN,
    command: { argv, origin: ORIGIN },
    timeoutMs: 2000,
    dynamic: false,
    ...part,
  };
}
