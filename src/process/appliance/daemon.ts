// Process layer, appliance: a child that is kept running, the director above all (director.ts). When it ends by itself it is started again,
// later each time; the machine goes on forwarding meanwhile and is never restarted for it.
import type { Cancel, Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;
/** One that ran so long was well: the next failure is a first one. */
const STEADY_MS = 60_000;

export interface DaemonPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** In words for the log; absent: the director. */
  readonly name?: string;
  /** Starts it; `ended` is called once, with words for how. */
  start(ended: (how: string) => void): DaemonProcess;
  /** One that runs already, from a life before of this process; looked for once. */
  adopt?(ended: (how: string) => void): DaemonProcess | undefined;
}

export interface DaemonProcess {
  readonly pid: number;
  signal(name: "SIGHUP" | "SIGTERM" | "SIGKILL"): void;
}

export interface Daemon {
  start(): void;
  /** Reads its configuration again. */
  reload(): void;
  /** Ends it by force, as one that hangs: it is started again. */
  kill(): void;
  /** Ends it in order, by force after `limitMs`; resolves when it is gone. */
  stop(limitMs: number): Promise<void>;
  /** Ends that nobody asked for. */
  readonly failures: number;
  readonly pid: number | undefined;
}

export function createDaemon({ clock, log, name = "the director", start, adopt }: DaemonPorts): Daemon {
  let running: { readonly process: DaemonProcess; readonly since: number } | undefined;
  let stopping: (() => void) | undefined;
  let waitMs = FIRST_WAIT_MS;
  let failures = 0;
  let cancelWait: Cancel = () => {};

  const begin = (from = start) => {
    cancelWait = () => {};
    const since = clock.now();
    const process = from((how) => {
      running = undefined;
      if (stopping) return stopping();
      failures++;
      if (clock.now() - since >= STEADY_MS) waitMs = FIRST_WAIT_MS;
      log({ level: "error", area: "appliance", message: `${name} ended (${how}), again in ${waitMs} ms` });
      cancelWait = clock.at(clock.now() + waitMs, () => begin());
      waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
    });
    running = { process, since };
  };

  return {
    get failures() {
      return failures;
    },
    get pid() {
      return running?.process.pid;
    },
    start: () => begin((ended) => adopt?.(ended) ?? start(ended)),
    reload: () => running?.process.signal("SIGHUP"),
    kill: () => running?.process.signal("SIGKILL"),
    stop(limitMs) {
      cancelWait();
      const { process } = running ?? {};
      if (!process) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.at(clock.now() + limitMs, () => process.signal("SIGKILL"));
        stopping = () => {
          cancel();
          resolve();
        };
        process.signal("SIGTERM");
      });
    },
  };
}
