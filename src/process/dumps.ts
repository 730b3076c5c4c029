// Process layer, parent: the dumps that keepalived's signals ask for. Roles make the text, a piece when it is asked for; they may write
// nowhere, so the parent writes it: to a new file, renamed when it is whole. Files and processes are handed in.
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DumpKind, RoleName } from "../roles/role.ts";
import { clip } from "./conduct.ts";
import { DUMP_PIECE_CHARS, type DumpPiece, type ToChild } from "./messages.ts";

/** Longer ones are none: a hundred thousand real servers with a check each have 150 MB. What writes them may fill a file system that others share. */
const MAX_DUMP_BYTES = 256 << 20;
const MAX_DUMP_PIECES = Math.ceil(MAX_DUMP_BYTES / DUMP_PIECE_CHARS);

/** Who writes a dump: a role, or the parent itself. */
export type Dumper = RoleName | "parent";

/** A file that is being written. */
export interface DumpFile {
  /** @throws Error ENOSPC and others */
  write(text: string): void;
  /** It is whole: it takes its place; the answer says from what, when that was no regular file. @throws Error */
  done(): string | undefined;
  /** It is taken away. */
  drop(): void;
}

export interface DumpPorts {
  readonly log: Log;
  /** Where a dump goes; undefined: there is none of this kind. */
  pathOf(kind: DumpKind, dumper: Dumper): string | undefined;
  /** @throws Error */
  open(path: string): DumpFile;
  /** A line of a dump that goes to the log. */
  line(dumper: Dumper, text: string): void;
  /** Of the parent itself. @throws Error */
  own(): Iterable<string>;
  /** Whether a role has a process that runs. */
  isRunning(role: RoleName): boolean;
  tell(role: RoleName, message: ToChild): void;
  /** A dump could not be written, and why; empty: it can be again. */
  problem(path: string, reason: string): void;
}

export interface Dumps {
  /** A signal came. */
  take(kind: DumpKind): void;
  /** `--dump-conf`: the data of a role that has just started goes to the log. */
  toLog(role: RoleName): void;
  piece(role: RoleName, piece: DumpPiece): void;
  /** The role's process has gone, or another one has taken its place. */
  gone(role: string): void;
}

/** In the order in which they are asked: exporters wait for the first. */
const DUMPERS: Readonly<Record<DumpKind, readonly Dumper[]>> = {
  data: ["vrrp", "checker", "bfd", "parent"],
  stats: ["vrrp"],
  "stats-clear": ["vrrp"],
  json: ["vrrp"],
};

interface Job {
  readonly serial: number;
  readonly path: string;
  readonly file: DumpFile;
  bytes: number;
  pieces: number;
}

export function createDumps(ports: DumpPorts): Dumps {
  /** What each role is at. */
  const jobs = new Map<string, Job>();
  /** What came meanwhile, each kind once. */
  const waiting = new Map<string, Set<DumpKind>>();
  /** Reasons of paths that could not be written, the last ones. */
  const problems = new Map<string, string>();
  let serials = 0;

  function begin(role: RoleName, kind: DumpKind): void {
    const path = ports.pathOf(kind, role);
    if (path === undefined || !ports.isRunning(role)) return;
    const file = attempt(path, () => ports.open(path));
    if (file) ask(role, kind, path, file);
  }

  function ask(role: RoleName, kind: DumpKind, path: string, file: DumpFile): void {
    const serial = ++serials;
    jobs.set(role, { serial, path, file, bytes: 0, pieces: 0 });
    ports.tell(role, { kind: "dump", what: kind, serial });
  }

  function end(role: RoleName): void {
    jobs.delete(role);
    const kinds = waiting.get(role);
    const [next] = kinds ?? [];
    if (next === undefined) return;
    kinds?.delete(next);
    begin(role, next);
  }

  function takePiece(role: RoleName, job: Job, { text, end: isLast, failed }: DumpPiece): void {
    const { path, file, serial } = job;
    if (text === null) {
      file.drop();
      if (failed !== undefined) fail(path, clip(failed));
      end(role);
      return;
    }
    job.bytes += Buffer.byteLength(text);
    job.pieces++;
    const isWritten = attempt(path, () => {
      // A role that was taken over may send empty ones without end.
      if (job.bytes > MAX_DUMP_BYTES || job.pieces > MAX_DUMP_PIECES)
        throw new Error(`${job.bytes} bytes in ${job.pieces} pieces`);
      file.write(text);
      if (isLast) took(path, file.done());
      return true;
    });
    if (isWritten && !isLast) {
      ports.tell(role, { kind: "dump-more", serial });
      return;
    }
    if (isWritten) succeed(path);
    else file.drop();
    end(role);
  }

  function dumpOwn(kind: DumpKind): void {
    const path = ports.pathOf(kind, "parent");
    if (path === undefined) return;
    const file = attempt(path, () => ports.open(path));
    if (!file) return;
    const isWritten = attempt(path, () => {
      for (const text of ports.own()) file.write(text);
      took(path, file.done());
      return true;
    });
    if (isWritten) succeed(path);
    else file.drop();
  }

  function took(path: string, place: string | undefined): void {
    if (place === undefined) return;
    const message = `${path} was ${place}: it is the dump now, and nothing was written elsewhere`;
    ports.log({ level: "warning", area: "process", message });
  }

  function attempt<T>(path: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      fail(path, messageOf(error));
      return undefined;
    }
  }

  /** Who asks every few seconds is told once. */
  function fail(path: string, reason: string): void {
    if (problems.get(path) === reason) return;
    problems.set(path, reason);
    ports.log({ level: "warning", area: "process", message: `${path} is not written: ${reason}` });
    ports.problem(path, reason);
  }

  function succeed(path: string): void {
    if (problems.delete(path)) ports.problem(path, "");
  }

  return {
    take(kind) {
      for (const dumper of DUMPERS[kind]) {
        if (dumper === "parent") dumpOwn(kind);
        else if (!jobs.has(dumper)) begin(dumper, kind);
        else waiting.set(dumper, (waiting.get(dumper) ?? new Set()).add(kind));
      }
    },
    toLog(role) {
      if (!DUMPERS.data.includes(role) || jobs.has(role)) return;
      ask(
        role,
        "data",
        `the dump of ${role}`,
        logFile((line) => ports.line(role, line)),
      );
    },
    piece(role, piece) {
      const job = jobs.get(role);
      if (job?.serial === piece.serial) takePiece(role, job, piece);
    },
    gone(role) {
      waiting.delete(role);
      jobs.get(role)?.file.drop();
      jobs.delete(role);
    },
  };
}

/** Lines are told when they are whole. */
function logFile(tell: (line: string) => void): DumpFile {
  let rest = "";
  return {
    write(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) tell(line);
    },
    done() {
      if (rest !== "") tell(rest);
      return undefined;
    },
    drop() {},
  };
}
