// Role starter: reads and watches files for the other roles, which may open none: those that the configuration names, each for its role, and
// no others. Only regular files have a content.
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type FileWatch, type FileWatches, openFileWatches } from "../../kernel/file-watch.ts";
import type { Readiness } from "../../kernel/readiness.ts";
import { readWhole, writeRegular } from "../../kernel/regular-file.ts";
import { type FromStarter, MAX_READ_BYTES, type ToStarter } from "../programs/messages.ts";
import type { NamedFile, ProgramRole } from "../programs/named.ts";

/** Of a content, before it is written as base64: a message has 64 kB. */
const PIECE_BYTES = 32 * 1024;
/** Messages that may wait for a role before it is told more: one that takes nothing must not fill this process. */
const MAX_WAITING = 64;
/** Refusals that a role has not taken yet: who asks on and on and takes none must not fill this process. */
const MAX_REFUSALS_OWED = 4096;
/** Then the next look whether it has taken them. */
const LOOK_AGAIN_MS = 20;
/** In one message: 128 bytes of a file may take six times as many characters in JSON. */
const TEXTS_AT_ONCE = 60;

export type FileRequest = ToStarter & { kind: "watch" | "unwatch" | "read" };

type WatchedFile = (FileRequest & { kind: "watch" })["files"][number];

export interface PeerFiles {
  take(request: FileRequest): void;
  close(): void;
}

/** What a peer is told by. */
export interface Speaker {
  say(message: FromStarter): void;
  /** Messages that it has not taken yet. */
  waiting(): number;
}

export interface FileServer {
  /** Files of a configuration. Those of the one before are known until the next: a role lets them go during the reload. */
  configure(files: readonly NamedFile[]): void;
  open(role: ProgramRole, speaker: Speaker): PeerFiles;
}

interface Peer {
  readonly role: ProgramRole;
  readonly speaker: Speaker;
  /** By path: however often a role asks, each is watched once. */
  readonly open: Map<string, { readonly id: number; readonly watch: FileWatch }>;
  readonly paths: Map<number, string>;
  /** What it has still to be told, by the number of its question: newer replaces older. */
  readonly owed: Map<number, string | null>;
  /** It is told at the end of this turn of the loop, or when it has taken what waits. */
  isTold: boolean;
  cancelTelling: Cancel | undefined;
}

const keyOf = (role: ProgramRole, use: NamedFile["use"], path: string) => `${role} ${use} ${path}`;

export function createFileServer(readiness: Readiness, clock: Clock, log: Log): FileServer {
  let allowed = new Map<string, NamedFile>();
  let before = new Map<string, NamedFile>();
  let watches: FileWatches | undefined;
  const peers = new Set<Peer>();

  function find(role: ProgramRole, use: NamedFile["use"], path: string): NamedFile | undefined {
    const key = keyOf(role, use, path);
    return allowed.get(key) ?? before.get(key);
  }

  function refuse(role: ProgramRole, path: string): void {
    log({ level: "error", area: "starter", message: `refused: no configuration names the file ${path} for ${role}` });
  }

  function watch(path: string, onText: (text: string | undefined) => void): FileWatch {
    watches ??= openFileWatches(readiness, clock, (reason) => {
      const message = `changes of files are seen once a second only, inotify is not to be had: ${reason}`;
      log({ level: "warning", area: "files", message });
    });
    return watches.watch(path, onText);
  }

  function takeWatch(peer: Peer, { id, path, init }: WatchedFile): void {
    const file = find(peer.role, "watched", path);
    if (!file) {
      refuse(peer.role, path);
      if (peer.owed.size < peer.open.size + MAX_REFUSALS_OWED) tell(peer, id, undefined);
      return;
    }
    if (init && file.init) initFile(path, file.init);
    letGo(peer, path);
    peer.paths.set(id, path);
    peer.open.set(path, { id, watch: watch(path, (text) => tell(peer, id, text)) });
  }

  function tell(peer: Peer, id: number, text: string | undefined): void {
    peer.owed.set(id, text ?? null);
    if (peer.isTold) return;
    peer.isTold = true;
    queueMicrotask(() => tellOwed(peer));
  }

  function tellOwed(peer: Peer): void {
    peer.isTold = false;
    for (const some of chunks([...peer.owed], TEXTS_AT_ONCE)) {
      if (peer.speaker.waiting() > MAX_WAITING) {
        peer.isTold = true;
        peer.cancelTelling = clock.at(clock.now() + LOOK_AGAIN_MS, () => tellOwed(peer));
        return;
      }
      for (const [id] of some) peer.owed.delete(id);
      peer.speaker.say({ kind: "texts", texts: some });
    }
  }

  function letGo(peer: Peer, path: string): void {
    const one = peer.open.get(path);
    if (!one) return;
    one.watch.close();
    peer.open.delete(path);
    peer.paths.delete(one.id);
    peer.owed.delete(one.id);
  }

  function read({ role, speaker }: Peer, { id, path }: FileRequest & { kind: "read" }): void {
    if (!find(role, "read", path)) {
      refuse(role, path);
      speaker.say({ kind: "unread", id, reason: `the configuration does not name ${path}` });
      return;
    }
    try {
      if (speaker.waiting() > MAX_WAITING) throw new Error("too much is asked for at once");
      const content = readWhole(path, MAX_READ_BYTES);
      for (let at = 0; at === 0 || at < content.byteLength; at += PIECE_BYTES) {
        const base64 = content.subarray(at, at + PIECE_BYTES).toString("base64");
        speaker.say({ kind: "piece", id, base64, end: at + PIECE_BYTES >= content.byteLength });
      }
    } catch (error) {
      speaker.say({ kind: "unread", id, reason: messageOf(error) });
    }
  }

  function initFile(path: string, init: { readonly value: number; readonly overwrite: boolean }): void {
    try {
      writeRegular(path, `${init.value}\n`, { overwrite: init.overwrite, mode: 0o644 });
    } catch (error) {
      const code = error instanceof Error ? ("code" in error ? String(error.code) : error.message) : String(error);
      if (code !== "EEXIST")
        log({ level: "warning", area: "vrrp", message: `init_file: ${path} can't be written: ${code}` });
    }
  }

  return {
    configure(files) {
      before = allowed;
      allowed = new Map(files.map((file) => [keyOf(file.role, file.use, file.path), file]));
      for (const peer of peers)
        for (const path of [...peer.open.keys()]) if (!find(peer.role, "watched", path)) letGo(peer, path);
    },
    open(role, speaker) {
      const peer: Peer = {
        role,
        speaker,
        open: new Map(),
        paths: new Map(),
        owed: new Map(),
        isTold: false,
        cancelTelling: undefined,
      };
      peers.add(peer);
      return {
        take(request) {
          if (request.kind === "watch") for (const file of request.files) takeWatch(peer, file);
          else if (request.kind === "read") read(peer, request);
          else letGo(peer, peer.paths.get(request.id) ?? "");
        },
        close() {
          peers.delete(peer);
          for (const path of [...peer.open.keys()]) letGo(peer, path);
          peer.owed.clear();
          peer.cancelTelling?.();
        },
      };
    },
  };
}

function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}
