// Appliance core: what the machine's console shows, and what is made of the machine's own status for it: what is wrong and what to do.
import type { Severity } from "../../config/findings/diagnostic.ts";
import { NOT_THERE } from "../folder/parts.ts";

export interface ConsolePicture {
  readonly hostname: string;
  /** Of the image. */
  readonly version: string;
  /** Absent on a live medium. */
  readonly slot?: string;
  readonly uptimeS: number;
  /** In the order of the kernel; without loopback. */
  readonly interfaces: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly access: ConsoleAccess;
  /** Absent: it does not answer. */
  readonly director?: ConsoleDirector;
  /** The newest last. */
  readonly events: readonly string[];
  readonly problems: readonly Problem[];
}

/** It runs from a medium that can be installed, as far as the machine has said how it runs. */
export function isLive({ slot, access }: ConsolePicture): boolean {
  return slot === undefined && access.state !== "unknown";
}

export interface ConsoleAccess {
  readonly state: string;
  readonly address?: string;
  readonly fingerprint?: string;
  readonly reason?: string;
}

export interface ConsoleDirector {
  /** In one line: ready, servers up and down, VRRP states. */
  readonly headline: string;
  readonly reasons: readonly string[];
  readonly instances: readonly ConsoleInstance[];
}

export interface ConsoleInstance {
  readonly name: string;
  readonly state: string;
  /** ISO 8601. */
  readonly since: string;
  readonly interface: string;
  readonly vrid: number;
  readonly priority: number;
  /** Of the master, or why it is in fault. */
  readonly note: string;
}

export interface Problem {
  readonly what: string;
  readonly todo: string;
}

/** As GET /v1/appliance has it, as far as it is looked at here. */
export interface MachineFacts {
  readonly configuration: {
    readonly findings: readonly {
      readonly severity: Severity;
      readonly at?: string;
      readonly message: string;
      readonly hint?: string;
    }[];
    readonly missing: readonly string[];
    readonly parts: readonly { readonly name: string; readonly from: string; readonly reason?: string }[];
  };
  readonly access: ConsoleAccess;
  readonly network: { readonly faults: readonly string[] };
  readonly image: {
    readonly start: { readonly faults: readonly string[]; readonly damage?: string };
    readonly history: { readonly failure?: { readonly version: string; readonly reason: string } };
    readonly watchdog: { readonly problem?: string };
  };
  readonly director: { readonly failures: number };
}

/** @param facts undefined: the machine's own API does not answer; @param answers the director does */
export function problemsOf(facts: MachineFacts | undefined, answers: boolean): readonly Problem[] {
  if (!facts)
    return [
      {
        what: "the appliance does not answer on this machine",
        todo: "it is started again by itself; reboot if it stays so",
      },
    ];
  const { configuration, access, network, image, director } = facts;
  const errors = configuration.findings.filter(({ severity }) => severity === "error");
  return [
    ...unreadPartition(facts),
    ...configuration.missing.map((name) => ({
      what: `the configuration has no ${name}`,
      todo: "put it on the partition LBD-CONF, which any laptop mounts",
    })),
    // What is in force has no error then: the one on the partition is the reason.
    ...configuration.parts
      .filter(({ from }) => from === "last-good")
      .map(({ name, reason = "it can't be used" }) => ({
        what: `${name === "director" ? "keepalived.conf" : name} is the last good one: ${reason}`,
        todo: "mend it on the partition LBD-CONF, or by lbd --host NAME config put",
      })),
    ...errors.map(({ at, message, hint }) => ({
      what: `${at === undefined ? "" : `${at}: `}${message}`,
      todo: hint ?? "mend the file; what else it says is in force",
    })),
    ...network.faults.map((fault) => ({
      what: `network: ${fault}`,
      todo: "see network.yaml, and n for a test of the network",
    })),
    ...(answers
      ? []
      : [
          {
            what:
              director.failures > 0 ? `the director ended ${director.failures} times` : "the director does not answer",
            todo: "it is started again by itself and takes over what the kernel has; the log says why it ended",
          },
        ]),
    ...(access.state === "waiting" || access.state === "failed"
      ? [{ what: `API: ${access.reason ?? access.state}`, todo: "see api: in appliance.yaml" }]
      : []),
    ...image.start.faults.map((fault) => ({
      what: `this start: ${fault}`,
      todo: "if it stays so the other slot has its turn",
    })),
    ...problemsOfImage(image),
  ];
}

/** Nothing is in force in its place: with a last good part that one's line says it. */
function unreadPartition({ configuration: { parts } }: MachineFacts): readonly Problem[] {
  const unread = parts.find(({ from, reason = NOT_THERE }) => from === "none" && reason !== NOT_THERE);
  if (!unread) return [];
  return [
    {
      what: `the configuration partition: ${unread.reason}`,
      todo: "mend the partition LBD-CONF on a laptop, or write the disk anew with lbd appliance flash",
    },
  ];
}

function problemsOfImage({ start, history, watchdog }: MachineFacts["image"]): readonly Problem[] {
  const { failure } = history;
  return [
    ...(start.damage === undefined
      ? []
      : [
          {
            what: start.damage,
            todo: "it is written anew by a good start; a disk that does so again is to be replaced",
          },
        ]),
    ...(failure === undefined
      ? []
      : [
          {
            what: `the update to ${failure.version} was given up: ${failure.reason}`,
            todo: "the version before runs; the next good update takes this line away",
          },
        ]),
    ...(watchdog.problem === undefined
      ? []
      : [
          {
            what: `watchdog: ${watchdog.problem}`,
            todo: "switch the machine's own on in its firmware; where it has none: watchdog: {enabled: false}",
          },
        ]),
  ];
}
