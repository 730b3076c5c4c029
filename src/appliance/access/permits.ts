// Appliance core: who may ask over the network, and for what. A token is 256 random bits; the machine keeps its SHA-256 alone, so the
// file with the hashes gives nobody a token. RFC 6750 for how it is shown (Authorization: Bearer).
import { createHash, sameBytes } from "../../base/digest.ts";
import type { ApiRole, ApiToken } from "../settings.ts";

/** From the smallest to the largest; each may what those before it may. */
export const ROLES = ["read", "operate", "admin"] as const satisfies readonly ApiRole[];

const PREFIX = "lbd_";
/** Of randomness in a token. */
export const TOKEN_BYTES = 32;
/** A longer one is none that was ever given out, and is not looked at. */
const MAX_TOKEN_CHARS = 256;

/** Who asks, as audit and routes see it. */
export interface Caller {
  /** Of the token or certificate; `console` at the machine itself. */
  readonly name: string;
  readonly role: ApiRole;
  /** Address of the client, or `console`. */
  readonly from: string;
}

/** `needed` itself, or more. */
export function mayDo(role: ApiRole, needed: ApiRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** @param random TOKEN_BYTES of them, by whoever has a source */
export function tokenOf(random: Uint8Array): string {
  if (random.byteLength !== TOKEN_BYTES) throw new RangeError(`a token has ${TOKEN_BYTES} bytes of randomness`);
  return PREFIX + Buffer.from(random).toString("base64url");
}

/** 64 lower-case hexadecimal digits, as `sha256:` of appliance.yaml. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The token of an Authorization header (RFC 6750 §2.1); undefined when there is none in it. */
export function bearerOf(header: string | undefined): string | undefined {
  const token = /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  return token === undefined || token.length > MAX_TOKEN_CHARS ? undefined : token;
}

/** The entry with this token. Takes as long for a wrong one as for a right one: every entry is compared, each in constant time. */
export function ownerOf(tokens: readonly ApiToken[], presented: string): ApiToken | undefined {
  const hash = Buffer.from(hashOf(presented), "hex");
  let found: ApiToken | undefined;
  for (const token of tokens) if (sameBytes(hash, Buffer.from(token.sha256, "hex"))) found ??= token;
  return found;
}

/** What a client certificate says of its owner, as the TLS library reads it: a field given twice is a list. */
export interface CertificateSubject {
  readonly CN?: string | readonly string[] | undefined;
  readonly OU?: string | readonly string[] | undefined;
}

/** Who shows a certificate of `client-ca`: its common name, with the role that its organisational unit names; else undefined. */
export function certificateOwner({ CN, OU }: CertificateSubject): { name: string; role: ApiRole } | undefined {
  const units = [OU ?? []].flat();
  const role = ROLES.find((one) => units.includes(one));
  const name = [CN ?? []].flat()[0];
  return role === undefined || units.length !== 1 || name === undefined || name === "" ? undefined : { name, role };
}
