// Adapter notify: takes what happened and tells programs, FIFOs and people. Programs of one object run one after the other, FIFO
// lines keep the order of events, mails go out on their own; nothing here ever holds up the caller.
import type { Clock } from "../base/clock.ts";
import { observe } from "../base/histogram.ts";
import type { Log } from "../base/log.ts";
import type { Command, Fifo, GlobalConfig } from "../config/model.ts";
import { type FifoWriter, fifoLine, openFifo } from "./fifo.ts";
import { createMailer, type Mailer, mailFor } from "./mail.ts";
import type { Notification, Notifier } from "./notification.ts";
import { createSerialQueues } from "./queue.ts";
import { objectKey, type ScriptCall, scriptCalls } from "./scripts.ts";

/** How a program ended, as the script runner says it. */
export type NotifyOutcome =
  | { readonly kind: "exit"; readonly status: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "timeout"; readonly limitMs: number }
  | { readonly kind: "cannot-start"; readonly reason: string };

export interface NotifyPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostName: string;
  /** `limitMs` Infinity: it may run as long as this process. */
  run(command: Command, extraArgs: readonly string[], limitMs: number): Promise<NotifyOutcome>;
  /** mkfifo(3) with the owner and mode that the keyword asks for. */
  makeFifo(path: string, user: string | undefined, group: string | undefined): "made" | "exists";
}

/** A notify program may take this long before its group is ended. */
export const NOTIFY_LIMIT_MS = 60_000;

/** When this part of the time for a drain is over, what waits behind a program does so no longer. */
const HURRY_SHARE = 0.5;

const RUN_BUCKETS_S: readonly number[] = [0.01, 0.1, 1, 10, 60];

export interface RunningNotifier extends Notifier {
  /** Takes another configuration: FIFOs that stay the same stay open. */
  reload(global: GlobalConfig): void;
  /** Counters by metric name with labels, for /metrics. */
  metrics(): Readonly<Record<string, number>>;
  close(): void;
}

/** `part` says which of the special FIFOs (`vrrp_notify_fifo`, `lvs_notify_fifo`) this process writes beside `notify_fifo`. */
export function createNotifier(part: "vrrp" | "lvs", initial: GlobalConfig, ports: NotifyPorts): RunningNotifier {
  let global = initial;
  let mailer = newMailer();
  const fifos = new Map<string, { readonly fifo: Fifo; readonly writer: FifoWriter }>();
  const counters: Record<string, number> = {};
  /** State that the last mail of an instance or group told. */
  const mailed = new Map<string, string>();
  const queues = createSerialQueues<{ key: string; calls: readonly ScriptCall[] }>(runCalls, (work) => {
    count(`lbd_notify_runs_total{kind="script",result="overtaken"}`);
    ports.log({
      level: "info",
      area: "notify",
      message: `${work.key}: a newer state overtook one whose programs had not run yet`,
    });
  });
  openFifos();

  function newMailer(): Mailer {
    return createMailer(global.smtp, {
      ...ports,
      told: (result) => count(`lbd_alerts_total{channel="mail",result="${result}"}`),
    });
  }

  function count(name: string): void {
    counters[name] = (counters[name] ?? 0) + 1;
  }

  function wantedFifos(): Fifo[] {
    const own = part === "vrrp" ? global.fifo.vrrp : global.fifo.lvs;
    return [global.fifo.all, own].filter((fifo) => fifo !== undefined);
  }

  function openFifos(): void {
    const wanted = wantedFifos();
    for (const [path, { fifo, writer }] of fifos) {
      if (wanted.some((next) => next.path === path && sameReader(next, fifo))) continue;
      fifos.delete(path);
      writer.close();
    }
    for (const fifo of wanted) {
      if (fifos.has(fifo.path)) continue;
      try {
        const writer = openFifo(fifo.path, (path) => ports.makeFifo(path, fifo.user, fifo.group));
        fifos.set(fifo.path, { fifo, writer });
        if (fifo.script) void runReader(fifo.path, fifo.script, writer);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        ports.log({ level: "error", area: "notify", message: `notify FIFO ${fifo.path} can't be used: ${reason}` });
      }
    }
  }

  /** keepalived: started once. It has its end when the pipe is closed, and at the latest with this process. */
  async function runReader(path: string, command: Command, writer: FifoWriter): Promise<void> {
    const outcome = await ports.run(command, [path], Number.POSITIVE_INFINITY);
    if (fifos.get(path)?.writer !== writer) return;
    const message = `nobody reads notify FIFO ${path} any more: ${command.argv.join(" ")} ${describe(outcome)}`;
    ports.log({ level: "warning", area: "notify", message });
  }

  async function runCalls({ key, calls }: { key: string; calls: readonly ScriptCall[] }): Promise<void> {
    for (const call of calls) {
      const startedAt = ports.clock.now();
      const outcome = await ports.run(call.command, call.args, NOTIFY_LIMIT_MS);
      observe(counters, "lbd_notify_duration_seconds", "", RUN_BUCKETS_S, (ports.clock.now() - startedAt) / 1000);
      const result = outcome.kind === "exit" ? (outcome.status === 0 ? "ok" : "failed") : outcome.kind;
      count(`lbd_notify_runs_total{kind="script",result="${result}"}`);
      if (result !== "ok")
        ports.log({
          level: "warning",
          area: "notify",
          message: `${key}: ${call.command.argv.join(" ")}: ${describe(outcome)}`,
        });
    }
  }

  /** keepalived: a state is mailed once, also when one without a mail (no_email_faults) lies between. */
  function isNews(notification: Notification): boolean {
    if (!("state" in notification)) return true;
    const key = objectKey(notification);
    if (mailed.get(key) === notification.state) return false;
    mailed.set(key, notification.state);
    return true;
  }

  return {
    notify(notification) {
      const line = fifoLine(notification);
      if (line !== undefined) for (const { writer } of fifos.values()) count(fifoResult(writer.write(line)));
      const calls = scriptCalls(notification);
      if (calls.length > 0) queues.push(scriptKey(notification), { key: objectKey(notification), calls });
      const mail = mailFor(notification, global.smtp, global.routerId ?? ports.hostName);
      if (mail && isNews(notification)) mailer.send(mail);
    },
    async drain(limitMs) {
      let cancel = () => {};
      const limit = new Promise<void>((resolve) => {
        cancel = ports.clock.at(ports.clock.now() + limitMs, resolve);
      });
      // A program that hangs does not cost the next one, which mostly says that this is the end.
      const cancelHurry = ports.clock.at(ports.clock.now() + HURRY_SHARE * limitMs, queues.hurry);
      await Promise.race([Promise.all([queues.idle(), mailer.idle()]), limit]);
      cancel();
      cancelHurry();
    },
    reload(next) {
      global = next;
      mailer = newMailer();
      openFifos();
    },
    metrics: () => counters,
    close() {
      const open = [...fifos.values()];
      fifos.clear();
      for (const { writer } of open) writer.close();
    },
  };
}

function sameReader({ script: a }: Fifo, { script: b }: Fifo): boolean {
  const essence = (command: Command | undefined) =>
    command && JSON.stringify([command.argv, command.user, command.group]);
  return essence(a) === essence(b);
}

/** A weaker advert does not overtake a state: its program has a line of work of its own. */
function scriptKey(notification: Notification): string {
  const key = objectKey(notification);
  return "state" in notification && notification.state === "MASTER_RX_LOWER_PRI" ? `${key} lower` : key;
}

function fifoResult(written: boolean): string {
  return `lbd_notify_runs_total{kind="fifo",result="${written ? "ok" : "dropped"}"}`;
}

function describe(outcome: NotifyOutcome): string {
  switch (outcome.kind) {
    case "exit":
      return `ended with status ${outcome.status}`;
    case "signal":
      return `ended by ${outcome.signal}`;
    case "timeout":
      return `took longer than ${outcome.limitMs} ms and was ended`;
    case "cannot-start":
      return `can't be run: ${outcome.reason}`;
  }
}
