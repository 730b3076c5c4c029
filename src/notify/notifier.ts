// Adapter notify: takes what happened and tells programs, FIFOs and people. Programs start at once and run side by side, as keepalived's
// do, or in order with `notify_serial`; FIFO lines keep the order of events, mails go out on their own; nothing here ever holds up the caller.

import type { Cancel, Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { observe } from "../base/histogram.ts";
import type { Log } from "../base/log.ts";
import type { Command } from "../config/model/command.ts";
import type { Fifo, GlobalConfig } from "../config/model/global.ts";
import { type FifoWriter, fifoLine, fifoWriter, type OpenedFifo } from "./fifo.ts";
import { createMailer, type Mailer, mailFor } from "./mail.ts";
import { createMailLimit } from "./mail-limit.ts";
import type { Notification, Notifier } from "./notification.ts";
import { describeOutcome, type ProgramOutcome } from "./outcome.ts";
import { CROWDED_LIMIT_MS, createNotifyPlaces, MAX_NOTIFY_RUNNING, MAX_NOTIFY_WAITING } from "./places.ts";
import { createSerialQueues, MAX_SERIAL_WAITING } from "./queue.ts";
import { objectKey, type ScriptCall, scriptCalls } from "./scripts.ts";

export interface NotifyPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostName: string;
  /** `limitMs` Infinity: it may run as long as this process. `end`: its group is ended before. */
  run(command: Command, extraArgs: readonly string[], limitMs: number, end?: AbortSignal): Promise<ProgramOutcome>;
  /** Opens it, made if missing with the owner that the keyword asks for. @throws Error when it can't be used */
  openFifo(path: string, user: string | undefined, group: string | undefined): OpenedFifo;
}

/** With `notify_serial` a program may take this long: then its group is ended, and the next state is told. */
export const SERIAL_LIMIT_MS = 60_000;

/** When this part of the time for a drain is over, what waits behind a program does so no longer. */
const HURRY_SHARE = 0.5;
/** keepalived: at the stop all that runs gets a second. Here that is for programs of earlier states; those of the stop get all the time. */
const EARLIER_PATIENCE_MS = 1000;

const RUN_BUCKETS_S: readonly number[] = [0.01, 0.1, 1, 10, 60];

/** A state and the programs that are told of it. */
interface Told {
  readonly key: string;
  readonly calls: readonly ScriptCall[];
}

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
  const mails = createMailLimit(ports.clock, (mail) => mailer.send(mail));
  const fifos = new Map<string, { readonly fifo: Fifo; readonly writer: FifoWriter }>();
  const counters: Record<string, number> = {};
  /** State that the last mail of an instance or group told. */
  const mailed = new Map<string, string>();
  const places = createNotifyPlaces(ports.clock);
  const queues = createSerialQueues<Told>(runSerially, ({ key }) => {
    count(`lbd_notify_runs_total{kind="script",result="overtaken"}`);
    warn(
      `${key}: ${MAX_SERIAL_WAITING} states wait behind a program that runs (notify_serial), the oldest is not told`,
    );
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
        const opened = ports.openFifo(fifo.path, fifo.user, fifo.group);
        if (opened.warning !== undefined) warn(`notify FIFO ${fifo.path}: ${opened.warning}`);
        const writer = fifoWriter(opened);
        fifos.set(fifo.path, { fifo, writer });
        if (fifo.script) void runReader(fifo.path, fifo.script, writer);
      } catch (error) {
        const reason = messageOf(error);
        ports.log({ level: "error", area: "notify", message: `notify FIFO ${fifo.path} can't be used: ${reason}` });
      }
    }
  }

  /** keepalived: started once. It has its end when the pipe is closed, and at the latest with this process. */
  async function runReader(path: string, command: Command, writer: FifoWriter): Promise<void> {
    const outcome = await ports.run(command, [path], Number.POSITIVE_INFINITY);
    if (fifos.get(path)?.writer !== writer) return;
    const message = `nobody reads notify FIFO ${path} any more: ${command.argv.join(" ")} ${describeOutcome(outcome)}`;
    ports.log({ level: "warning", area: "notify", message });
  }

  async function runSerially({ key, calls }: Told): Promise<void> {
    for (const call of calls) await runCall(key, call, SERIAL_LIMIT_MS);
  }

  function runCall(key: string, call: ScriptCall, limitMs: number): Promise<void> {
    const what = `${key}: ${call.command.argv.join(" ")}`;
    return places.enter({
      async run(makeRoom) {
        const startedAt = ports.clock.now();
        const outcome = await ports.run(call.command, call.args, limitMs, makeRoom);
        observe(counters, "lbd_notify_duration_seconds", "", RUN_BUCKETS_S, (ports.clock.now() - startedAt) / 1000);
        const result = outcome.kind === "exit" ? (outcome.status === 0 ? "ok" : "failed") : outcome.kind;
        count(`lbd_notify_runs_total{kind="script",result="${result}"}`);
        if (result !== "ok" && !makeRoom.aborted) warn(`${what}: ${describeOutcome(outcome)}`);
      },
      givenUp() {
        count(`lbd_notify_runs_total{kind="script",result="dropped"}`);
        warn(`${what}: not started, ${MAX_NOTIFY_RUNNING} notify programs run and ${MAX_NOTIFY_WAITING} wait`);
      },
      ended() {
        const seconds = CROWDED_LIMIT_MS / 1000;
        warn(`${what}: ended after more than ${seconds} s, because ${MAX_NOTIFY_RUNNING} run and others wait`);
      },
    });
  }

  function warn(message: string): void {
    ports.log({ level: "warning", area: "notify", message });
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
      const key = objectKey(notification);
      if (global.notifySerial && calls.length > 0) queues.push(scriptKey(notification), { key, calls });
      else for (const call of calls) void runCall(key, call, Number.POSITIVE_INFINITY);
      const mail = mailFor(notification, global.smtp, global.routerId ?? ports.hostName);
      if (mail && isNews(notification)) mails.offer(objectKey(notification), mail);
    },
    async drain(limitMs) {
      const began = ports.clock.now();
      const cancels: Cancel[] = [];
      const after = (ms: number) =>
        new Promise<void>((resolve) => cancels.push(ports.clock.at(began + Math.min(ms, limitMs), resolve)));
      // A program that hangs does not cost the next one, which mostly says that this is the end.
      void after(HURRY_SHARE * limitMs).then(() => {
        queues.hurry();
        places.hurry();
      });
      mails.flush();
      const others = [queues.idle(), mailer.idle()];
      const ownDone = Promise.all([...others, places.idle(began - EARLIER_PATIENCE_MS), after(EARLIER_PATIENCE_MS)]);
      const allDone = Promise.all([...others, places.idle(Number.NEGATIVE_INFINITY)]);
      await Promise.race([ownDone, allDone, after(limitMs)]);
      for (const cancel of cancels) cancel();
    },
    reload(next) {
      global = next;
      mails.flush();
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
