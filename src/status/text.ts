// Status core: what `lbd status` and `lbd vrrp` print: the picture for people, in as many columns as the terminal has.
import { escapeControls } from "../base/log.ts";
import type {
  DirectorStatus,
  ProcessStatus,
  RealServerStatus,
  SyncGroupStatus,
  VirtualServerStatus,
  VrrpStatus,
} from "./schema.ts";

export interface Picture {
  readonly director: DirectorStatus | null;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly processes: readonly ProcessStatus[];
  readonly virtualServers: readonly VirtualServerStatus[];
  readonly vrrp: readonly VrrpStatus[];
  readonly groups: readonly SyncGroupStatus[];
  /** What roles say of themselves, by role. */
  readonly facts: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
}

export interface TextOptions {
  readonly columns: number;
  readonly nowWallMs: number;
}

export const DEFAULT_COLUMNS = 80;
const LEAST_COLUMNS = 60;
const GAP = "  ";
/** Columns of a table's first and last cells when the lines are too long. */
const LEAST_NAME = 12;
const LEAST_LAST = 16;

export function statusText(picture: Picture, options: TextOptions): string {
  const out = writer(options);
  directorLines(picture, out);
  if (picture.vrrp.length > 0) {
    out.blank();
    vrrpTable(picture.vrrp, out);
    for (const error of picture.vrrp.flatMap(vrrpErrors)) out.wrapped(error, 0);
  }
  for (const server of picture.virtualServers) {
    out.blank();
    virtualServerLines(server, out);
  }
  if (picture.director?.config.state === "loaded" && picture.virtualServers.length + picture.vrrp.length === 0) {
    out.blank();
    out.line("no virtual servers and no VRRP instances");
  }
  return out.text();
}

/** All instances and groups with what decides about their state. */
export function vrrpText(picture: Pick<Picture, "vrrp" | "groups">, options: TextOptions): string {
  const out = writer(options);
  if (picture.vrrp.length === 0) out.line("no VRRP instances");
  for (const [i, instance] of picture.vrrp.entries()) {
    if (i > 0) out.blank();
    instanceLines(instance, out);
  }
  for (const group of picture.groups) {
    out.blank();
    out.line(`group ${group.name}  ${group.state} for ${out.ago(group.since)}`);
    out.wrapped(`members: ${group.instances.join(", ")}`, 2);
  }
  return out.text();
}

function directorLines({ director, ready, reasons, processes, facts }: Picture, out: Writer): void {
  if (!director) {
    out.line("the director has not reported yet");
    return;
  }
  const { version, hostname, pid, since, config } = director;
  out.line(`lbd ${version} on ${hostname}, pid ${pid}, up ${out.ago(since)}, ${ready ? "ready" : "NOT READY"}`);
  for (const reason of reasons) out.wrapped(reason, 2);
  const loaded = config.loadedAt ? `, read ${out.ago(config.loadedAt)} ago` : "";
  const warnings = config.warnings > 0 ? `, ${count(config.warnings, "warning")}` : "";
  const tolerated = config.errorCount > 0 ? ` with ${count(config.errorCount, "error")}` : "";
  out.wrapped(
    `configuration ${config.file}: ${config.stale ? "STALE" : config.state}${tolerated}${loaded}${warnings}`,
    0,
  );
  for (const error of config.tolerated.slice(0, 5)) out.wrapped(error, 2);
  if (config.errorCount > 5) out.line(`  and ${count(config.errorCount - 5, "more error")}`);
  if (config.stale && config.errors.length > 0) out.line("  refused since then:");
  for (const error of config.errors.slice(0, 5)) out.wrapped(error, 2);
  if (config.errors.length > 5) out.line(`  and ${count(config.errors.length - 5, "more error")}`);
  const shown = processes.map(({ role, state, pid: of, restarts }) => {
    const again = restarts > 0 ? `, ${count(restarts, "restart")}` : "";
    return `${role} ${state}${of === null ? "" : ` (pid ${of}${again})`}`;
  });
  out.wrapped(`processes: ${shown.join("; ")}`, 0);
  const { tcp, tcpAddress } = facts.api ?? {};
  if (tcp === "listening") out.wrapped(`API: http://${tcpAddress}`, 0);
  else if (tcp !== undefined && tcp !== "off") out.wrapped(`API: ${tcpAddress} FAILED, ${tcp}`, 0);
}

function virtualServerLines(server: VirtualServerStatus, out: Writer): void {
  const { id, scheduler, up, since, quorum, sorryServer, suspended, reason } = server;
  const state = suspended ? "SUSPENDED" : up ? "UP" : "DOWN";
  const name = server.name !== "" && !id.includes(server.name) ? ` (${server.name})` : "";
  out.wrapped(
    `${id}${name}  ${scheduler}  ${state} for ${out.ago(since)}  quorum ${quorum.live} of ${quorum.wanted}`,
    0,
  );
  if (!up && reason !== "") out.wrapped(reason, 2);
  if (sorryServer) {
    const { address, port, active } = sorryServer;
    out.line(`  sorry server ${address} port ${port}: ${active ? "ACTIVE" : "standing by"}`);
  }
  const rows = server.realServers.map((real) => realServerRow(real, out));
  if (rows.length === 0) out.line("  no real servers");
  else out.table(["real server", "state", "for", "weight", "active", "inact", "last check"], rows);
}

function realServerRow(real: RealServerStatus, out: Writer): string[] {
  const { configured, effective, kernel } = real.weight;
  const weight = effective === configured ? `${configured}` : `${configured}>${effective}`;
  const odd = kernel !== null && kernel !== effective ? `!${kernel}` : "";
  const { connections } = real;
  return [
    real.id,
    real.healthy ? "up" : "DOWN",
    out.ago(real.since),
    weight + odd,
    connections ? `${connections.active}` : "-",
    connections ? `${connections.inactive}` : "-",
    lastCheck(real),
  ];
}

/** The check that failed, or the last one that ran. */
function lastCheck(real: RealServerStatus): string {
  const failed = real.checks.find((check) => check.lastResult && !check.lastResult.ok);
  const check = failed ?? real.checks.find((one) => one.lastResult);
  if (!check?.lastResult) return real.checks.length === 0 ? "no check" : "not checked yet";
  const { ok, reason, durationMs } = check.lastResult;
  return ok ? `ok ${duration(durationMs)}` : `${check.kind}: ${reason}`;
}

function vrrpTable(instances: readonly VrrpStatus[], out: Writer): void {
  const rows = instances.map((i) => [
    i.name,
    i.state,
    out.ago(i.since),
    i.interface,
    `${i.vrid}`,
    `${i.priority.effective}`,
    i.state === "FAULT" ? i.faults.join(", ") : (i.master?.address ?? ""),
  ]);
  out.table(["instance", "state", "for", "iface", "vrid", "prio", "master"], rows);
}

function instanceLines(i: VrrpStatus, out: Writer): void {
  const { priority, master, lastTransition, lastRefused, foreignMaster } = i;
  out.wrapped(
    `${i.name}  ${i.state} for ${out.ago(i.since)}  ${i.interface} vrid ${i.vrid}  VRRPv${i.version} IPv${i.family}`,
    0,
  );
  for (const fault of i.faults) out.wrapped(`fault: ${fault}`, 2);
  if (lastTransition)
    out.wrapped(
      `${lastTransition.from} to ${lastTransition.to} ${out.ago(lastTransition.at)} ago: ${lastTransition.cause}`,
      2,
    );
  const base = priority.effective === priority.base ? "" : ` (configured ${priority.base})`;
  out.line(`  priority ${priority.effective}${base}`);
  for (const t of priority.trackers) {
    const share = t.share === null ? (t.up ? "" : ", a fault") : `, ${t.share >= 0 ? "+" : ""}${t.share}`;
    out.wrapped(`${t.kind} ${t.name} ${t.up ? "up" : "DOWN"}${share}${t.detail === "" ? "" : `: ${t.detail}`}`, 4);
  }
  if (master)
    out.wrapped(`master ${master.address} priority ${master.priority}, heard ${out.ago(master.lastAdvertAt)} ago`, 2);
  const learned =
    i.advertMs.learned === null || i.advertMs.learned === i.advertMs.own
      ? ""
      : `, learned ${duration(i.advertMs.learned)}`;
  out.line(`  advert every ${duration(i.advertMs.own)}${learned}`);
  for (const a of i.addresses)
    out.line(`  ${a.address} on ${a.interface}${a.present ? "" : i.state === "MASTER" ? ": MISSING" : ""}`);
  const refused = Object.entries(i.refused).filter(([, n]) => n > 0);
  if (refused.length > 0)
    out.wrapped(`refused packets: ${refused.map(([reason, n]) => `${n} ${reason}`).join(", ")}`, 2);
  if (lastRefused)
    out.wrapped(`last refused ${out.ago(lastRefused.at)} ago from ${lastRefused.from}: ${lastRefused.reason}`, 2);
  if (foreignMaster)
    out.wrapped(
      `ANOTHER MASTER ${foreignMaster.address} priority ${foreignMaster.priority}: ${foreignMaster.likelyCause}`,
      2,
    );
  for (const line of vrrpErrors(i)) out.wrapped(line, 2);
  const { sendErrors, lastSendError, receiveDrops } = i.transmission;
  if (sendErrors > 0) out.wrapped(`not sent: ${count(sendErrors, "advertisement")}, last ${lastSendError}`, 2);
  if (receiveDrops > 0) out.wrapped(`${count(receiveDrops, "packet")} dropped unread`, 2);
  const unlisted = i.senders.filter(({ listed }) => !listed).map(({ address }) => address);
  if (unlisted.length > 0) out.wrapped(`not in unicast_peer: ${unlisted.join(", ")}`, 2);
  for (const advice of i.advice) out.wrapped(`advice: ${advice}`, 2);
}

/** Routers with our VRID that we refuse, with cause and remedy; empty when all agree. */
export function vrrpErrors({ name, vrid, refusedMasters }: VrrpStatus): readonly string[] {
  return refusedMasters.map(
    ({ address, own, likelyCause, remedy }) =>
      `ERROR: ${name}: ${address} and we, ${own ?? "without an address"}, both use VRID ${vrid} and don't agree: ${likelyCause}; ${remedy}`,
  );
}

/** `1.5 ms`, `3 s`: a duration of a check or an interval. */
export function duration(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 100) / 10} s`;
}

/** `8 s`, `3 min`, `5 h`, `12 d`: how long something is so. */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

interface Writer {
  line(text: string): void;
  /** Lines of whole words; later ones are indented a little more. */
  wrapped(text: string, indent: number): void;
  /** Columns as wide as needed; the last takes what is left, and goes on in lines below itself. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
  blank(): void;
  ago(iso: string): string;
  text(): string;
}

function writer({ columns: asked, nowWallMs }: TextOptions): Writer {
  const columns = Math.max(LEAST_COLUMNS, asked);
  const lines: string[] = [];
  const line = (text: string) => void lines.push(cut(escapeControls(text).trimEnd(), columns));

  /** Whole words behind `first`; what does not fit goes to lines of its own behind `indent` blanks. */
  function flow(first: string, text: string, indent: number): void {
    let pad = first;
    let current = "";
    for (const word of text.split(" ")) {
      if (current !== "" && pad.length + current.length + 1 + word.length > columns) {
        line(pad + current);
        pad = " ".repeat(indent);
        current = word;
      } else current = current === "" ? word : `${current} ${word}`;
    }
    line(pad + current);
  }

  return {
    line,
    wrapped: (text, indent) => flow(" ".repeat(indent), text, indent + 2),
    table(head, rows) {
      const cells = [head, ...rows];
      const widths = head.slice(0, -1).map((_, i) => Math.max(...cells.map((row) => (row[i] ?? "").length)));
      // A long name gives way, so that the state beside it is seen.
      const rest = widths.slice(1).reduce((sum, width) => sum + width + GAP.length, LEAST_LAST + GAP.length);
      widths[0] = Math.min(widths[0] ?? 0, Math.max(LEAST_NAME, columns - GAP.length - rest));
      for (const row of cells) {
        const front = widths.map((width, i) => GAP + cut(row[i] ?? "", width).padEnd(width)).join("") + GAP;
        flow(front, row[widths.length] ?? "", front.length);
      }
    },
    blank: () => void lines.push(""),
    ago: (iso) => age(nowWallMs - Date.parse(iso)),
    text: () => `${lines.join("\n")}\n`,
  };
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}
