// Process layer, appliance: the certificate that the gate shows. Given ones are files of the configuration folder; else the machine makes its
// own at the first start, by Debian's openssl, and keeps it on the configuration partition, so that its fingerprint stays the same.
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ApiListener } from "../../../appliance/settings.ts";
import { keptEnvironment } from "../../../base/environment.ts";
import { messageOf } from "../../../base/errors.ts";
import { canonicalIp } from "../../../base/ip.ts";
import type { Log } from "../../../base/log.ts";

/** In the configuration folder; nobody else writes there. */
const OWN_CERTIFICATE = "access/certificate.pem";
const OWN_KEY = "access/key.pem";
/** Clients know it by its fingerprint: a date that the clock of a new machine may have wrong keeps nobody out. */
const DAYS = 36_500;
/** RFC 5280, ub-common-name. */
const MAX_COMMON_NAME = 64;
const OPENSSL_LIMIT_MS = 120_000;

export interface ServerCertificate {
  /** PEM, with what belongs to its chain. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the certificate, `AB:CD:…`, as browsers and openssl show it. */
  readonly fingerprint: string;
  readonly origin: "given" | "own";
}

export interface CertificatePorts {
  readonly log: Log;
  /** The copy of the configuration in memory. */
  readonly folder: string;
  /** Writes files of the folder to where they outlive the machine's start. @throws Error when that is not possible */
  keep(files: ReadonlyMap<string, string>): void;
}

/** The given one, else the own one, which is made when there is none. @throws Error when none can be made */
export async function serverCertificate(
  { certificate, key, address }: ApiListener,
  hostname: string,
  { log, folder, keep }: CertificatePorts,
): Promise<ServerCertificate> {
  if (certificate !== undefined && key !== undefined)
    try {
      return readPair(folder, certificate, key, "given");
    } catch (error) {
      const message = `${certificate}, ${key}: ${messageOf(error)}: the machine's own certificate is shown instead`;
      log({ level: "error", area: "api", message });
    }
  try {
    return readPair(folder, OWN_CERTIFICATE, OWN_KEY, "own");
  } catch (error) {
    if (!isMissing(error))
      log({ level: "error", area: "api", message: `the own certificate: ${messageOf(error)}: a new one is made` });
  }
  const made = await makeCertificate(hostname, address);
  const files = new Map([
    [OWN_KEY, made.key],
    [OWN_CERTIFICATE, made.certificate],
  ]);
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  try {
    keep(files);
  } catch (error) {
    const message = `the new certificate can't be kept, the next start makes another one: ${messageOf(error)}`;
    log({ level: "error", area: "api", message });
  }
  return readPair(folder, OWN_CERTIFICATE, OWN_KEY, "own");
}

/** @throws Error when one can't be read, or they don't belong together */
function readPair(folder: string, certificate: string, key: string, origin: "given" | "own"): ServerCertificate {
  const pair = {
    certificate: readFileSync(join(folder, certificate), "utf8"),
    key: readFileSync(join(folder, key), "utf8"),
  };
  const first = new X509Certificate(pair.certificate);
  if (!first.checkPrivateKey(createPrivateKey(pair.key))) throw new Error("the key is not the certificate's");
  return { ...pair, fingerprint: first.fingerprint256, origin };
}

/** ECDSA on P-256, which every client knows. On a slow machine it takes seconds, in which the watchdog is fed. @throws Error with openssl's words */
async function makeCertificate(hostname: string, address: string): Promise<{ certificate: string; key: string }> {
  const folder = mkdtempSync("/tmp/lbd-certificate-");
  const at = (name: string) => join(folder, name);
  const isAny = address === "0.0.0.0" || address === "::";
  const names = [`DNS:${hostname}`, ...(isAny || canonicalIp(address) === undefined ? [] : [`IP:${address}`])];
  try {
    writeFileSync(at("openssl.cnf"), "[req]\ndistinguished_name=name\n[name]\n");
    await promisify(execFile)(
      "openssl",
      [
        ...["req", "-x509", "-config", at("openssl.cnf"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ...["-sha256", "-nodes", "-days", `${DAYS}`, "-subj", `/CN=${hostname.slice(0, MAX_COMMON_NAME)}`],
        ...["-addext", `subjectAltName=${names.join(",")}`, "-addext", "extendedKeyUsage=serverAuth"],
        ...["-keyout", at("key.pem"), "-out", at("certificate.pem")],
      ],
      {
        env: { ...keptEnvironment(process.env), RANDFILE: at("random") },
        timeout: OPENSSL_LIMIT_MS,
      },
    );
    return { certificate: readFileSync(at("certificate.pem"), "utf8"), key: readFileSync(at("key.pem"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
