// Process layer, appliance: what `GET /v1/appliance` shows of the machine.
import { readFileSync } from "node:fs";
import { hostname, release, uptime } from "node:os";
import { join } from "node:path";
import type { Boot, Slot } from "../../appliance/boot.ts";
import { DIRECTOR_SETTINGS } from "../../appliance/sysctls.ts";
import type { Severity } from "../../config/findings/diagnostic.ts";
import { VERSION_LINE } from "../../version.ts";
import type { AccessStatus } from "./access/access.ts";
import { type ApplianceRoute, sendJson } from "./api.ts";
import type { Folder } from "./configuration.ts";
import type { ConfigurationStatus } from "./configuration-keeper.ts";
import type { Daemon } from "./daemon.ts";
import type { ImageStatus } from "./image-keeper.ts";

/** The image's own version, as `git describe` had it (appliance/initrd.ts). */
const VERSION_FILE = "/etc/lbd-version";

export interface ApplianceStatus {
  /** Of the image; of this program where there is no image. */
  readonly version: string;
  readonly program: string;
  readonly kernel: string;
  readonly hostname: string;
  /** Seconds. */
  readonly uptime: number;
  /** Absent on a live medium. */
  readonly slot?: Slot;
  /** Starts the loader had left for this slot after this one. */
  readonly startsLeft?: number;
  /** `drained`: its VRRP instances take no part, as somebody asked for. */
  readonly director: { readonly pid?: number; readonly failures: number; readonly drained: boolean };
  /** The folder that is in force, where each part comes from, and whether it is kept as the last good one. */
  readonly configuration: ConfigurationStatus & {
    readonly findings: readonly FindingStatus[];
    readonly missing: readonly string[];
  };
  /** How the API is reached from the network. */
  readonly access: AccessStatus;
  readonly network: { readonly faults: readonly string[] };
  /** Starts, watchdog, updates. */
  readonly image: ImageStatus;
  readonly settings: readonly SettingStatus[];
}

export interface FindingStatus {
  readonly severity: Severity;
  /** `network.yaml:3:5`; absent: the folder as a whole. */
  readonly at?: string;
  readonly message: string;
  readonly hint?: string;
}

export interface SettingStatus {
  readonly path: string;
  readonly wanted: string;
  /** What the kernel has; absent: it has no such setting. */
  readonly seen?: string;
  readonly reason: string;
}

export interface StatusSources {
  readonly boot: Boot;
  readonly folder: Folder;
  readonly configuration: ConfigurationStatus;
  readonly daemon: Daemon;
  readonly drained: boolean;
  readonly networkFaults: readonly string[];
  readonly access: AccessStatus;
  readonly image: ImageStatus;
}

export function statusOf({
  boot,
  folder,
  configuration,
  daemon,
  drained,
  networkFaults,
  access,
  image,
}: StatusSources): ApplianceStatus {
  const { slot, left } = boot;
  return {
    version: imageVersion(),
    program: VERSION_LINE,
    kernel: release(),
    hostname: hostname(),
    uptime: Math.floor(uptime()),
    ...(slot !== undefined && { slot }),
    ...(left !== undefined && { startsLeft: left }),
    director: { ...(daemon.pid !== undefined && { pid: daemon.pid }), failures: daemon.failures, drained },
    configuration: {
      ...configuration,
      findings: folder.findings.map(({ severity, span, message, hint }) => ({
        severity,
        ...(span && { at: `${span.file.name}:${span.line}:${span.column}` }),
        message,
        ...(hint !== undefined && { hint }),
      })),
      missing: folder.missing,
    },
    access,
    network: { faults: networkFaults },
    image,
    settings: DIRECTOR_SETTINGS.map(({ path, value, reason }) => {
      const seen = textOf(join("/proc/sys", path));
      return { path, wanted: value, ...(seen !== undefined && { seen }), reason };
    }),
  };
}

export function imageVersion(): string {
  return textOf(VERSION_FILE) ?? VERSION_LINE;
}

export function statusRoute(status: () => ApplianceStatus): ApplianceRoute {
  return {
    method: "GET",
    path: "/v1/appliance",
    role: "read",
    summary: "The machine: image, slot, last starts, configuration folder, network, kernel settings, updates",
    answer: (_request, response) => sendJson(response, status()),
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
