// Process layer, appliance: lets the network in as appliance.yaml says: certificate, door, and the gate as a child that is started again when
// it ends. Without `api:` none of them is there and nothing listens beyond loopback.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_CONNECTIONS } from "../../../api/connections.ts";
import type { ApplianceSettings } from "../../../appliance/settings.ts";
import type { Clock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { formatEndpoint } from "../../../base/ip.ts";
import type { Log } from "../../../base/log.ts";
import { limitLog } from "../../../base/log-limit.ts";
import { unreachable } from "../../../base/never.ts";
import { type ApplianceApi, type ApplianceRoute, serveOn } from "../api.ts";
import { createDaemon, type Daemon, type DaemonProcess } from "../daemon.ts";
import { type CertificatePorts, serverCertificate } from "./certificate.ts";
import { createDoor } from "./door.ts";
import { GATE_ID, GATE_SOCKET, type GateOrder, type GateReport } from "./gate-protocol.ts";
import type { Trail } from "./trail.ts";

const STOP_LIMIT_MS = 2000;
/** Reports of a kind that are logged in a window: last words of a runtime have so many lines. */
const REPORT_BURST = 20;
/** A judgement or a request for each of the gate's connections, and as many again that are on their way out. */
const MAX_DOOR_CONNECTIONS = 2 * MAX_CONNECTIONS;

/** How the API is reached, as `GET /v1/appliance` shows it. */
export interface AccessStatus {
  /** `off`: appliance.yaml has no `api:`; `waiting`: with the reason. */
  readonly state: "off" | "starting" | "listening" | "waiting" | "failed";
  readonly reason?: string;
  /** `192.0.2.5:8443`. */
  readonly address?: string;
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint?: string;
  readonly certificate?: "given" | "own";
}

export interface AccessPorts extends Pick<CertificatePorts, "folder" | "keep"> {
  readonly clock: Clock;
  readonly log: Log;
  readonly trail: Trail;
  readonly routes: readonly ApplianceRoute[];
  readonly directorSocket: string;
  startGate(order: GateOrder, heard: (report: GateReport) => void, ended: (how: string) => void): DaemonProcess;
  /** Where the door is; GATE_SOCKET and its group. */
  readonly socket?: string;
  readonly group?: number;
}

export interface Access {
  /** Where the door is. */
  readonly socket: string;
  status(): AccessStatus;
  /** Puts other settings in force: the gate is started anew where they concern it. */
  apply(settings: ApplianceSettings): Promise<void>;
  stop(): Promise<void>;
}

export function createAccess(ports: AccessPorts): Access {
  const { clock, log, folder, socket = GATE_SOCKET } = ports;
  let settings: ApplianceSettings | undefined;
  let state: AccessStatus = { state: "off" };
  let door: ApplianceApi | undefined;
  let gate: Daemon | undefined;
  let inForce = "";
  // The gate may be in a stranger's hands.
  const limited = limitLog(log, clock, { burst: REPORT_BURST });

  /** One at a time. */
  let turn = Promise.resolve();
  function apply(next: ApplianceSettings): Promise<void> {
    turn = turn.then(() => applyNow(next));
    return turn;
  }

  async function applyNow(next: ApplianceSettings): Promise<void> {
    settings = next;
    const { api } = next;
    if (!api) return stop();
    try {
      const { fingerprint, origin, ...pair } = await serverCertificate(api, next.hostname, ports);
      const authority = api.clientAuthority;
      const order: GateOrder = {
        address: api.address,
        port: api.port,
        ...pair,
        ...(authority !== undefined && { clientAuthority: readFileSync(join(folder, authority), "utf8") }),
        socket,
      };
      // Tokens are asked for with each request: they need no other gate.
      if (gate && inForce === JSON.stringify(order)) return;
      await stop();
      inForce = JSON.stringify(order);
      const place = { path: socket, group: ports.group ?? GATE_ID, maxConnections: MAX_DOOR_CONNECTIONS };
      door = await serveOn(place, createDoor(doorPorts()));
      const address = formatEndpoint(api.address, api.port);
      state = { state: "starting", address, fingerprint, certificate: origin };
      gate = createDaemon({
        clock,
        log,
        name: "the gate of the API",
        start: (ended) => ports.startGate(order, hear, ended),
      });
      gate.start();
    } catch (error) {
      await stop();
      state = { state: "failed", reason: messageOf(error) };
      log({ level: "error", area: "api", message: `the API can't be opened to the network: ${messageOf(error)}` });
    }
  }

  function doorPorts() {
    const { routes, trail, directorSocket } = ports;
    return {
      ...{ routes, clock, log, trail, directorSocket },
      tokens: () => settings?.api?.tokens ?? [],
      takesCertificates: () => settings?.api?.clientAuthority !== undefined,
    };
  }

  function hear(report: GateReport): void {
    const { address = "", fingerprint } = state;
    switch (report.kind) {
      case "note":
        limited(report.kind, { level: "warning", area: "api", message: `gate: ${report.message}` });
        break;
      case "listening": {
        const { reason: _reason, ...rest } = state;
        state = { ...rest, state: "listening" };
        limited(report.kind, {
          level: "info",
          area: "api",
          message: `listening on https://${address}, fingerprint ${fingerprint}`,
        });
        break;
      }
      case "waiting":
        state = { ...state, state: "waiting", reason: report.reason };
        limited(report.kind, {
          level: "error",
          area: "api",
          message: `can't listen on ${address} yet: ${report.reason}`,
        });
        break;
      default:
        unreachable(report);
    }
  }

  async function stop(): Promise<void> {
    const [running, open] = [gate, door];
    [gate, door, inForce, state] = [undefined, undefined, "", { state: "off" }];
    await running?.stop(STOP_LIMIT_MS);
    open?.close();
  }

  return { socket, status: () => state, apply, stop };
}
