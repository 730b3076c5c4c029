// CLI: what an appliance is asked and told beside its director: `lbd logs`, `events`, `audit`, `drain`, `reboot`, `poweroff`. Without `--host` this
// machine is meant.
import { createInterface } from "node:readline/promises";
import { defineCommand } from "citty";
import * as v from "valibot";
import { auditText } from "../appliance/access/audit.ts";
import { ROLES } from "../appliance/access/permits.ts";
import type { KeptLine } from "../appliance/log-book.ts";
import { escapeControls, renderBare, safeJson } from "../base/log.ts";
import { endOnInterrupt } from "../process/host/signals.ts";
import type { StatusEvent } from "../status/schema.ts";
import { shapes } from "../status/shapes.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { ask, follow, type ServerEvent } from "./client.ts";
import { print } from "./output.ts";
import { type Peer, REMOTE_ARGS } from "./peer.ts";
import { askFor } from "./status-query.ts";
import { complain } from "./terminal.ts";
import { RUN_DIR_HELP } from "./which-director.ts";
import { withAppliance, withPeer } from "./with-peer.ts";

export const LogLineShape = v.object({
  id: v.number(),
  at: v.string(),
  level: v.picklist(["debug", "info", "warning", "error"]),
  area: v.string(),
  message: v.string(),
});
const Logs = v.object({ lines: v.array(LogLineShape) });
const AuditList = v.object({
  entries: v.array(
    v.object({
      id: v.number(),
      at: v.string(),
      who: v.nullable(v.string()),
      role: v.nullable(v.picklist(ROLES)),
      from: v.string(),
      call: v.string(),
      status: v.number(),
      outcome: v.string(),
    }),
  ),
});
const Ending = v.object({ ending: v.string() });

const JSON_ARG = { json: { type: "boolean", description: "Print JSON, one object a line" } } as const;
const FOLLOW_ARG = {
  follow: { type: "boolean", alias: "f", description: "Go on with what comes, until interrupted" },
} as const;

export const logsCommand = defineCommand({
  meta: { name: "lbd logs", description: "The newest log lines of an appliance; exit 3 when it does not answer" },
  args: {
    lines: { type: "string", alias: "n", valueHint: "COUNT", default: "200", description: "So many of them" },
    ...FOLLOW_ARG,
    ...JSON_ARG,
    ...REMOTE_ARGS,
  },
  run: ({ args }) => {
    if (!/^\d{1,4}$/.test(args.lines)) return complain(`--lines ${args.lines}: expected a number`, ASK_EXIT.usage);
    const show = (line: KeptLine) =>
      print(args.json ? safeJson(JSON.stringify(line)) : `${escapeControls(line.at)} ${renderBare(line)}`);
    return withAppliance(args, async (peer) => {
      if (args.follow) return followed(peer, `/v1/logs?follow=true&limit=${args.lines}`, LogLineShape, "log", show);
      const logs = await askFor((path) => ask(peer, path), `/v1/logs?limit=${args.lines}`, Logs);
      if (!logs.ok) return complain(logs.error.message, logs.error.exit);
      for (const line of logs.value.lines) show(line);
    });
  },
});

export const eventsCommand = defineCommand({
  meta: { name: "lbd events", description: "What happened, as far as it is kept; exit 3 when no director runs" },
  args: {
    ...FOLLOW_ARG,
    ...JSON_ARG,
    "run-dir": { type: "string", valueHint: "DIR", description: RUN_DIR_HELP },
    ...REMOTE_ARGS,
  },
  run: ({ args }) =>
    withPeer(args, async (peer) => {
      const show = (event: StatusEvent) => print(args.json ? safeJson(JSON.stringify(event)) : eventText(event));
      if (args.follow) return followed(peer, "/v1/events?lastEventId=0", shapes.Event, undefined, show);
      // The first thing that a new reader is told is the number of the last event.
      let last = 0;
      const first = await follow(peer, "/v1/events", ({ id }) => {
        last = numberOf(id);
        return "enough";
      });
      if (first) return complain(first.message, first.exit);
      if (last === 0) return;
      await followed(peer, "/v1/events?lastEventId=0", shapes.Event, undefined, show, last);
    }),
});

export const auditCommand = defineCommand({
  meta: { name: "lbd audit", description: "Who changed what on an appliance, and who was refused" },
  args: { ...JSON_ARG, ...REMOTE_ARGS },
  run: ({ args }) =>
    withAppliance(args, async (peer) => {
      const list = await askFor((path) => ask(peer, path), "/v1/audit", AuditList);
      if (!list.ok) return complain(list.error.message, list.error.exit);
      for (const entry of list.value.entries)
        print(args.json ? safeJson(JSON.stringify(entry)) : escapeControls(`${entry.at} ${auditText(entry)}`));
    }),
});

const YES_ARG = { yes: { type: "boolean", description: "Don't ask" } } as const;

export const rebootCommand = defineCommand({
  meta: {
    name: "lbd reboot",
    description: "Start an appliance again: its director hands its addresses over first",
  },
  args: { ...YES_ARG, ...REMOTE_ARGS },
  run: ({ args }) => ending("/v1/appliance/reboot", "Start it again?", args),
});

export const poweroffCommand = defineCommand({
  meta: { name: "lbd poweroff", description: "Switch an appliance off: its director hands its addresses over first" },
  args: { ...YES_ARG, ...REMOTE_ARGS },
  run: ({ args }) => ending("/v1/appliance/poweroff", "Switch it off? Somebody has to be there to switch it on", args),
});

const Drained = v.object({ drained: v.boolean() });

export const drainCommand = defineCommand({
  meta: {
    name: "lbd drain",
    description:
      "Have the director of an appliance hand its addresses over and stay out of VRRP, before work on the machine",
  },
  args: {
    undo: { type: "boolean", description: "It may take part again" },
    ...REMOTE_ARGS,
  },
  run: ({ args }) =>
    withAppliance(args, async (peer) => {
      const path = args.undo ? "/v1/appliance/undrain" : "/v1/appliance/drain";
      const answer = await askFor((of) => ask(peer, of, "POST"), path, Drained);
      if (!answer.ok) return complain(answer.error.message, answer.error.exit);
      print(
        answer.value.drained ? "it takes no part until lbd drain --undo, or its next start" : "it takes part again",
      );
    }),
});

function ending(
  path: string,
  question: string,
  args: Parameters<typeof withAppliance>[0] & { yes?: boolean | undefined },
) {
  return withAppliance(args, async (peer) => {
    if (!args.yes && !(await isWanted(question)))
      return complain("nothing was done (--yes does it without a question)", ASK_EXIT.failed);
    const answer = await askFor((of) => ask(peer, of, "POST"), path, Ending);
    if (!answer.ok) return complain(answer.error.message, answer.error.exit);
    print("it ends now");
  });
}

async function isWanted(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
}

/** Shows the data of each event of a kind, to the end of the stream or the event with the number `last`. */
async function followed<T>(
  peer: Peer,
  path: string,
  schema: v.GenericSchema<unknown, T>,
  kind: string | undefined,
  show: (value: T) => void,
  last = Number.POSITIVE_INFINITY,
): Promise<void> {
  endOnInterrupt();
  const failed = await follow(peer, path, (event) => {
    const value = dataOf(event, schema);
    if (value !== undefined && (kind === undefined || event.event === kind)) show(value);
    return numberOf(event.id) >= last ? "enough" : "more";
  });
  if (failed) complain(failed.message, failed.exit);
}

function dataOf<T>({ data }: ServerEvent, schema: v.GenericSchema<unknown, T>): T | undefined {
  try {
    const read = v.safeParse(schema, JSON.parse(data));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}

/** `START-17` → 17. */
function numberOf(id: string): number {
  return Number(/-(\d+)$/.exec(id)?.[1] ?? 0);
}

export function eventText({ at, kind, subject, from, to, reason }: StatusEvent): string {
  const change = from === undefined ? to : `${from} to ${to}`;
  return escapeControls(`${at} ${kind} ${subject}: ${change}${reason === "" ? "" : ` (${reason})`}`);
}
