// Process layer, parent: what the process of a supervised role is told: its start, its share of the configuration, a reload.
import { messageOf } from "../base/errors.ts";
import type { Question, ToChild } from "./messages.ts";
import { gained, type RoleRights } from "./role-rights.ts";
import type { RoleShare } from "./role-share.ts";
import type { Live, Supervised } from "./supervised.ts";

export function tell(to: Live, message: ToChild): boolean {
  to.conduct.sent(message);
  return to.handle.send(message);
}

/** What others said. That it can't be said again is neither this process's fault nor that of the one who is heard just now. */
export function passOn({ role, ports, live }: Supervised, message: ToChild): boolean {
  if (!live) return false;
  try {
    return tell(live, message);
  } catch (error) {
    const what = message.kind === "topic" ? `topic ${message.topic}` : `«${message.kind}»`;
    ports.log({ level: "error", area: "process", message: `${role} is not told ${what}: ${messageOf(error)}` });
    return false;
  }
}

/** Its start, once it has said hello and there is a configuration. */
export function sendStart(supervised: Supervised, to: Live): void {
  const { share, ports, stopping } = supervised;
  if (!to.hello || to.startSent || share === undefined || stopping) return;
  to.startSent = true;
  supervised.inOrder = false;
  sendPieces(to, share);
  tell(to, { kind: "start", options: ports.options, topics: ports.topics() });
}

/** `done` runs once. */
export function ask(to: Live, kind: Question["kind"], done: (isAnswered: boolean) => void = () => {}): void {
  const id = ++to.lastQuestion;
  to.asked.set(id, done);
  tell(to, { kind, id });
}

export function takeAnswer({ asked }: Live, id: number): void {
  const done = asked.get(id);
  asked.delete(id);
  done?.(true);
}

/** Nobody answers any more. */
export function endQuestions({ asked }: Live): void {
  const all = [...asked.values()];
  asked.clear();
  for (const done of all) done(false);
}

/** Resolves when the process has answered, or is gone. */
export function sendReload(supervised: Supervised, to: Live, share: RoleShare): Promise<void> {
  tellGained(supervised, to, share.rights);
  sendPieces(to, share);
  return new Promise((done) => ask(to, "reload", () => done()));
}

/** Somebody looks from now on. */
export function sendSnapshot({ role, ports }: Supervised, to: Live): void {
  ask(to, "snapshot", (isAnswered) => isAnswered && ports.report({ kind: "role-current", role }));
}

/** What of its share the process has not got. */
function sendPieces(to: Live, { pieces, whole }: RoleShare): void {
  const got = to.got.whole === whole ? to.got.pieces : 0;
  for (const piece of pieces.slice(got)) to.handle.sendPiece(piece);
  to.got = { whole, pieces: pieces.length };
}

/** What a process gave up at its start does not come back by a reload. */
function tellGained({ role, ports }: Supervised, { rights }: Live, wanted: RoleRights | undefined): void {
  const missing = gained(rights, wanted);
  if (missing.length === 0) return;
  const message = `${role}: the new configuration may need ${missing.join(", ")}, which this process gave up at its start: restart lbd if a FIFO or file can't be used`;
  ports.log({ level: "warning", area: "process", message });
}
