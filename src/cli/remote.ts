// CLI: an appliance over the network. Before any byte of a request goes, each connection has shown the certificate that the machine is known
// by: no authority is asked, and a name that leads elsewhere gets no token. Commands speak to a UNIX socket of this process alone, which
// leads to the machine.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { connect, type TLSSocket } from "node:tls";
import { type Host, nameOf, pinOf, readFingerprint, readHost, withPin } from "../appliance/access/pins.ts";
import { messageOf } from "../base/errors.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { replaceFile } from "../process/host/replace-file.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import type { AskError } from "./client.ts";
import type { Peer, RemoteWords } from "./peer.ts";

const CONNECT_LIMIT_MS = 10_000;
const TOKEN_VARIABLE = "LBD_TOKEN";

interface Identity {
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly pair?: { readonly cert: string; readonly key: string };
}

/** The machine that `--host` names, once it has shown who it is. */
export async function openRemote(words: RemoteWords): Promise<Decoded<Peer, AskError>> {
  const host = readHost(words.host ?? "");
  if (!host) return usage(`--host ${words.host}: expected NAME, NAME:PORT or [IPV6]:PORT`);
  const identity = readIdentity(words);
  if (!identity.ok) return identity;
  const pinned = await pin(host, words.fingerprint);
  if (!pinned.ok) return pinned;
  return ok(await bridge(host, pinned.value, identity.value));
}

function usage(message: string): Decoded<never, AskError> {
  return err({ exit: ASK_EXIT.usage, message });
}

function none(message: string): Decoded<never, AskError> {
  return err({ exit: ASK_EXIT.none, message });
}

function configured(name: string): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "lbd", name);
}

function readIdentity(words: RemoteWords): Decoded<Identity, AskError> {
  const { "client-cert": cert, "client-key": key, "token-file": given } = words;
  const headers = { host: "localhost" };
  try {
    if (cert !== undefined || key !== undefined) {
      if (cert === undefined || key === undefined) return usage("--client-cert and --client-key belong together");
      return ok({ headers, pair: { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") } });
    }
    const variable = process.env[TOKEN_VARIABLE];
    const token = given === undefined && variable ? variable : tokenIn(given ?? configured("token"));
    if (!/^[\x21-\x7e]{1,256}$/.test(token))
      return usage("the token is none: expected one line, as lbd token prints it");
    return ok({ headers: { ...headers, authorization: `Bearer ${token}` } });
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return usage(
      given === undefined && cert === undefined && isMissing
        ? `no token: ${configured("token")} is not there, ${TOKEN_VARIABLE} is not set, and --token-file names none`
        : messageOf(error),
    );
  }
}

/** @throws Error when it can't be read, or others may read it too */
function tokenIn(path: string): string {
  const others = statSync(path).mode & 0o077;
  if (others !== 0) throw new Error(`${path}: others may read this token: chmod 600 ${path}`);
  return readFileSync(path, "utf8").trim();
}

/** The fingerprint that the machine must show: the known one, or one that is confirmed now and known from then on. */
async function pin(host: Host, given: string | undefined): Promise<Decoded<string, AskError>> {
  const wanted = given === undefined ? undefined : readFingerprint(given);
  if (given !== undefined && wanted === undefined)
    return usage(`--fingerprint ${given}: expected 64 hexadecimal digits, with or without colons`);
  const file = configured("known_hosts");
  const text = readText(file);
  const known = pinOf(text, host);
  const shown = await fingerprintOf(host);
  if (!shown.ok) return shown;
  const where = nameOf(host);
  const seen = shown.value;
  if (seen === (wanted ?? known)) {
    if (known !== seen) remember(file, withPin(text, host, seen));
    return shown;
  }
  if (wanted !== undefined) return none(`${where} shows another certificate than --fingerprint: ${seen}`);
  if (known !== undefined)
    return none(
      `${where} shows another certificate than before: ${seen}, known is ${known}. If it was given a new one, take the ` +
        "fingerprint from its console: --fingerprint SHA256",
    );
  if (!(await isConfirmed(where, seen)))
    return none(
      `${where} is not known yet and shows ${seen}: is that what its console shows? Then --fingerprint ${seen}`,
    );
  remember(file, withPin(text, host, seen));
  return shown;
}

/** Only a person at a terminal can say so. */
async function isConfirmed(where: string, fingerprint: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `${where} is not known yet. Its certificate has the fingerprint\n  ${fingerprint}\nIs that what its console shows? [yes/no] `;
    return (await asking.question(question)).trim().toLowerCase() === "yes";
  } finally {
    asking.close();
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function remember(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  replaceFile(file, text, 0o600);
}

function fingerprintOf(host: Host): Promise<Decoded<string, AskError>> {
  const where = nameOf(host);
  return new Promise((resolve) => {
    const socket = openTls(host, undefined, (error) => {
      if (error) resolve(none(`${where}: ${inWords(error)}`));
      else resolve(ok(socket.getPeerCertificate().fingerprint256));
      socket.destroy();
    });
  });
}

/** `done` is called once: connected, or why not. */
function openTls({ name, port }: Host, pair: Identity["pair"], done: (error?: Error) => void): TLSSocket {
  let told = false;
  const tell = (error?: Error) => {
    clearTimeout(timer);
    if (!told) done(error);
    told = true;
  };
  // Who it is shows its fingerprint; authorities and names are not asked.
  const socket = connect({ host: name, port, rejectUnauthorized: false, minVersion: "TLSv1.2", ...pair }, () => tell());
  const timer = setTimeout(() => tell(new Error(`no answer within ${CONNECT_LIMIT_MS / 1000} s`)), CONNECT_LIMIT_MS);
  socket.on("error", (error) => tell(error));
  socket.on("close", () => tell(new Error("the connection was closed")));
  return socket;
}

function inWords(error: Error & { readonly code?: unknown }): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nothing listens there (does its appliance.yaml have api: listen: …?)";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "this name is not known";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "it can't be reached";
    default:
      return error.message;
  }
}

async function bridge(host: Host, fingerprint: string, { headers, pair }: Identity): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "lbd-remote-"));
  chmodSync(folder, 0o700);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const where = nameOf(host);
  const socket = join(folder, "peer.sock");
  let trouble: string | undefined;
  const server = createServer({ allowHalfOpen: true }, (local) => {
    local.pause();
    const far = openTls(host, pair, (error) => {
      trouble = error
        ? inWords(error)
        : far.getPeerCertificate().fingerprint256 === fingerprint
          ? undefined
          : "it shows another certificate than a moment ago";
      if (trouble !== undefined) {
        local.destroy();
        far.destroy();
        return;
      }
      local.pipe(far);
      far.pipe(local);
    });
    local.on("error", () => far.destroy());
    local.on("close", () => far.destroy());
    // An answer that came before all was sent is read all the same: who writes on meets no broken pipe, which would be told in its place.
    far.on("close", () => {
      local.unpipe(far);
      local.resume();
      local.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  // A command that is done ends, whoever could still come.
  server.unref();
  return {
    socket,
    headers,
    kind: "remote",
    silent: ({ message }) => ({ message: `${where}: ${trouble ?? message}`, isNone: true }),
  };
}
