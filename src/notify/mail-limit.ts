// Adapter notify: bounds the mails on one object. A server that comes and goes each second would else send two a second: the first
// ones go out as they come, later ones of the window become one, with the state that held last and their number.
import type { Cancel, Clock } from "../base/clock.ts";
import type { Mail } from "./mail.ts";

/** What counts together. */
export const MAIL_WINDOW_MS = 600_000;
/** Mails on one object in a window, before they are held. */
export const MAILS_PER_WINDOW = 10;
/** Objects that are told apart; what comes beyond is not held. The configuration bounds them. */
const MAX_WINDOWS = 65_536;

export interface MailLimit {
  /** `object`: what the mail is on. */
  offer(object: string, mail: Mail): void;
  /** Sends now what is held. */
  flush(): void;
}

interface Window {
  readonly cancel: Cancel;
  passed: number;
  held: number;
  last: Mail;
}

export function createMailLimit(clock: Clock, send: (mail: Mail) => void): MailLimit {
  const windows = new Map<string, Window>();

  function close(object: string): void {
    const window = windows.get(object);
    windows.delete(object);
    if (!window || window.held === 0) return;
    const { last, held } = window;
    const others = held === 1 ? "" : `${held - 1} more changes in ${MAIL_WINDOW_MS / 60_000} minutes were not mailed\n`;
    send({ subject: last.subject, body: `${last.body}${others}` });
  }

  return {
    offer(object, mail) {
      const window = windows.get(object);
      if (!window) {
        if (windows.size < MAX_WINDOWS) {
          const cancel = clock.at(clock.now() + MAIL_WINDOW_MS, () => close(object));
          windows.set(object, { cancel, passed: 1, held: 0, last: mail });
        }
        send(mail);
        return;
      }
      if (window.passed < MAILS_PER_WINDOW) {
        window.passed++;
        send(mail);
        return;
      }
      window.held++;
      window.last = mail;
    },
    flush() {
      for (const [object, { cancel }] of windows) {
        cancel();
        close(object);
      }
    },
  };
}
