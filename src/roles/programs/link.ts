// Roles: the one connection of a role to the starter. The parent makes it and hands over an end (kernel/introductions.ts); when a starter
// was killed, the next one's end comes by itself.
import { takeIntroductions } from "../../kernel/introductions.ts";
import type { MessageSocket } from "../../kernel/message-socket.ts";
import type { Readiness } from "../../kernel/readiness.ts";
import { type FromStarter, readFromStarter, type ToStarter } from "./messages.ts";

/** Who speaks over it. */
export interface LinkPart {
  hear(message: FromStarter): void;
  /** A starter is there, which knows nothing of what an earlier one was asked. */
  up(): void;
  /** It is gone. */
  down(): void;
}

export interface StarterLink {
  join(part: LinkPart): void;
  isUp(): boolean;
  /** `full`: too long, or too many messages wait; `away`: there is no starter, and up() will tell of the next one. */
  say(message: ToStarter): "said" | "full" | "away";
}

/** @param introductions descriptor by which the parent hands ends over; absent: nobody is ever there */
export function openStarterLink(readiness: Readiness, introductions: number | undefined): StarterLink {
  const parts: LinkPart[] = [];
  let socket: MessageSocket | undefined;
  if (introductions !== undefined)
    takeIntroductions(readiness, introductions, (open) => {
      // That of a starter that has just ended.
      socket?.close();
      const own = open({
        message(text) {
          const message = readFromStarter(text);
          for (const part of parts) part.hear(message);
        },
        closed() {
          if (socket !== own) return;
          socket = undefined;
          for (const part of parts) part.down();
        },
      });
      socket = own;
      for (const part of parts) part.up();
    });
  return {
    join: (part) => void parts.push(part),
    isUp: () => socket !== undefined,
    say(message) {
      const to = socket;
      if (!to) return "away";
      if (to.send(JSON.stringify(message))) return "said";
      // Gone in this moment: what waits is asked of the next one.
      return socket === to ? "full" : "away";
    },
  };
}
