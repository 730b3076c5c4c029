// CLI: the options of a run as one table: keepalived's (cli-signals.md §1) and ours. The reader of the command line, citty's
// definition, the help and docs are made from it.

export interface Flag {
  readonly long: string;
  /** Other spellings of the long form. */
  readonly also?: readonly string[];
  readonly short?: string;
  /** Name of the value; in brackets: optional, and then only joined (`-tFILE`, `--config-test=FILE`). Absent: none. */
  readonly value?: string;
  /** `lbd`: not known to keepalived. */
  readonly origin: "lbd" | "keepalived";
  readonly help: string;
  /**
   * Absent: it works. Else what a run says in one line because the option has no effect yet, or none ever;
   * `refused` options end the program instead, because going on would do something else than was asked for.
   */
  readonly note?: string;
  readonly refused?: boolean;
}

// biome-ignore format: a table reads better dense.
export const FLAGS = [
  { long: "use-file", also: ["config"], short: "f", value: "FILE", origin: "keepalived", help: "configuration file" },
  { long: "run-dir", value: "DIR", origin: "lbd", help: "directory of pid file and api.sock" },
  { long: "api", value: "ADDRESS:PORT|off", origin: "lbd", help: "where the status API listens besides api.sock" },
  { long: "api-host", value: "NAME", origin: "lbd", help: "host name that TCP requests may call this director by; may be given again" },
  { long: "api-socket-group", value: "GROUP", origin: "lbd", help: "group that may ask on api.sock, for lbd status without root" },
  { long: "metrics-instance-label", origin: "lbd", help: "lbd_vrrp_* metrics name the instance by instance=, not by vrrp=" },
  { long: "ipvs-transport", value: "auto|sockopt|netlink", origin: "lbd", help: "how IPVS is spoken to" },
  { long: "log-format", value: "text|json", origin: "lbd", help: "form of the log lines on standard error and in a file" },
  { long: "log-level", value: "LEVEL[,AREA=LEVEL…]", origin: "lbd", help: "error, warning, info or debug; lbd log changes it at run time" },
  { long: "log-to", value: "udp|tcp://HOST[:PORT]", origin: "lbd", help: "log also to a host (RFC 5424); may be given again" },
  { long: "strict", origin: "lbd", help: "a configuration with errors is refused; else what can be used of it runs" },
  { long: "drain-vrrp", value: "FILE", origin: "lbd", help: "VRRP instances leave the election, masters resigning, when FILE is there at a reload or the start" },
  { long: "hold-vrrp", value: "FILE", origin: "lbd", help: "VRRP instances stay in INIT from the start as long as FILE is there" },
  { long: "keep-health", origin: "lbd", help: "how checks stood at an orderly end counts at the next start within ten minutes" },
  { long: "as-keepalived", origin: "lbd", help: "run as if started under the name keepalived: background, its pid files and process names, syslog" },
  { long: "events-on-stdin", origin: "lbd", help: "events of the API that others tell on standard input, one JSON object a line" },
  { long: "vrrp", short: "P", origin: "keepalived", help: "only VRRP (and BFD), no health checks" },
  { long: "check", short: "C", origin: "keepalived", help: "only health checks (and BFD), no VRRP" },
  { long: "no_bfd", short: "B", origin: "keepalived", help: "no BFD" },
  { long: "all", origin: "keepalived", help: "start every process, also without configuration for it" },
  { long: "config-test", short: "t", value: "[LOG_FILE]", origin: "keepalived", help: "check the configuration and exit; see also lbd check" },
  { long: "config-id", short: "i", value: "ID", origin: "keepalived", help: "id for @ID lines; the host name by default" },
  { long: "all-config", short: "e", origin: "keepalived", help: "every problem with an include is an error" },
  { long: "pid", short: "p", value: "FILE", origin: "keepalived", help: "write the pid here too" },
  { long: "vrrp_pid", short: "r", value: "FILE", origin: "keepalived", help: "pid file of the VRRP process" },
  { long: "checkers_pid", short: "c", value: "FILE", origin: "keepalived", help: "pid file of the health-check process" },
  { long: "bfd_pid", short: "b", value: "FILE", origin: "keepalived", help: "pid file of the BFD process" },
  { long: "dont-release-vrrp", short: "V", origin: "keepalived", help: "leave addresses and routes when stopping" },
  { long: "dont-release-ipvs", short: "I", origin: "keepalived", help: "leave the IPVS table when stopping" },
  { long: "release-vips", short: "X", origin: "keepalived", help: "drop addresses at the first sign of a stop (always so)" },
  { long: "dont-respawn", short: "R", origin: "keepalived", help: "end when a process dies, instead of restarting it" },
  { long: "dont-fork", short: "n", origin: "keepalived", help: "stay in the foreground, which lbd does anyway under its own name" },
  { long: "ignore-sigint", origin: "keepalived", help: "SIGINT does nothing" },
  { long: "log-console", short: "l", origin: "keepalived", help: "log to standard error, which lbd does anyway under its own name" },
  { long: "log-detail", short: "D", origin: "keepalived", help: "log more" },
  { long: "log-facility", short: "S", value: "FACILITY", origin: "keepalived", help: "log also to syslog, as 0..7, local0..local7, user or daemon" },
  { long: "log-file", short: "g", value: "[FILE]", origin: "keepalived", help: "log also to a file; it is opened anew after it was moved away" },
  { long: "flush-log-file", origin: "keepalived", help: "flush the log file at each line (always so)" },
  { long: "no-syslog", short: "G", origin: "keepalived", help: "nothing to syslog" },
  { long: "umask", short: "u", value: "MASK", origin: "keepalived", help: "mask of new files, as C writes numbers: 027, 0x17" },
  { long: "dump-conf", short: "d", origin: "keepalived", help: "log what each role has of the configuration when it starts, as a data dump says it" },
  { long: "genhash", short: "T", origin: "keepalived", help: "print the digest of a page for HTTP_GET; its own options follow (-T -h)" },
  { long: "address-monitoring", short: "a", origin: "keepalived", help: "log every address that comes or goes" },
  { long: "snmp", short: "x", origin: "keepalived", help: "SNMP agent", note: "there is no SNMP agent; see GET /metrics" },
  { long: "snmp-agent-socket", short: "A", value: "SOCKET", origin: "keepalived", help: "AgentX master", note: "there is no SNMP agent; see GET /metrics" },
  { long: "namespace", short: "s", value: "NAME", origin: "keepalived", help: "network namespace to work in" },
  { long: "core-dump", short: "m", origin: "keepalived", help: "permit core files; they hold passwords" },
  { long: "core-dump-pattern", short: "M", value: "[PATTERN]", origin: "keepalived", help: "as --core-dump; kernel.core_pattern stays as it is" },
  { long: "signum", value: "NAME", origin: "keepalived", help: "print the number of a signal: STOP RELOAD DATA STATS STATS_CLEAR JSON" },
  { long: "config-fd", value: "FD", origin: "keepalived", help: "internal to keepalived", note: "lbd checks a reload without a process of its own" },
  { long: "perf", origin: "keepalived", help: "for developers", note: "only for developers of keepalived" },
  { long: "debug", value: "[OPTIONS]", origin: "keepalived", help: "for developers", note: "only for developers of keepalived" },
  { long: "no-mem-check", origin: "keepalived", help: "for developers", note: "only for developers of keepalived" },
  { long: "mem-check-log", short: "L", origin: "keepalived", help: "for developers", note: "only for developers of keepalived" },
  { long: "version", short: "v", origin: "keepalived", help: "print the version" },
  { long: "help", short: "h", origin: "keepalived", help: "print this" },
] as const satisfies readonly Flag[];

export type FlagName = (typeof FLAGS)[number]["long"];

const TABLE: readonly Flag[] = FLAGS;

export interface ReadFlags {
  /** Values in the order given; options without a value have empty text. The option that came last is the last. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** The last spelling of each option as it was typed: `-v` and `--version` differ in where they print. */
  readonly typed: ReadonlyMap<string, string>;
}

export type FlagsResult =
  | { readonly ok: true; readonly value: ReadFlags }
  | { readonly ok: false; readonly message: string; readonly near: readonly string[] };

/**
 * Reads options as getopt_long does: joined short ones, `--name=value`, shortened long names while only one fits.
 * @param stray takes words that belong to no option; absent: they are a mistake
 */
export function readFlags(argv: readonly string[], stray?: (word: string) => void): FlagsResult {
  const given = new Map<string, string[]>();
  const typed = new Map<string, string>();
  const take = (flag: Flag, spelling: string, value: string) => {
    const before = given.get(flag.long) ?? [];
    given.delete(flag.long);
    given.set(flag.long, [...before, value]);
    typed.set(flag.long, spelling);
  };
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === "--" && at + 1 === argv.length) break;
    if (word === "--" || word === "-" || !word.startsWith("-")) {
      const odd = word === "--" ? (argv[at + 1] ?? "") : word;
      if (!stray) return { ok: false, message: strayWord(odd), near: [] };
      if (word !== "--") stray(word);
      continue;
    }
    const read = word.startsWith("--") ? readLong(word, argv[at + 1]) : readShorts(word, argv[at + 1]);
    if ("message" in read) return { ok: false, ...read };
    for (const { flag, spelling, value } of read.options) take(flag, spelling, value);
    if (read.tookNext) at++;
  }
  return { ok: true, value: { given, typed } };
}

interface Taken {
  readonly options: readonly { readonly flag: Flag; readonly spelling: string; readonly value: string }[];
  readonly tookNext: boolean;
}

interface Wrong {
  readonly message: string;
  readonly near: readonly string[];
}

function readLong(word: string, next: string | undefined): Taken | Wrong {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const joined = equals < 0 ? undefined : word.slice(equals + 1);
  const found = findLong(name);
  if (!("long" in found)) return found;
  const spelling = `--${found.long}`;
  const kind = valueKind(found);
  if (kind === "none" && joined !== undefined)
    return { message: `${spelling} takes no value (got ${joined})`, near: [] };
  if (kind !== "required" || joined !== undefined)
    return { options: [{ flag: found, spelling, value: joined ?? "" }], tookNext: false };
  if (next === undefined) return { message: `${spelling} needs a value: ${found.value}`, near: [] };
  return { options: [{ flag: found, spelling, value: next }], tookNext: true };
}

function findLong(name: string): Flag | Wrong {
  const exact = TABLE.find((flag) => flag.long === name || flag.also?.includes(name));
  if (exact) return exact;
  const fits = TABLE.filter((flag) => [flag.long, ...(flag.also ?? [])].some((full) => full.startsWith(name)));
  const [first, ...more] = name === "" ? [] : fits;
  if (first && more.length === 0) return first;
  if (first) return { message: `--${name} could be more than one option`, near: fits.map((flag) => `--${flag.long}`) };
  return { message: `unknown option --${name}`, near: [] };
}

function readShorts(word: string, next: string | undefined): Taken | Wrong {
  const options: { flag: Flag; spelling: string; value: string }[] = [];
  const letters = [...word.slice(1)];
  for (let i = 0; i < letters.length; i++) {
    const spelling = `-${letters[i]}`;
    const flag = TABLE.find(({ short }) => short === letters[i]);
    if (!flag) return { message: `unknown option ${spelling}${letters.length > 1 ? ` in ${word}` : ""}`, near: [] };
    const kind = valueKind(flag);
    const rest = letters.slice(i + 1).join("");
    if (kind === "none") {
      options.push({ flag, spelling, value: "" });
      continue;
    }
    if (kind === "optional" || rest !== "")
      return { options: [...options, { flag, spelling, value: rest }], tookNext: false };
    if (next === undefined) return { message: `${spelling} needs a value: ${flag.value}`, near: [] };
    return { options: [...options, { flag, spelling, value: next }], tookNext: true };
  }
  return { options, tookNext: false };
}

function strayWord(word: string): string {
  return `stray word ${word}: lbd takes options here, a configuration file follows -f`;
}

function valueKind(flag: Flag): "none" | "optional" | "required" {
  if (flag.value === undefined) return "none";
  return flag.value.startsWith("[") ? "optional" : "required";
}
