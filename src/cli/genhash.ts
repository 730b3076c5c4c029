// CLI: `--genhash`: fetches a page as HTTP_GET and SSL_GET do, and prints the digest that they compare. Options and output are keepalived's.
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseArgs } from "node:util";
import { messageOf } from "../base/errors.ts";
import { formatEndpoint } from "../base/ip.ts";
import { escapeControls } from "../base/log.ts";
import { createHttpReader, httpRequest } from "../check/http.ts";
import type { HttpCheck } from "../config/model/check.ts";
import { print, writeError } from "./output.ts";

const DEFAULT_TIMEOUT_S = 5;

const PROTOCOLS: readonly HttpCheck["httpProtocol"][] = ["1.0", "1.0C", "1.1"];
/** keepalived: the page of an error has a digest, too. */
const ANY_STATUS = [[100, 999]] as const;

const USAGE = `Usage: --genhash [OPTIONS] -s ADDRESS -p PORT -u PATH

  -s, --server ADDRESS          address of the server
  -p, --port PORT               its port
  -u, --url PATH                what to ask for
  -S, --use-ssl                 by TLS; no certificate is judged
  -V, --use-virtualhost NAME    in the Host line; the address and port by default
  -I, --use-sni                 name the virtual host in the TLS handshake
  -P, --protocol 1.0|1.0c|1.1   version of HTTP; 1.0c: with Connection: close
  -t, --timeout SECONDS         for the whole; default ${DEFAULT_TIMEOUT_S}
  -v, --verbose                 show the answer's header, and how long it took
  -h, --help                    print this
`;

const OPTIONS = {
  server: { type: "string", short: "s" },
  port: { type: "string", short: "p" },
  url: { type: "string", short: "u" },
  "use-ssl": { type: "boolean", short: "S" },
  "use-virtualhost": { type: "string", short: "V" },
  "use-sni": { type: "boolean", short: "I" },
  protocol: { type: "string", short: "P" },
  timeout: { type: "string", short: "t" },
  fwmark: { type: "string", short: "m" },
  verbose: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
} as const;

interface Wanted {
  readonly server: string;
  readonly port: number;
  readonly path: string;
  readonly host: string;
  readonly protocol: HttpCheck["httpProtocol"];
  readonly usesTls: boolean;
  readonly sni?: string;
  readonly timeoutMs: number;
  readonly isVerbose: boolean;
}

/** The exit status: keepalived's is 0 also for a server that does not answer. */
export async function genhash(
  argv: readonly string[],
  how: { readonly isFirst: boolean; readonly asKeepalived: boolean },
): Promise<number> {
  if (!how.isFirst) writeError("lbd: --genhash was not the first option: those before it are not looked at\n");
  const wanted = readOptions(argv);
  if (typeof wanted === "string") {
    writeError(`${wanted === "" ? "" : `lbd: ${wanted}\n`}${USAGE}`);
    return 1;
  }
  const began = performance.now();
  try {
    const { digest, head } = await fetchDigest(wanted);
    if (wanted.isVerbose) print(head.trimEnd().split("\r\n").map(escapeControls).join("\n"));
    print(digest);
    if (wanted.isVerbose) print(`${wanted.path}: ${Math.round(performance.now() - began)} ms`);
    return 0;
  } catch (error) {
    writeError(`Connection failed: ${escapeControls(messageOf(error))}\n`);
    return how.asKeepalived ? 0 : 1;
  }
}

/** Text: what is wrong; empty: help was asked for. */
function readOptions(argv: readonly string[]): Wanted | string {
  let values: ReturnType<typeof parsed>;
  try {
    values = parsed(argv);
  } catch (error) {
    return messageOf(error);
  }
  const { server, port, url, protocol = "1.0", timeout = `${DEFAULT_TIMEOUT_S}`, fwmark } = values;
  if (values.help) return "";
  if (server === undefined || port === undefined || url === undefined) return "-s, -p and -u are needed";
  if (isIP(server) === 0) return `-s ${server}: expected an address`;
  if (!isWithin(port, 65_535)) return `-p ${port}: expected a port, 1 to 65535`;
  if (!isWithin(timeout, 3600)) return `-t ${timeout}: expected seconds, 1 to 3600`;
  const version = PROTOCOLS.find((one) => one.toLowerCase() === protocol.toLowerCase());
  if (!version) return `-P ${protocol}: expected 1.0, 1.0c or 1.1`;
  if (fwmark !== undefined) return "-m: lbd sets no firewall mark here; ask from where the route is the same";
  const virtualHost = values["use-virtualhost"];
  const own = formatEndpoint(server, Number(port));
  return {
    server,
    port: Number(port),
    path: url,
    host: virtualHost ?? own,
    protocol: version,
    usesTls: values["use-ssl"] === true,
    ...(values["use-sni"] && virtualHost !== undefined && { sni: virtualHost }),
    timeoutMs: Number(timeout) * 1000,
    isVerbose: values.verbose === true,
  };
}

function parsed(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
}

function isWithin(text: string, highest: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= highest;
}

/** @throws Error when there is no whole answer in time */
function fetchDigest(wanted: Wanted): Promise<{ readonly digest: string; readonly head: string }> {
  // No body has it: the reader hashes the whole to find that out.
  const url = { path: wanted.path, host: wanted.host, digest: "none", statusCodes: ANY_STATUS };
  const reader = createHttpReader(url);
  const request = httpRequest({ httpProtocol: wanted.protocol }, url);
  return new Promise((resolve, reject) => {
    let head = "";
    const socket = open(wanted, () => socket.write(request));
    const limit = setTimeout(
      () => socket.destroy(new Error(`no answer in ${wanted.timeoutMs / 1000} s`)),
      wanted.timeoutMs,
    );
    const end = (said: { readonly reason: string }) => {
      const digest = reader.bodyDigest();
      if (digest === undefined) return socket.destroy(new Error(said.reason));
      resolve({ digest, head: head.split("\r\n\r\n")[0] ?? "" });
      socket.destroy();
    };
    socket.on("data", (bytes: Buffer) => {
      if (head.length < MAX_SHOWN_CHARS) head += bytes.toString("latin1");
      const said = reader.feed(bytes);
      if (said) end(said);
    });
    socket.on("end", () => end(reader.end()));
    socket.on("error", reject);
    socket.on("close", () => clearTimeout(limit));
  });
}

const MAX_SHOWN_CHARS = 16_384;

function open({ server, port, usesTls, sni }: Wanted, opened: () => void): Socket {
  if (!usesTls) return connect({ host: server, port }, opened);
  return connectTls(
    { host: server, port, rejectUnauthorized: false, ...(sni !== undefined && { servername: sni }) },
    opened,
  );
}
