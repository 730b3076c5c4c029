// CLI: keepalived's `-t [LOG_FILE]`: test the configuration and end, with keepalived's exit status (language.md §17).
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import type { Code } from "../config/findings/codes.ts";
import type { Diagnostic } from "../config/findings/diagnostic.ts";
import { renderDiagnostic } from "../config/findings/render.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/model/config.ts";
import { LINKBEAT, type Machine } from "../config/semantics/here.ts";
import { type JudgedProgram, programsOf } from "../config/semantics/programs.ts";
import { programJudge } from "../kernel/program-judge.ts";
import { appendRegular } from "../kernel/regular-file.ts";
import { machineContext } from "../process/configuration/bind-context.ts";
import { configFiles } from "../process/configuration/files.ts";
import { type MachineResult, onThisMachine } from "../process/configuration/on-this-machine.ts";
import { readBudget } from "../process/configuration/read-budget.ts";
import { writeError } from "./output.ts";

/** What init scripts know from keepalived. */
const TEST_EXIT = {
  ok: 0,
  /** The log file can't be written. */
  failed: 1,
  /** A keyword lacks its word. */
  missingWord: 2,
  /** Nothing can be made of the file: keepalived's fatal class. Ours: it can't be read, or is beyond a limit. */
  fatal: 4,
  errors: 5,
  /** Script security, or an include that had to be there. */
  security: 6,
} as const;

export interface ConfigTestOptions {
  readonly configFile: string;
  readonly configId?: string;
  readonly allConfig: boolean;
  /** Findings are appended here instead of standard error. */
  readonly logFile?: string;
  /** Findings stand behind `(FILE: Line N)`, where what reads keepalived's looks for places. */
  readonly asKeepalived?: boolean;
  /** Absent: the one this runs on. */
  readonly machine?: Machine;
}

/** Prints the findings and gives the exit status. Notes are left out: keepalived's tests are read by machines. */
export function configTest(options: ConfigTestOptions): number {
  const { configFile, configId, allConfig, logFile } = options;
  const request = {
    paths: [configFile],
    env: process.env,
    random: Math.random,
    allConfig,
    context: machineContext(),
    spent: readBudget(),
  };
  const loaded = loadConfig(configId === undefined ? request : { ...request, configId }, configFiles);
  const result = onThisMachine(loaded, options.machine ? { machine: options.machine } : {});
  const said = result.diagnostics.filter(({ severity }) => severity !== "note");
  const ofIptables = result.unbuilt().filter(({ message }) => OF_IPTABLES.test(message));
  said.push(...ofIptables);
  const secure = isSecure(loaded.config);
  if (!secure) said.push(INSECURE);
  const render = options.asKeepalived
    ? keepalivedLine
    : (diagnostic: Diagnostic) => `${renderDiagnostic(diagnostic, { color: false })}\n`;
  const text = said.map(render).join("");
  if (logFile === undefined || logFile === "") writeError(text);
  else {
    try {
      appendRegular(logFile, text, 0o600);
    } catch (error) {
      writeError(`lbd: can't write ${logFile}: ${messageOf(error)}\n`);
      return TEST_EXIT.failed;
    }
  }
  const status = testExit(result, secure);
  return status === TEST_EXIT.ok && ofIptables.length > 0 ? TEST_EXIT.errors : status;
}

function keepalivedLine({ span, message, hint }: Diagnostic): string {
  const place = span === undefined ? "" : `(${span.file.name}: Line ${span.line}) `;
  return `${place}${escapeControls(message)}${hint === undefined ? "" : `; ${escapeControls(hint)}`}\n`;
}

/** Reported by a keepalived that filters with nftables only, such as Debian's, and not needed here for the same reason. */
const OF_IPTABLES = /^vrrp_(iptables|ipsets) /;

/**
 * keepalived's test wants `enable_script_security` as soon as a program is named that is there, as a user that there is; whether it can be
 * executed does not matter. A run goes on without it.
 */
function isSecure({ global, ...rest }: Config): boolean {
  if (global.scripts.enabled) return true;
  const judge = programJudge(global.scripts);
  for (const { command } of programsOf({ global, ...rest })) {
    const kind = judge(command)?.kind;
    if (kind !== "user" && kind !== "absent") return false;
  }
  return true;
}

const INSECURE: Diagnostic = {
  severity: "warning",
  code: "script-security",
  message: "programs are to be run, and enable_script_security is not set",
  hint: "with it a program that others than root can change is not run",
};

function testExit(result: MachineResult, secure: boolean): number {
  if (result.diagnostics.some(endsReading)) return TEST_EXIT.missingWord;
  const codes = new Set(result.diagnostics.filter(isError).map(({ code }) => code));
  // keepalived's test looks at these programs only, and not at whether they are executable.
  codes.delete("program-unusable");
  if (result.told.some(isCounted)) codes.add("program-unusable");
  // keepalived's test ends at the interfaces, unless they may come.
  if (result.config.vrrp.global.dynamicInterfaces !== "no") codes.delete("unknown-interface");
  else if (codes.has("unknown-interface") && !onlyLinkbeat(result.diagnostics)) return TEST_EXIT.errors;
  if (!secure || SECURITY_CODES.some((code) => codes.has(code))) return TEST_EXIT.security;
  if (codes.size === 0) return TEST_EXIT.ok;
  // All that is left to be said is that the interface of a linkbeat is not there.
  if (codes.has("unknown-interface") && codes.size === 1) return TEST_EXIT.fatal;
  return [...codes].every((code) => FATAL_CODES.includes(code)) ? TEST_EXIT.fatal : TEST_EXIT.errors;
}

/** keepalived's test ends otherwise where only `linkbeat_interfaces` names an interface that is not there. */
function onlyLinkbeat(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.every(({ code, message }) => code !== "unknown-interface" || message.startsWith(LINKBEAT));
}

function isCounted({ use, kind, command }: JudgedProgram): boolean {
  // The account that programs run as by default is asked for at once.
  if (kind === "user" && command.user === undefined) return true;
  if (use === "tracker") return kind === "user" || kind === "absent" || kind === "directory" || kind === "unsafe";
  return use === "check" && kind === "user";
}

/**
 * keepalived's reading ends at a keyword without its word, but for some that it looks at itself, and at a quote that is not closed. The
 * brace of a template behind a keyword is no word.
 */
function endsReading({ code, message, span }: Diagnostic): boolean {
  switch (code) {
    case "quote-not-closed":
      return true;
    case "missing-value":
      return !OWN_ERRORS.has(/^(\S+) lacks its value$/.exec(message)?.[1] ?? "");
    case "block-not-opened":
      return span !== undefined && BLOCK_WITHOUT_NAME.test(span.file.text.split("\n")[span.line - 1] ?? "");
    case "template-left":
      return span !== undefined && TEMPLATE_AS_WORD.test(span.file.text);
    default:
      return false;
  }
}

const BLOCK_WITHOUT_NAME =
  /^\s*(?:vrrp_script|(?:vrrp_)?track_file|vrrp_track_process|virtual_server|virtual_server_group|real_server)\s*$/;
const TEMPLATE_AS_WORD = /^[ \t]*[a-z]\w*[ \t]+\{[{%]/m;

/** Keywords that keepalived reports by themselves when they lack their word; `""` stands for messages of another form. */
const OWN_ERRORS: ReadonlySet<string> = new Set([
  "",
  "bfd_instance",
  "dev",
  "helo_name",
  "label",
  "lvs_id",
  "lvs_notify_fifo",
  "lvs_sync_daemon",
  "lvs_timeouts",
  "misc_path",
  "notification_email_from",
  "notify_fifo",
  "password",
  "payload",
  "router_id",
  "script_user",
  "shutdown_script",
  "snmp_name",
  "snmp_socket",
  "startup_script",
  "sctp",
  "tcp",
  "tcpfin",
  "track_group",
  "udp",
  "virtualhost",
  "vrrp_instance",
  "vrrp_notify_fifo",
  "vrrp_sync_group",
]);

/** What keepalived's test counts as an error. Where it says which value it takes and runs on, we only warn. */
function isError(diagnostic: Diagnostic): boolean {
  const { severity, code, message } = diagnostic;
  return severity === "error" || REPORTED_CODES.includes(code) || (code === "unknown-account" && AT_ONCE.test(message));
}

/** keepalived looks for these accounts while it reads, for others when it wants to run the program. */
const AT_ONCE = /^(script_user|startup_script|shutdown_script):/;

/** Codes of warnings that -t counts as errors, as keepalived does. */
export const REPORTED_CODES = [
  "clamped",
  "cut",
  "default-taken",
  "deprecated",
  "duplicate-member",
  "empty-list",
  "interface-name-taken",
  "lonely-group",
  "no-preference",
  "no-real-server",
  "unknown-interface",
  "nothing-to-serve",
  "port-needs-persistence",
  "port-reset",
  "quorum-too-high",
  "rounded",
  "without-effect",
];

const SECURITY_CODES: readonly Code[] = ["include-missing", "include-unreadable"];
const FATAL_CODES: readonly Code[] = ["file-missing", "file-unreadable", "limit-exceeded", "utf-16-file"];
