// Check core: SMTP_CHECK as a conversation: banner, HELO, QUIT (checkers.md §3.3). Takes bytes in pieces, says what to send.
// Answers of several lines and a bare code are accepted (trap C6).
import { escapeControls } from "../base/log.ts";
import { bad, good, type Outcome } from "./outcome.ts";

/** keepalived's limit for one line; a longer one is no SMTP. */
const MAX_LINE_BYTES = 512;
/** Lines of one answer. */
const MAX_LINES = 128;

export interface SmtpTalk {
  /** Takes bytes; a line to send, an outcome, or undefined when more must come. */
  feed(bytes: Uint8Array): { readonly send: string } | Outcome | undefined;
  end(): Outcome;
}

const STEPS = [
  { waitsFor: "the banner", code: "220" },
  { waitsFor: "the answer to HELO", code: "250" },
  { waitsFor: "the answer to QUIT", code: undefined },
] as const;

export function createSmtpTalk(heloName: string): SmtpTalk {
  let at = 0;
  let line = "";
  let lines = 0;

  function takeLine(text: string): { send: string } | Outcome | undefined {
    const step = STEPS[at];
    if (!step) return undefined;
    if (++lines > MAX_LINES) return bad("protocol", `${step.waitsFor} has more than ${MAX_LINES} lines`);
    if (step.code === undefined) return good("220, 250 and an answer to QUIT");
    if (!text.startsWith(step.code)) return bad("protocol", `${step.waitsFor} is ${shown(text)}, wanted ${step.code}`);
    const mark = text.charAt(step.code.length);
    // RFC 5321 §4.2.1: a hyphen behind the code says that more lines follow.
    if (mark === "-") return undefined;
    if (mark !== "" && mark !== " ") return bad("protocol", `${step.waitsFor} is ${shown(text)}, wanted ${step.code}`);
    at++;
    lines = 0;
    return { send: at === 1 ? `HELO ${heloName}\r\n` : "QUIT\r\n" };
  }

  return {
    feed(bytes) {
      for (const byte of bytes) {
        if (byte !== 10) {
          line += String.fromCharCode(byte);
          if (line.length > MAX_LINE_BYTES) return bad("protocol", `line longer than ${MAX_LINE_BYTES} bytes`);
          continue;
        }
        const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
        line = "";
        const next = takeLine(whole);
        // What follows in the same piece was sent before we answered and belongs to nothing.
        if (next) return next;
      }
      return undefined;
    },
    end: () => bad("protocol", `closed before ${STEPS[at]?.waitsFor ?? "the end"}`),
  };
}

function shown(text: string): string {
  return JSON.stringify(escapeControls(text.length > 60 ? `${text.slice(0, 60)}…` : text));
}
