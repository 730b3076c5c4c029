// Config core: rules across blocks, looked at when the whole configuration is read, so that no order of lines matters
// (language.md §12). What keepalived finds too is an error here; what it passes in silence is a warning.
import type { IpText } from "../../base/ip.ts";
import { compilePattern } from "../../pattern/pattern.ts";
import type { Severity } from "../findings/diagnostic.ts";
import type { Findings } from "../findings/findings.ts";
import { nearest } from "../findings/suggest.ts";
import type { Config } from "../model/config.ts";
import type { VrrpInstance } from "../model/vrrp.ts";
import type { Span } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";
import type { BoundGlobal, BoundTop } from "../to-model/global.ts";
import type { BoundRealServer, BoundVirtualServer } from "../to-model/lvs/bound.ts";
import { checkWhatCantWork } from "./cannot-work.ts";

interface Named {
  readonly value: string;
  readonly statement: Statement;
}

/** Blocks by name, the first of each; the others are reported and left out. */
export function uniqueByName<T extends Named>(
  entries: readonly T[] | undefined,
  keyword: string,
  severity: Severity,
  findings: Findings,
): readonly T[] {
  if (!entries) return [];
  const first = new Map<string, T>();
  for (const entry of entries) {
    const before = first.get(entry.value);
    if (!before) first.set(entry.value, entry);
    else
      findings.add(severity, nameSpan(entry.statement), {
        code: "duplicate-name",
        message: `${keyword} ${entry.value} is defined twice: the second one is left out`,
        related: [{ span: nameSpan(before.statement), message: "defined here first" }],
      });
  }
  return [...first.values()];
}

/** The word that names a block, or its keyword. */
function nameSpan(statement: Statement): Span {
  return (statement.words[1] ?? statement.words[0]).span;
}

export function checkAcrossBlocks(top: BoundTop, global: BoundGlobal, config: Config, findings: Findings): void {
  checkServices(top, config, findings);
  checkInstances(top, config, findings);
  checkFifos(global, findings);
  checkTrackGroups(top, config, findings);
  checkUnused(top, findings);
  checkWhatCantWork(top, findings);
}

// --- virtual servers

function checkServices(top: BoundTop, config: Config, findings: Findings): void {
  const groups = new Set(top.virtual_server_group?.map((group) => group.value));
  const files = new Set(top.track_file?.map((file) => file.value));
  const sessions = new Set(top.bfd_instance?.map((session) => session.value));
  for (const server of top.virtual_server ?? []) {
    const name = server.value;
    if (name.kind === "group" && !groups.has(name.name))
      undefinedReference(
        findings,
        "warning",
        groupSpan(server),
        "virtual_server_group",
        name.name,
        groups,
        "the virtual server is left out",
      );
    for (const real of server.block.real_server ?? NONE)
      if (hasReferences(real.block)) checkCheckers(real, files, sessions, findings);
    const engine = server.block.persistence_engine;
    if (engine && engine.value !== "sip")
      findings.add("warning", nameSpan(engine.statement), {
        code: "unknown-engine",
        message: `the kernel has no persistence engine ${engine.value} of its own`,
        hint: "expected sip, or a module of that name",
      });
    if (server.block.sorry_server || server.attempted.has("sorry_server")) continue;
    for (const entry of [server.block.sorry_server_inhibit, server.block.sorry_server_lvs_method])
      if (entry)
        findings.add("error", entry.statement.words[0].span, {
          code: "without-effect",
          message: `${entry.statement.words[0].text} needs a sorry_server: it is ignored`,
        });
  }
  checkHiddenAddresses(config, top, findings);
}

function groupSpan(server: BoundVirtualServer): Span {
  return (server.statement.words[2] ?? server.statement.words[0]).span;
}

const NONE: readonly never[] = [];

/** A real server has a checker that needs something it may lack. Most have none: there may be ten thousands of them. */
function hasReferences({ HTTP_GET, SSL_GET, MISC_CHECK, FILE_CHECK, BFD_CHECK }: BoundRealServer["block"]): boolean {
  return (HTTP_GET ?? SSL_GET ?? MISC_CHECK ?? FILE_CHECK ?? BFD_CHECK) !== undefined;
}

type CheckerEntry = { readonly statement: Statement; readonly attempted: ReadonlySet<string> };

function checkCheckers(
  real: BoundRealServer,
  files: ReadonlySet<string>,
  sessions: ReadonlySet<string>,
  findings: Findings,
): void {
  const { block } = real;
  const lacks = (entry: CheckerEntry, keyword: string, present: boolean) => {
    if (present || entry.attempted.has(keyword)) return;
    const checker = entry.statement.words[0];
    findings.add("error", checker.span, {
      code: "missing-keyword",
      message: `${checker.text} lacks ${keyword}: the check is left out`,
    });
  };
  for (const entry of [...(block.HTTP_GET ?? NONE), ...(block.SSL_GET ?? NONE)]) {
    lacks(entry, "url", entry.block.url !== undefined);
    for (const url of entry.block.url ?? []) {
      lacks(url, "path", url.block.path !== undefined);
      if (url.block.regex) checkRegex(url.block.regex, url.block.regex_options, findings);
    }
  }
  for (const entry of block.MISC_CHECK ?? []) lacks(entry, "misc_path", entry.block.misc_path !== undefined);
  for (const entry of block.FILE_CHECK ?? []) {
    const file = entry.block.track_file;
    lacks(entry, "track_file", file !== undefined);
    if (file && !files.has(file.value))
      undefinedReference(
        findings,
        "error",
        nameSpan(file.statement),
        "track_file",
        file.value,
        files,
        "the check is left out",
      );
  }
  for (const entry of block.BFD_CHECK ?? []) {
    const session = entry.block.name;
    lacks(entry, "name", session !== undefined);
    if (session && !sessions.has(session.value))
      undefinedReference(
        findings,
        "error",
        nameSpan(session.statement),
        "bfd_instance",
        session.value,
        sessions,
        "the check is left out",
      );
  }
}

/** keepalived finds a pattern that is none only when it runs, and then goes on without it, too. */
function checkRegex(
  regex: Named,
  options: readonly { value: readonly string[] }[] | undefined,
  findings: Findings,
): void {
  const pattern = compilePattern(regex.value, options?.flatMap(({ value }) => value) ?? []);
  if (pattern.ok) return;
  findings.add("warning", nameSpan(regex.statement), {
    code: "regex-unusable",
    message: `regex is not looked at: ${pattern.error.message} (character ${pattern.error.at + 1} of the pattern)`,
  });
}

/** A service on an address that `no_accept` hides can't be reached through NAT or on the director itself. */
function checkHiddenAddresses(config: Config, top: BoundTop, findings: Findings): void {
  const hidden = new Map<IpText, string>();
  for (const instance of config.vrrp.instances) {
    if (instance.accept) continue;
    for (const address of instance.virtualAddresses) hidden.set(address.ip, instance.name);
  }
  if (hidden.size === 0) return;
  for (const server of top.virtual_server ?? []) {
    const instance = server.value.kind === "address" ? hidden.get(server.value.ip) : undefined;
    if (instance !== undefined && server.value.kind === "address")
      findings.add("warning", nameSpan(server.statement), {
        code: "hidden-service",
        message: `vrrp_instance ${instance} has no_accept, which drops the packets to ${server.value.ip} before they are balanced`,
        hint: "write accept in the instance",
      });
  }
}

function undefinedReference(
  findings: Findings,
  severity: Severity,
  span: Span,
  keyword: string,
  name: string,
  known: ReadonlySet<string>,
  effect: string,
): void {
  const near = nearest(name, known);
  findings.add(severity, span, {
    code: "undefined-reference",
    message: `there is no ${keyword} ${name}: ${effect}`,
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

// --- instances

function checkInstances(top: BoundTop, config: Config, findings: Findings): void {
  const statements = new Map(top.vrrp_instance?.map((bound) => [bound.value, bound] as const).reverse());
  const spanOf = (instance: VrrpInstance) => {
    const bound = statements.get(instance.name);
    return bound ? nameSpan(bound.statement) : undefined;
  };
  checkSharedAddresses(config.vrrp.instances, top, findings);
  for (const instance of config.vrrp.instances) {
    const bound = statements.get(instance.name);
    const span = spanOf(instance);
    if (!bound || !span) continue;
    const { block } = bound;
    if (
      instance.virtualAddresses.length === 0 &&
      !instance.noVirtualAddresses &&
      !block.virtual_ipaddress?.some(({ statement }) => (statement.block?.statements.length ?? 0) > 0) &&
      !bound.attempted.has("virtual_ipaddress")
    )
      findings.add("error", span, {
        code: "no-address",
        message: `vrrp_instance ${instance.name} has no virtual address`,
        hint: "add virtual_ipaddress, or no_virtual_ipaddress if none is meant",
      });
    if (block.owner_ignore_adverts && instance.priority !== 255)
      findings.add("warning", block.owner_ignore_adverts.statement.words[0].span, {
        code: "without-effect",
        message: `owner_ignore_adverts is for priority 255 only (${instance.priority}): it is ignored`,
      });
    if (instance.family === 6 && instance.virtualAddresses[0] && !instance.virtualAddresses[0].ip.startsWith("fe80:"))
      findings.add(
        instance.strict ? "error" : "note",
        originSpan(block.virtual_ipaddress?.[0]?.lines[0]?.word.span, span),
        {
          code: "link-local-first",
          message: `the first address of an IPv6 instance should be link-local (${instance.virtualAddresses[0].ip})`,
          hint: "put an fe80:: address first (RFC 9568 §5.2.9)",
        },
      );
  }
}

function originSpan(span: Span | undefined, otherwise: Span): Span {
  return span ?? otherwise;
}

/** keepalived does not notice one address in two instances: both would add it, and one would take it from the other. */
function checkSharedAddresses(instances: readonly VrrpInstance[], top: BoundTop, findings: Findings): void {
  const owners = new Map<IpText, { readonly name: string; readonly span: Span }>();
  const usable = new Set(instances.map((instance) => instance.name));
  for (const { value: name, block } of top.vrrp_instance ?? []) {
    if (!usable.delete(name)) continue;
    for (const entry of [...(block.virtual_ipaddress ?? []), ...(block.virtual_ipaddress_excluded ?? [])]) {
      for (const { value: address, word } of entry.lines) {
        const key = `${address.ip}|${address.device ?? ""}`;
        const before = owners.get(key);
        if (!before) owners.set(key, { name, span: word.span });
        else if (before.name !== name)
          findings.add("warning", word.span, {
            code: "shared-address",
            message: `${address.ip} stands in ${before.name} and in ${name}: they would take it from each other`,
            related: [{ span: before.span, message: `in ${before.name}` }],
          });
      }
    }
  }
}

// --- the rest

/** Two writers on one pipe mix their lines; keepalived does not notice. */
function checkFifos(global: BoundGlobal, findings: Findings): void {
  const seen = new Map<string, Statement>();
  for (const entry of [global.notify_fifo, global.vrrp_notify_fifo, global.lvs_notify_fifo]) {
    if (!entry) continue;
    const before = seen.get(entry.value.path);
    if (!before) seen.set(entry.value.path, entry.statement);
    else
      findings.add("warning", nameSpan(entry.statement), {
        code: "shared-fifo",
        message: `${entry.statement.words[0].text} writes to the pipe of ${before.words[0].text} (${entry.value.path})`,
        related: [{ span: nameSpan(before), message: "used here first" }],
      });
  }
}

/** `track_group` of static addresses, routes and rules. */
function checkTrackGroups(top: BoundTop, config: Config, findings: Findings): void {
  const known = new Set(config.vrrp.trackGroups.map((group) => group.name));
  const lines = [
    ...(top.static_ipaddress ?? []).flatMap((entry) => entry.lines),
    ...(top.static_routes ?? []).flatMap((entry) => entry.lines),
    ...(top.static_rules ?? []).flatMap((entry) => entry.lines),
  ];
  for (const { value, word } of lines) {
    if (value.trackGroup !== undefined && !known.has(value.trackGroup))
      undefinedReference(
        findings,
        "error",
        word.span,
        "track_group",
        value.trackGroup,
        known,
        "nothing depends on this line",
      );
  }
}

/** Definitions that nothing refers to: mostly a name that is spelt in two ways. */
function checkUnused(top: BoundTop, findings: Findings): void {
  const used = {
    groups: new Set<string>(),
    scripts: new Set<string>(),
    files: new Set<string>(),
    processes: new Set<string>(),
  };
  for (const server of top.virtual_server ?? []) {
    if (server.value.kind === "group") used.groups.add(server.value.name);
    for (const real of server.block.real_server ?? NONE)
      for (const check of real.block.FILE_CHECK ?? NONE)
        if (check.block.track_file) used.files.add(check.block.track_file.value);
  }
  for (const { block } of [...(top.vrrp_instance ?? []), ...(top.vrrp_sync_group ?? [])]) {
    const names = [
      [block.track_script, used.scripts],
      [block.track_file, used.files],
      [block.track_process, used.processes],
    ] as const;
    for (const [entries, set] of names)
      for (const entry of entries ?? []) for (const line of entry.lines) set.add(line.value.name);
  }
  const report = (entries: readonly Named[] | undefined, names: ReadonlySet<string>) => {
    for (const { value: name, statement } of entries ?? []) {
      if (!names.has(name))
        findings.add("warning", nameSpan(statement), {
          code: "unused-definition",
          message: `${statement.words[0].text} ${name} is not used`,
        });
    }
  };
  report(top.virtual_server_group, used.groups);
  report(top.vrrp_script, used.scripts);
  report(top.track_file, used.files);
  report(top.vrrp_track_process, used.processes);
}
