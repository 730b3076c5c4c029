// Appliance core: a configuration folder as one file with its checksum: the last good one beside the boot loader, and a new one that is being
// written file by file. What a power cut left of it is found out by the sum.
import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Files } from "./parts.ts";

const MAX_FILES = 10_000;
const HEAD = v.object({
  files: v.pipe(v.array(v.tuple([v.string(), v.pipe(v.number(), v.integer(), v.minValue(0))])), v.maxLength(MAX_FILES)),
});

/** A line with the sum of what follows, a line of JSON with names and lengths, the contents. Equal folders give equal bytes. */
export function packFolder(files: Files): Uint8Array {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const head = Buffer.from(
    `${JSON.stringify({ files: sorted.map(([path, { byteLength }]) => [path, byteLength]) })}\n`,
  );
  const body = Buffer.concat([head, ...sorted.map(([, content]) => content)]);
  return Buffer.concat([Buffer.from(`${sumOf(body)}\n`), body]);
}

/** The folder of a copy; undefined when it is not whole. */
export function unpackFolder(bytes: Uint8Array): Files | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = text.subarray(SUM_CHARS + 1);
  if (text.toString("latin1", 0, SUM_CHARS) !== sumOf(body)) return undefined;
  const end = body.indexOf(0x0a);
  const head = v.safeParse(HEAD, JSON.parse(body.toString("utf8", 0, end)));
  if (!head.success) return undefined;
  const files = new Map<string, Uint8Array>();
  let at = end + 1;
  for (const [path, length] of head.output.files) {
    files.set(path, body.subarray(at, at + length));
    at += length;
  }
  return at === body.byteLength ? files : undefined;
}

const SUM_CHARS = 64;

/** Also what tells one folder from another: the tag of `GET /v1/appliance/config`. */
export function folderTag(files: Files): string {
  return sumOf(packFolder(files)).slice(0, 32);
}

function sumOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
