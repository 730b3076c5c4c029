// Process layer: the one file above ffi/ that speaks to Bun itself: how this program starts itself again as a child.
import { keptEnvironment } from "../base/environment.ts";
import { closeChannelEnd, openChannelPair } from "../kernel/channel-pair.ts";
import { openIntroductions } from "../kernel/introductions.ts";
import { namespacePath } from "../kernel/namespace.ts";
import type { RoleName } from "../roles/role.ts";
import { FROM_CHILD_JSON, MAX_FROM_CHILD_BYTES } from "./conduct.ts";
import { createFrameReader, encodeBytesFrame, encodeFrame, type FrameLimits } from "./frames.ts";
import { READER_WORD, ROLE_WORD } from "./options.ts";
import { PIPE_BYTES_PER_MS } from "./read-lines.ts";
import type { RoleRights } from "./role-rights.ts";
import {
  CALM_RUNTIME,
  CHANNEL_FD,
  IN_NAMESPACE_VARIABLE,
  isIntroduced,
  LISTENERS_VARIABLE,
  PLACES_VARIABLE,
  RIGHTS_VARIABLE,
} from "./role-variables.ts";

declare module "bun" {
  // The runtime takes over an open descriptor; its published types don't say so.
  function connect(options: {
    readonly fd: number;
    readonly socket: SocketHandler<undefined>;
  }): Promise<Socket<undefined>>;
}

/** A child as the parent holds it. */
export interface ChildHandle {
  readonly pid: number;
  /** Never blocks; the caller bounds what waits. False when the channel is closed. */
  send(message: unknown): boolean;
  /** As send(): a piece of the role's configuration. */
  sendPiece(piece: Uint8Array): boolean;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** The parent's end of what introduces it to others (kernel/introductions.ts); undefined once it has ended. */
  introductions?(): number | undefined;
}

export interface ChildEvents extends Omit<ChannelEvents, "closed" | "bytes"> {
  /** Text on the child's standard output or error: last words, warnings of the runtime. */
  stderr(text: string): void;
  /** The process has ended: `status 1`, `signal SIGKILL`. */
  exit(how: string): void;
}

/** A listening socket that a role is started with. */
export interface HandedListener {
  readonly kind: "unix" | "tcp";
  readonly fd: number;
}

/**
 * @param rights what the process keeps; undefined: all that this one has
 * @param listeners it finds them by handedListeners()
 */
export type SpawnChild = (
  role: RoleName,
  events: ChildEvents,
  rights?: RoleRights,
  listeners?: readonly HandedListener[],
) => ChildHandle;

const LAST_WORDS_MS = 100;
/** A reader ends behind its answer. */
const LAST_ANSWER_MS = 10_000;
const DEPTH_VARIABLE = "LBD_DEPTH";
const PARENT_VARIABLE = "LBD_PARENT";
const CORE_VARIABLE = "LBD_CORE";
/** Parent and reader are trusted; a configuration of a million lines has less. */
const TRUSTED: FrameLimits = { maxBytes: 1024 * 1024 * 1024 };
/** What may wait for a process that does not read; those without a configuration of their own are sent a few megabytes at most. */
const MAX_QUEUED_BYTES = 512 * 1024 * 1024;
const MAX_QUEUED: Readonly<Partial<Record<RoleName, number>>> = { api: 64 * 1024 * 1024, starter: 64 * 1024 * 1024 };

/** Compiled, the program's own path lies in Bun's embedded file system. */
const compiled = Bun.main.startsWith("/$bunfs/");

/** Version of the runtime, for lbd_build_info. */
export const runtimeVersion = Bun.version;

/** Gives back what a reading of the configuration needed, at once: the engine would wait until as much again is asked for. */
export function collectGarbage(): void {
  Bun.gc(true);
}

/** Text in a fraction of its bytes: what the parent keeps of a configuration, and what goes to the roles. */
export function packText(text: string): Uint8Array {
  return Bun.zstdCompressSync(text, { level: 1 });
}

/** @throws Error for bytes that packText() did not make */
export function unpackText(packed: Uint8Array): string {
  return Bun.zstdDecompressSync(packed).toString("utf8");
}

/** In hexadecimal digits. */
export function sha256(parts: readonly Uint8Array[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** As above, and compiled code as well: what is needed again is compiled again. Takes effect when this turn of the loop is over. */
export function shrinkMemory(): void {
  Bun.shrink();
}

/** It marks a child: a director that finds it is none that anybody meant to start. */
export const CHILD_MARK = DEPTH_VARIABLE;

/** The process that this one says it is a child of, when it was started by spawnChild(); else undefined. */
export function expectedParent(): number | undefined {
  const parent = Number(process.env[PARENT_VARIABLE]);
  return process.env[DEPTH_VARIABLE] === "1" && Number.isInteger(parent) && parent > 0 ? parent : undefined;
}

/** What comes before the words of a command line when this program starts itself again. */
export function ownArguments(): readonly string[] {
  return compiled ? [] : [Bun.main];
}

/** Path of the namespace that this process was put into by its first step. */
export function namespaceEntered(): string | undefined {
  return process.env[IN_NAMESPACE_VARIABLE];
}

/** The listening sockets that this process was started with. */
export function handedListeners(): HandedListener[] {
  const kinds = (process.env[LISTENERS_VARIABLE] ?? "").split(",");
  return kinds.flatMap((kind, at) => (kind === "unix" || kind === "tcp" ? [{ kind, fd: CHANNEL_FD + 1 + at }] : []));
}

/** Whether the parent was asked for core files (`--core-dump`). */
export function expectsCoreFiles(): boolean {
  return process.env[CORE_VARIABLE] === "1";
}

/** For this process and the children that it starts from now on. */
export function permitCoreFiles(): void {
  process.env[CORE_VARIABLE] = "1";
}

/**
 * Starts a role in a process of its own: same program image even if the file was replaced meanwhile, own session, so that a
 * terminal's interrupt reaches only the parent, and an environment without what could turn the runtime into something else.
 */
export const spawnChild: SpawnChild = (role, events, rights, listeners = []) => {
  const { channel, ...child } = spawnProcess(role, [ROLE_WORD, role], events, {
    listeners,
    introduced: isIntroduced(role),
    rights: process.getuid?.() === 0 ? rights : undefined,
    limits: { maxBytes: MAX_FROM_CHILD_BYTES[role], json: FROM_CHILD_JSON },
    maxQueued: MAX_QUEUED[role],
    lastWordsMs: LAST_WORDS_MS,
  });
  return { ...child, send: channel.send, sendPiece: channel.sendBytes };
};

export interface ReaderEvents extends ChildEvents {
  bytes(bytes: Uint8Array): void;
}

export interface ReaderHandle extends Omit<ChildHandle, "sendPiece"> {
  sendBytes(bytes: Uint8Array): boolean;
}

export type SpawnReader = (events: ReaderEvents) => ReaderHandle;

/** Starts a process that reads the configuration, with all the rights of this one. */
export const spawnReader: SpawnReader = (events) => {
  const { channel, ...child } = spawnProcess("reader", [READER_WORD], events, {
    listeners: [],
    introduced: false,
    rights: undefined,
    limits: TRUSTED,
    maxQueued: MAX_QUEUED_BYTES,
    lastWordsMs: LAST_ANSWER_MS,
  });
  return { ...child, send: channel.send, sendBytes: channel.sendBytes };
};

interface ProcessOptions {
  readonly listeners: readonly HandedListener[];
  readonly introduced: boolean;
  readonly rights: RoleRights | undefined;
  readonly limits: FrameLimits;
  readonly maxQueued: number | undefined;
  /** What is on its way when the process ends is waited for so long. */
  readonly lastWordsMs: number;
}

function spawnProcess(
  name: string,
  words: readonly string[],
  events: ChildEvents & Pick<ChannelEvents, "bytes">,
  options: ProcessOptions,
) {
  const { limits, maxQueued, lastWordsMs } = options;
  if (process.env[DEPTH_VARIABLE] !== undefined) throw new Error("a child does not start children");
  const [ours, theirs] = openChannelPair();
  const [introductions, bornWith] = options.introduced ? openIntroductions() : [];
  let isOver = false;
  const child = spawnOn(name, words, [theirs, ...(bornWith === undefined ? [] : [bornWith])], options, (how) => {
    isOver = true;
    if (introductions !== undefined) closeChannelEnd(introductions);
    // Last words first: channel and pipes are read to their end, unless somebody else still holds them.
    const limit = new Promise<void>((resolve) => setTimeout(resolve, lastWordsMs));
    void Promise.race([ends, limit]).then(() => {
      channel.close();
      events.exit(how);
    });
  });
  closeChannelEnd(theirs);
  if (bornWith !== undefined) closeChannelEnd(bornWith);
  let channelEnds = () => {};
  const channelEnd = new Promise<void>((resolve) => {
    channelEnds = resolve;
  });
  const channel = openChannel(ours, limits, { ...events, closed: () => channelEnds() }, maxQueued);
  const ends = Promise.all([channelEnd, relay(child.stdout, events.stderr), relay(child.stderr, events.stderr)]);
  return {
    pid: child.pid,
    kill: (signal: "SIGTERM" | "SIGKILL") => child.kill(signal),
    introductions: () => (isOver ? undefined : introductions),
    channel,
  };
}

function spawnOn(
  name: string,
  words: readonly string[],
  own: readonly number[],
  { listeners, rights }: Pick<ProcessOptions, "listeners" | "rights">,
  ended: (how: string) => void,
) {
  return Bun.spawn(["/proc/self/exe", ...ownArguments(), ...words], {
    argv0: `lbd-${name}`,
    cwd: "/",
    detached: true,
    env: {
      ...keptEnvironment(process.env),
      ...CALM_RUNTIME,
      ...(expectsCoreFiles() ? { [CORE_VARIABLE]: "1" } : {}),
      [DEPTH_VARIABLE]: "1",
      [PARENT_VARIABLE]: `${process.pid}`,
      ...(listeners.length === 0 ? {} : { [LISTENERS_VARIABLE]: listeners.map(({ kind }) => kind).join(",") }),
      ...(rights === undefined ? {} : { [RIGHTS_VARIABLE]: rights.capabilities.join(",") }),
      // kernel: it writes a core file with the process' own rights.
      ...(rights?.places && !expectsCoreFiles() ? { [PLACES_VARIABLE]: JSON.stringify(rights.places) } : {}),
      ...(rights?.namespace === undefined ? {} : { [IN_NAMESPACE_VARIABLE]: namespacePath(rights.namespace) }),
    },
    // The fourth is CHANNEL_FD there, and behind it are INTRODUCTIONS_FD or the listeners.
    stdio: ["ignore", "pipe", "pipe", ...own, ...listeners.map(({ fd }) => fd)],
    onExit: (_child, status, signal) => ended(describeExit(status, signal)),
  });
}

/** The channel of a process that spawnChild() or spawnReader() started; called once. */
export function openParentChannel(events: ChannelEvents): Channel {
  return openChannel(CHANNEL_FD, TRUSTED, events);
}

export interface ChannelEvents {
  /** @param bytes what it took on the channel */
  message(raw: unknown, bytes: number): void;
  /** What came by sendBytes(); absent: nobody may do that. */
  bytes?(bytes: Uint8Array): void;
  /** What came is no message, and nothing more can be read. */
  broken(reason: string): void;
  /** The other side is gone. */
  closed(): void;
}

export interface Channel {
  /** Never blocks. False when the channel is closed, or the reader lets too much wait. */
  send(message: unknown): boolean;
  /** As send(): bytes that are no JSON. */
  sendBytes(bytes: Uint8Array): boolean;
  /** Runs `then` once all of it is with the kernel. */
  whenSent(then: () => void): void;
  close(): void;
}

/** Messages over a descriptor, which it owns from now on. It takes bytes only: descriptors that come with them are closed by the kernel. */
function openChannel(fd: number, limits: FrameLimits, events: ChannelEvents, maxQueued = MAX_QUEUED_BYTES): Channel {
  const reader = createFrameReader(limits, events.message, events.bytes);
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let socket: Bun.Socket | undefined;
  let over = false;
  const whenSent: (() => void)[] = [];

  function end(): void {
    if (over) return;
    over = true;
    waiting.length = 0;
    events.closed();
  }

  function push(): void {
    for (let frame = waiting[0]; socket && frame; frame = waiting[0]) {
      const sent = Math.max(0, socket.write(frame));
      waitingBytes -= sent;
      if (sent < frame.byteLength) {
        waiting[0] = frame.subarray(sent);
        return;
      }
      waiting.shift();
    }
    if (!socket) return;
    for (const then of whenSent.splice(0)) then();
  }

  void Bun.connect({
    fd,
    socket: {
      open(opened) {
        socket = opened;
        push();
      },
      data(opened, chunk) {
        if (over) return;
        const reason = reader.push(chunk);
        if (reason === undefined) return;
        opened.terminate();
        events.broken(reason);
        end();
      },
      drain: push,
      close: end,
      error: end,
    },
  }).catch(end);

  function sendFrame(encode: () => Uint8Array): boolean {
    if (over || waitingBytes > maxQueued) return false;
    const frame = encode();
    waiting.push(frame);
    waitingBytes += frame.byteLength;
    push();
    return true;
  }

  return {
    send: (message) => sendFrame(() => encodeFrame(message)),
    sendBytes: (bytes) => sendFrame(() => encodeBytesFrame(bytes)),
    whenSent(then) {
      whenSent.push(then);
      push();
    },
    close() {
      if (!over) socket?.terminate();
      end();
    },
  };
}

function describeExit(status: number | null, signal: number | string | null): string {
  if (signal !== null) return `signal ${signalName(signal)}`;
  return `status ${status}`;
}

function signalName(number: number | string): string {
  const { signals } = process.getBuiltinModule("node:os").constants;
  return Object.entries(signals).find(([, value]) => value === number)?.[0] ?? `${number}`;
}

async function relay(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) {
      take(decoder.decode(chunk, { stream: true }));
      await new Promise<void>((resolve) => setTimeout(resolve, chunk.byteLength / PIPE_BYTES_PER_MS));
    }
  } catch {
    // The pipe broke with the child; its exit is told by onExit.
  }
}
