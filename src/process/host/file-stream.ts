// Process layer: the log in a file. Its disk may hang or be full: all that touches it goes through the runtime's threads, one line at a time,
// and what waits is bounded by whoever writes. A file that was moved away (logrotate) is opened anew when that is asked for, and when it is seen.
import { close, constants, fstat, open, stat, write } from "node:fs";
import { promisify } from "node:util";
import type { Clock, MonoMs } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { whyNotTrusted } from "../../kernel/regular-file.ts";
import type { TextStream } from "./log-sink.ts";

const LOG_MODE = 0o600;
/** How often it is looked whether the file still has its name. */
const LOOK_MS = 1000;
/** A file that can't be opened or written is tried again. */
const TRY_AGAIN_MS = 1000;

const calls = {
  open: promisify(open),
  stat: promisify(stat),
  fstat: promisify(fstat),
  close: promisify(close),
};

export interface FileStream extends TextStream {
  /** From the next line on into the file that has the name then. */
  reopen(): void;
}

/** @param failed told once each time that it can't be written any more */
export function fileStream(path: string, clock: Clock, failed: (reason: string) => void): FileStream {
  const waiting: { readonly bytes: Buffer; written: number; readonly done: () => void }[] = [];
  let file: number | undefined;
  let isBusy = false;
  let isFailing = false;
  let lookedAt: MonoMs = Number.NEGATIVE_INFINITY;

  async function opened(): Promise<number> {
    if (file !== undefined && clock.now() - lookedAt >= LOOK_MS) {
      lookedAt = clock.now();
      if (!(await isStillCalled(path, file))) await shut();
    }
    file ??= await openLogFile(path);
    return file;
  }

  async function shut(): Promise<void> {
    const old = file;
    file = undefined;
    if (old !== undefined) await calls.close(old).catch(() => {});
  }

  async function writeAll(): Promise<void> {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      next.written += await writeSome(await opened(), next.bytes.subarray(next.written));
      isFailing = false;
      if (next.written < next.bytes.byteLength) continue;
      waiting.shift();
      next.done();
    }
    // In the same turn as the look that found nothing: a line that comes behind it begins anew.
    isBusy = false;
  }

  function flush(): void {
    if (isBusy) return;
    isBusy = true;
    void writeAll().catch((error: unknown) => {
      if (!isFailing) failed(messageOf(error));
      isFailing = true;
      void shut();
      clock.at(clock.now() + TRY_AGAIN_MS, () => {
        isBusy = false;
        flush();
      });
    });
  }

  return {
    write(text, done) {
      waiting.push({ bytes: Buffer.from(text), written: 0, done });
      flush();
      return waiting.length === 0;
    },
    on: () => undefined,
    isAway: () => isFailing,
    reopen() {
      lookedAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** Only a regular file of root or this user, and no link of either kind, which in a directory of everybody's others may have laid. @throws Error */
async function openLogFile(path: string): Promise<number> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;
  const file = await calls.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, LOG_MODE);
  const stats = await calls.fstat(file);
  const against = stats.isFile() ? whyNotTrusted(stats) : "is no regular file";
  if (against === undefined) return file;
  await calls.close(file);
  throw new Error(`${path} ${against}`);
}

async function isStillCalled(path: string, file: number): Promise<boolean> {
  const [named, own] = await Promise.all([calls.stat(path).catch(() => undefined), calls.fstat(file)]);
  return named !== undefined && named.ino === own.ino && named.dev === own.dev;
}

/** How many of the bytes were taken. */
function writeSome(file: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
