// Status core: what `lbd status` prints: the picture for people, in as many columns as the terminal has.
import type { DirectorStatus, ProcessStatus, RealServerStatus, VirtualServerStatus } from "./schema.ts";
import { isTroubled, type VrrpPicture, vrrpTables } from "./text-vrrp.ts";
import { count, duration, grouped, type TextOptions, type Writer, writer } from "./writer.ts";

export interface Picture extends VrrpPicture {
  readonly director: DirectorStatus | null;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** What is wrong although it is ready. */
  readonly details: readonly string[];
  readonly processes: readonly ProcessStatus[];
  readonly summary: Summary;
  readonly virtualServers: readonly VirtualServerStatus[];
  /** Real servers that were asked for by id, with what they are in. */
  readonly realServers?: readonly (RealServerStatus & { readonly virtualServer: string })[];
  /** What roles say of themselves, by role. */
  readonly facts: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /**
   * `some`: what was asked for by name; `down`: only what is not as it should be; `large`: of servers only that, because there are
   * so many.
   */
  readonly scope: "all" | "some" | "down" | "large";
  /** Virtual servers that would be shown too if there were not so many. */
  readonly left: number;
}

export interface Summary {
  readonly virtualServers: { readonly total: number; readonly up: number };
  readonly realServers: { readonly total: number; readonly healthy: number };
  readonly vrrp: { readonly total: number; readonly master: number; readonly backup: number; readonly fault: number };
}

/** Instances of a large director that are shown one by one. */
const MANY_INSTANCES = 50;

export function statusText(picture: Picture, options: TextOptions): string {
  const { director, scope } = picture;
  const out = writer(options);
  if (director) summaryLines(picture, out);
  else out.line("the director has not reported yet");
  if (director && scope !== "some") directorLines(director, picture, out);
  const onlyDown = scope === "down" || scope === "large";
  const isShort = scope === "down" || (scope === "large" && picture.vrrp.length > MANY_INSTANCES);
  const vrrp = isShort ? picture.vrrp.filter(isTroubled) : picture.vrrp;
  const groups = isShort ? [] : picture.groups;
  if (vrrp.length + groups.length > 0) {
    out.blank();
    vrrpTables({ vrrp, groups }, out);
  }
  for (const server of picture.virtualServers) {
    out.blank();
    virtualServerLines(server, out, onlyDown);
  }
  realServerTable(picture.realServers ?? [], out);
  legend(picture, out);
  endLines(picture, vrrp.length, out);
  return out.text();
}

/** What an operator looks for first: one line, and the reasons below it. */
function summaryLines({ ready, reasons, details, summary }: Picture, out: Writer): void {
  out.wrapped(headline(ready, summary), 0);
  for (const line of [...reasons, ...details]) out.wrapped(line, 2);
}

/** `ready, 2 virtual servers up, 1 of 8 real servers DOWN, VRRP 1 MASTER`. */
export function headline(ready: boolean, { virtualServers, realServers, vrrp }: Summary): string {
  return [
    ready ? "ready" : "NOT READY",
    ...(virtualServers.total > 0 ? [share("virtual server", virtualServers.total, virtualServers.up)] : []),
    ...(realServers.total > 0 ? [share("real server", realServers.total, realServers.healthy)] : []),
    ...(vrrp.total > 0 ? [vrrpShare(vrrp)] : []),
  ].join(", ");
}

/** `3 of 40,000 real servers DOWN`, `1 virtual server up`. */
function share(what: string, total: number, up: number): string {
  const down = total - up;
  return down === 0 ? `${count(total, what)} up` : `${grouped(down)} of ${count(total, what)} DOWN`;
}

function vrrpShare({ total, master, backup, fault }: Summary["vrrp"]): string {
  const states = [
    [master, "master"],
    [backup, "backup"],
    [fault, "FAULT"],
    [total - master - backup - fault, "not started"],
  ] as const;
  return `VRRP ${states.flatMap(([n, state]) => (n > 0 ? [`${grouped(n)} ${state}`] : [])).join(" ")}`;
}

function realServerTable(servers: NonNullable<Picture["realServers"]>, out: Writer): void {
  if (servers.length === 0) return;
  out.blank();
  for (const id of new Set(servers.map((server) => server.id))) {
    out.line(id);
    const rows = servers
      .filter((server) => server.id === id)
      .map((server) => [server.virtualServer, ...realServerRow(server, out).slice(1)]);
    out.table(["virtual server", "state", "for", "weight", "active", "inact", "last check"], rows);
  }
}

/** Said once, where there is something to say. */
function legend({ virtualServers, realServers = [] }: Picture, out: Writer): void {
  const all = [...virtualServers.flatMap((server) => server.realServers), ...realServers];
  const isLowered = all.some(({ weight }) => weight.effective !== weight.configured);
  const differs = all.some(({ weight }) => weight.kernel !== null && weight.kernel !== weight.effective);
  if (!isLowered && !differs) return;
  const parts = [
    ...(isLowered ? ["5>0 is 5 as configured and 0 as wanted now"] : []),
    ...(differs ? ["!3 is 3 in the kernel"] : []),
  ];
  out.blank();
  out.wrapped(`weight: ${parts.join(", ")}`, 0);
}

function endLines(
  { director, virtualServers, realServers = [], scope, left, vrrp }: Picture,
  troubled: number,
  out: Writer,
) {
  const servers = virtualServers.length + realServers.length;
  const lines: string[] = [];
  if (left > 0) lines.push(`${count(left, "virtual server")} more; lbd status --vs ID shows one, --all shows all`);
  else if (scope === "down" && servers + troubled === 0) lines.push("nothing is down");
  else if (scope === "all" && director?.config.state === "loaded" && servers + vrrp.length === 0)
    lines.push("no virtual servers and no VRRP instances");
  if (lines.length > 0) out.blank();
  for (const line of lines) out.line(line);
}

function directorLines(director: DirectorStatus, { processes, facts }: Picture, out: Writer): void {
  const { version, hostname, pid, since, config } = director;
  out.line(`lbd ${version} on ${hostname}, pid ${pid}, up ${out.ago(since)}`);
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
  const dumps = facts.parent?.dumps;
  if (dumps !== undefined && dumps !== "") out.wrapped(`dumps: FAILED, ${dumps}`, 0);
  const { tcp, tcpAddress } = facts.api ?? {};
  if (tcp === "listening") out.wrapped(`API: http://${tcpAddress}`, 0);
  else if (tcp !== undefined && tcp !== "off") out.wrapped(`API: ${tcpAddress} FAILED, ${tcp}`, 0);
}

function virtualServerLines(server: VirtualServerStatus, out: Writer, onlyDown: boolean): void {
  const { id, scheduler, up, since, quorum, sorryServer, suspended, reason } = server;
  const state = suspended ? "SUSPENDED" : up ? "UP" : "DOWN";
  const name = server.name !== "" && !id.includes(server.name) ? ` (${server.name})` : "";
  const weights = `live weight ${quorum.live}, quorum ${quorum.wanted}`;
  out.wrapped(`${id}${name}  ${scheduler}  ${state} for ${out.ago(since)}  ${weights}`, 0);
  if (!up && reason !== "") out.wrapped(reason, 2);
  if (sorryServer) {
    const { address, port, active } = sorryServer;
    out.line(`  sorry server ${address} port ${port}: ${active ? "ACTIVE" : "standing by"}`);
  }
  const shown = onlyDown ? server.realServers.filter(({ healthy }) => !healthy) : server.realServers;
  const rows = shown.map((real) => realServerRow(real, out));
  if (server.realServers.length === 0) out.line("  no real servers");
  else if (rows.length > 0) out.table(["real server", "state", "for", "weight", "active", "inact", "last check"], rows);
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
