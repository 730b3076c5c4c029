// Process layer: sends the log to hosts (syslog targets of appliance.yaml, `--log-to`), over UDP (RFC 5426) or TCP (RFC 6587). A target that does
// not take its lines has a bounded queue and is tried again; nothing ever waits for it.
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { createConnection, isIP, type Socket } from "node:net";
import type { KeptLine, LogBook } from "../../appliance/log-book.ts";
import type { SyslogTarget } from "../../appliance/settings.ts";
import { createSyslogQueue, framed, type SyslogQueue, syslogMessage } from "../../appliance/syslog.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;
/** What may lie in a connection that nobody reads; the rest waits in the queue. */
const MAX_IN_SOCKET_BYTES = 64 * 1024;
/** A datagram that every network carries whole (RFC 5426 §3.2: receivers take 2048 bytes). */
const MAX_DATAGRAM_BYTES = 2048;

export interface SyslogSender {
  /** Sends to these from now on: the lines of the book that others have had are not sent again. */
  apply(targets: readonly SyslogTarget[]): void;
  stop(): void;
}

export interface SyslogPorts {
  readonly clock: Clock;
  readonly book: LogBook;
  hostname(): string;
  readonly log: Log;
}

export function createSyslogSender(ports: SyslogPorts): SyslogSender {
  const targets = new Map<
    string,
    { readonly queue: SyslogQueue; readonly wake: () => void; readonly stop: () => void }
  >();
  const leave = ports.book.follow((line) => {
    for (const { queue, wake } of targets.values()) {
      queue.put(line);
      wake();
    }
  });
  return {
    apply(wanted) {
      const keys = wanted.map(({ protocol, host, port }) => `${protocol} ${host} ${port}`);
      for (const [key, { stop }] of targets)
        if (!keys.includes(key)) {
          stop();
          targets.delete(key);
        }
      for (const [n, target] of wanted.entries()) {
        const key = keys[n] ?? "";
        if (targets.has(key)) continue;
        const queue = createSyslogQueue();
        // A new target gets what was said before there was a network.
        for (const line of ports.book.after(0, 1000)) queue.put(line);
        const sender =
          target.protocol === "udp" ? sendDatagrams(target, queue, ports) : sendStream(target, queue, ports);
        targets.set(key, { queue, ...sender });
        sender.wake();
      }
    },
    stop() {
      leave();
      for (const { stop } of targets.values()) stop();
      targets.clear();
    },
  };
}

interface Sender {
  wake(): void;
  stop(): void;
}

/** Tells of a target's first failure, and of its end: a log about a log must not grow by itself. */
function teller({ host, port, protocol }: SyslogTarget, log: Log) {
  let failing = false;
  const say = (level: "warning" | "info", message: string) =>
    log({ level, area: "syslog", message: `${protocol} ${host}:${port}: ${message}` });
  return {
    failed(reason: string) {
      if (!failing) say("warning", `${reason}; lines wait, and are tried again`);
      failing = true;
    },
    works() {
      if (failing) say("info", "it takes lines again");
      failing = false;
    },
  };
}

function lostLine(queue: SyslogQueue, clock: Clock): Omit<KeptLine, "id"> | undefined {
  const lost = queue.lost();
  if (lost === 0) return undefined;
  return {
    at: new Date(clock.wallMs()).toISOString(),
    level: "warning",
    area: "syslog",
    message: `${lost} lines were lost: this target did not take them`,
  };
}

/** The name is asked for anew after every failure, and once in a while; an answer that takes long holds up nobody. */
function sendDatagrams(target: SyslogTarget, queue: SyslogQueue, { clock, hostname, log }: SyslogPorts): Sender {
  const { failed, works } = teller(target, log);
  let cancel: Cancel = () => {};
  let busy = false;
  let stopped = false;
  let waitMs = FIRST_WAIT_MS;
  let to: { readonly address: string; readonly socket: ReturnType<typeof createSocket> } | undefined;

  const wake = () => {
    if (busy || stopped) return;
    busy = true;
    void drain()
      .then(() => {
        busy = false;
        waitMs = FIRST_WAIT_MS;
      })
      .catch((error: unknown) => {
        failed(messageOf(error));
        to?.socket.close();
        to = undefined;
        cancel = clock.at(clock.now() + waitMs, () => {
          busy = false;
          wake();
        });
        waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
      });
  };

  async function drain(): Promise<void> {
    to ??= await open(target.host);
    for (let next = queue.take(); next && to && !stopped; next = queue.take()) {
      const line = next;
      const lost = lostLine(queue, clock);
      if (lost) await send(lost);
      await send(line).catch((error: unknown) => {
        queue.put(line);
        throw error;
      });
      works();
    }
  }

  function send(line: Omit<KeptLine, "id">): Promise<void> {
    const bytes = Buffer.from(syslogMessage(line, hostname())).subarray(0, MAX_DATAGRAM_BYTES);
    return new Promise((resolve, reject) => {
      if (!to) return resolve();
      to.socket.send(bytes, target.port, to.address, (error) => (error ? reject(error) : resolve()));
    });
  }

  async function open(host: string) {
    const address = isIP(host) > 0 ? host : (await lookup(host)).address;
    const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
    // ICMP says that nobody listens: an error of a socket, which the next line finds out.
    socket.on("error", (error) => failed(messageOf(error)));
    return { address, socket };
  }

  return {
    wake,
    stop() {
      stopped = true;
      cancel();
      to?.socket.close();
      to = undefined;
    },
  };
}

function sendStream(
  { host, port, ...rest }: SyslogTarget,
  queue: SyslogQueue,
  { clock, hostname, log }: SyslogPorts,
): Sender {
  const { failed, works } = teller({ host, port, ...rest }, log);
  let socket: Socket | undefined;
  let isOpen = false;
  let stopped = false;
  let waitMs = FIRST_WAIT_MS;
  let cancel: Cancel | undefined;

  const wake = () => {
    if (stopped || cancel) return;
    if (!socket) return connect();
    if (!isOpen) return;
    while (socket.writableLength < MAX_IN_SOCKET_BYTES) {
      const line = lostLine(queue, clock) ?? queue.take();
      if (!line) return;
      socket.write(framed(syslogMessage(line, hostname())));
    }
  };

  function connect(): void {
    const opened = createConnection({ host, port });
    socket = opened;
    opened.on("connect", () => {
      isOpen = true;
      waitMs = FIRST_WAIT_MS;
      works();
      wake();
    });
    opened.on("drain", wake);
    // What a target sends is nothing to us, but must be read to see its end.
    opened.resume();
    opened.on("error", (error) => failed(messageOf(error)));
    opened.on("close", () => {
      socket = undefined;
      isOpen = false;
      if (stopped) return;
      failed("the connection ended");
      cancel = clock.at(clock.now() + waitMs, () => {
        cancel = undefined;
        wake();
      });
      waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
    });
  }

  return {
    wake,
    stop() {
      stopped = true;
      cancel?.();
      socket?.destroy();
    },
  };
}
