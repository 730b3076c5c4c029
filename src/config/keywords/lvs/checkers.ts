// Config core: keywords of the checkers inside real_server (checkers.md), and of the top-level SSL block.
// Settings that every checker has stand once; what differs by checker (first release, default, tier) stands in its table.

import type { Table } from "../../bind/keyword.ts";
import { ip } from "../../bind/values/addresses.ts";
import { account, program } from "../../bind/values/commands.ts";
import { escapedText, hex, hexBytes, ifname, text } from "../../bind/values/names.ts";
import {
  anyInteger,
  integer,
  port,
  seconds,
  strictInteger,
  UINT32_MAX,
  weight,
  wholeSeconds,
} from "../../bind/values/numbers.ts";
import { alone, bare, choice, one, wordsSchema } from "../../bind/values/shapes.ts";
import { bool, flag } from "../../bind/values/switches.ts";
import { pauseSeconds } from "../odd-times.ts";
import { regexOptions, sniName, stackSizes, statusCodes } from "./check-values.ts";

const DNS_TYPES = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"] as const;

// --- settings that several checkers share

// biome-ignore format: a table reads by rows
const CONNECT_IP = { value: ip, default: "(real server's address)", repeat: "last", tier: "core", since: "1.2.13",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Probe this address instead." } as const;
// biome-ignore format: a table reads by rows
const CONNECT_PORT = { value: port, default: "(real server's port)", repeat: "last", tier: "seed", since: "<=1.0.3",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Probe this port instead." } as const;
// biome-ignore format: a table reads by rows
const BINDTO = { value: ip, default: "(kernel's choice)", repeat: "last", tier: "seed", since: "1.1.2",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Source address of the probe, same family as the target." } as const;
// biome-ignore format: a table reads by rows
const BIND_PORT = { value: port, default: "(kernel's choice)", repeat: "last", tier: "full", since: "1.2.13",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Source port of the probe." } as const;
// biome-ignore format: a table reads by rows
const BIND_IF = { value: ifname, default: "(none)", repeat: "last", tier: "core", since: "1.3.7", effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Interface of the probe; needed for link-local targets." } as const;
// biome-ignore format: a table reads by rows
const CONNECT_TIMEOUT = { value: seconds(0.000001, 4294.967295), default: "(real server's, 5)", unit: "s", repeat: "last", tier: "seed", since: "<=1.0.3",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Time limit of the probe." } as const;
// biome-ignore format: a table reads by rows
const FWMARK = { value: integer(0, UINT32_MAX), initial: 0, repeat: "last", tier: "full", since: "1.2.13", build: "so_mark",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Firewall mark on probe packets." } as const;
// biome-ignore format: a table reads by rows
const RETRY = { value: integer(0, UINT32_MAX), default: "(real server's, else 1)", repeat: "last", tier: "core", since: "1.2.20",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Extra probes before a live server is called down." } as const;
// biome-ignore format: a table reads by rows
const DELAY_BEFORE_RETRY = { value: pauseSeconds(), default: "(real server's, else 1 s)", unit: "s", repeat: "last", tier: "core", since: "1.2.20",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Pause between those probes." } as const;
// biome-ignore format: a table reads by rows
const WARMUP = { value: pauseSeconds(), default: "(real server's, else delay_loop)", unit: "s", repeat: "last", tier: "core", since: "1.2.13",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Upper bound of the random pause before the first probe." } as const;
// biome-ignore format: a table reads by rows
const DELAY_LOOP = { value: seconds(0.000001), default: "(real server's, 60)", unit: "s", repeat: "last", tier: "core", since: "1.3.7",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Period of probing." } as const;
// biome-ignore format: a table reads by rows
const ALPHA = { value: bool, default: "(real server's, off)", repeat: "last", tier: "core", since: "1.3.7",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Start as down until a probe succeeds." } as const;
// biome-ignore format: a table reads by rows
const LOG_ALL_FAILURES = { value: bool, default: "(checker_log_all_failures)", repeat: "last", tier: "core", since: "2.0.11",
  effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Log every failed probe." } as const;
// biome-ignore format: a table reads by rows
const NB_GET_RETRY = { value: integer(0, UINT32_MAX), repeat: "last", tier: "seed", since: "<=1.0.3", sameAs: "retry", status: "deprecated",
  successor: "retry", effective: { test: "test/unit/words/checks.test.ts" },
  doc: "Old name of retry; works but is reported." } as const;
// biome-ignore format: a table reads by rows
const VIRTUALHOST = { value: text(), default: "(real, then virtual server's, then address)", repeat: "last, with error", tier: "core", since: "1.3.6",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Host header for all pages of this checker." } as const;
// biome-ignore format: a table reads by rows
const HTTP_PROTOCOL = { value: choice("1.0", "1.0C", "1.0c", "1.1"), initial: "1.0", repeat: "last", tier: "core", since: "2.0.17",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Request version; 1.0C adds a Connection: close header." } as const;
// biome-ignore format: a table reads by rows
const ENABLE_SNI = { value: bool, initial: false, repeat: "last", tier: "core", since: "1.4.3", build: "openssl",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Send the host name in the TLS greeting (no effect in HTTP_GET)." } as const;
// biome-ignore format: a table reads by rows
const SNI_NAME = { value: sniName, default: "(virtualhost)", repeat: "last, with error", tier: "full", since: "2.4.3+30 commits", build: "openssl",
  effective: { test: "test/unit/words/probes.test.ts" },
  doc: "Name to send in the TLS greeting; switches enable_sni on." } as const;
// biome-ignore format: a table reads by rows
const FAST_RECOVERY = { value: bool, initial: false, repeat: "last", tier: "full", since: "2.0.17",
  effective: { test: "test/unit/words/check-verdicts.test.ts", always: "pages are asked one after the other with and without it" },
  doc: "Check all pages back to back at start and on recovery." } as const;
// biome-ignore format: a table reads by rows
const PATH = { value: text(), default: "(required)", repeat: "last, with error", tier: "seed", since: "<=1.0.3",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Request path, query included." } as const;
// biome-ignore format: a table reads by rows
const DIGEST = { value: hex(32), default: "(none)", repeat: "first", tier: "seed", since: "<=1.0.3",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "MD5 of the expected body." } as const;
// biome-ignore format: a table reads by rows
const STATUS_CODE = { value: statusCodes, default: "200-299", repeat: "accumulate", tier: "seed", since: "<=1.0.3",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Acceptable reply codes." } as const;
// biome-ignore format: a table reads by rows
const REGEX = { value: escapedText, default: "(none)", repeat: "last, with error", tier: "full", since: "2.0.7", build: "regex",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Pattern the body must contain." } as const;
// biome-ignore format: a table reads by rows
const REGEX_NO_MATCH = { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.7", build: "regex",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Pattern must not occur." } as const;
// biome-ignore format: a table reads by rows
const REGEX_OPTIONS = { value: regexOptions, repeat: "accumulate", tier: "full", since: "2.0.7", build: "regex",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Matching options; unknown words are ignored silently." } as const;
// biome-ignore format: a table reads by rows
const REGEX_MIN_OFFSET = { value: anyInteger, initial: 0, unit: "bytes", repeat: "last", tier: "full", since: "2.0.7", build: "regex",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Where matching may start." } as const;
// biome-ignore format: a table reads by rows
const REGEX_MAX_OFFSET = { value: anyInteger, default: "(none)", unit: "bytes", repeat: "last", tier: "full", since: "2.0.7", build: "regex",
  effective: { test: "test/unit/words/check-verdicts.test.ts" },
  doc: "Last position where a match may start." } as const;
// biome-ignore format: a table reads by rows
const REGEX_STACK = { value: stackSizes, default: "(library)", unit: "bytes", repeat: "max", tier: "full", since: "2.0.7", build: "regex",
  effective: { unsupported: "patterns are matched without a stack that grows" },
  doc: "First and largest size of the match stack." } as const;
// biome-ignore format: a table reads by rows
const TLS_COMPLIANT = { value: bool, initial: false, repeat: "last", tier: "full", since: "2.2.8", build: "openssl", effective: { unsupported: "the runtime does not tell how a TLS connection ended" },
  doc: "Close TLS sessions with a proper alert." } as const;

// biome-ignore format: a table reads by rows
export const TCP_CHECK = {
  connect_ip: CONNECT_IP,
  connect_port: CONNECT_PORT,
  bindto: BINDTO,
  bind_port: BIND_PORT,
  bind_if: BIND_IF,
  connect_timeout: CONNECT_TIMEOUT,
  fwmark: FWMARK,
  retry: RETRY,
  delay_before_retry: DELAY_BEFORE_RETRY,
  warmup: WARMUP,
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const HTTP_URL = {
  path: PATH,
  digest: DIGEST,
  status_code: STATUS_CODE,
  virtualhost: { ...VIRTUALHOST, default: "(checker's)", doc: "Host header for this page." },
  regex: REGEX,
  regex_no_match: REGEX_NO_MATCH,
  regex_options: REGEX_OPTIONS,
  regex_min_offset: REGEX_MIN_OFFSET,
  regex_max_offset: REGEX_MAX_OFFSET,
  regex_stack: REGEX_STACK,
} as const satisfies Table;

const NO_TLS = { unsupported: "does nothing, in keepalived too: HTTP_GET speaks no TLS" } as const;

// biome-ignore format: a table reads by rows
export const HTTP_GET = {
  connect_ip: CONNECT_IP,
  connect_port: CONNECT_PORT,
  bindto: BINDTO,
  bind_port: BIND_PORT,
  bind_if: BIND_IF,
  connect_timeout: CONNECT_TIMEOUT,
  fwmark: FWMARK,
  retry: { ...RETRY, since: "1.3.7" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, default: "(real server's, else 3 s)", tier: "seed", since: "<=1.0.3" },
  warmup: WARMUP,
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
  nb_get_retry: NB_GET_RETRY,
  virtualhost: VIRTUALHOST,
  http_protocol: HTTP_PROTOCOL,
  enable_sni: { ...ENABLE_SNI, effective: NO_TLS },
  sni_name: { ...SNI_NAME, effective: NO_TLS },
  fast_recovery: FAST_RECOVERY,
  url: { value: bare(), block: HTTP_URL, default: "(at least one required)", repeat: "accumulate", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "One page to fetch." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SSL_URL = {
  path: PATH,
  digest: DIGEST,
  status_code: STATUS_CODE,
  virtualhost: { ...VIRTUALHOST, default: "(checker's)", doc: "Host header for this page." },
  regex: REGEX,
  regex_no_match: REGEX_NO_MATCH,
  regex_options: REGEX_OPTIONS,
  regex_min_offset: REGEX_MIN_OFFSET,
  regex_max_offset: REGEX_MAX_OFFSET,
  regex_stack: REGEX_STACK,
  tls_compliant: { ...TLS_COMPLIANT, default: "(checker's)", doc: "Same, for one page." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SSL_GET = {
  connect_ip: CONNECT_IP,
  connect_port: CONNECT_PORT,
  bindto: BINDTO,
  bind_port: BIND_PORT,
  bind_if: BIND_IF,
  connect_timeout: CONNECT_TIMEOUT,
  fwmark: FWMARK,
  retry: { ...RETRY, since: "1.3.7" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, default: "(real server's, else 3 s)", tier: "seed", since: "<=1.0.3" },
  warmup: WARMUP,
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
  nb_get_retry: NB_GET_RETRY,
  virtualhost: VIRTUALHOST,
  http_protocol: HTTP_PROTOCOL,
  enable_sni: { ...ENABLE_SNI, doc: "Send the host name in the TLS greeting." },
  sni_name: SNI_NAME,
  fast_recovery: FAST_RECOVERY,
  url: { value: bare(), block: SSL_URL, default: "(at least one required)", repeat: "accumulate", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "One page to fetch." },
  tls_compliant: TLS_COMPLIANT,
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SMTP_HOST = {
  connect_ip: { ...CONNECT_IP, tier: "seed", since: "1.1.8", status: "deprecated", quiet: true },
  connect_port: { ...CONNECT_PORT, since: "1.1.8", status: "deprecated", quiet: true },
  bindto: { ...BINDTO, since: "1.1.8", status: "deprecated", quiet: true },
  bind_port: { ...BIND_PORT, status: "deprecated", quiet: true },
  bind_if: { ...BIND_IF, status: "deprecated", quiet: true },
  connect_timeout: { ...CONNECT_TIMEOUT, tier: "core", since: "1.2.13", status: "deprecated", quiet: true },
  fwmark: { ...FWMARK, status: "deprecated", quiet: true },
  retry: { ...RETRY, doc: "Parsed inside host but sets the enclosing checker.", since: "1.3.7", status: "deprecated", quiet: true },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, doc: "Parsed inside host but sets the enclosing checker.", since: "1.3.7", status: "deprecated", quiet: true },
  warmup: { ...WARMUP, doc: "Parsed inside host but sets the enclosing checker.", since: "1.3.7", status: "deprecated", quiet: true },
  delay_loop: { ...DELAY_LOOP, doc: "Parsed inside host but sets the enclosing checker.", status: "deprecated", quiet: true },
  alpha: { ...ALPHA, doc: "Parsed inside host but sets the enclosing checker.", status: "deprecated", quiet: true },
  log_all_failures: { ...LOG_ALL_FAILURES, doc: "Parsed inside host but sets the enclosing checker.", status: "deprecated", quiet: true },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SMTP_CHECK = {
  connect_ip: { ...CONNECT_IP, since: "1.2.17" },
  connect_port: { ...CONNECT_PORT, tier: "core", since: "1.2.17" },
  bindto: { ...BINDTO, tier: "core", since: "1.2.17" },
  bind_port: { ...BIND_PORT, since: "1.2.17" },
  bind_if: BIND_IF,
  connect_timeout: { ...CONNECT_TIMEOUT, since: "1.1.8" },
  fwmark: { ...FWMARK, since: "1.2.17" },
  retry: { ...RETRY, tier: "seed", since: "1.1.8" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, tier: "seed", since: "1.1.8" },
  warmup: WARMUP,
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
  helo_name: { value: text(), initial: "smtpchecker.keepalived.org", repeat: "last, with error", tier: "seed", since: "1.1.8",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Name used in the greeting." },
  host: { value: bare(), block: SMTP_HOST, repeat: "accumulate", tier: "seed", since: "1.1.8", status: "deprecated", quiet: true,
    successor: "several SMTP_CHECK", effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "A further target, meant to become a checker of its own; logged as deprecated (-t stays silent). Measured with two blocks: one checker with the last address, one extra checker per block with connect timeout 0, the first address lost." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const MISC_CHECK = {
  retry: { ...RETRY, default: "(real server's, else 0)", since: "1.3.7" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, since: "1.3.7" },
  warmup: WARMUP,
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
  misc_path: { value: program, default: "(required)", repeat: "last", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/checks.test.ts" },
    doc: "Command to run; unquoted further words are dropped without notice." },
  misc_timeout: { value: wholeSeconds(0, 4294), default: "(virtual server's delay_loop)", unit: "s", repeat: "last", tier: "seed", since: "1.1.0",
    effective: { test: "test/netns/checks.test.ts" },
    doc: "Kill the command after this time." },
  misc_dynamic: { value: flag, initial: false, repeat: "flag", tier: "seed", since: "1.1.8", effective: { test: "test/netns/checks.test.ts" },
    doc: "Status 2..255 means up with weight changed to status - 2." },
  user: { value: account, default: "(script_user)", repeat: "last", tier: "core", since: "1.3.0",
    effective: { test: "test/netns/checks.test.ts" },
    doc: "Identity of the command; an unknown user removes the checker." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const DNS_CHECK = {
  connect_ip: { ...CONNECT_IP, since: "1.3.0" },
  connect_port: { ...CONNECT_PORT, tier: "core", since: "1.3.0" },
  bindto: { ...BINDTO, tier: "core", since: "1.3.0" },
  bind_port: { ...BIND_PORT, since: "1.3.0" },
  bind_if: BIND_IF,
  connect_timeout: { ...CONNECT_TIMEOUT, tier: "core", since: "1.3.0" },
  fwmark: { ...FWMARK, since: "1.3.0" },
  retry: { ...RETRY, default: "(real server's, else 3)", since: "1.3.0" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, default: "(real server's, else delay_loop)", since: "1.3.7" },
  warmup: { ...WARMUP, since: "1.3.7" },
  delay_loop: DELAY_LOOP,
  alpha: ALPHA,
  log_all_failures: LOG_ALL_FAILURES,
  type: { value: one("ENUM(A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY, any case)", wordsSchema(DNS_TYPES, { anyCase: true }), DNS_TYPES.join(", ")),
    initial: "SOA", repeat: "last", tier: "core", since: "1.3.0", effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Record type to ask for." },
  name: { value: text(), default: "(root)", repeat: "first", tier: "core", since: "1.3.0", effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Name to ask for; empty labels are an error." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const UDP_CHECK = {
  connect_ip: { ...CONNECT_IP, since: "2.1.0" },
  connect_port: { ...CONNECT_PORT, tier: "core", since: "2.1.0" },
  bindto: { ...BINDTO, tier: "core", since: "2.1.0" },
  bind_port: { ...BIND_PORT, since: "2.1.0" },
  bind_if: { ...BIND_IF, since: "2.1.0" },
  connect_timeout: { ...CONNECT_TIMEOUT, tier: "core", since: "2.1.0" },
  fwmark: { ...FWMARK, since: "2.1.0" },
  retry: { ...RETRY, since: "2.1.0" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, since: "2.1.0" },
  warmup: { ...WARMUP, since: "2.1.0" },
  delay_loop: { ...DELAY_LOOP, since: "2.1.0" },
  alpha: { ...ALPHA, since: "2.1.0" },
  log_all_failures: { ...LOG_ALL_FAILURES, since: "2.1.0" },
  payload: { value: hexBytes("HEX bytes, free spacing", "bytes"), default: "(random)", repeat: "last", tier: "core", since: "2.2.0",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Bytes to send." },
  require_reply: { value: hexBytes("[HEX bytes, X = any nibble]", "pattern"), default: "off", repeat: "last", tier: "core", since: "2.1.0",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Demand a reply, optionally with this content." },
  min_reply_length: { value: strictInteger(0, 65535), initial: 0, unit: "bytes", repeat: "last", tier: "core", since: "2.2.0",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Shortest acceptable reply." },
  max_reply_length: { value: strictInteger(0, 65535), initial: 255, unit: "bytes", repeat: "last", tier: "core", since: "2.2.0",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Longest acceptable reply." },
} as const satisfies Table;

const NO_PORTS = { unsupported: "ICMP has no ports" } as const;

// biome-ignore format: a table reads by rows
export const PING_CHECK = {
  connect_ip: { ...CONNECT_IP, since: "2.1.0" },
  connect_port: { ...CONNECT_PORT, effective: NO_PORTS, tier: "core", since: "2.1.0" },
  bindto: { ...BINDTO, tier: "core", since: "2.1.0" },
  bind_port: { ...BIND_PORT, effective: NO_PORTS, since: "2.1.0" },
  bind_if: { ...BIND_IF, since: "2.1.0" },
  connect_timeout: { ...CONNECT_TIMEOUT, tier: "core", since: "2.1.0" },
  fwmark: { ...FWMARK, since: "2.1.0" },
  retry: { ...RETRY, since: "2.1.0" },
  delay_before_retry: { ...DELAY_BEFORE_RETRY, since: "2.1.0" },
  warmup: { ...WARMUP, since: "2.1.0" },
  delay_loop: { ...DELAY_LOOP, since: "2.1.0" },
  alpha: { ...ALPHA, since: "2.1.0" },
  log_all_failures: { ...LOG_ALL_FAILURES, since: "2.1.0" },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const FILE_CHECK = {
  track_file: { value: text("NAME"), default: "(required)", repeat: "last", tier: "core", since: "2.1.0",
    effective: { test: "test/netns/checks.test.ts" },
    doc: "Name of a track_file block above." },
  weight: { value: weight(2147483647, ["reverse", "noreverse"]), default: "(the file's)", repeat: "last", tier: "core", since: "2.1.0",
    effective: { test: "test/unit/words/check-verdicts.test.ts" },
    doc: "Multiplier for the file's value." },
  dynamic: { value: flag, unit: "off", repeat: "", tier: "full", since: "", status: "doc-only", reload: "n/a",
    effective: { unsupported: "a word from the manual that keepalived does not know" },
    doc: "Documented, but the parser does not know it." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const BFD_CHECK = {
  name: { value: alone(text("NAME")), default: "(required)", repeat: "once", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Name of a bfd_instance above." },
  alpha: { ...ALPHA, doc: "Start as down.", effective: { test: "test/unit/words/bfd.test.ts", always: "a session is down until its neighbour has spoken" }, tier: "full", since: "2.0.0" },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const SSL = {
  password: { value: text(), secret: true, repeat: "last, with error", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/probes.test.ts" },
    doc: "Pass phrase of the key." },
  ca: { value: text("PATH"), repeat: "last, with error", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/probes.test.ts" },
    doc: "CA bundle." },
  certificate: { value: text("PATH"), repeat: "last, with error", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/unit/words/probes.test.ts" },
    doc: "Client certificate." },
  key: { value: text("PATH"), repeat: "last, with error", tier: "seed", since: "<=1.0.3", effective: { test: "test/unit/words/probes.test.ts" },
    doc: "Client key." },
} as const satisfies Table;
