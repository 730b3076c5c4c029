// Process layer: log lines as syslog(3) and as the journal take them. Pure.
import { escapeControls, type LogLine } from "../../base/log.ts";

/** syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. */
export const PRIORITY: Readonly<Record<LogLine["level"], number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** sys/syslog.h, without the shift. */
const FACILITIES: Readonly<Record<string, number>> = { user: 1, daemon: 3 };
export const DAEMON = 3;
const LOCAL0 = 16;
const LOCALS = 8;

/** keepalived `-S`: `0`…`7` and `local0`…`local7`, `user`, `daemon`. Undefined for anything else. */
export function readFacility(text: string): number | undefined {
  const number = Number(/^(?:local)?(\d)$/.exec(text)?.[1] ?? Number.NaN);
  if (number < LOCALS) return LOCAL0 + number;
  return Object.hasOwn(FACILITIES, text) ? FACILITIES[text] : undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** As much of one line as every receiver takes; the rest is cut. */
const MAX_CHARS = 2000;

export interface Speaker {
  readonly facility: number;
  readonly pid: number;
  /** `keepalived`: lines bear the names of its processes, for rules that filter by them. */
  readonly calledAs?: string | undefined;
}

/** RFC 3164 §4.1 as syslog(3) writes it to /dev/log: local time, no host name. */
export function syslogLine(line: LogLine, wallMs: number, { facility, pid, calledAs }: Speaker): string {
  const at = new Date(wallMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const time = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2, " ")} ${clock}`;
  const [name, text] =
    calledAs === undefined
      ? ["lbd", `${escapeControls(line.area)}: ${escapeControls(line.message)}`]
      : [nameOfProcess(line.area), escapeControls(line.message)];
  return `<${facility * 8 + PRIORITY[line.level]}>${time} ${name}[${pid}]: ${clip(text)}`;
}

/** What keepalived's processes call themselves in the log. */
function nameOfProcess(area: string): string {
  switch (area) {
    case "vrrp":
      return "Keepalived_vrrp";
    case "checker":
    case "ipvs":
      return "Keepalived_healthcheckers";
    case "bfd":
      return "Keepalived_bfd";
    default:
      return "Keepalived";
  }
}

/** A message of the journal's own protocol (systemd: JOURNAL_NATIVE_PROTOCOL): one field a line. */
export function journalMessage(line: LogLine, { facility, pid, calledAs }: Speaker): string {
  const name = calledAs === undefined ? "lbd" : nameOfProcess(line.area);
  const text = calledAs === undefined ? `${line.area}: ${line.message}` : line.message;
  const own = [
    ["MESSAGE", clip(escapeControls(text))],
    ["PRIORITY", PRIORITY[line.level]],
    ["SYSLOG_IDENTIFIER", name],
    ["SYSLOG_FACILITY", facility],
    ["SYSLOG_PID", pid],
    ["LBD_AREA", line.area],
  ] as const;
  const facts = Object.entries(line.fields ?? {}).map(([key, value]) => [`LBD_${fieldName(key)}`, value] as const);
  return [...own, ...facts].map(([key, value]) => `${key}=${escapeControls(String(value))}\n`).join("");
}

/** `lastChangeMs` → `LAST_CHANGE_MS`; the journal takes capitals, digits and underscores. */
function fieldName(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, "_")
    .slice(0, 60);
}

function clip(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`;
}
