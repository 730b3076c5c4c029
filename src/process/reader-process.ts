// Process layer: the process that reads configurations. It is started for one question of the parent and ends with the answer, so that what
// reading needs of memory is nobody's afterwards, and no loop of the director stands still for it.
import "./host/signals.ts";
import { writeSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { unreachable } from "../base/never.ts";
import { systemClock } from "../kernel/clock.ts";
import { bindToParent, keepMemoryPrivate } from "../kernel/confinement.ts";
import { ignoreRealtimeSignals } from "../kernel/realtime-signals.ts";
import { stampOf } from "./configuration/files.ts";
import { readBudget } from "./configuration/read-budget.ts";
import { thisWorld } from "./configuration/this-world.ts";
import { takeSignal } from "./host/signals.ts";
import { EXIT } from "./options.ts";
import {
  effectivePieces,
  type InForce,
  type Outcome,
  type ReaderPorts,
  readFor,
  type Sources,
  sourcesOf,
} from "./reader.ts";
import { type FromReader, type ReaderOptions, readToReader, type ToReader } from "./reader-messages.ts";
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
  const sources: ReaderWork["sources"] = (options, inForce) => sourcesOf(options, inForce, ports);
  const reader = createReader(
    { clock, sha256, sources },
    {
      send: (message) => channel.send(message),
      sendBytes: (bytes) => channel.sendBytes(bytes),
      pack: packText,
      unpack: unpackText,
      end: () => channel.whenSent(() => process.exit(EXIT.ok)),
    },
  );
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

export interface ReaderWork extends Pick<ReaderPorts, "clock" | "sha256"> {
  sources(options: ReaderOptions, inForce: InForce | undefined): Sources;
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
  /** The record of what is in force. */
  takeBytes(bytes: Uint8Array): void;
}

/** The part that touches no process: tests drive it with their own channel. */
export function createReader(work: ReaderWork, channel: ReaderChannel): Reader {
  let inForce: InForce | undefined;
  let pieces: Iterator<string, void> | undefined;

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
      inForce = JSON.parse(channel.unpack(bytes));
    },
    async take(message) {
      switch (message.kind) {
        case "read":
          say(await readFor(message, work.sources(message.options, inForce), work));
          return channel.end();
        case "effective":
          pieces = effectivePieces(work.sources(message.options, inForce).old());
          return;
        case "more":
          return sendPiece();
        default:
          return unreachable(message);
      }
    },
  };
}
