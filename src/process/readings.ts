// Process layer, parent: has the configuration read by a process of its own (reader-process.ts), and keeps of what is in force only what is
// small: the record that it can be read from again, the roles' shares, packed, and an outline. Spawning and time are handed in.
import type { Cancel, Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { RoleName } from "../roles/role.ts";
import { clip } from "./conduct.ts";
import { type FileStamp, stampText } from "./configuration/settled-files.ts";
import {
  type Answer,
  type Details,
  type FindingLines,
  type FromReader,
  type ReaderOptions,
  readFromReader,
  type Taken,
} from "./reader-messages.ts";
import type { RoleShare } from "./role-share.ts";
import type { ReaderHandle, SpawnReader } from "./runtime.ts";

/** A reading that takes longer has met a file system that does not answer. */
export const READ_LIMIT_MS = 120_000;

export interface ReadingsPorts {
  readonly clock: Clock;
  readonly spawn: SpawnReader;
  /** A file as it is now. */
  stamp(path: string): FileStamp | undefined;
}

export interface ReadHow {
  readonly at: "start" | "reload";
  readonly mayEmpty: boolean;
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

export type InForceKept = Pick<Taken, "outline" | "findings">;

export interface EffectiveSource {
  /** @throws Error when the reader ended */
  next(): Promise<{ readonly piece: string; readonly end: boolean }>;
  close(): void;
}

interface Kept extends InForceKept {
  readonly taken: Taken;
  readonly record: Uint8Array;
  readonly shares: ReadonlyMap<RoleName, KeptShare>;
}

interface KeptShare {
  readonly whole: number;
  /** How many pieces the whole has; the others changed it. */
  readonly wholePieces: number;
  readonly pieces: readonly Uint8Array[];
}

const NO_SHARE: KeptShare = { whole: 0, wholePieces: 0, pieces: [] };

export function createReadings(
  options: ReaderOptions,
  roles: readonly RoleName[],
  { clock, spawn, stamp }: ReadingsPorts,
): Readings {
  let kept: Kept | undefined;
  let peeked: Answer | undefined;
  let details: Promise<Details | undefined> = Promise.resolve(undefined);
  let reading: ReaderHandle | undefined;

  function read(how: ReadHow): Promise<Answer> {
    const told = createTransfer(kept?.shares ?? new Map());
    let toldDetails: (details: Details | undefined) => void = () => {};
    const ownDetails = new Promise<Details | undefined>((resolve) => {
      toldDetails = resolve;
    });
    return new Promise((resolve) => {
      const began = clock.now();
      const fail = (reason: string) =>
        resolve(refused(`${options.configFile}: reading it failed: ${reason}`, clock.now() - began));
      const reader = startReader(
        {
          heard(message) {
            const answer = told.take(message);
            if (message.kind === "details") toldDetails(message);
            if (!answer) return;
            const whole = told.whole();
            if (whole) {
              kept = whole;
              details = ownDetails;
            }
            resolve(answer);
          },
          bytes: told.takeBytes,
          ended(reason) {
            if (reading === reader) reading = undefined;
            toldDetails(undefined);
            fail(reason);
          },
        },
        READ_LIMIT_MS,
      );
      if (typeof reader === "string") return fail(reader);
      reading = reader;
      if (kept) reader.sendBytes(kept.record);
      reader.send({
        kind: "read",
        options,
        ...how,
        shares: roles.map((role) => ({ role, ...sizeOf(kept?.shares.get(role)) })),
      });
    });
  }

  interface Hears {
    heard(message: FromReader): void;
    bytes(bytes: Uint8Array): void;
    ended(reason: string): void;
  }

  /** A text says why there is none. */
  function startReader({ heard, bytes, ended }: Hears, limitMs: number): ReaderHandle | string {
    let lastWords = "";
    let cancelLimit: Cancel = () => {};
    try {
      const handle = spawn({
        message(raw) {
          const message = readFromReader(raw);
          if (message) heard(message);
          else handle.kill("SIGKILL");
        },
        bytes,
        broken: (reason) => {
          lastWords ||= `it sent ${reason}`;
          handle.kill("SIGKILL");
        },
        stderr(text) {
          if (lastWords === "") lastWords = clip(text.trim());
        },
        exit(how) {
          cancelLimit();
          ended(`its process ended with ${how}${lastWords === "" ? "" : `: ${lastWords}`}`);
        },
      });
      cancelLimit = clock.at(clock.now() + limitMs, () => {
        lastWords = `no answer after ${limitMs / 1000} s`;
        handle.kill("SIGKILL");
      });
      return handle;
    } catch (error) {
      return `no process for it: ${messageOf(error)}`;
    }
  }

  function isStill(answer: Answer): boolean {
    return answer.kind === "taken" && answer.stamps.every(([file, before]) => stampText(stamp(file)) === before);
  }

  return {
    async read(how) {
      const before = peeked;
      peeked = undefined;
      if (before && isStill(before)) return before;
      // What was only looked at is not in force.
      if (before) kept = undefined;
      return read(how);
    },
    async peek() {
      peeked = await read({ at: "start", mayEmpty: false });
      return peeked;
    },
    inForce: () => kept,
    share(role) {
      const { whole, pieces } = kept?.shares.get(role) ?? NO_SHARE;
      return { whole, pieces, rights: kept?.taken.rights[role] };
    },
    details: () => details,
    openEffective: () => (kept ? openEffective(kept.record) : undefined),
    stop: () => reading?.kill("SIGKILL"),
  };

  function openEffective(record: Uint8Array): EffectiveSource {
    let waiting: { resolve(piece: { piece: string; end: boolean }): void; reject(error: Error): void } | undefined;
    let over: string | undefined;
    const reader = startReader(
      {
        heard(message) {
          if (message.kind === "piece") waiting?.resolve(message);
        },
        bytes() {},
        ended(reason) {
          over = reason;
          waiting?.reject(new Error(reason));
        },
      },
      READ_LIMIT_MS,
    );
    if (typeof reader === "string") over = reader;
    else {
      reader.sendBytes(record);
      reader.send({ kind: "effective", options });
    }
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (typeof reader === "string" || over !== undefined) return reject(new Error(over));
          waiting = { resolve, reject };
          reader.send({ kind: "more" });
        }),
      close() {
        if (typeof reader !== "string") reader.kill("SIGKILL");
      },
    };
  }
}

/** What a reader hands over, until it is whole. */
function createTransfer(before: ReadonlyMap<RoleName, KeptShare>) {
  const shares = new Map(before);
  let taken: Taken | undefined;
  let record: Uint8Array | undefined;
  let isOver = false;
  let takeBytes: (bytes: Uint8Array) => void = () => {};

  return {
    /** The answer, once everything that belongs to it has come. */
    take(message: FromReader): Answer | undefined {
      switch (message.kind) {
        case "same":
        case "refused":
          return message;
        case "taken":
          taken = message;
          return;
        case "share": {
          const { role, whole } = message;
          const old = shares.get(role) ?? NO_SHARE;
          shares.set(role, whole ? { whole: old.whole + 1, wholePieces: 0, pieces: [] } : old);
          takeBytes = (piece) => shares.set(role, withPiece(shares.get(role) ?? NO_SHARE, piece, whole));
          return;
        }
        case "record":
          takeBytes = (bytes) => {
            record = bytes;
          };
          return;
        case "done":
          isOver = true;
          return taken;
        case "details":
        case "piece":
          return;
      }
    },
    takeBytes: (bytes: Uint8Array) => takeBytes(bytes),
    /** What is in force from now on; undefined unless it was taken. */
    whole(): Kept | undefined {
      if (!isOver || !taken || !record) return undefined;
      return { taken, outline: taken.outline, findings: taken.findings, record, shares };
    },
  };
}

function withPiece({ whole, wholePieces, pieces }: KeptShare, piece: Uint8Array, isOfWhole: boolean): KeptShare {
  return { whole, wholePieces: wholePieces + (isOfWhole ? 1 : 0), pieces: [...pieces, piece] };
}

function sizeOf({ wholePieces, pieces }: KeptShare = NO_SHARE): { wholeBytes: number; changedBytes: number } {
  return { wholeBytes: bytesOf(pieces.slice(0, wholePieces)), changedBytes: bytesOf(pieces.slice(wholePieces)) };
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function refused(reason: string, tookMs: number): Answer {
  const findings: FindingLines = { errors: [], errorCount: 0, warnings: [], warningCount: 0 };
  return { kind: "refused", tookMs, findings, refusals: [reason], beyondFindings: [reason] };
}
