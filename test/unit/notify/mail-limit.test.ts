import { expect, test } from "bun:test";
import type { Mail } from "../../../src/notify/mail.ts";
import { createMailLimit, MAIL_WINDOW_MS, MAILS_PER_WINDOW } from "../../../src/notify/mail-limit.ts";
import { manualClock } from "../../support/manual-clock.ts";

function limit() {
  const clock = manualClock();
  const sent: Mail[] = [];
  return { clock, sent, ...createMailLimit(clock, (mail) => sent.push(mail)) };
}

const mail = (subject: string): Mail => ({ subject, body: "=> reason <=\n" });

test("a server that comes and goes each second: the first mails, then one with the last state and the number of the rest", () => {
  const { clock, sent, offer } = limit();
  for (let second = 0; second < 600; second++) {
    offer("server", mail(second % 2 === 0 ? "DOWN" : "UP"));
    clock.advance(1000);
  }
  expect(sent).toHaveLength(MAILS_PER_WINDOW + 1);
  expect(sent.at(-1)).toEqual({
    subject: "UP",
    body: `=> reason <=\n${600 - MAILS_PER_WINDOW - 1} more changes in 10 minutes were not mailed\n`,
  });
});

test("other objects are not held back, and after a quiet time all is as at the beginning", () => {
  const { clock, sent, offer } = limit();
  for (let i = 0; i < 20; i++) offer("one", mail("one"));
  offer("other", mail("other"));
  expect(sent.at(-1)?.subject).toBe("other");
  clock.advance(MAIL_WINDOW_MS);
  const before = sent.length;
  offer("one", mail("again"));
  expect(sent).toHaveLength(before + 1);
});

test("what is held goes out at the end, with the state that held last", () => {
  const { clock, sent, offer, flush } = limit();
  for (let i = 0; i <= MAILS_PER_WINDOW; i++) offer("one", mail(`${i}`));
  expect(sent).toHaveLength(MAILS_PER_WINDOW);
  flush();
  expect(sent.at(-1)).toEqual(mail(`${MAILS_PER_WINDOW}`));
  expect(clock.nextAt()).toBeUndefined();
});
