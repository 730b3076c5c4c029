// Status values for tests: a small director, whole and true to the shape.
import type {
  BfdStatus,
  DirectorStatus,
  RealServerStatus,
  StatusUpdate,
  SyncGroupStatus,
  VirtualServerStatus,
  VrrpStatus,
} from "../../src/status/schema.ts";

export const AT = "2026-01-01T00:00:00.000Z";
export const AT_MS = Date.parse(AT);

export function realServer(id: string, change: Partial<RealServerStatus> = {}): RealServerStatus {
  const [address = "", port = "0"] = id.split(/:(?=\d+$)/);
  return {
    id,
    address,
    port: Number(port),
    healthy: true,
    since: AT,
    reason: "all checks pass",
    weight: { configured: 1, effective: 1, kernel: 1 },
    forwarding: "NAT",
    inTable: true,
    connections: { active: 3, inactive: 2, persistent: 0 },
    statistics: { connections: 10, inPackets: 100, outPackets: 90, inBytes: 1000, outBytes: 900 },
    checks: [
      {
        id: "TCP_CHECK",
        kind: "TCP_CHECK",
        target: id,
        healthy: true,
        since: AT,
        lastResult: { at: AT, ok: true, reason: "connected", code: "ok", durationMs: 1.5 },
        runs: 7,
        failures: 0,
        nextAt: AT,
      },
    ],
    ...change,
  };
}

/** A server that a check found dead. */
export function deadServer(id: string): RealServerStatus {
  const alive = realServer(id);
  return {
    ...alive,
    healthy: false,
    reason: "TCP_CHECK: connection refused",
    weight: { configured: 5, effective: 0, kernel: null },
    inTable: false,
    connections: null,
    statistics: null,
    checks: alive.checks.map((check) => ({
      ...check,
      healthy: false,
      failures: 2,
      lastResult: { at: AT, ok: false, reason: "connection refused", code: "refused", durationMs: 0.4 },
    })),
  };
}

export function virtualServer(id: string, change: Partial<VirtualServerStatus> = {}): VirtualServerStatus {
  return {
    id,
    name: id.slice(0, id.lastIndexOf("/")),
    protocol: "TCP",
    scheduler: "wlc",
    up: true,
    since: AT,
    reason: "",
    quorum: { wanted: 1, hysteresis: 0, live: 1 },
    sorryServer: null,
    suspended: false,
    statistics: { connections: 12, inPackets: 120, outPackets: 110, inBytes: 1200, outBytes: 1100 },
    realServers: [realServer("192.0.2.10:80"), deadServer("192.0.2.11:80")],
    ...change,
  };
}

export function vrrpInstance(name: string, change: Partial<VrrpStatus> = {}): VrrpStatus {
  return {
    name,
    interface: "eth0",
    vrid: 51,
    version: 3,
    family: 4,
    state: "MASTER",
    since: AT,
    lastTransition: { at: AT, from: "BACKUP", to: "MASTER", cause: "no advert for 3.6 s" },
    master: { address: "192.0.2.1", priority: 110, lastAdvertAt: AT },
    priority: {
      base: 100,
      effective: 110,
      trackers: [{ kind: "script", name: "chk", up: true, share: 10, since: AT, detail: "exit status 0" }],
    },
    advertMs: { own: 1000, learned: 1000 },
    faults: [],
    addresses: [
      { address: "192.0.2.100", prefixLength: 24, interface: "eth0", excluded: false, present: true },
      { address: "192.0.2.110", prefixLength: 32, interface: "eth1", excluded: true, present: true },
    ],
    announceDelayMs: 5000,
    group: "G1",
    counters: { advert_rcvd: 4, advert_sent: 9, become_master: 1 },
    refused: { ttl: 2, checksum: 0 },
    lastRefused: { at: AT, from: "192.0.2.66", reason: "ttl", packet: "v3 vrid 51 priority 100" },
    foreignMaster: null,
    refusedMasters: [],
    senders: [],
    transmission: { sendErrors: 0, lastSendError: null, receiveDrops: 0 },
    advice: [],
    ...change,
  };
}

export function syncGroup(name: string): SyncGroupStatus {
  return { name, state: "MASTER", since: AT, instances: ["VI_1", "VI_2"] };
}

export function bfdSession(name: string, change: Partial<BfdStatus> = {}): BfdStatus {
  return {
    name,
    neighbor: "192.0.2.2",
    source: "192.0.2.1",
    multihop: false,
    passive: false,
    state: "Up",
    since: AT,
    diagnostic: "no diagnostic",
    up: true,
    localDiscriminator: 11,
    sourcePort: 50_000,
    sendIntervalMs: 300,
    detectionMs: 900,
    polling: false,
    remote: {
      state: "Up",
      diagnostic: "no diagnostic",
      discriminator: 77,
      multiplier: 3,
      desiredMinTxMs: 300,
      requiredMinRxMs: 300,
      demand: false,
    },
    lastHeardAt: AT,
    lastChange: { at: AT, from: "Init", to: "Up", reason: "neighbour is up" },
    counters: { sent: 9, received: 8, ups: 1, downs: 0, sendErrors: 0 },
    refused: { ttl: 2 },
    problem: null,
    advice: [],
    ...change,
  };
}

export function director(change: Partial<DirectorStatus> = {}): DirectorStatus {
  return {
    version: "0.1.0",
    pid: 4242,
    since: AT,
    boot: "b00t",
    hostname: "director-1",
    runDir: "/run/lbd",
    config: {
      file: "/etc/keepalived/keepalived.conf",
      state: "loaded",
      loadedAt: AT,
      sha256: "ab".repeat(32),
      warnings: 1,
      errorCount: 0,
      tolerated: [],
      stale: false,
      errors: [],
      reloads: 0,
      lastReload: null,
    },
    ...change,
  };
}

/** What a reader of a director with everything gets. */
export function everything(): StatusUpdate[] {
  return [
    { kind: "director", value: director() },
    { kind: "process", value: { role: "checker", state: "running", pid: 4243, since: AT, restarts: 0, reason: "" } },
    { kind: "process", value: { role: "api", state: "running", pid: 4244, since: AT, restarts: 1, reason: "" } },
    { kind: "virtual-server", value: virtualServer("198.51.100.1:80/tcp") },
    {
      kind: "virtual-server",
      value: virtualServer("198.51.100.1:53/udp", { protocol: "UDP", up: false, reason: "quorum lost" }),
    },
    { kind: "vrrp", value: vrrpInstance("VI_1") },
    {
      kind: "vrrp",
      value: vrrpInstance("VI_2", { state: "FAULT", vrid: 52, addresses: [], faults: ["eth1 is down"], master: null }),
    },
    { kind: "sync-group", value: syncGroup("G1") },
    { kind: "bfd", value: bfdSession("peer") },
    {
      kind: "bfd",
      value: bfdSession("far", {
        state: "Down",
        up: false,
        diagnostic: "control detection time expired",
        remote: null,
        detectionMs: null,
        lastChange: { at: AT, from: "Up", to: "Down", reason: "nothing heard for 900 ms (3 × 300 ms)" },
        refused: {},
      }),
    },
    { kind: "metrics", role: "checker", values: { 'lbd_kernel_ops_total{op="addService"}': 2 } },
    { kind: "facts", role: "checker", values: { ipvsTransport: "sockopt" } },
    {
      kind: "event",
      id: 1,
      value: {
        at: AT,
        kind: "real-server",
        subject: "192.0.2.11:80",
        from: "up",
        to: "down",
        reason: "connection refused",
      },
    },
    {
      kind: "event",
      id: 2,
      value: { at: AT, kind: "vrrp", subject: "VI_1", from: "BACKUP", to: "MASTER", reason: "no advert" },
    },
  ];
}
