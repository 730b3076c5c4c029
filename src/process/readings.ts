// Process layer, parent: has the configuration read by a process of its own (reader-process.ts), and keeps of what is in force only what is
// small: the record that it can be read from again, the roles' shares, packed, and an outline. Spawning and time are handed in.
import type { RoleName } from "../roles/role.ts";
import { type FileStamp, stampText } from "./configuration/settled-files.ts";
import { WHOLE_IN } from "./configuration/standing.ts";
import { type EffectiveSource, openEffective } from "./effective-source.ts";
import type { Answer, Details, FindingLines, ReaderOptions } from "./reader-messages.ts";
import { createTransfer, type InForceKept, type Kept, NO_SHARE, sizeOf } from "./reader-transfer.ts";
import type { RoleShare } from "./role-share.ts";
import type { ReaderHandle } from "./runtime.ts";
import { type ReaderPorts, startReader } from "./start-reader.ts";

export interface ReadingsPorts extends ReaderPorts {
  /** A file as it is now. */
  stamp(path: string): FileStamp | undefined;
}

export interface ReadHow {
  readonly at: "start" | "reload";
  readonly mayEmpty: boolean;
  /** A file with an error in it is not used at all, as with `--strict`. */
  readonly strict?: boolean;
}

export interface Readings {
  /**
   * Reads the files anew. What is taken is in force when this resolves. One at a time. Never rejects: a reader that fails is a refusal.
   */
  read(how: ReadHow): Promise<Answer>;
  /** Reads before anything runs, and keeps it: the first read() is that, if no file changed since. */
  peek(): Promise<Answer>;
  /** What is in force, and what was found in it. */
  inForce(): InForceKept | undefined;
  share(role: RoleName): RoleShare;
  /** What is told of what is in force; undefined when its reader ended before it had said so. */
  details(): Promise<Details | undefined>;
  /** The effective values of what is in force, in pieces. Undefined when nothing is. */
  openEffective(): EffectiveSource | undefined;
  /** Ends a reading that is under way. */
  stop(): void;
}

interface ReadingsState {
  readonly options: ReaderOptions;
  /** Those that are given a share. */
  readonly roles: readonly RoleName[];
  readonly ports: ReadingsPorts;
  /** What is in force, or was only looked at (`peeked`). */
  kept: Kept | undefined;
  /** The answer of a peek that no read() has followed. */
  peeked: Answer | undefined;
  /** Of `kept`; undefined when its reader ended before it had said so. */
  details: Promise<Details | undefined>;
  /** The reader that is at work. */
  reader: ReaderHandle | undefined;
}

export function createReadings(options: ReaderOptions, roles: readonly RoleName[], ports: ReadingsPorts): Readings {
  const state: ReadingsState = {
    options,
    roles,
    ports,
    kept: undefined,
    peeked: undefined,
    details: Promise.resolve(undefined),
    reader: undefined,
  };
  return {
    read: (how) => readUnlessPeeked(state, how),
    async peek() {
      state.peeked = await read(state, { at: "start", mayEmpty: false });
      return state.peeked;
    },
    inForce: () => state.kept,
    share(role) {
      const { whole, pieces } = state.kept?.shares.get(role) ?? NO_SHARE;
      return { whole, pieces, rights: state.kept?.taken.rights[role] };
    },
    details: () => state.details,
    openEffective: () => (state.kept ? openEffective(ports, options, state.kept.record) : undefined),
    stop: () => state.reader?.kill("SIGKILL"),
  };
}

async function readUnlessPeeked(state: ReadingsState, how: ReadHow): Promise<Answer> {
  const { peeked } = state;
  state.peeked = undefined;
  if (peeked && isStill(state, peeked)) return peeked;
  // What was only looked at is not in force.
  if (peeked) state.kept = undefined;
  return read(state, how);
}

/** The files are as they were when this was taken. */
function isStill({ ports }: ReadingsState, answer: Answer): boolean {
  return answer.kind === "taken" && answer.stamps.every(([file, before]) => stampText(ports.stamp(file)) === before);
}

function read(state: ReadingsState, how: ReadHow): Promise<Answer> {
  const { options, roles, ports, kept } = state;
  const transfer = createTransfer(kept?.shares ?? new Map());
  const details = Promise.withResolvers<Details | undefined>();
  return new Promise((resolve) => {
    const began = ports.clock.now();
    const fail = (reason: string) =>
      resolve(refused(`${options.configFile}: reading it failed: ${reason}`, ports.clock.now() - began));
    const reader = startReader(ports, {
      heard(message) {
        const answer = transfer.take(message);
        if (message.kind === "details") details.resolve(message);
        if (!answer) return;
        const whole = transfer.whole();
        if (whole) {
          state.kept = whole;
          state.details = details.promise;
        }
        resolve(answer);
      },
      bytes: transfer.takeBytes,
      ended(reason) {
        if (state.reader === reader) state.reader = undefined;
        details.resolve(undefined);
        fail(reason);
      },
    });
    if (typeof reader === "string") return fail(reader);
    state.reader = reader;
    if (kept) reader.sendBytes(kept.record);
    // With one of them alone nothing can be done.
    const isWhole = WHOLE_IN.every((role) => roles.includes(role));
    const shares = roles.map((role) => {
      const pieces = (isWhole && WHOLE_IN.includes(role) && kept?.shares.get(role)?.pieces) || [];
      for (const piece of pieces) reader.sendBytes(piece);
      return { role, ...sizeOf(kept?.shares.get(role)), pieces: pieces.length };
    });
    const { at, mayEmpty, strict = false } = how;
    reader.send({ kind: "read", options: { ...options, strict: options.strict || strict }, at, mayEmpty, shares });
  });
}

function refused(reason: string, tookMs: number): Answer {
  const findings: FindingLines = { errors: [], errorCount: 0, warnings: [], warningCount: 0 };
  return { kind: "refused", tookMs, findings, refusals: [reason], beyondFindings: [reason] };
}
