// Process layer: log lines to standard error, never waiting for whoever reads it: a console that is stopped or a full pipe costs
// lines, counted, and nothing else.
import type { Clock } from "../../base/clock.ts";
import { type Log, type LogLine, renderBare, renderJson, renderText } from "../../base/log.ts";
import { PRIORITY } from "./log-forms.ts";

/** Text that may wait for the reader. */
export const MAX_WAITING_BYTES = 262_144;

/** What is needed of a stream: process.stderr, or one of our own (log-stream.ts). */
export interface TextStream {
  write(text: string, written: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Nobody takes it now; what waits does so until somebody comes. Absent: never. */
  isAway?(): boolean;
}

export interface LogSink {
  readonly log: Log;
  /** Resolves when everything was written; the caller bounds the wait. */
  drained(): Promise<void>;
}

export interface LogSinkOptions {
  readonly format: "text" | "json";
  readonly debug: boolean;
  /** Lines begin with their priority, `<4>`, and have no time: the journal keeps both beside the text (sd-daemon(3)). */
  readonly journal?: boolean;
  /** Another form of a line than `format`'s, whole. */
  readonly render?: (line: LogLine, wallMs: number) => string;
}

export function createLogSink(stream: TextStream, clock: Clock, options: LogSinkOptions): LogSink {
  const render = rendererOf(options);
  let waiting = 0;
  let dropped = 0;
  let waiters: (() => void)[] = [];
  // A reader that went away (EPIPE) is no reason to end; its lines are gone.
  stream.on("error", () => {});

  function put(line: LogLine): void {
    const text = render(line, clock.wallMs());
    waiting += text.length;
    stream.write(text, () => {
      waiting -= text.length;
      if (waiting > 0) return;
      for (const done of waiters) done();
      waiters = [];
    });
  }

  return {
    log(line) {
      if (line.level === "debug" && !options.debug) return;
      if (waiting >= MAX_WAITING_BYTES) {
        dropped++;
        return;
      }
      if (dropped > 0) {
        const message = `${dropped} log lines dropped: whoever reads them is too slow`;
        dropped = 0;
        put({ level: "warning", area: "process", message });
      }
      put(line);
    },
    drained: () =>
      waiting === 0 || stream.isAway?.() ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve)),
  };
}

function rendererOf({ format, journal, render }: LogSinkOptions): (line: LogLine, wallMs: number) => string {
  if (render) return render;
  const plain = format === "json" ? renderJson : journal ? renderBare : renderText;
  return (line, wallMs) => `${journal ? `<${PRIORITY[line.level]}>` : ""}${plain(line, wallMs)}\n`;
}
