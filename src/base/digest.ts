// Base: digests by node:crypto, which is loaded when the first one is made: it takes a megabyte and a half and 2 ms, and most
// configurations have none.
import type { Hash, Hmac } from "node:crypto";

function nodeCrypto() {
  return process.getBuiltinModule("node:crypto");
}

export function createHash(algorithm: "md5" | "sha256"): Hash {
  return nodeCrypto().createHash(algorithm);
}

export function createHmac(algorithm: "md5" | "sha256", key: Uint8Array): Hmac {
  return nodeCrypto().createHmac(algorithm, key);
}

/** Whether both are the same; how long it takes tells nothing of where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && nodeCrypto().timingSafeEqual(a, b);
}
