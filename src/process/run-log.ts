// Process layer: where a director's log goes: standard error, the journal, syslog, a file, hosts. None waits for another, and nobody for them.
import { existsSync } from "node:fs";
import { createLogBook } from "../appliance/log-book.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { LogLine } from "../base/log.ts";
import { foldRepeats } from "../base/log-fold.ts";
import { isWanted, type LogLevels } from "../base/log-levels.ts";
import { openDatagramPath } from "../kernel/datagram-path.ts";
import { datagramStream } from "./host/datagram-stream.ts";
import { type FileStream, fileStream } from "./host/file-stream.ts";
import { DAEMON, journalMessage, type Speaker, syslogLine } from "./host/log-forms.ts";
import { createLogSink, type LogSink, type LogSinkOptions, type TextStream } from "./host/log-sink.ts";
import { isJournal, openLogStream } from "./host/log-stream.ts";
import type { LogOptions } from "./options.ts";

const SYSLOG = "/dev/log";
const JOURNAL = "/run/systemd/journal/socket";

export interface RunLog extends LogSink {
  setLevels(levels: LogLevels): void;
  /** The log file may have been moved away. */
  reopen(): void;
  /** The start is over: whoever waited for errors of it has them. */
  stands(): void;
}

export interface RunLogOptions extends LogOptions {
  readonly format: "text" | "json";
  /** `keepalived`, when lbd was started under that name. */
  readonly calledAs?: string | undefined;
  readonly hostname: () => string;
}

export function createRunLog(options: RunLogOptions, clock: Clock): RunLog {
  const { format, calledAs } = options;
  let { levels } = options;
  const sinks: LogSink[] = [];
  const speaker: Speaker = { facility: options.syslog ?? DAEMON, pid: process.pid, calledAs };
  let file: FileStream | undefined;
  let startErrors: LogSink | undefined;

  function add(open: (tell: (message: string) => void) => TextStream, own: Partial<LogSinkOptions> = {}): void {
    let sink: LogSink | undefined;
    // What one does not take is for the others to know.
    const tell = (message: string) => {
      const line: LogLine = { level: "warning", area: "log", message };
      for (const one of sinks) if (one !== sink) one.log(line);
    };
    sink = createLogSink(open(tell), clock, { format, debug: true, ...own });
    sinks.push(sink);
  }

  function addDatagrams(path: string, render: (line: LogLine, wallMs: number) => string): void {
    add(
      (tell) =>
        datagramStream(openDatagramPath(path), clock, () => tell(`${path}: nobody takes log lines there; they wait`)),
      {
        render,
      },
    );
  }

  /** Should nobody take lines at its socket, the rest goes to standard error, which leads there as well. */
  function addJournal(): void {
    let own: LogSink | undefined;
    add(
      (tell) =>
        datagramStream(openDatagramPath(JOURNAL), clock, () => {
          if (own === undefined || !sinks.includes(own)) return;
          sinks.splice(sinks.indexOf(own), 1);
          add(() => openLogStream(clock), { journal: true });
          tell(`${JOURNAL}: nobody takes log lines there; from now on they go to standard error`);
        }),
      { render: (line) => journalMessage(line, speaker) },
    );
    own = sinks.at(-1);
  }

  const toJournal = isJournal(process.env.JOURNAL_STREAM);
  const isNative = toJournal && format === "text" && existsSync(JOURNAL);
  const toConsole = options.console || (options.syslog !== undefined && isConsoleNeeded(options));
  if (options.showsStartErrors && !toConsole) {
    const stderr = createLogSink(openLogStream(clock), clock, { format, debug: false });
    startErrors = { ...stderr, log: (line) => line.level === "error" && stderr.log(line) };
  }
  if (toConsole && isNative) addJournal();
  else if (toConsole) add(() => openLogStream(clock), { journal: toJournal });
  // The journal listens on syslog's socket, too: each line once.
  if (options.syslog !== undefined && !(toConsole && toJournal))
    addDatagrams(SYSLOG, (line, wallMs) => syslogLine(line, wallMs, speaker));
  if (options.file !== undefined) {
    const path = options.file;
    add((tell) => {
      file = fileStream(path, clock, (reason) => tell(`log file ${path} can't be written: ${reason}; lines wait`));
      return file;
    });
  }
  const tellAll = (line: LogLine) => {
    for (const { log } of sinks) log(line);
  };
  const remote = options.remote.length > 0 ? openRemote(options, clock, tellAll) : undefined;

  const folding = foldRepeats((line) => {
    tellAll(line);
    startErrors?.log(line);
    remote?.(line);
  }, clock);
  return {
    log(line) {
      if (isWanted(line, levels)) folding.log(line);
    },
    async drained() {
      folding.flush();
      await Promise.all([...sinks, ...(startErrors ? [startErrors] : [])].map((sink) => sink.drained()));
    },
    setLevels(next) {
      levels = next;
    },
    reopen: () => file?.reopen(),
    stands() {
      startErrors = undefined;
    },
  };
}

/** A machine without syslog, such as a container, would lose what a director in the foreground says. */
function isConsoleNeeded({ isBackground, file, remote }: LogOptions): boolean {
  return !isBackground && file === undefined && remote.length === 0 && !existsSync(SYSLOG);
}

/** RFC 5424 over the network. The code for it is loaded when it is asked for; what is said meanwhile is kept. */
function openRemote(
  { remote, hostname }: RunLogOptions,
  clock: Clock,
  tell: (line: LogLine) => void,
): (line: LogLine) => void {
  const book = createLogBook();
  const add = (line: LogLine) => void book.add(line, new Date(clock.wallMs()).toISOString());
  void import("./host/syslog-sender.ts")
    .then(({ createSyslogSender }) => createSyslogSender({ clock, book, hostname, log: tell }).apply(remote))
    .catch((error: unknown) => tell({ level: "error", area: "log", message: messageOf(error) }));
  return add;
}
