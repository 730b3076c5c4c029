// Process layer, appliance: Debian's chronyd as a child, which sets the clock by the servers of appliance.yaml; by those that DHCP named
// where that has none. It gives up its rights itself, and nobody can ask it anything.
import { spawn } from "node:child_process";
import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chronyConfiguration } from "../../appliance/time.ts";
import type { Clock } from "../../base/clock.ts";
import { SEARCH_PATH } from "../../base/environment.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { replaceFile } from "../host/replace-file.ts";
import { readLines } from "../read-lines.ts";
import { createDaemon, type Daemon } from "./daemon.ts";
import { OWN_CHILD } from "./left-children.ts";

const STOP_LIMIT_MS = 2000;
const PROGRAM = "/usr/sbin/chronyd";
/** Of the image's /etc/passwd (appliance/initrd.ts). */
const ACCOUNT = { name: "_chrony", id: 100 };

export interface TimeKeeper {
  /** Servers of appliance.yaml. */
  want(servers: readonly string[]): void;
  /** Servers that DHCP named. */
  learned(servers: readonly string[]): void;
  stop(): Promise<void>;
}

export function createTimeKeeper(clock: Clock, log: Log, folder: string): TimeKeeper {
  let written: readonly string[] = [];
  let learned: readonly string[] = [];
  let inForce: string | undefined;
  let daemon: Daemon | undefined;
  let turn = Promise.resolve();

  async function apply(): Promise<void> {
    const text = chronyConfiguration(written.length > 0 ? written : learned, { folder, account: ACCOUNT.name });
    if (text === inForce) return;
    inForce = text;
    await daemon?.stop(STOP_LIMIT_MS);
    daemon = undefined;
    if (text === undefined) return;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      chownSync(folder, ACCOUNT.id, ACCOUNT.id);
      replaceFile(join(folder, "..", "chrony.conf"), text, 0o644);
    } catch (error) {
      log({ level: "error", area: "time", message: messageOf(error) });
      return;
    }
    daemon = createDaemon({
      clock,
      log,
      name: "chronyd",
      start: (ended) => spawnChrony(join(folder, "..", "chrony.conf"), log, ended),
    });
    daemon.start();
  }

  const change = () => {
    turn = turn.then(apply);
  };
  return {
    want(servers) {
      written = servers;
      change();
    },
    learned(servers) {
      learned = servers;
      change();
    },
    async stop() {
      await turn;
      await daemon?.stop(STOP_LIMIT_MS);
    },
  };
}

/** `-d`: it stays a child and writes its log to standard error. */
function spawnChrony(configuration: string, log: Log, ended: (how: string) => void) {
  const child = spawn(PROGRAM, ["-d", "-f", configuration], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: SEARCH_PATH, ...OWN_CHILD },
  });
  void readLines(child.stderr, (line) => {
    const message = line.replace(/^\d{4}-\d\d-\d\dT\S+ /, "");
    log({ level: /wrong by|can't|could not|fatal|error/i.test(message) ? "warning" : "info", area: "time", message });
  });
  child.on("error", (error) => ended(error.message));
  child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
  return { pid: child.pid ?? 0, signal: (name: NodeJS.Signals) => child.kill(name) };
}
