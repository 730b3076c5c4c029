// Process layer, parent: what is heard of the process of a supervised role: its messages, its words outside the channel, its silence.
import { messageOf } from "../base/errors.ts";
import type { LogLine } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import { clip, clipLine } from "./conduct.ts";
import { type FromChild, readFromChild } from "./messages.ts";
import { enter, type Live, type Supervised } from "./supervised.ts";
import { sendStart, takeAnswer, tell } from "./supervised-told.ts";

const MAX_LINE_CHARS = 4096;
const MAX_LAST_WORDS_CHARS = 300;
/** Log lines and events come with the reports: a reader that takes nothing may not hold them up. */
const ROOM_LIMIT_MS = 1000;

/** What a child sends wrong, or what goes wrong as it is taken, ends that child and nobody else. */
export function hearMessage(supervised: Supervised, from: Live, raw: unknown, bytes: number): void {
  if (from.killedFor !== "") return;
  let kind = "something";
  try {
    const message = readFromChild(raw);
    if (message) kind = `«${message.kind}»`;
    const reason = message ? from.conduct.judge(message) : "something that is no message";
    if (!message || reason !== undefined) expel(supervised, from, `sent ${reason}`);
    else take(supervised, from, message, bytes);
  } catch (error) {
    expel(supervised, from, `sent ${kind}, and taking it failed: ${messageOf(error)}`);
  }
}

export function expel({ role, ports }: Supervised, from: Live, why: string): void {
  if (from.killedFor !== "") return;
  from.killedFor = why;
  ports.log({ level: "error", area: "process", message: `${role} ${why}: killing pid ${from.handle.pid}` });
  from.handle.kill("SIGKILL");
}

function take(supervised: Supervised, from: Live, message: FromChild, bytes: number) {
  const { role, ports } = supervised;
  from.signs.heard();
  switch (message.kind) {
    case "hello":
      from.hello = true;
      return sendStart(supervised, from);
    case "started":
      return takeStarted(supervised, from);
    case "answer":
      return takeAnswer(from, message.id);
    case "failed":
      from.lastWords = clip(message.reason);
      return;
    case "stopped":
      supervised.inOrder = true;
      return;
    case "idle":
      return ports.idle?.(role);
    case "want-effective":
      return ports.wantsEffective(message.serial);
    case "dump-piece":
      return ports.dumped(role, message);
    case "ack":
      return ports.acknowledged(role);
    case "batch":
      logLines(supervised, from, message.logs);
      ports.batch(role, message);
      return acknowledge(supervised, from, bytes);
    default:
      return unreachable(message);
  }
}

function takeStarted(supervised: Supervised, from: Live): void {
  const { role, ports } = supervised;
  enter(supervised, "running", "");
  const level = ports.onDemand ? "debug" : "info";
  ports.log({ level, area: "process", message: `${role} runs, pid ${from.handle.pid}` });
  ports.running(role);
}

/** The next batch may come when the bytes of this one are paid for, and whoever reads it has room for more. */
function acknowledge(supervised: Supervised, from: Live, bytes: number): void {
  const { clock, whenRoom } = supervised.ports;
  const delayMs = from.conduct.delayMs(bytes, clock.now());
  let isSent = false;
  const send = () => {
    if (!isSent && supervised.live === from) tell(from, { kind: "ack" });
    isSent = true;
  };
  const whenPaid = () => {
    whenRoom(supervised.role, send);
    if (!isSent) clock.at(clock.now() + ROOM_LIMIT_MS, send);
  };
  if (delayMs === 0) whenPaid();
  else clock.at(clock.now() + delayMs, whenPaid);
}

/** Lines of a child within its budget; what is over it is counted. */
function logLines({ role, ports: { clock, log } }: Supervised, from: Live, lines: readonly LogLine[]): void {
  const { take: taken, dropped } = from.lines.take(lines.length, clock.now());
  if (dropped > 0)
    log({ level: "warning", area: "process", message: `${role}: ${dropped} log lines left out, they came too fast` });
  for (const line of lines.slice(0, taken)) log(clipLine(line));
}

/** Whole lines of what a child wrote outside its channel; the first one is kept as the reason of its end. */
export function hearText(supervised: Supervised, from: Live, text: string): void {
  const lines = (from.partial + text).split("\n");
  from.partial = (lines.pop() ?? "").slice(0, MAX_LINE_CHARS);
  for (const line of lines) {
    if (line.trim() === "") continue;
    if (from.lastWords === "") from.lastWords = line.trim().slice(0, MAX_LAST_WORDS_CHARS);
    logLines(supervised, from, [{ level: "error", area: supervised.role, message: line }]);
  }
}

/** It is told again until the process is gone. */
export function hearNothing({ role, ports }: Supervised, of: Live, silentMs: number): void {
  of.killedFor = `no sign of life for ${Math.floor(silentMs / 1000)} s`;
  ports.log({ level: "error", area: "process", message: `${role}: ${of.killedFor}, killing pid ${of.handle.pid}` });
  of.handle.kill("SIGKILL");
}
