// Roles: how a role knows what stands in files of the configuration: the starter reads and watches them, and says so. The role itself may
// open none of them (docs/decisions/009-rights.md), and none on a slow disk holds it up. It is not asked twice: what was told last stands,
// also while a starter that was killed is started again.
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { FileWatches } from "../../kernel/file-watch.ts";
import type { StarterLink } from "./link.ts";
import type { FromStarter } from "./messages.ts";

/** A configuration does not wait for its files any longer: a missing starter, or a disk that hangs. */
const PREPARE_MS = 5000;

export interface WantedFile {
  readonly path: string;
  /** `init_file`: its value is written first. */
  readonly init: boolean;
}

export interface FileClient extends FileWatches {
  /**
   * Asks for what a configuration is about to use. Resolves when all of it is known, or is not to be had; undefined when it is known
   * already. What is `read` is read anew each time.
   */
  prepare(watched: readonly WantedFile[], read: readonly string[]): Promise<void> | undefined;
  /** What was told last of a file that is watched. */
  text(path: string): string | undefined;
  /** The whole of a file that was prepared. @throws Error why it can't be read, and beyond `maxBytes` */
  read(path: string, maxBytes: number): Uint8Array;
}

/** Files that are asked for and not answered yet: neither side shall have thousands of messages waiting. */
const AT_ONCE = 2000;
/** Of paths in one message. */
const ASK_CHARS = 10_000;

interface Watched {
  readonly path: string;
  id: number;
  init: boolean;
  text: string | undefined;
  readonly told: Set<(text: string | undefined) => void>;
}

interface Read {
  readonly path: string;
  readonly pieces: Uint8Array[];
  outcome: "asked" | "whole" | { readonly reason: string };
}

interface Files {
  readonly link: StarterLink;
  readonly watched: Map<string, Watched>;
  readonly byId: Map<number, Watched>;
  /** Of which the starter has said nothing yet; those that it was asked for. */
  readonly awaited: Set<Watched>;
  readonly asked: Set<Watched>;
  readonly reads: Map<number, Read>;
  readonly contents: Map<string, Read>;
  lastId: number;
  /** Somebody waits for all of it. */
  look(): void;
}

export function createFileClient(link: StarterLink, clock: Clock, log: Log): FileClient {
  const files: Files = {
    link,
    watched: new Map(),
    byId: new Map(),
    awaited: new Set(),
    asked: new Set(),
    reads: new Map(),
    contents: new Map(),
    lastId: 0,
    look() {},
  };
  link.join({ hear: (message) => hear(files, message), up: () => askAgain(files), down() {} });
  const { watched, awaited, reads, contents } = files;
  const isAwaited = () => reads.size > 0 || awaited.size > 0;

  function known(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.at(clock.now() + PREPARE_MS, () => {
        const paths = [...awaited, ...reads.values()].map(({ path }) => path).slice(0, 10);
        const message = `nothing is known yet of ${paths.join(", ")}: going on without`;
        log({ level: "warning", area: "files", message });
        done();
      });
      function done(): void {
        cancel();
        files.look = () => {};
        resolve();
      }
      files.look = () => {
        if (!isAwaited()) done();
      };
    });
  }

  return {
    prepare(wanted, read) {
      const paths = new Set(wanted.map(({ path }) => path));
      for (const one of [...watched.values()]) if (one.told.size === 0 && !paths.has(one.path)) forget(files, one);
      for (const { path, init } of wanted) if (init || !watched.has(path)) begin(files, path, init);
      ask(files);
      contents.clear();
      reads.clear();
      for (const path of new Set(read)) beginReading(files, path);
      return isAwaited() ? known() : undefined;
    },
    text: (path) => watched.get(path)?.text,
    read(path, maxBytes) {
      const one = contents.get(path);
      if (!one || one.outcome === "asked")
        throw new Error(`${path} was not read: the process that reads files can't be reached`);
      if (one.outcome !== "whole") throw new Error(one.outcome.reason);
      const whole = Buffer.concat(one.pieces);
      if (whole.byteLength > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`);
      return whole;
    },
    watch(path, onText) {
      const one = watched.get(path) ?? begin(files, path, false);
      ask(files);
      // One of its own for each: the same function may watch twice.
      const told = (text: string | undefined) => onText(text);
      one.told.add(told);
      onText(one.text);
      return {
        text: () => one.text,
        close() {
          one.told.delete(told);
          if (one.told.size === 0 && watched.get(path) === one) forget(files, one);
        },
      };
    },
    [Symbol.dispose]() {
      for (const one of [...watched.values()]) forget(files, one);
    },
  };
}

// --- what is heard

function hear(files: Files, message: FromStarter): void {
  switch (message.kind) {
    case "texts": {
      for (const [id, text] of message.texts) {
        const one = files.byId.get(id);
        if (one) take(files, one, text ?? undefined);
      }
      ask(files);
      files.look();
      return;
    }
    case "piece": {
      const one = files.reads.get(message.id);
      one?.pieces.push(Buffer.from(message.base64, "base64"));
      if (one && message.end) ended(files, message.id, one, "whole");
      return;
    }
    case "unread": {
      const one = files.reads.get(message.id);
      if (one) ended(files, message.id, one, { reason: message.reason });
    }
  }
}

function take(files: Files, one: Watched, text: string | undefined): void {
  const isNews = text !== one.text;
  one.init = false;
  one.text = text;
  files.awaited.delete(one);
  files.asked.delete(one);
  if (isNews) for (const tell of one.told) tell(text);
}

function ended(files: Files, id: number, one: Read, outcome: Read["outcome"]): void {
  one.outcome = outcome;
  files.reads.delete(id);
  files.contents.set(one.path, one);
  files.look();
}

// --- what is asked

/** As many as may be under way. */
function ask({ link, awaited, asked }: Files): void {
  if (!link.isUp()) return;
  let files: { id: number; path: string; init: boolean }[] = [];
  let chars = 0;
  const say = () => {
    if (files.length > 0) link.say({ kind: "watch", files });
    files = [];
    chars = 0;
  };
  for (const one of awaited) {
    if (asked.size >= AT_ONCE) break;
    if (asked.has(one)) continue;
    asked.add(one);
    const { id, path, init } = one;
    files.push({ id, path, init });
    chars += path.length;
    if (chars > ASK_CHARS) say();
  }
  say();
}

/** Of a starter that knows nothing yet; what an earlier one said stands meanwhile. */
function askAgain(files: Files): void {
  const { link, watched, awaited, asked, reads } = files;
  for (const one of watched.values()) awaited.add(one);
  asked.clear();
  ask(files);
  for (const [id, one] of reads) {
    one.pieces.length = 0;
    link.say({ kind: "read", id, path: one.path });
  }
}

function begin(files: Files, path: string, init: boolean): Watched {
  const { watched, byId, awaited, asked } = files;
  const one = watched.get(path) ?? { path, id: 0, init, text: undefined, told: new Set() };
  byId.delete(one.id);
  asked.delete(one);
  one.id = ++files.lastId;
  one.init = init;
  watched.set(path, one);
  byId.set(one.id, one);
  awaited.add(one);
  return one;
}

function beginReading(files: Files, path: string): void {
  const id = ++files.lastId;
  files.reads.set(id, { path, pieces: [], outcome: "asked" });
  files.link.say({ kind: "read", id, path });
}

function forget(files: Files, one: Watched): void {
  const { link, watched, byId, awaited, asked } = files;
  link.say({ kind: "unwatch", id: one.id });
  watched.delete(one.path);
  byId.delete(one.id);
  awaited.delete(one);
  asked.delete(one);
}
