// A director whose children and files a test plays, with a clock that it moves.
import type { LogLine } from "../../src/base/log.ts";
import type { Config } from "../../src/config/model/config.ts";
import type { ApiCallers } from "../../src/process/api-callers.ts";
import { createReloadWords, type ReloadWordsPorts } from "../../src/process/configuration/reload-words.ts";
import type { RunOptions } from "../../src/process/options.ts";
import { createParent } from "../../src/process/parent.ts";
import type { ParentPorts } from "../../src/process/parent-state.ts";
import { readerOptions } from "../../src/process/reader-messages.ts";
import { createReadings } from "../../src/process/readings.ts";
import type { SpawnChild } from "../../src/process/runtime.ts";
import type { RoleName } from "../../src/roles/role.ts";
import { type FakeChildren, fakeChildren } from "./fake-children.ts";
import { type Found, fakeReaders } from "./fake-readers.ts";
import { manualClock } from "./manual-clock.ts";

export const RUN_OPTIONS: RunOptions = {
  configFile: "/k.conf",
  allConfig: false,
  strict: false,
  runDir: "/run/lbd",
  runDirGiven: false,
  rolePidFiles: {},
  api: null,
  ipvsTransport: "auto",
  logFormat: "text",
  debug: false,
  roles: { vrrp: true, checker: true, bfd: true },
  releaseIpvs: true,
  releaseVrrp: true,
  respawn: true,
  ignoreSigint: false,
  coreFiles: false,
  notes: [],
};

export interface ParentLabOptions {
  readonly change?: Partial<RunOptions>;
  readonly children?: FakeChildren;
  readonly spawn?: SpawnChild;
  /** Roles that have left things in the kernel when their process is gone. */
  readonly leftBehind?: readonly RoleName[];
  readonly likely?: readonly RoleName[];
  readonly callers?: ApiCallers;
  /** Files of the words about reloads; absent: none. */
  readonly reloadFiles?: Pick<ReloadWordsPorts, "watch" | "make" | "append" | "remove">;
  /** That this build has. */
  readonly roles?: readonly RoleName[];
  /** Further ones, which a director has on a machine. */
  readonly ports?: Partial<ParentPorts>;
}

export function parentLab(first: Found, options: ParentLabOptions = {}) {
  const { change = {}, children = fakeChildren(), leftBehind = [], likely = ["checker"] } = options;
  const clock = manualClock();
  const logs: LogLine[] = [];
  const ended: number[] = [];
  let next = first;
  let mayEmpty = false;
  const { roles = ["vrrp", "checker", "api"] } = options;
  const readers = fakeReaders(clock, () => next);
  const run = { ...RUN_OPTIONS, ...change };
  const readings = createReadings(readerOptions(run, {}), roles, {
    clock,
    spawn: readers.spawn,
    stamp: () => undefined,
  });
  const log = (line: LogLine) => void logs.push(line);
  const { reloadFiles } = options;
  const director = createParent(run, {
    clock,
    log,
    spawn: options.spawn ?? children.spawn,
    readings,
    roles: new Set(roles),
    identity: { version: "0", pid: 1, boot: "b", hostname: "h" },
    ...(options.callers && { callers: options.callers }),
    ...(reloadFiles && {
      reloads: createReloadWords({ clock, log, directory: "/run", ...reloadFiles, reload: () => director.reload() }),
    }),
    likely: () => new Set(likely),
    leftBehind: (role) => leftBehind.includes(role),
    mayEmpty() {
      const may = mayEmpty;
      mayEmpty = false;
      return may;
    },
    ended: (status) => ended.push(status),
    ...options.ports,
  });
  return {
    clock,
    logs,
    ended,
    director,
    children,
    readers,
    readings,
    startedRoles: () => children.all.filter((child) => child.last("start")).map((child) => child.role),
    willRead(found: Found) {
      next = found;
    },
    allowEmpty() {
      mayEmpty = true;
    },
    said: (text: string) => logs.some((line) => line.message.includes(text)),
  };
}

/** Lets promises that are settled run their continuations. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

export function configIds(config: Config | undefined): string[] {
  return config?.virtualServers.map((server) => server.id) ?? [];
}
