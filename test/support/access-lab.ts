// The way in to an appliance, for tests: the real gate as a process on loopback, a real director behind it, and the machine's own routes with
// what they would do to it written down instead.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Audit, createAudit } from "../../src/appliance/access/audit.ts";
import { hashOf } from "../../src/appliance/access/permits.ts";
import { createLogBook, type LogBook } from "../../src/appliance/log-book.ts";
import { type ApplianceSettings, DEFAULT_SETTINGS } from "../../src/appliance/settings.ts";
import type { Log } from "../../src/base/log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Access, createAccess } from "../../src/process/appliance/access/access.ts";
import { checkRoute } from "../../src/process/appliance/access/check-folder.ts";
import { machineRoutes } from "../../src/process/appliance/access/routes.ts";
import { startGate } from "../../src/process/appliance/access/start-gate.ts";
import { createTrail } from "../../src/process/appliance/access/trail.ts";
import type { ApplianceRoute } from "../../src/process/appliance/api.ts";
import { type LbdLab, lbdLab, PROGRAM, type RunningLbd } from "./lbd.ts";
import { until } from "./until.ts";

/** Tokens that the lab knows: `lbd_read`, `lbd_operate`, `lbd_admin`, of reader, operateer and adminer. */
const ROLES = ["read", "operate", "admin"] as const;

export interface AccessLab {
  readonly lab: LbdLab;
  readonly director: RunningLbd;
  readonly access: Access;
  /** The copy of the configuration in memory. */
  readonly folder: string;
  readonly port: number;
  readonly audit: Audit;
  readonly book: LogBook;
  readonly log: Log;
  /** Names of files that were to be kept. */
  readonly kept: readonly string[];
  /** What was done to the machine. */
  readonly done: readonly string[];
  gatePid(): number;
  /** Messages of the log. */
  said(): readonly string[];
  settingsWith(api: Partial<NonNullable<ApplianceSettings["api"]>>): ApplianceSettings;
  end(): Promise<void>;
}

export async function accessLab(own: readonly ApplianceRoute[] = []): Promise<AccessLab> {
  const folder = mkdtempSync(join(tmpdir(), "appliance-access-"));
  // Below it the gate must be able to walk.
  const sockets = mkdtempSync("/run/lbd-access-");
  execFileSync("chmod", ["711", sockets]);
  const lab = lbdLab();
  const clock = systemClock();
  const audit = createAudit();
  const book = createLogBook();
  const log: Log = (line) => void book.add(line, new Date().toISOString());
  const done: string[] = [];
  const kept: string[] = [];
  let gatePid = 0;
  const port = freePort();
  const director = lab.start("global_defs { router_id x }\n", "--events-on-stdin");
  await until("the director is ready", async () => (await director.ask("/readyz"))?.status === 200);
  const routes = [
    ...own,
    checkRoute(folder, PROGRAM),
    ...machineRoutes({
      book,
      audit,
      reload(mayEmpty) {
        done.push(mayEmpty ? "reload, may be empty" : "reload");
        director.signal("SIGHUP");
      },
      finish: (how) => done.push(how),
    }),
  ];
  const access = createAccess({
    ...{ clock, log, routes, folder },
    trail: createTrail({ clock, log, audit, happened: (event) => director.tell(JSON.stringify(event)) }),
    directorSocket: join(director.runDir, "api.sock"),
    keep: (files) => kept.push(...files.keys()),
    startGate(order, heard, ended) {
      const gate = startGate(order, heard, ended, PROGRAM);
      gatePid = gate.pid;
      return gate;
    },
    socket: join(sockets, "gate", "door.sock"),
  });
  const settingsWith: AccessLab["settingsWith"] = (api) => {
    const origin = { file: "appliance.yaml", line: 1, column: 1 };
    const tokens = ROLES.map((role) => ({ name: `${role}er`, role, sha256: hashOf(`lbd_${role}`) }));
    return { ...DEFAULT_SETTINGS, hostname: "director1", api: { address: "127.0.0.1", port, tokens, origin, ...api } };
  };
  await access.apply(settingsWith({}));
  await until("the gate listens", () => access.status().state === "listening");
  return {
    ...{ lab, director, access, folder, port, audit, book, log, kept, done, settingsWith },
    gatePid: () => gatePid,
    said: () => book.after(0, 1000).map(({ message }) => message),
    async end() {
      await access.stop();
      await lab.end();
      rmSync(dirname(dirname(access.socket)), { recursive: true, force: true });
      rmSync(folder, { recursive: true });
    },
  };
}

/** The gate listens on it a moment later. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
