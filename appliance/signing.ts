// Appliance: signs images and updates in the form of minisign (jedisct1.github.io/minisign): ed25519 (RFC 8032) over the BLAKE2b-512 digest of a
// file. Debian's minisign makes the keys and checks what is signed here. Keys with a password are not taken: a build asks nobody.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** The digest that is signed: `createHash(DIGEST)`. */
export const DIGEST = "blake2b512";
const DIGEST_BYTES = 64;
const ID_BYTES = 8;
const KEY_BYTES = 32;
/** The two bytes before a key, before a signature over a digest. */
const KEY = "Ed";
const HASHED = "ED";
/** Algorithm, none that makes a key of a password, that of the checksum; then 48 bytes for a password. */
const SECRET_HEAD = Buffer.concat([Buffer.from(`${KEY}\0\0B2`, "latin1"), Buffer.alloc(48)]);
/** A checksum stands only where there is a password. */
const CHECKSUM = Buffer.alloc(32);
/** DER before the 32 bytes of a key (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export interface PublicKey {
  /** Names the pair: a 64-bit number in hexadecimal digits, as minisign shows it. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface SecretKey {
  readonly publicKey: PublicKey;
  readonly seed: Uint8Array;
}

/** What came of a text from outside; `error` in words, lower case. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** A new pair. */
export function createSecretKey(): SecretKey {
  const der = generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" });
  return secretKeyOf(randomBytes(ID_BYTES), der.subarray(PKCS8.length));
}

function secretKeyOf(id: Uint8Array, seed: Uint8Array): SecretKey {
  const der = createPublicKey(privateObject(seed)).export({ format: "der", type: "spki" });
  return { publicKey: { id: idText(id), bytes: der.subarray(SPKI.length) }, seed };
}

/** A file as `minisign -G -W` writes it: without a password. */
export function writeSecretKey({ publicKey: { id, bytes }, seed }: SecretKey): string {
  const body = Buffer.concat([SECRET_HEAD, idBytes(id), seed, bytes, CHECKSUM]);
  return `untrusted comment: minisign secret key ${id}\n${body.toString("base64")}\n`;
}

export function readSecretKey(text: string): Read<SecretKey> {
  const body = Buffer.from(lastLine(text), "base64");
  const at = SECRET_HEAD.length;
  if (body.length !== at + ID_BYTES + 2 * KEY_BYTES + CHECKSUM.length || body.toString("latin1", 0, 2) !== KEY)
    return bad("no secret key of minisign: two lines as minisign -G -W writes them are expected");
  if (body.readUInt16LE(2) !== 0)
    return bad("the secret key has a password: minisign -C -W takes it away, minisign -G -W makes one without");
  const [seedAt, publicAt] = [at + ID_BYTES, at + ID_BYTES + KEY_BYTES];
  const read = secretKeyOf(body.subarray(at, seedAt), body.subarray(seedAt, publicAt));
  if (!body.subarray(publicAt, publicAt + KEY_BYTES).equals(read.publicKey.bytes))
    return bad("the secret key is damaged: its two halves do not belong together");
  return { ok: true, value: read };
}

/** A file as minisign writes it. */
export function writePublicKey(key: PublicKey): string {
  return `untrusted comment: minisign public key ${key.id}\n${publicKeyWord(key)}\n`;
}

/** The key in one word, `RW…`: `minisign -P`. */
export function publicKeyWord({ id, bytes }: PublicKey): string {
  return Buffer.concat([Buffer.from(KEY), idBytes(id), bytes]).toString("base64");
}

/**
 * The text of NAME.minisig.
 * @param digest of the file; @param comment one line that is signed as well: the name of the file, its version
 */
export function signDigest(key: SecretKey, digest: Uint8Array, comment: string): string {
  if (digest.byteLength !== DIGEST_BYTES) throw new RangeError(`a digest has ${DIGEST_BYTES} bytes`);
  if (/[\r\n]/.test(comment)) throw new RangeError("the comment of a signature is one line");
  const secret = privateObject(key.seed);
  const signature = sign(null, digest, secret);
  const whole = sign(null, Buffer.concat([signature, Buffer.from(comment)]), secret);
  const body = Buffer.concat([Buffer.from(HASHED), idBytes(key.publicKey.id), signature]);
  return [
    `untrusted comment: signature of lbd, key ${key.publicKey.id}`,
    body.toString("base64"),
    `trusted comment: ${comment}`,
    `${whole.toString("base64")}\n`,
  ].join("\n");
}

/** What is in base64 stands behind a line of comment; a word may stand alone. */
function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

/** minisign: the eight bytes as a little-endian number, without leading zeros. */
function idText(bytes: Uint8Array): string {
  return Buffer.from(bytes).readBigUInt64LE().toString(16).toUpperCase();
}

function idBytes(id: string): Buffer {
  const bytes = Buffer.alloc(ID_BYTES);
  bytes.writeBigUInt64LE(BigInt(`0x${id}`));
  return bytes;
}

function privateObject(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

function bad(error: string): { ok: false; error: string } {
  return { ok: false, error };
}
