// `openssl s_server` (Debian's openssl) on a port of its own, and what OpenSSL's own client says of it: what keepalived would.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface OpenSslServer {
  readonly port: number;
  close(): void;
}

/** Keys and self-signed certificates, made once for each kind: `rsa:2048`, `ec:P-521`, `ed25519` … */
export function createKeyRing() {
  const folder = mkdtempSync(join(tmpdir(), "lbd-tls-"));
  const made = new Set<string>();
  /** Paths of key and certificate. */
  function pair(kind: string): readonly [string, string] {
    const base = join(folder, kind.replaceAll(":", "-"));
    if (!made.has(kind)) {
      made.add(kind);
      const [type = "", more = ""] = kind.split(":");
      const how = type === "ec" ? ["ec", "-pkeyopt", `ec_paramgen_curve:${more}`] : [more ? kind : type];
      run([
        "req",
        "-x509",
        "-newkey",
        ...how,
        "-nodes",
        "-keyout",
        `${base}.key`,
        "-out",
        `${base}.crt`,
        "-days",
        "2",
        "-subj",
        "/CN=www.example.com",
      ]);
    }
    return [`${base}.key`, `${base}.crt`];
  }

  return {
    pair,
    /** Path of the same key, behind a password. */
    locked(kind: string, password: string): string {
      const [key] = pair(kind);
      run(["pkcs8", "-topk8", "-in", key, "-out", `${key}.locked`, "-passout", `pass:${password}`]);
      return `${key}.locked`;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Answers each GET with status 200. */
export async function openSslServer(
  pair: readonly [string, string],
  options: readonly string[],
): Promise<OpenSslServer> {
  const [key, cert] = pair;
  const child = spawn(
    "openssl",
    ["s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", cert, "-www", ...options],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  return { port: await portOf(child), close: () => child.kill("SIGKILL") };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    const hear = (data: Buffer) => {
      text += data.toString();
      const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("exit", () => reject(new Error(`openssl s_server ended: ${text}`)));
  });
}

/** Whether OpenSSL's client, with its defaults and without verifying, agrees with the server. */
export function clientAgrees(port: number): boolean {
  return spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-brief"], { input: "Q\n" }).status === 0;
}

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync("openssl", [...args]);
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
