// CLI: what the console shows, asked from the machine's API and the director's again and again.
import { networkInterfaces, hostname as ownName, uptime as uptimeNow } from "node:os";
import * as v from "valibot";
import { Status, VrrpList } from "../api/answers.ts";
import { type ConsolePicture, problemsOf } from "../appliance/console/picture.ts";
import { renderBare } from "../base/log.ts";
import type { VrrpStatus } from "../status/schema.ts";
import { shapes } from "../status/shapes.ts";
import { headline } from "../status/text.ts";
import { VERSION } from "../version.ts";
import { ask, follow } from "./client.ts";
import { eventText, LogLineShape } from "./machine.ts";
import type { Peer } from "./peer.ts";
import { askFor } from "./status-query.ts";

const LOOK_EVERY_MS = 2000;
const AGAIN_MS = 2000;
const MAX_EVENTS = 3;
/** Of the log, for a terminal that is cleared. */
const MAX_LINES = 200;
/** Instances of a large director that are shown; the headline counts all. */
const MAX_INSTANCES = 20;

const Finding = v.object({
  severity: v.picklist(["error", "warning", "note"]),
  at: v.exactOptional(v.string()),
  message: v.string(),
  hint: v.exactOptional(v.string()),
});
const Part = v.object({ name: v.string(), from: v.string(), reason: v.exactOptional(v.string()) });
const Machine = v.object({
  hostname: v.string(),
  version: v.string(),
  slot: v.exactOptional(v.string()),
  uptime: v.number(),
  configuration: v.object({ findings: v.array(Finding), missing: v.array(v.string()), parts: v.array(Part) }),
  access: v.object({
    state: v.string(),
    address: v.exactOptional(v.string()),
    fingerprint: v.exactOptional(v.string()),
    reason: v.exactOptional(v.string()),
  }),
  network: v.object({ faults: v.array(v.string()) }),
  image: v.object({
    start: v.object({ faults: v.array(v.string()), damage: v.exactOptional(v.string()) }),
    history: v.object({ failure: v.exactOptional(v.object({ version: v.string(), reason: v.string() })) }),
    watchdog: v.object({ problem: v.exactOptional(v.string()) }),
  }),
  director: v.object({ failures: v.number() }),
});

export interface ConsoleSource {
  /** Undefined until something was asked. */
  picture(): ConsolePicture | undefined;
  /** The newest lines of the log, the oldest first. */
  lines(count: number): readonly string[];
}

/** Asks from now on, as long as the process lives; `logged` is called with each new line of the log. */
export function consoleSource(machine: Peer, director: Peer, logged: (line: string) => void): ConsoleSource {
  /** As it was last told. */
  let facts: v.InferOutput<typeof Machine> | undefined;
  let answers: boolean | undefined;
  let known: Pick<ConsolePicture, "director"> = {};
  const events: string[] = [];
  const lines: string[] = [];

  async function look(): Promise<void> {
    const seen = await askFor((path) => ask(machine, path), "/v1/appliance", Machine);
    if (seen.ok) facts = seen.value;
    const isThere = seen.ok;
    const status = await askFor((path) => ask(director, path), "/v1/status", Status);
    const vrrp = await askFor((path) => ask(director, path), "/v1/vrrp", VrrpList);
    if (!status.ok || !vrrp.ok) known = {};
    else {
      const { ready, reasons, details, summary } = status.value;
      const instances = vrrp.value.instances.slice(0, MAX_INSTANCES).map(instanceOf);
      known = { director: { headline: headline(ready, summary), reasons: [...reasons, ...details], instances } };
    }
    answers = isThere;
    setTimeout(look, LOOK_EVERY_MS);
  }

  async function followEvents(): Promise<void> {
    events.length = 0;
    await follow(director, "/v1/events?lastEventId=0", ({ data }) => {
      const event = v.safeParse(v.pipe(v.string(), v.parseJson(), shapes.Event), data);
      if (event.success) events.push(eventText(event.output));
      if (events.length > MAX_EVENTS) events.shift();
      return "more";
    });
    setTimeout(followEvents, AGAIN_MS);
  }

  let lastLine = 0;
  async function followLog(): Promise<void> {
    await follow(machine, `/v1/logs?follow=true&after=${lastLine}&limit=${MAX_LINES}`, ({ data }) => {
      const read = v.safeParse(v.pipe(v.string(), v.parseJson(), LogLineShape), data);
      if (!read.success) return "more";
      lastLine = read.output.id;
      const line = `${read.output.at.slice(11, 19)} ${renderBare(read.output)}`;
      lines.push(line);
      if (lines.length > MAX_LINES) lines.shift();
      logged(line);
      return "more";
    });
    // The appliance that comes after one that ended counts anew.
    lastLine = 0;
    setTimeout(followLog, AGAIN_MS);
  }

  void look();
  void followEvents();
  void followLog();
  return {
    picture() {
      if (answers === undefined) return undefined;
      const {
        hostname = ownName(),
        version = VERSION,
        slot,
        uptime = uptimeNow(),
        access = { state: "unknown" },
      } = facts ?? {};
      return {
        ...{ hostname, version, uptimeS: uptime, access, events },
        ...(slot !== undefined && { slot }),
        ...known,
        interfaces: interfacesNow(),
        problems: problemsOf(answers ? facts : undefined, known.director !== undefined),
      };
    },
    lines: (count) => lines.slice(-count),
  };
}

function instanceOf(i: VrrpStatus) {
  const { name, state, since, vrid } = i;
  const note = state === "FAULT" ? i.faults.join(", ") : (i.master?.address ?? "");
  return { ...{ name, state, since, vrid, note }, interface: i.interface, priority: i.priority.effective };
}

function interfacesNow(): ConsolePicture["interfaces"] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== "lo")
    .map(([name, addresses = []]) => ({
      name,
      addresses: addresses.filter(({ scopeid }) => !scopeid).map(({ cidr, address }) => cidr ?? address),
    }));
}
