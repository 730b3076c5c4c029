// Appliance core: an update file, `lbd-VERSION.update`: what a slot will hold, behind a signed list of the digests of its pieces, so that no
// byte reaches a disk before it was judged, and a file is read once, as it comes.
//
//   LBD-UPDATE 1 <bytes of the list> <bytes of the signature>\n
//   the list, JSON            UpdateManifest
//   its signature             as `minisign -S` makes it
//   the slot                  manifest.bytes
import { createHash } from "node:crypto";
import * as v from "valibot";
import { type Decoded, err, ok } from "../base/result.ts";
import { type MinisignKey, verifyMinisign } from "./minisign.ts";

const MAGIC = "LBD-UPDATE 1 ";
const MAX_HEAD_BYTES = 64;
/** 4,096 pieces of 64 digits and what is around them. */
export const MAX_MANIFEST_BYTES = 512 * 1024;
const MAX_SIGNATURE_BYTES = 4096;
export const PIECE_BYTES = 1024 * 1024;

export interface UpdateManifest {
  readonly format: 1;
  readonly version: string;
  /** Time of the commit that it was made from, seconds of 1970; absent: files of before. */
  readonly epoch?: number;
  /** Debian's word: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly bytes: number;
  /** SHA-256 of the whole, in hexadecimal digits. */
  readonly sha256: string;
  readonly pieceBytes: number;
  /** SHA-256 of each piece in its order; the last piece may be shorter. */
  readonly pieces: readonly string[];
}

export const UPDATE_PROBLEMS = {
  "not-an-update": 400,
  "bad-signature": 403,
  "wrong-architecture": 422,
  "too-large": 422,
  damaged: 422,
  truncated: 422,
} as const;
export interface UpdateError {
  readonly code: keyof typeof UPDATE_PROBLEMS;
  readonly message: string;
}

export interface UpdateLimits {
  readonly keys: readonly MinisignKey[];
  readonly architecture: string;
  /** What the slot has room for. */
  readonly slotBytes: number;
}

export type UpdateStep =
  /** First, once: it is signed by a key that is trusted, and fits. */
  | { readonly kind: "manifest"; readonly manifest: UpdateManifest; readonly key: string }
  /** Judged; in the order of the file. The bytes are the taker's own. */
  | { readonly kind: "piece"; readonly offset: number; readonly bytes: Uint8Array };

export interface UpdateReader {
  /** Takes the next bytes. After an error it takes nothing more. */
  take(chunk: Uint8Array): Decoded<readonly UpdateStep[], UpdateError>;
  /** The file is over: an error unless all of it came. */
  end(): UpdateError | undefined;
}

export function createUpdateReader(limits: UpdateLimits): UpdateReader {
  /** What came and is not judged yet: never more than a piece or the head and the chunk behind it. */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let head: { readonly manifestBytes: number; readonly signatureBytes: number } | undefined;
  let manifest: UpdateManifest | undefined;
  let offset = 0;
  let failed: UpdateError | undefined;

  const fail = (code: UpdateError["code"], message: string) => {
    failed = { code, message };
    waiting = [];
    return err(failed);
  };

  /** Takes `bytes` from the front; undefined while fewer came. */
  function cut(bytes: number): Uint8Array | undefined {
    if (waitingBytes < bytes) return undefined;
    const all = waiting.length === 1 && waiting[0] ? waiting[0] : Buffer.concat(waiting);
    waiting = [all.subarray(bytes)];
    waitingBytes -= bytes;
    return all.subarray(0, bytes);
  }

  function readHead(): Decoded<boolean, UpdateError> {
    if (head) return ok(true);
    const start = Buffer.concat(waiting).subarray(0, MAX_HEAD_BYTES);
    const text = start.toString("latin1");
    if (!text.startsWith(MAGIC.slice(0, text.length)))
      return fail("not-an-update", "the file is no update of lbd: it does not begin with LBD-UPDATE");
    const end = text.indexOf("\n");
    if (end < 0)
      return start.length < MAX_HEAD_BYTES
        ? ok(false)
        : fail("not-an-update", "the first line of the update is too long");
    const sizes = /^(\d{1,7}) (\d{1,5})$/.exec(text.slice(MAGIC.length, end));
    const [manifestBytes, signatureBytes] = [Number(sizes?.[1]), Number(sizes?.[2])];
    if (!sizes || manifestBytes > MAX_MANIFEST_BYTES || signatureBytes > MAX_SIGNATURE_BYTES)
      return fail("not-an-update", `the first line of the update can't be used: ${JSON.stringify(text.slice(0, end))}`);
    head = { manifestBytes, signatureBytes };
    cut(end + 1);
    return ok(true);
  }

  function readManifest(): Decoded<readonly UpdateStep[], UpdateError> {
    if (!head) return ok([]);
    const both = cut(head.manifestBytes + head.signatureBytes);
    if (!both) return ok([]);
    const signed = both.subarray(0, head.manifestBytes);
    const signature = Buffer.from(both.subarray(head.manifestBytes)).toString("utf8");
    const judged = verifyMinisign(signed, signature, limits.keys);
    if (!judged.ok) return fail("bad-signature", `the update is refused: ${judged.error}`);
    const read = manifestOf(Buffer.from(signed).toString("utf8"));
    if (!read) return fail("not-an-update", "the update's list can't be used, though it is signed");
    if (read.architecture !== limits.architecture)
      return fail(
        "wrong-architecture",
        `the update is for ${read.architecture}, and this machine is ${limits.architecture}`,
      );
    if (read.bytes > limits.slotBytes)
      return fail("too-large", `the update has ${read.bytes} bytes, and the slot ${limits.slotBytes}`);
    manifest = read;
    return ok([{ kind: "manifest", manifest, key: judged.value.key }]);
  }

  function readPieces(of: UpdateManifest, steps: UpdateStep[]): UpdateError | undefined {
    while (offset < of.bytes) {
      const bytes = cut(Math.min(of.pieceBytes, of.bytes - offset));
      if (!bytes) return undefined;
      if (sha256(bytes) !== of.pieces[offset / of.pieceBytes]) {
        fail("damaged", `the update is damaged between byte ${offset} and ${offset + bytes.byteLength} of its slot`);
        return failed;
      }
      steps.push({ kind: "piece", offset, bytes });
      offset += bytes.byteLength;
    }
    if (waitingBytes > 0) fail("damaged", "behind the update's last byte there is more");
    return failed;
  }

  return {
    take(chunk) {
      if (failed) return err(failed);
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      const steps: UpdateStep[] = [];
      const headRead = readHead();
      if (!headRead.ok) return headRead;
      if (!headRead.value) return ok(steps);
      if (!manifest) {
        const read = readManifest();
        if (!read.ok) return read;
        steps.push(...read.value);
      }
      if (!manifest) return ok(steps);
      const wrong = readPieces(manifest, steps);
      return wrong ? err(wrong) : ok(steps);
    },
    end() {
      if (failed) return failed;
      if (!manifest) return { code: "truncated", message: "the update ends before its signature" };
      if (offset === manifest.bytes) return undefined;
      return { code: "truncated", message: `the update ends ${manifest.bytes - offset} bytes too early` };
    },
  };
}

/** What the beginning of a file says of itself, without a judgement; undefined: it is no update. */
export function peekManifest(start: Uint8Array): UpdateManifest | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf("\n");
  const found = /^LBD-UPDATE 1 (\d{1,7}) \d{1,5}$/.exec(bytes.toString("latin1", 0, Math.max(0, end)));
  return found ? manifestOf(bytes.toString("utf8", end + 1, end + 1 + Number(found[1]))) : undefined;
}

/** The list of a slot's content, as it is signed. */
export function describeSlot(
  slot: Uint8Array,
  about: Pick<UpdateManifest, "version" | "epoch" | "architecture">,
): string {
  const pieces: string[] = [];
  for (let at = 0; at < slot.byteLength; at += PIECE_BYTES) pieces.push(sha256(slot.subarray(at, at + PIECE_BYTES)));
  const { version, epoch, architecture } = about;
  const manifest: UpdateManifest = {
    ...{
      format: 1,
      version,
      ...(epoch !== undefined && { epoch }),
      architecture,
      bytes: slot.byteLength,
      sha256: sha256(slot),
    },
    ...{ pieceBytes: PIECE_BYTES, pieces },
  };
  return `${JSON.stringify(manifest)}\n`;
}

/** What stands before the slot in a file: the first line, the list, its signature. */
export function updateHead(manifest: string, signature: string): Uint8Array {
  const sizes = `${Buffer.byteLength(manifest)} ${Buffer.byteLength(signature)}`;
  return Buffer.from(`${MAGIC}${sizes}\n${manifest}${signature}`);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const MANIFEST = v.pipe(
  v.object({
    format: v.literal(1),
    version: v.pipe(v.string(), v.regex(/^[\w.+~-]{1,100}$/)),
    epoch: v.exactOptional(count),
    architecture: v.string(),
    bytes: count,
    sha256: digest,
    pieceBytes: v.pipe(count, v.maxValue(16 * PIECE_BYTES)),
    pieces: v.array(digest),
  }),
  v.check(({ bytes, pieceBytes, pieces }) => pieces.length === Math.ceil(bytes / pieceBytes)),
);

function manifestOf(text: string): UpdateManifest | undefined {
  try {
    const read = v.safeParse(MANIFEST, JSON.parse(text));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}
