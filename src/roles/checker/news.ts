// Role checker: what the checker role tells when something happened: a log line, an event, and the notifications that keepalived would
// send (checkers.md §1; measured beside Debian's keepalived).
import { escapeControls } from "../../base/log.ts";
import { type LogLimit, limitLog } from "../../base/log-limit.ts";
import type { ServerStanding } from "../../check/standing.ts";
import type { Check } from "../../config/model/check.ts";
import type { RealServer } from "../../config/model/lvs.ts";
import type { Notification, Notifier } from "../../notify/notification.ts";
import type { RoleContext } from "../role.ts";
import { serverNotification, serviceNotification } from "./notify.ts";
import type { CheckedService } from "./served.ts";
import { iso } from "./status.ts";

type Tell = (notification: Notification) => void;

const REMOVED = "removed from the configuration";

export interface CheckerNews {
  /** A service that begins. `initsToo` (rs_init_notifies): its servers that are up are told of as well. */
  started(service: CheckedService, initsToo: boolean): void;
  /** What a reload changed in a service that goes on. */
  reloaded(before: CheckedService, after: CheckedService): void;
  /** A reload took a service away. */
  removed(gone: CheckedService): void;
  /** The director stops, and the service wants that told (`omega`). */
  stopping(service: CheckedService): void;
  serverChanged(service: CheckedService, realServer: RealServer, now: ServerStanding): void;
  /** A server that starts as down and fails its first check: it has never been up. */
  serverStaysDown(service: CheckedService, realServer: RealServer, reason: string): void;
  reweighed(service: CheckedService, realServer: RealServer, from: number, now: ServerStanding): void;
  quorumChanged(service: Pick<CheckedService, "virtualServer" | "standing">): void;
  suspended(service: CheckedService): void;
  event(kind: string, subject: string, from: string | undefined, to: string, reason: string): void;
  log(level: "info" | "warning" | "error", message: string): void;
  /** What a check came to: it took a server down or up, or failed and changed nothing. */
  checkSaid(service: CheckedService, realServer: RealServer, check: Check, word: CheckWord): void;
  /** A check could not be made for want of something on this machine; the server stays as it is. */
  notTried(service: CheckedService, realServer: RealServer, check: Check, reason: string): void;
  /** Says now what was held back from the log. */
  flush(): void;
}

export interface CheckWord {
  readonly what: "up" | "down" | "failed";
  readonly reason: string;
  /** Good news go out as information, the rest as warnings. */
  readonly good: boolean;
}

type Level = "info" | "warning" | "error";

/** What servers can make us write: each of them ten lines a minute, all together two thousand. */
const SERVER_LOG: LogLimit = { windowMs: 60_000, burst: 10, kinds: 4096, total: 2000 };

export function createCheckerNews({ clock, log: write, report }: RoleContext, notifier: Notifier): CheckerNews {
  const limited = limitLog(write, clock, SERVER_LOG);

  function log(level: "info" | "warning" | "error", message: string): void {
    write({ level, area: "checker", message: escapeControls(message) });
  }

  /** `object`: whose line it is; a server that comes and goes is not told more often than the limit allows. */
  function logOf(object: string, level: Level, message: string): void {
    limited(object, { level, area: "checker", message: escapeControls(message) });
  }

  function event(kind: string, subject: string, from: string | undefined, to: string, reason: string): void {
    const value = { at: iso(clock.wallMs()), kind, subject, to, reason, ...(from === undefined ? {} : { from }) };
    report({ kind: "event", value });
  }

  function serverChanged({ virtualServer }: CheckedService, realServer: RealServer, now: ServerStanding): void {
    const { healthy, reason } = now;
    const [from, to] = healthy ? ["down", "up"] : ["up", "down"];
    const message = `real server ${realServer.id} of ${virtualServer.id}: ${from} → ${to}: ${reason}`;
    logOf(`${virtualServer.id} ${realServer.id}`, healthy ? "info" : "warning", message);
    event("real-server", `${virtualServer.id} ${realServer.id}`, from, to, reason);
    notifier.notify(serverNotification(virtualServer, realServer, healthy, reason));
  }

  function quorumChanged({ virtualServer, standing }: Pick<CheckedService, "virtualServer" | "standing">): void {
    const { quorumUp, reason } = standing;
    const [from, to] = quorumUp ? ["down", "up"] : ["up", "down"];
    const message = `virtual server ${virtualServer.id}: ${from} → ${to}: ${reason}`;
    logOf(virtualServer.id, quorumUp ? "info" : "warning", message);
    event("virtual-server", virtualServer.id, from, to, reason);
    notifier.notify(serviceNotification(virtualServer, standing));
    const sorry = virtualServer.sorryServer;
    if (!sorry) return;
    const does = quorumUp ? "is relieved" : "serves";
    logOf(`${virtualServer.id} sorry`, "info", `virtual server ${virtualServer.id}: sorry server ${sorry.ip} ${does}`);
    const [before, after] = quorumUp ? ["serving", "waiting"] : ["waiting", "serving"];
    event("sorry-server", `${virtualServer.id} ${sorry.ip}`, before, after, reason);
  }

  /** Programs and FIFOs hear it, no mail goes out. */
  function quietly(notification: Notification): void {
    notifier.notify({ ...notification, smtpAlert: false });
  }

  /** Whoever was told that it is up hears that it is no more. */
  function serviceEnds(service: CheckedService, reason: string, tell: Tell): void {
    const { virtualServer, standing } = service;
    for (const realServer of virtualServer.realServers) serverEnds(service, realServer, reason, tell);
    if (standing.quorumUp) tell(serviceNotification(virtualServer, { ...standing, quorumUp: false }));
  }

  function serverEnds({ virtualServer, standing }: CheckedService, realServer: RealServer, reason: string, tell: Tell) {
    if (standing.realServers.get(realServer.id)?.healthy)
      tell(serverNotification(virtualServer, realServer, false, reason));
  }

  return {
    started({ virtualServer, standing }, initsToo) {
      for (const realServer of initsToo ? virtualServer.realServers : []) {
        const own = standing.realServers.get(realServer.id);
        if (own?.healthy) notifier.notify(serverNotification(virtualServer, realServer, true, own.reason));
      }
      // keepalived: without a quorum at the start only a sorry server that begins to serve is worth telling.
      if (!standing.quorumUp && !virtualServer.sorryServer) return;
      event("virtual-server", virtualServer.id, undefined, standing.quorumUp ? "up" : "down", standing.reason);
      notifier.notify(serviceNotification(virtualServer, standing));
    },
    reloaded(before, after) {
      const { virtualServer, standing } = after;
      for (const realServer of virtualServer.realServers) {
        const old = before.standing.realServers.get(realServer.id);
        const own = standing.realServers.get(realServer.id);
        if (old && own && old.healthy !== own.healthy) serverChanged(after, realServer, own);
      }
      const kept = new Set(virtualServer.realServers.map((realServer) => realServer.id));
      for (const realServer of before.virtualServer.realServers) {
        if (kept.has(realServer.id)) continue;
        event("real-server", `${virtualServer.id} ${realServer.id}`, undefined, "removed", REMOVED);
        serverEnds(before, realServer, REMOVED, notifier.notify);
      }
      if (before.standing.quorumUp !== standing.quorumUp) quorumChanged(after);
    },
    removed(gone) {
      serviceEnds(gone, REMOVED, notifier.notify);
      const { id } = gone.virtualServer;
      event("virtual-server", id, gone.standing.quorumUp ? "up" : "down", "removed", REMOVED);
      report({ kind: "virtual-server-gone", id });
    },
    // keepalived is gone before a mail could be sent.
    stopping: (service) => serviceEnds(service, "shutting down", quietly),
    serverChanged,
    serverStaysDown({ virtualServer }, realServer, reason) {
      quietly(serverNotification(virtualServer, realServer, false, reason));
    },
    reweighed({ virtualServer }, realServer, from, { weight, reason }) {
      event("real-server", `${virtualServer.id} ${realServer.id}`, `weight ${from}`, `weight ${weight}`, reason);
    },
    quorumChanged,
    suspended({ virtualServer, suspended }) {
      const [from, to] = suspended ? ["checking", "suspended"] : ["suspended", "checking"];
      const reason = `its address is ${suspended ? "not " : ""}on this machine`;
      logOf(`${virtualServer.id} suspended`, "info", `virtual server ${virtualServer.id}: ${to}: ${reason}`);
      event("virtual-server", virtualServer.id, from, to, reason);
    },
    event,
    log,
    checkSaid({ virtualServer }, realServer, check, { what, reason, good }) {
      const message = `${check.id} of ${realServer.id} in ${virtualServer.id}: ${what}: ${reason}`;
      logOf(`${virtualServer.id} ${realServer.id} ${check.id}`, good ? "info" : "warning", message);
    },
    notTried({ virtualServer }, realServer, check, reason) {
      const message = `${check.id} of ${realServer.id} in ${virtualServer.id}: ${reason}; the server stays as it is`;
      // One kind for all: a full table of descriptors concerns every check at once.
      logOf("not tried", "warning", message);
    },
    flush: limited.flush,
  };
}
