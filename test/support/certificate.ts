// A self-signed certificate made on the spot (RFC 5280, in as few fields as it takes), so that no key lies in the repository.
import { createSign, generateKeyPairSync } from "node:crypto";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** ECDSA on P-256, valid from 2020 to 2049, for `commonName`. */
export function selfSigned(commonName: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(oid("550403"), der(0x0c, new TextEncoder().encode(commonName)))));
  const algorithm = sequence(oid("2a8648ce3d040302"));
  const time = (text: string) => der(0x17, new TextEncoder().encode(text));
  const body = sequence(
    der(0x02, Uint8Array.of(1)),
    algorithm,
    name,
    sequence(time("200101000000Z"), time("491231235959Z")),
    name,
    new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
  );
  const signature = createSign("sha256").update(body).sign(privateKey);
  const cert = sequence(body, algorithm, der(0x03, Uint8Array.of(0, ...signature)));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${Buffer.from(cert).toString("base64")}\n-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, content: Uint8Array): Uint8Array {
  const { byteLength } = content;
  const length =
    byteLength < 128 ? [byteLength] : byteLength < 256 ? [0x81, byteLength] : [0x82, byteLength >> 8, byteLength & 255];
  return Uint8Array.of(tag, ...length, ...content);
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x31, Buffer.concat(parts));
}

function oid(hex: string): Uint8Array {
  return der(0x06, Buffer.from(hex, "hex"));
}
