// Process layer, appliance: an update goes to the slot that does not run. The loader may not start that slot from before the first byte
// is written until all of them were read back from the disk: whatever happens in between, the slot that runs is the one that starts.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type BootEnvironment, markedForTrial, markedUnusable, otherSlot, type Slot } from "../../appliance/boot.ts";
import type { MinisignKey } from "../../appliance/minisign.ts";
import {
  createUpdateReader,
  PIECE_BYTES,
  UPDATE_PROBLEMS,
  type UpdateError,
  type UpdateManifest,
  type UpdateStep,
} from "../../appliance/update-file.ts";
import { type ImageVersion, isOlder } from "../../appliance/version-order.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import { type Decoded, err, ok } from "../../base/result.ts";
import { type ApplianceRoute, sendJson, sendProblem } from "./api.ts";

/** Where a slot is kept: a partition. */
export interface SlotStorage {
  readonly bytes: number;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** All that was written is on the disk, and nothing of it in memory any more. */
  settle(): Promise<void>;
  /** Up to `bytes` bytes; fewer at the end only. */
  read(offset: number, bytes: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface UpdatePorts {
  /** Slot that runs; undefined: none of a disk. */
  readonly slot: Slot | undefined;
  readonly architecture: string;
  /** Of the image that runs. */
  readonly runs: ImageVersion;
  say(level: Level, message: string): void;
  keys(): readonly MinisignKey[];
  /** The start that runs has shown that it is a good one. */
  isGood(): boolean;
  /** @throws Error that says why the slot can't be written */
  open(slot: Slot): Promise<SlotStorage>;
  changeEnvironment(change: (before: BootEnvironment) => BootEnvironment): void;
  /** A slot holds another version, to be tried at the next start. */
  written(slot: Slot, version: string): void;
}

/** Of a body that was refused: the largest slot; whoever sends more is cut off. */
const MAX_DRAIN_BYTES = 512 * 1024 * 1024;

const OWN_PROBLEMS = { "no-slot": 409, "on-trial": 409, busy: 409, downgrade: 409, storage: 500 } as const;
export interface UpdateFailure {
  readonly code: UpdateError["code"] | keyof typeof OWN_PROBLEMS;
  readonly message: string;
}

export interface UpdateStatus {
  readonly phase: "receiving" | "writing" | "reading-back" | "done" | "failed";
  readonly slot: Slot;
  readonly version?: string;
  /** Of the phase. */
  readonly bytes: number;
  /** 0 before the update's list was read. */
  readonly totalBytes: number;
  readonly error?: string;
}

export interface TakeOptions {
  /** Also one that is older than what runs. */
  readonly allowDowngrade?: boolean;
}

type Taken = Decoded<{ readonly slot: Slot; readonly version: string }, UpdateFailure>;

export interface Updates {
  /** The last one since the start; undefined: there was none. */
  status(): UpdateStatus | undefined;
  /** Takes an update file as it comes. Never throws. */
  take(source: AsyncIterable<Uint8Array>, options?: TakeOptions): Promise<Taken>;
}

export function createUpdates(ports: UpdatePorts): Updates {
  let status: UpdateStatus | undefined;
  let running = false;

  function refusal(): UpdateFailure | undefined {
    if (ports.slot === undefined)
      return { code: "no-slot", message: "this machine does not run from a disk's slot: there is none to update" };
    if (running) return { code: "busy", message: "an update is being written" };
    if (!ports.isGood())
      return { code: "on-trial", message: "this start is still on trial: its other slot is the last good one" };
    return undefined;
  }

  return {
    status: () => status,
    async take(source, options = {}) {
      const refused = refusal();
      if (refused || ports.slot === undefined) return err(refused ?? { code: "no-slot", message: "" });
      running = true;
      const slot = otherSlot(ports.slot);
      const tell = (next: Partial<UpdateStatus>) => {
        status = { ...(status ?? { phase: "receiving", slot, bytes: 0, totalBytes: 0 }), ...next };
      };
      status = undefined;
      tell({});
      try {
        const taken = await takeInto(slot, source, ports, tell, options);
        if (taken.ok) tell({ phase: "done" });
        else tell({ phase: "failed", error: taken.error.message });
        if (!taken.ok) ports.say("error", `update: ${taken.error.message}`);
        return taken;
      } catch (error) {
        const message = `slot ${slot} can't be written: ${messageOf(error)}`;
        tell({ phase: "failed", error: message });
        ports.say("error", `update: ${message}`);
        return err({ code: "storage", message });
      } finally {
        running = false;
      }
    },
  };
}

type Tell = (next: Partial<UpdateStatus>) => void;

async function takeInto(
  slot: Slot,
  source: AsyncIterable<Uint8Array>,
  ports: UpdatePorts,
  tell: Tell,
  options: TakeOptions,
): Promise<Taken> {
  const storage = await ports.open(slot);
  try {
    const { keys, architecture } = ports;
    const reader = createUpdateReader({ keys: keys(), architecture, slotBytes: storage.bytes });
    let manifest: UpdateManifest | undefined;
    const take = async (step: UpdateStep) => {
      if (step.kind === "piece") {
        await storage.write(step.offset, step.bytes);
        return tell({ bytes: step.offset + step.bytes.byteLength });
      }
      manifest = step.manifest;
      const { version, bytes } = step.manifest;
      ports.say("info", `update: ${version}, ${bytes} bytes, signed by key ${step.key}, goes to slot ${slot}`);
      // Before the first byte: a slot that is half written is never started.
      ports.changeEnvironment((before) => markedUnusable(before, slot));
      tell({ phase: "writing", version, totalBytes: bytes });
    };
    try {
      for await (const chunk of source) {
        const steps = reader.take(chunk);
        if (!steps.ok) return steps;
        const older = options.allowDowngrade ? undefined : downgradeIn(steps.value, ports.runs);
        if (older) return err(older);
        for (const step of steps.value) await take(step);
      }
    } catch (error) {
      // The one who sends it went away; what the disk refuses is told as that.
      if (reader.end() === undefined || isOfDisk(error)) throw error;
      return err({ code: "truncated", message: `the update broke off: ${messageOf(error)}` });
    }
    const wrong = reader.end();
    if (wrong || !manifest) return err(wrong ?? { code: "truncated", message: "nothing came" });
    await storage.settle();
    const differs = await readBack(storage, manifest, tell);
    if (differs) return err(differs);
    ports.changeEnvironment((before) => markedForTrial(before, slot));
    ports.written(slot, manifest.version);
    ports.say("info", `update: slot ${slot} holds ${manifest.version}: the next start is the first of its trial`);
    return ok({ slot, version: manifest.version });
  } finally {
    await storage.close();
  }
}

/** A signature holds for ever: an old file with a known fault could be brought by whoever has it. */
function downgradeIn(steps: readonly UpdateStep[], runs: ImageVersion): UpdateFailure | undefined {
  const manifest = steps.find((step) => step.kind === "manifest")?.manifest;
  if (!manifest || isOlder(manifest, runs) !== true) return undefined;
  const message = `the update is ${manifest.version}, which is older than ${runs.version} that runs: nothing was written`;
  return { code: "downgrade", message: `${message}; lbd update --allow-downgrade takes it` };
}

function isOfDisk(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["EIO", "ENOSPC", "EROFS", "EBADF", "ENXIO"].includes(`${error.code}`)
  );
}

async function readBack(storage: SlotStorage, of: UpdateManifest, tell: Tell): Promise<UpdateFailure | undefined> {
  const digest = createHash("sha256");
  tell({ phase: "reading-back", bytes: 0 });
  for (let at = 0; at < of.bytes; ) {
    const bytes = await storage.read(at, Math.min(PIECE_BYTES, of.bytes - at));
    if (bytes.byteLength === 0) return { code: "storage", message: `the slot ends at byte ${at}` };
    digest.update(bytes);
    at += bytes.byteLength;
    tell({ bytes: at });
  }
  if (digest.digest("hex") === of.sha256) return undefined;
  return { code: "storage", message: "what was read back from the disk is not what was written: the disk is broken" };
}

/** The body of a request, which stays open when its reader has had enough. */
function bodyOf(request: IncomingMessage) {
  const source: AsyncIterator<Buffer> = request[Symbol.asyncIterator]();
  return {
    async *chunks(): AsyncGenerator<Buffer> {
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    },
    async drain(): Promise<void> {
      let left = MAX_DRAIN_BYTES;
      try {
        for (let next = await source.next(); !next.done && left > 0; next = await source.next())
          left -= next.value.length;
      } catch {
        // It went away.
      }
    },
  };
}

export function updateRoute(updates: Updates): ApplianceRoute {
  return {
    method: "PUT",
    path: "/v1/appliance/update",
    role: "admin",
    summary: "Writes an update file to the slot that does not run; the next start tries it",
    query: { "allow-downgrade": "1: also one that is older than what runs" },
    body: { contentType: "application/octet-stream", description: "lbd-VERSION.update" },
    async answer(request, response) {
      // It may take as long as it takes to send a few hundred megabytes, and to read them from a slow disk.
      request.socket.setTimeout(0);
      const body = bodyOf(request);
      const query = new URLSearchParams(request.url?.split("?")[1] ?? "");
      const wrong = [...query].find(([name, value]) => name !== "allow-downgrade" || !/^(0|1)$/.test(value));
      if (wrong) {
        await body.drain();
        return sendProblem(response, 400, "bad-query", "accepted here: allow-downgrade=0 or 1");
      }
      const taken = await updates.take(body.chunks(), { allowDowngrade: query.get("allow-downgrade") === "1" });
      // Who is still sending hears no answer: the rest is read, and nothing is done with it.
      await body.drain();
      if (taken.ok) return sendJson(response, taken.value);
      const { code, message } = taken.error;
      sendProblem(response, { ...UPDATE_PROBLEMS, ...OWN_PROBLEMS }[code], code, message);
    },
  };
}
