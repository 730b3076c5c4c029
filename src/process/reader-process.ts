// Process layer: the process that reads configurations. It is started for one question of the parent and ends with the answer, so that what
// reading needs of memory is nobody's afterwards, and no loop of the director stands still for it.
import "./host/signals.ts";
import { writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { unreachable } from "../base/never.ts";
import { systemClock } from "../kernel/clock.ts";
import { bindToParent, keepMemoryPrivate } from "../kernel/confinement.ts";
import { ignoreRealtimeSignals } from "../kernel/realtime-signals.ts";
import { stampOf } from "./configuration/files.ts";
import { readBudget } from "./configuration/read-budget.ts";
import type { SharePieces } from "./configuration/standing.ts";
import { thisWorld } from "./configuration/this-world.ts";
import { type InForce, isUnchanged } from "./configuration/unchanged.ts";
import { takeSignal } from "./host/signals.ts";
import { EXIT } from "./options.ts";
import type { Outcome, ReaderPorts } from "./reader.ts";
import {
  type FromReader,
  type ReaderOptions,
  type ReadRequest,
  readToReader,
  type ToReader,
} from "./reader-messages.ts";
import {
  type Channel,
  expectedParent,
  expectsCoreFiles,
  openParentChannel,
  packText,
  sha256,
  unpackText,
} from "./runtime.ts";

/** Answers the parent and ends. Called once, as the whole of this process. */
export function runReader(): void {
  const parent = expectedParent();
  if (parent === undefined) process.exit(EXIT.failed);
  ignoreRealtimeSignals();
  keepMemoryPrivate(expectsCoreFiles());
  // Signals of a terminal or a service manager are for the parent, which ends this process.
  for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2"] as const) takeSignal(signal, () => {});
  if (!bindToParent(parent, "lbd-reader")) process.exit(EXIT.failed);
  const clock = systemClock();
  const ports: ReaderPorts = { clock, world: thisWorld, budget: readBudget, stamp: stampOf, wallMs: Date.now, sha256 };
  const work: ReaderWork = {
    clock,
    isUnchanged: ({ configFile }, inForce) => isUnchanged(configFile, inForce, thisWorld(), ports),
    async load() {
      const { effectivePieces, readAgain, readFor, sourcesOf } = await import("./reader.ts");
      return {
        readFor: (request, inForce, shares) =>
          readFor(request, sourcesOf(request.options, inForce, shares, ports), ports),
        effective: (options, inForce) => effectivePieces(inForce && readAgain(options, inForce)),
      };
    },
  };
  const reader = createReader(work, {
    send: (message) => channel.send(message),
    sendBytes: (bytes) => channel.sendBytes(bytes),
    pack: packText,
    unpack: unpackText,
    end: () => channel.whenSent(() => process.exit(EXIT.ok)),
  });
  const channel: Channel = openParentChannel({
    message(raw) {
      const message = readToReader(raw);
      if (message) void reader.take(message).catch(fail);
      else fail("the parent sent something that is no message");
    },
    bytes: reader.takeBytes,
    broken: fail,
    closed: () => process.exit(EXIT.failed),
  });
}

/** What is written last is the reason that the parent tells. */
function fail(reason: unknown): void {
  writeSync(2, `${messageOf(reason)}\n`);
  process.exit(EXIT.failed);
}

export interface ReaderWork {
  readonly clock: Clock;
  /** What is in force would come of the files again. */
  isUnchanged(options: ReaderOptions, inForce: InForce): boolean;
  /** What reads configurations: most of the program, and only loaded when something has to be read. */
  load(): Promise<Language>;
}

export interface Language {
  /** `shares` of what is in force. */
  readFor(request: ReadRequest, inForce: InForce | undefined, shares: SharePieces): Promise<Outcome>;
  effective(options: ReaderOptions, inForce: InForce | undefined): Iterator<string, void>;
}

export interface ReaderChannel {
  send(message: FromReader): void;
  sendBytes(bytes: Uint8Array): void;
  pack(text: string): Uint8Array;
  unpack(bytes: Uint8Array): string;
  /** Everything was said. */
  end(): void;
}

export interface Reader {
  take(message: ToReader): Promise<void>;
  /** The record of what is in force, then pieces of its shares. */
  takeBytes(bytes: Uint8Array): void;
}

/** The part that touches no process: tests drive it with their own channel. */
export function createReader(work: ReaderWork, channel: ReaderChannel): Reader {
  const given: Uint8Array[] = [];
  let pieces: Iterator<string, void> | undefined;
  /** Pieces that were asked for before there was one. */
  let asked = 0;

  function inForceGiven(): InForce | undefined {
    const [record] = given;
    return record && JSON.parse(channel.unpack(record));
  }

  /** Unpacked when somebody looks. */
  function sharesGiven({ shares }: ReadRequest): SharePieces {
    let at = 1;
    return new Map(
      shares.flatMap(({ role, pieces: count }) => {
        const packed = given.slice(at, at + count);
        at += count;
        return count > 0 ? [[role, packed.values().map(channel.unpack)] as const] : [];
      }),
    );
  }

  async function read(request: ReadRequest): Promise<void> {
    const began = work.clock.now();
    const inForce = inForceGiven();
    if (inForce && work.isUnchanged(request.options, inForce))
      channel.send({ kind: "same", tookMs: work.clock.now() - began });
    else say(await (await work.load()).readFor(request, inForce, sharesGiven(request)));
  }

  function say(outcome: Outcome): void {
    const { send, sendBytes, pack } = channel;
    send(outcome.answer);
    if (outcome.answer.kind !== "taken") return;
    for (const { role, whole, pieces } of outcome.shares()) {
      send({ kind: "share", role, whole });
      for (const piece of pieces) sendBytes(pack(piece));
    }
    send({ kind: "record" });
    sendBytes(pack(JSON.stringify(outcome.record())));
    send({ kind: "done" });
    send({ kind: "details", ...outcome.details() });
  }

  function sendPiece(): void {
    const { done, value } = pieces?.next() ?? { done: true, value: undefined };
    channel.send({ kind: "piece", piece: value ?? "", end: done === true });
    if (done) channel.end();
  }

  return {
    takeBytes(bytes) {
      given.push(bytes);
    },
    async take(message) {
      switch (message.kind) {
        case "read":
          await read(message);
          return channel.end();
        case "effective":
          pieces = (await work.load()).effective(message.options, inForceGiven());
          for (; asked > 0; asked--) sendPiece();
          return;
        case "more":
          if (pieces) return sendPiece();
          asked++;
          return;
        default:
          return unreachable(message);
      }
    },
  };
}
