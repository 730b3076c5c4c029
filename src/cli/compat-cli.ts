// CLI: what keepalived shows around its configuration (options, processes, signals, files, programs, mail), one row each with the test that
// shows it here, or the reason why it is otherwise. docs/compat-cli.md is made from it; a test looks for the words in the tests.
import type { Effective } from "../config/bind/keyword.ts";
import { OPTIONS } from "../config/keywords/options.ts";

type Row =
  /** `says`: a word of that test. */
  | { readonly what: string; readonly test: string; readonly says: string }
  | { readonly what: string; readonly reason: string };

const AS = "test/netns/as-keepalived.test.ts";
const LIFE = "test/netns/lifecycle.test.ts";
const NOTIFY = "test/unit/notify/notify.test.ts";
const NOTIFY_WORDS = "test/unit/words/notify.test.ts";
const TRACKING = "test/unit/words/tracking.test.ts";
const SCRIPT = "test/unit/kernel/script.test.ts";
const DUMPS = "test/unit/process/dumps.test.ts";
const PARENT = "test/unit/process/parent.test.ts";

// biome-ignore format: a table reads by rows
/** By the titles of docs/compat-cli.md; a test looks whether each row's test says what it should. */
export const SURFACE: Readonly<Record<string, readonly Row[]>> = {
  "Command line": [
    { what: "an option that there is not: a line, status 1", test: AS, says: "option 1" },
    { what: "words that belong to no option are named, and it runs", test: AS, says: "$P surprise" },
    { what: "-P, -C and -B each take workers away, --all brings back those before it", test: "test/unit/words/command-line.test.ts", says: '"--all", "-P"' },
    { what: "long options may be shortened, short ones joined", test: "test/unit/cli/flags.test.ts", says: "--config-t" },
    { what: "--genhash prints the digest of a page, with options of its own", test: "test/netns/genhash.test.ts", says: "whatever its status" },
    { what: "-h prints to standard error, status 0", test: AS, says: "for option in -h -v" },
    { what: "-v begins with the name and v2.4.3, on standard error, status 0", test: AS, says: "s/^Keepalived v" },
    { what: "in the background: a session of its own, /, /dev/null", test: AS, says: "leads a session" },
    { what: "-n stays in the foreground, -l and -d do not keep it there", test: AS, says: "-n -G -l" },
  ],
  "Processes and exit status": [
    { what: "a worker runs only if the file has something for it", test: PARENT, says: "a configuration without virtual servers needs no checker" },
    { what: "a worker that dies is started again, later each time", test: "test/unit/process/backoff.test.ts", says: "restartDelayMs" },
    { what: "without any configuration the parent runs alone", test: "test/unit/words/command-line.test.ts", says: "await empty()" },
    { what: "0: a normal end, also after TERM", test: LIFE, says: "lbd.stop()).toBe(0)" },
    { what: "0: another one runs already", test: AS, says: "the second one says with status 0" },
    { what: "1: fatal, or a bad option", test: AS, says: "option 1" },
    { what: "2: the configuration can't be used", test: "test/unit/process/director.test.ts", says: "can't be used ends with status 2" },
    { what: "2: an interface that there is not, or a keyword without its word, ends it", reason: "the instance waits in FAULT for its interface, the line is left out: the others serve; the log and `lbd status` tell" },
    { what: "4: a right is missing", reason: "lbd ends with 4 when it may not make or lock its run directory; no case was found in which keepalived 2.2.7 does" },
    { what: "6: there is no file", test: AS, says: "no file 6" },
    { what: "70, 204: a program error, no memory", reason: "the process ends with 1 and a line that says why; roles are started again" },
    { what: "-t: 0, 2, 4, 5, 6", test: "test/unit/cli/config-test.test.ts", says: "left: [0, 5]" },
    { what: "-t: (FILE: Line N) before each finding", test: AS, says: "Line 4" },
  ],
  Signals: [
    { what: "HUP: reads again and passes on; requests meanwhile wait", test: "test/unit/process/reload-run.test.ts", says: "hundreds of signals" },
    { what: "TERM, INT: stops within child_wait_time, then kills", test: LIFE, says: "child_wait_time 1" },
    { what: "--ignore-sigint", test: LIFE, says: "--ignore-sigint" },
    { what: "USR1: data dumps", test: DUMPS, says: "each role that runs is asked for its data" },
    { what: "USR2, SIGRTMAX-1, SIGRTMIN+2: statistics, statistics to zero, JSON; VRRP alone", test: DUMPS, says: "is for vrrp alone" },
    { what: "TERM to a worker stops that one, and another takes its place", test: LIFE, says: "another one" },
    { what: "PIPE is ignored", test: "test/unit/process/director.test.ts", says: "SIGPIPE" },
    { what: "STOP to programs and FIFOs, priority 0, addresses, routes and services away, pid files away", test: AS, says: "left: " },
    { what: "a reload that would change namespace or instance is refused", test: PARENT, says: "restart" },
    { what: "a reload with a keyword without its word ends it", reason: "such a reload is refused, and the old configuration stays" },
    { what: "reload_time_file, reload_repeat, reload_file, reload_check_config", test: "test/unit/words/reload.test.ts", says: "a reload at its time, and the file goes" },
  ],
  Files: [
    { what: "pid files in /run, with -p, -r, -c and -b elsewhere", test: AS, says: "/run/keepalived.pid /run/vrrp.pid" },
    { what: "in /run/keepalived with use_pid_dir, net_namespace, instance", test: "test/unit/process/host/places.test.ts", says: "use_pid_dir" },
    { what: "one that a killed daemon left", test: AS, says: "a pid file of a process that there is not" },
    { what: "data dump of VRRP, value by value", test: "test/netns/dump.test.ts", says: "keepalived" },
    { what: "written beside and renamed, mode 0600, no link followed", test: "test/unit/kernel/dump-file.test.ts", says: "0o600" },
    { what: "exporters read what the signals write", test: "test/netns/exporter.test.ts", says: "TMPDIR" },
    { what: "syslog by default, -S, -G, as Keepalived, Keepalived_vrrp …", test: AS, says: "-S names the facility" },
    { what: "a log file", test: "test/unit/process/log-run.test.ts", says: "--log-file" },
  ],
  "Notify programs and FIFOs": [
    { what: "the special and the general program, words and states", test: NOTIFY, says: "MASTER" },
    { what: "notify_deleted, also without a program", test: NOTIFY_WORDS, says: "vrrp_instance/notify_deleted" },
    { what: "notify_up, notify_down, quorum_up, quorum_down", test: NOTIFY, says: "real server" },
    { what: "startup_script, shutdown_script and their time limits", test: "test/netns/own-scripts.test.ts", says: "shutdown_script" },
    { what: "readers of FIFOs: notify_fifo_script and its kin", test: NOTIFY_WORDS, says: "notify_fifo_script" },
    { what: "a process group of their own, TERM at the end", test: SCRIPT, says: "stop leaves nothing" },
    { what: "the daemon's environment, less LD_PRELOAD and its kin", reason: "PATH, HOME, USER, LOGNAME, LANG, LC_… and TZ only; `env NAME=value program` gives more" },
    { what: "lines of the FIFOs: INSTANCE, GROUP, VS, RS", test: NOTIFY, says: "FIFO lines" },
    { what: "a NUL behind lines of servers", reason: "2.2 writes none, and a reader by lines would meet it in the next line" },
    { what: "nobody reads: lines are lost, nothing blocks", test: NOTIFY, says: "a full pipe loses lines" },
    { what: "rs_init_notifies", test: "test/unit/words/virtual-server.test.ts", says: "rs_init_notifies" },
    { what: "fifo_write_vrrp_states_on_reload", test: "test/unit/roles/vrrp/role.test.ts", says: "fifo_write_vrrp_states_on_reload" },
  ],
  Mail: [
    { what: "subjects and bodies", test: NOTIFY, says: "Realserver" },
    { what: "one connection for all recipients, no TLS, HELO", test: NOTIFY_WORDS, says: "smtp_helo_name" },
    { what: "who sends: smtp_alert and its kin, no_email_faults, no_checker_emails", test: NOTIFY_WORDS, says: "no_email_faults" },
    { what: "without a server or recipients there is none", test: "test/unit/notify/notifier.test.ts", says: "without a server or recipients" },
  ],
  Trackers: [
    { what: "scripts: interval, rise, fall, timeout, init_fail", test: TRACKING, says: "vrrp_script/rise" },
    { what: "a program that can't be started counts as good", reason: "it is a failure here, and said; one that is missing when the file is read is left out, as there" },
    { what: "files: numbers, weights, init_file", test: TRACKING, says: "init_file" },
    { what: "processes: quorum, quorum_max, delays", test: TRACKING, says: "quorum_max" },
    { what: "interfaces, linkbeat, interface_up_down_delays", test: "test/unit/roles/vrrp/trackers.test.ts", says: "linkbeat" },
    { what: "BFD sessions", test: "test/unit/words/bfd.test.ts", says: "track_bfd" },
  ],
  "Programs of checks, security, environment": [
    { what: "MISC_CHECK: misc_dynamic, misc_timeout", test: "test/netns/checks.test.ts", says: "misc_dynamic" },
    { what: "enable_script_security, use_symlink_paths, script_user", test: "test/unit/words/programs.test.ts", says: "enable_script_security" },
    { what: "defaults of the checkers: warmup, retries, delays", test: "test/unit/words/checks.test.ts", says: "warmup" },
    { what: "TMPDIR: where dumps go", test: "test/netns/exporter.test.ts", says: "TMPDIR" },
    { what: "NOTIFY_SOCKET", test: "test/unit/kernel/service-manager.test.ts", says: "NOTIFY_SOCKET" },
    { what: "_ENV: variables in the configuration", test: "test/unit/config/engine/macros.test.ts", says: "_ENV" },
    { what: "modprobe where ip_vs is not loaded", test: "test/unit/kernel/modules.test.ts", says: "ip_vs" },
    { what: "the ip program and a shell at the start", reason: "neither is needed: the kernel is asked by netlink" },
  ],
};

const HEAD = `# Compatibility with keepalived around the configuration, row by row

Made from tables by \`lbd docs\`; don't edit. Under the name \`keepalived\`, or with \`lbd run --as-keepalived\`, lbd behaves as below; under its own
name it stays in the foreground and logs to standard error. What differs stands in [compat-notes.md](compat-notes.md).
`;

/** docs/compat-cli.md. */
export function outerSurface(): string {
  const options = Object.entries(OPTIONS).map(([long, row]) => {
    const name = "aliases" in row ? `\`${long}\`, \`${row.aliases}\`` : `\`${long}\``;
    return [name, stateText(row.effective)] as const;
  });
  const sections = Object.entries(SURFACE).map(([title, rows]) =>
    section(
      title,
      rows.map((row) => [cell(row.what), rowText(row)]),
    ),
  );
  return [HEAD, section("Options", options), ...sections].join("\n");
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return `## ${title}\n\n| keepalived | lbd |\n| --- | --- |\n${rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("")}`;
}

function rowText(row: Row): string {
  return "test" in row ? row.test : `otherwise: ${cell(row.reason)}`;
}

function stateText(effective: Effective): string {
  if (typeof effective === "string") return effective === "parsed" ? "read, not yet effective" : "effective";
  if ("unsupported" in effective) return `without effect: ${cell(effective.unsupported)}`;
  const always = "always" in effective && effective.always !== undefined ? `; ${cell(effective.always)}` : "";
  return `${effective.test}${always}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
