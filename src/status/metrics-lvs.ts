// Status core: metrics of virtual and real servers.

import { type Add, counter, type Family, flag, gauge, type Labels, seconds } from "./metrics-text.ts";
import type { RealServerStatus, TrafficStatus, VirtualServerStatus } from "./schema.ts";

export function virtualServerFamilies(servers: readonly VirtualServerStatus[]): Family[] {
  const each = (fill: (server: VirtualServerStatus, labels: Labels, add: Add) => void) =>
    function* (add: Add) {
      for (const server of servers) {
        fill(server, { vs: server.id, proto: server.protocol.toLowerCase() }, add);
        yield;
      }
    };
  return [
    gauge(
      "lbd_virtual_server_up",
      "1: the quorum is there.",
      each((s, l, add) => add(flag(s.up), l)),
    ),
    gauge(
      "lbd_virtual_server_quorum",
      "Weight that is wanted, tolerated above and below, and live.",
      each(({ quorum }, l, add) => {
        for (const kind of ["wanted", "hysteresis", "live"] as const) add(quorum[kind], { ...l, kind });
      }),
    ),
    gauge(
      "lbd_virtual_server_sorry_active",
      "1: the sorry server answers.",
      each(({ sorryServer }, l, add) => {
        if (sorryServer) add(flag(sorryServer.active), l);
      }),
    ),
    gauge(
      "lbd_virtual_server_suspended",
      "1: its checks stand still while this director is not master.",
      each((s, l, add) => add(flag(s.suspended), l)),
    ),
    ...TRAFFIC.map(({ suffix, of, help }) =>
      counter(
        `lbd_virtual_server_${suffix}_total`,
        `${help} of a virtual server, from the kernel.`,
        each((s, l, add) => {
          if (s.statistics) add(of(s.statistics), l);
        }),
      ),
    ),
  ];
}

const TRAFFIC: readonly { suffix: string; help: string; of: (traffic: TrafficStatus) => number }[] = [
  { suffix: "connections", help: "Connections", of: (t) => t.connections },
  { suffix: "in_packets", help: "Incoming packets", of: (t) => t.inPackets },
  { suffix: "out_packets", help: "Outgoing packets", of: (t) => t.outPackets },
  { suffix: "in_bytes", help: "Incoming bytes", of: (t) => t.inBytes },
  { suffix: "out_bytes", help: "Outgoing bytes", of: (t) => t.outBytes },
];

export function realServerFamilies(servers: readonly VirtualServerStatus[]): Family[] {
  const each = (fill: (server: RealServerStatus, labels: Labels, add: Add) => void) =>
    function* (add: Add) {
      for (const { id, protocol, realServers } of servers)
        for (const server of realServers) {
          fill(server, { vs: id, proto: protocol.toLowerCase(), rs: server.id }, add);
          yield;
        }
    };
  const eachCheck = (fill: (check: RealServerStatus["checks"][number], labels: Labels, add: Add) => void) =>
    each((server, labels, add) => {
      for (const check of server.checks) fill(check, { ...labels, check: check.id }, add);
    });
  return [
    gauge(
      "lbd_real_server_up",
      "1: all checks of the server pass.",
      each((s, l, add) => add(flag(s.healthy), l)),
    ),
    gauge(
      "lbd_real_server_in_table",
      "1: the kernel has the server.",
      each((s, l, add) => add(flag(s.inTable), l)),
    ),
    gauge(
      "lbd_real_server_weight",
      "Weight as configured, as wanted now, as the kernel has it.",
      each((s, l, add) => {
        add(s.weight.configured, { ...l, kind: "configured" });
        add(s.weight.effective, { ...l, kind: "effective" });
        if (s.weight.kernel !== null) add(s.weight.kernel, { ...l, kind: "kernel" });
      }),
    ),
    gauge(
      "lbd_real_server_connections",
      "Connections now, from the kernel.",
      each((s, l, add) => {
        if (!s.connections) return;
        for (const state of ["active", "inactive", "persistent"] as const) add(s.connections[state], { ...l, state });
      }),
    ),
    ...TRAFFIC.map(({ suffix, of, help }) =>
      counter(
        `lbd_real_server_${suffix}_total`,
        `${help} of a real server, from the kernel.`,
        each((s, l, add) => {
          if (s.statistics) add(of(s.statistics), l);
        }),
      ),
    ),
    gauge(
      "lbd_check_up",
      "1: the check's verdict is good; absent before the first.",
      eachCheck((c, l, add) => {
        if (c.healthy !== null) add(flag(c.healthy), l);
      }),
    ),
    gauge(
      "lbd_check_duration_seconds",
      "How long the last run took.",
      eachCheck((c, l, add) => {
        if (c.lastResult) add(c.lastResult.durationMs / 1000, l);
      }),
    ),
    gauge(
      "lbd_check_last_run_timestamp_seconds",
      "When the last run ended.",
      eachCheck((c, l, add) => {
        if (c.lastResult) add(seconds(c.lastResult.at), l);
      }),
    ),
    counter(
      "lbd_check_runs_total",
      "Runs of a check.",
      eachCheck((c, l, add) => add(c.runs, l)),
    ),
    counter(
      "lbd_check_failures_total",
      "Runs of a check that failed.",
      eachCheck((c, l, add) => add(c.failures, l)),
    ),
  ];
}
