// Adapter notify: alert mail with keepalived's subjects (cli-signals.md §7), sent by nodemailer, a bounded number at a time.

import type { Socket } from "node:net";
import type { Transporter } from "nodemailer";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { escapeControls, type Log } from "../base/log.ts";
import { limitLog } from "../base/log-limit.ts";
import { unreachable } from "../base/never.ts";
import type { SmtpConfig } from "../config/model/global.ts";
import type { Notification } from "./notification.ts";

export interface Mail {
  readonly subject: string;
  readonly body: string;
}

export interface Mailer {
  send(mail: Mail): void;
  /** Resolves when nothing is being sent or waits. */
  idle(): Promise<void>;
}

const MAX_WAITING_MAILS = 100;
const MAX_SENDING_MAILS = 4;
/** A mail as a whole may take so many times `smtp_connection_timeout`: a relay that drips must not hold a place. */
const WHOLE_MAIL_TIMEOUTS = 4;

/** The mail for a notification, or undefined when none is due. `routerId` stands in brackets before each subject. */
export function mailFor(notification: Notification, smtp: SmtpConfig, routerId: string): Mail | undefined {
  if (!notification.smtpAlert) return undefined;
  const text = subjectAndBody(notification, smtp);
  if (!text) return undefined;
  return { subject: escapeControls(`[${routerId}] ${text.subject}`), body: `=> ${escapeControls(text.body)} <=\n` };
}

function subjectAndBody(notification: Notification, smtp: SmtpConfig): Mail | undefined {
  switch (notification.kind) {
    case "instance":
    case "group":
      return vrrpText(notification, smtp);
    case "real-server":
      if (smtp.noCheckerEmails) return undefined;
      return {
        subject: `Realserver ${notification.server} of virtual server ${notification.service} - ${upDown(notification.up)}`,
        body: notification.reason,
      };
    case "virtual-server":
      return {
        subject: `Virtualserver ${notification.service} - ${upDown(notification.up)}`,
        body: notification.reason,
      };
    default:
      return unreachable(notification);
  }
}

function vrrpText(
  notification: Extract<Notification, { kind: "instance" | "group" }>,
  smtp: SmtpConfig,
): Mail | undefined {
  const { kind, name, state } = notification;
  const who = `VRRP ${kind === "group" ? "Group" : "Instance"} ${name}`;
  const [members, own] = kind === "group" ? ["all instances of the group", "own"] : ["the instance", "owns"];
  switch (state) {
    case "MASTER":
      return { subject: `${who} - Entering MASTER state`, body: `${who}: ${members} now ${own} the virtual addresses` };
    case "BACKUP":
      return {
        subject: `${who} - Entering BACKUP state`,
        body: `${who}: ${members} no longer ${own} the virtual addresses`,
      };
    case "FAULT":
      if (smtp.noEmailFaults) return undefined;
      return {
        subject: `${who} - Entering FAULT state`,
        body: `${who}: ${members} no longer ${own} the virtual addresses`,
      };
    case "STOP":
      return { subject: `${who} - Stopping`, body: `${who}: stopping` };
    case "DELETED":
      return { subject: `${who} - Deleted`, body: `${who}: deleted by a reload` };
    case "MASTER_RX_LOWER_PRI":
    case "MASTER_PRIORITY":
    case "BACKUP_PRIORITY":
      return undefined;
    default:
      return unreachable(state);
  }
}

function upDown(up: boolean): string {
  return up ? "UP" : "DOWN";
}

export interface MailPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostName: string;
  /** What became of a mail that was due. */
  told(result: "ok" | "failed" | "dropped"): void;
}

/** How nodemailer is to reach the relay. */
export function relayOf(smtp: SmtpConfig, hostName: string) {
  return {
    host: smtp.server ?? "",
    port: smtp.port,
    name: smtp.heloName ?? hostName,
    secure: false,
    ignoreTLS: true,
    connectionTimeout: smtp.timeoutMs,
    greetingTimeout: smtp.timeoutMs,
    socketTimeout: smtp.timeoutMs,
  };
}

/** A mailer for one relay. Nothing is sent without recipients or a server; a mail that fails is logged and not tried again. */
export function createMailer(smtp: SmtpConfig, { clock, log, hostName, told }: MailPorts): Mailer {
  const limited = limitLog(log, clock, { burst: 10 });
  const waiting: Mail[] = [];
  let sending = 0;
  let idleWaiters: (() => void)[] = [];
  const from = smtp.from ?? `root@${hostName}`;

  /** Loaded with the first mail: it is as large as all that a role needs at its start (docs/decisions/005-lazy-roles.md). */
  async function openTransport(socket: Socket): Promise<Transporter> {
    const { createTransport } = await import("nodemailer");
    return createTransport({ ...relayOf(smtp, hostName), socket });
  }

  function next(): void {
    while (sending < MAX_SENDING_MAILS) {
      const mail = waiting.shift();
      if (!mail) break;
      sending++;
      void deliver(mail);
    }
    if (sending === 0) for (const resolve of idleWaiters.splice(0)) resolve();
  }

  async function hand(mail: Mail, socket: Socket): Promise<void> {
    const transport = await openTransport(socket);
    if (socket.destroyed) return;
    await transport.sendMail({
      from,
      to: [...smtp.recipients],
      text: mail.body,
      date: new Date(clock.wallMs()),
      // As it stands: folded at 76 columns it would no longer be one line for filters that look for keepalived's subjects.
      headers: { Subject: { prepared: true, value: mail.subject }, "X-Mailer": "lbd" },
    });
  }

  async function deliver(mail: Mail): Promise<void> {
    // A socket of ours, so that it can be ended whatever the library waits for.
    // Loaded with the first mail: most directors send none.
    const socket = new (process.getBuiltinModule("node:net").Socket)();
    socket.on("error", () => {});
    const limitMs = WHOLE_MAIL_TIMEOUTS * smtp.timeoutMs;
    let cancelLimit = () => {};
    const limit = new Promise<never>((_resolve, reject) => {
      cancelLimit = clock.at(clock.now() + limitMs, () => reject(new Error(`not done within ${limitMs} ms`)));
    });
    try {
      await Promise.race([hand(mail, socket), limit]);
      told("ok");
    } catch (error) {
      told("failed");
      const reason = messageOf(error);
      limited("failed", {
        level: "warning",
        area: "mail",
        message: `alert mail not sent through ${smtp.server}:${smtp.port}: ${reason}`,
      });
    }
    cancelLimit();
    socket.destroy();
    sending--;
    next();
  }

  return {
    send(mail) {
      if (smtp.server === undefined || smtp.recipients.length === 0) return;
      if (waiting.length >= MAX_WAITING_MAILS) {
        told("dropped");
        limited("dropped", {
          level: "warning",
          area: "mail",
          message: `alert mail dropped: ${MAX_WAITING_MAILS} wait already (${mail.subject})`,
        });
        return;
      }
      waiting.push(mail);
      next();
    },
    idle() {
      if (sending === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idleWaiters = [...idleWaiters, resolve];
      });
    },
  };
}
