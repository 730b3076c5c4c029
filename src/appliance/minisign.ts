// Appliance core: signatures as minisign makes them (jedisct1.github.io/minisign, «Minisign file formats»): ed25519 over the file or over
// its BLAKE2b-512, and a second one over the first and the trusted comment. Both have to hold.
import { createHash, createPublicKey, verify } from "node:crypto";
import { type Decoded, err, ok } from "../base/result.ts";

export interface MinisignKey {
  /** A 64-bit number in hexadecimal digits, as minisign shows it. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

const KEY_BYTES = 42;
const SIGNATURE_BYTES = 74;
const GLOBAL_BYTES = 64;
/** SubjectPublicKeyInfo of an ed25519 key up to the key itself (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const TRUSTED = "trusted comment: ";

/** @param text the line of a .pub file that is not its comment: RW… */
export function readMinisignKey(text: string): MinisignKey | undefined {
  const bytes = exactBase64(text, KEY_BYTES);
  if (bytes?.toString("latin1", 0, 2) !== "Ed") return undefined;
  return { id: keyId(bytes), bytes: bytes.subarray(10) };
}

/** The key of a .pub file, with or without its comment. */
export function readMinisignKeyFile(text: string): MinisignKey | undefined {
  const line = text.split("\n").find((one) => one.trim() !== "" && !one.startsWith("untrusted comment:"));
  return line === undefined ? undefined : readMinisignKey(line.trim());
}

/**
 * Judges a signature.
 * @param signature the content of a .minisig file
 * @returns the trusted comment and whose key it was; else why it does not hold
 */
export function verifyMinisign(
  content: Uint8Array,
  signature: string,
  keys: readonly MinisignKey[],
): Decoded<{ readonly comment: string; readonly key: string }, string> {
  const [, first = "", comment = "", second = "", ...rest] = signature.split(/\r?\n/);
  const own = exactBase64(first, SIGNATURE_BYTES);
  const global = exactBase64(second, GLOBAL_BYTES);
  const algorithm = own?.toString("latin1", 0, 2);
  if (!own || !global || !comment.startsWith(TRUSTED) || rest.some((line) => line !== ""))
    return err("it is no signature of minisign");
  if (algorithm !== "Ed" && algorithm !== "ED") return err("it is signed by another algorithm than ed25519");
  const id = keyId(own);
  const key = keys.find((one) => one.id === id);
  if (!key) {
    const known = keys.map((one) => one.id).join(", ") || "none";
    return err(`it is signed with key ${id}, which this machine does not trust (trusted: ${known})`);
  }
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_HEAD, key.bytes]), format: "der", type: "spki" });
  const bytes = own.subarray(10);
  const signed = algorithm === "ED" ? createHash("blake2b512").update(content).digest() : content;
  if (!verify(null, signed, publicKey, bytes)) return err(`its signature by key ${id} does not fit: it was changed`);
  const text = comment.slice(TRUSTED.length);
  if (!verify(null, Buffer.concat([bytes, Buffer.from(text)]), publicKey, global))
    return err(`the trusted comment of its signature by key ${id} was changed`);
  return ok({ comment: text, key: id });
}

/** minisign: eight bytes as a little-endian number, without leading zeros. */
function keyId(bytes: Buffer): string {
  return bytes.readBigUInt64LE(2).toString(16).toUpperCase();
}

function exactBase64(text: string, bytes: number): Buffer | undefined {
  const read = Buffer.from(text, "base64");
  return read.length === bytes && read.toString("base64") === text ? read : undefined;
}
