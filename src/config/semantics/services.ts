// Config core: what virtual servers and their checks name elsewhere in the file.

import type { IpText } from "../../base/ip.ts";
import { compilePattern } from "../../pattern/pattern.ts";
import type { Findings } from "../findings/findings.ts";
import type { Config } from "../model/config.ts";
import type { Span } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";
import { valueSpan } from "../text/tree.ts";
import type { BoundTop } from "../to-model/global.ts";
import type { BoundRealServer, BoundVirtualServer } from "../to-model/lvs/bound.ts";
import { undefinedReference } from "./references.ts";
import type { Named } from "./unique.ts";

// --- virtual servers

export function checkServices(top: BoundTop, config: Config, findings: Findings): void {
  const groups = new Set(top.virtual_server_group?.map((group) => group.value));
  const files = new Set(top.track_file?.map((file) => file.value));
  const sessions = new Set(config.bfd.flatMap(({ name, forChecker }) => (forChecker ? [name] : [])));
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
      findings.add("warning", valueSpan(engine.statement), {
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

export const NONE: readonly never[] = [];

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
      about: { kind: "lacks", keywords: [keyword] },
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
        valueSpan(file.statement),
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
        valueSpan(session.statement),
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
  findings.add("warning", valueSpan(regex.statement), {
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
      findings.add("warning", valueSpan(server.statement), {
        code: "hidden-service",
        message: `vrrp_instance ${instance} has no_accept, which drops the packets to ${server.value.ip} before they are balanced`,
        hint: "write accept in the instance",
      });
  }
}
