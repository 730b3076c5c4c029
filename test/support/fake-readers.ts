// Readers that a test plays itself: what they find in the files is handed in, and what they say of it is the real one's work.
import type { Clock } from "../../src/base/clock.ts";
import type { Config } from "../../src/config/model/config.ts";
import type { Reading } from "../../src/process/configuration/configuration.ts";
import { unread } from "../../src/process/configuration/read-config.ts";
import type { Unsettled } from "../../src/process/configuration/settled-files.ts";
import type { InForce } from "../../src/process/configuration/unchanged.ts";
import { effectivePieces, readFor, type Seen, type Sources } from "../../src/process/reader.ts";
import type { ReadRequest } from "../../src/process/reader-messages.ts";
import { createReader, type ReaderWork } from "../../src/process/reader-process.ts";
import { packText, type ReaderHandle, type SpawnReader, unpackText } from "../../src/process/runtime.ts";
import type { RoleName } from "../../src/roles/role.ts";

/** What a look at the files finds; the same object again: nothing has changed. */
export interface Found extends Reading {
  readonly unsettled?: Unsettled;
}

export function found(config: Config, errors: readonly string[] = [], notes: readonly string[] = []): Found {
  return {
    config,
    errors,
    errorKeys: () => errors.map(withoutPlace),
    warnings: [],
    content: "blocks",
    files: [],
    notes: () => notes,
    effective: () => ({ configured: config.virtualServers.map(({ id }) => id) }),
  };
}

export function unusable(...errors: string[]): Found {
  return { ...unread(""), errors, errorKeys: () => errors.map(withoutPlace), content: "blocks" };
}

function withoutPlace(line: string): string {
  return line.replace(/^\S+: /, "");
}

export interface FakeReaders {
  readonly spawn: SpawnReader;
  /** How often somebody looked at the files. */
  looks(): number;
  /** What they were asked to read, those included that found nothing new. */
  readonly requests: ReadRequest[];
  /** The shares that they were given of what is in force, by role. */
  readonly given: ReadonlyMap<RoleName, readonly string[]>[];
  /** Readers that were started, the last one last. */
  readonly all: FakeReader[];
  /** From now on readers say nothing of themselves. */
  hold(): void;
}

export interface FakeReader {
  readonly killed: string[];
  end(how: string, lastWords?: string): void;
}

export function fakeReaders(clock: Clock, next: () => Found): FakeReaders {
  const all: FakeReader[] = [];
  const known: Found[] = [];
  const requests: ReadRequest[] = [];
  const given: ReadonlyMap<RoleName, readonly string[]>[] = [];
  let looks = 0;
  let isHeld = false;

  const oldOf = (inForce: InForce | undefined): Found | undefined => known[Number(inForce?.answers[0]?.[1])];

  const sources = (inForce: InForce | undefined): Sources => ({
    look() {
      looks++;
      const one = next();
      const { unsettled, ...reading } = one;
      known.push(one);
      const record = () => [['["which",[]]', `${known.length - 1}`]] as const;
      const seen: Seen = { kind: "read", reading, recorder: { record } };
      return { reading: seen, stamps: new Map([["/k.conf", undefined]]), ...(unsettled && { unsettled }) };
    },
    old: () => oldOf(inForce),
  });
  const work: ReaderWork = {
    clock,
    isUnchanged: (_options, inForce) => next() === oldOf(inForce),
    load: async () => ({
      readFor(request, inForce, shares) {
        requests.push(request);
        given.push(new Map([...shares].map(([role, pieces]) => [role, [...pieces]])));
        return readFor(request, sources(inForce), { clock, sha256: () => "00" });
      },
      effective: (_options, inForce) => effectivePieces(oldOf(inForce)),
    }),
  };

  return {
    all,
    requests,
    given,
    looks: () => looks,
    hold() {
      isHeld = true;
    },
    spawn(events) {
      let isAlive = true;
      const fake: FakeReader = {
        killed: [],
        end(how, lastWords) {
          if (!isAlive) return;
          isAlive = false;
          if (lastWords !== undefined) events.stderr(lastWords);
          events.exit(how);
        },
      };
      all.push(fake);
      const reader = createReader(work, {
        send: (message) => events.message(JSON.parse(JSON.stringify(message)), 0),
        sendBytes: events.bytes,
        pack: packText,
        unpack: unpackText,
        end: () => fake.end("status 0"),
      });
      const handle: ReaderHandle = {
        pid: 500 + all.length,
        send(message) {
          if (isAlive && !isHeld) queueMicrotask(() => void reader.take(JSON.parse(JSON.stringify(message))));
          return isAlive;
        },
        sendBytes(bytes) {
          reader.takeBytes(bytes);
          return isAlive;
        },
        kill(signal) {
          fake.killed.push(signal);
          fake.end(`signal ${signal}`);
        },
      };
      return handle;
    },
  };
}
