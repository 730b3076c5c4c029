// Process layer, parent: a process that reads the configuration, from its start to its end, and why it ended.
import type { Cancel, Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { clip } from "./conduct.ts";
import { type FromReader, readFromReader } from "./reader-messages.ts";
import type { ReaderHandle, SpawnReader } from "./runtime.ts";

/** A reading that takes longer has met a file system that does not answer. */
export const READ_LIMIT_MS = 120_000;

export interface ReaderPorts {
  readonly clock: Clock;
  readonly spawn: SpawnReader;
}

export interface ReaderEvents {
  heard(message: FromReader): void;
  bytes(bytes: Uint8Array): void;
  ended(reason: string): void;
}

/** A text says why there is none. */
export function startReader({ clock, spawn }: ReaderPorts, events: ReaderEvents): ReaderHandle | string {
  let lastWords = "";
  let cancelLimit: Cancel = () => {};
  try {
    const handle = spawn({
      message(raw) {
        const message = readFromReader(raw);
        if (message) events.heard(message);
        else handle.kill("SIGKILL");
      },
      bytes: events.bytes,
      broken: (reason) => {
        lastWords ||= `it sent ${reason}`;
        handle.kill("SIGKILL");
      },
      stderr(text) {
        if (lastWords === "") lastWords = clip(text.trim());
      },
      exit(how) {
        cancelLimit();
        events.ended(`its process ended with ${how}${lastWords === "" ? "" : `: ${lastWords}`}`);
      },
    });
    cancelLimit = clock.at(clock.now() + READ_LIMIT_MS, () => {
      lastWords = `no answer after ${READ_LIMIT_MS / 1000} s`;
      handle.kill("SIGKILL");
    });
    return handle;
  } catch (error) {
    return `no process for it: ${messageOf(error)}`;
  }
}
