// The system's OpenSSL 3 as data and as a few calls: TLS for a client between memory buffers. The library is opened when it is
// first asked for; the runtime's own TLS (BoringSSL) keeps its symbols to itself, so the two don't meet. openssl/ssl.h, SSL_new(3).
import type { Calls, SymbolTable } from "./backend.ts";
import { openLibrary } from "./index.ts";
import { cString, fixed, readCString } from "./memory.ts";

/** The name says the ABI: another major version has another one. libcrypto comes with it, and its symbols are found through it. */
const OPENSSL_NAMES: readonly string[] = ["libssl.so.3"];

/** Addresses of its objects travel as `usize` and stay in this file. Functions without a result are declared with one that is ignored. */
const OPENSSL = {
  OPENSSL_version_major: { args: [], result: "u32" },
  OPENSSL_version_minor: { args: [], result: "u32" },
  OPENSSL_version_patch: { args: [], result: "u32" },
  TLS_client_method: { args: [], result: "isize" },
  SSL_CTX_new: { args: ["usize"], result: "isize" },
  SSL_CTX_free: { args: ["usize"], result: "i32" },
  SSL_CTX_ctrl: { args: ["usize", "i32", "isize", "usize"], result: "isize" },
  SSL_CTX_use_certificate: { args: ["usize", "usize"], result: "i32" },
  SSL_CTX_use_PrivateKey: { args: ["usize", "usize"], result: "i32" },
  SSL_CTX_check_private_key: { args: ["usize"], result: "i32" },
  SSL_new: { args: ["usize"], result: "isize" },
  SSL_free: { args: ["usize"], result: "i32" },
  SSL_ctrl: { args: ["usize", "i32", "isize", "bytes"], result: "isize" },
  SSL_set_bio: { args: ["usize", "usize", "usize"], result: "i32" },
  SSL_set_connect_state: { args: ["usize"], result: "i32" },
  SSL_do_handshake: { args: ["usize"], result: "i32" },
  SSL_read: { args: ["usize", "bytes", "i32"], result: "i32" },
  SSL_write: { args: ["usize", "bytes", "i32"], result: "i32" },
  SSL_get_error: { args: ["usize", "i32"], result: "i32" },
  // libcrypto
  BIO_s_mem: { args: [], result: "isize" },
  BIO_new: { args: ["usize"], result: "isize" },
  BIO_new_mem_buf: { args: ["bytes", "i32"], result: "isize" },
  BIO_free: { args: ["usize"], result: "i32" },
  BIO_read: { args: ["usize", "bytes", "i32"], result: "i32" },
  BIO_write: { args: ["usize", "bytes", "i32"], result: "i32" },
  PEM_read_bio_X509: { args: ["usize", "usize", "usize", "bytes"], result: "isize" },
  PEM_read_bio_PrivateKey: { args: ["usize", "usize", "usize", "bytes"], result: "isize" },
  X509_free: { args: ["usize"], result: "i32" },
  EVP_PKEY_free: { args: ["usize"], result: "i32" },
  ERR_get_error: { args: [], result: "isize" },
  ERR_clear_error: { args: [], result: "i32" },
  ERR_error_string_n: { args: ["usize", "bytes", "usize"], result: "i32" },
} as const satisfies SymbolTable;

const SSL_CTRL_EXTRA_CHAIN_CERT = 14;
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
const TLSEXT_NAMETYPE_HOST_NAME = 0;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_WANT_WRITE = 3;
const SSL_ERROR_ZERO_RETURN = 6;

/** More certificates of a chain are not read. */
const MAX_CHAIN = 16;
const ERROR_TEXT_BYTES = 256;

/** What the library refused, in its own words. */
export class OpenSslError extends Error {
  constructor(doing: string, words: string) {
    super(words === "" ? doing : `${doing}: ${words}`);
    this.name = "OpenSslError";
  }
}

/** `done`, `more`: bytes of the other side are needed first; `closed`: it has said goodbye; or an error in words. */
export type TlsStep = "done" | "more" | "closed" | { readonly error: string };

/** A client's side of one connection. */
export interface TlsSession {
  /** Goes on with the handshake. */
  handshake(): TlsStep;
  /** Hands over what came from the network; all of it is taken. */
  receive(bytes: Uint8Array): void;
  /** Takes what is to be sent, up to the room in `into`: a count of bytes, 0 when there is nothing. */
  outgoing(into: Uint8Array): number;
  /** Takes decrypted bytes: a count above 0, or why there are none. */
  read(into: Uint8Array): number | Exclude<TlsStep, "done">;
  /** Encrypts all of it. Only after the handshake. */
  write(bytes: Uint8Array): TlsStep;
  /** Once; nothing may be called afterwards. */
  free(): void;
}

export interface TlsIdentity {
  /** PEM text: the certificate, and its chain behind it. */
  readonly certificate?: string;
  readonly key?: string;
  readonly password?: string;
}

/** Settings that sessions share. */
export interface TlsContext {
  /** @throws OpenSslError out of memory */
  session(serverName: string | undefined): TlsSession;
  /** When all its sessions were freed, or before: they hold what they need. */
  free(): void;
}

export interface OpenSsl {
  /** `3.0.22` */
  readonly version: string;
  /** Ciphers, versions and security level are the library's own, as in openssl.cnf. @throws OpenSslError for an unusable identity */
  context(identity: TlsIdentity): TlsContext;
}

/** Opens the library. @throws Error when it is not on this machine, or lacks a function of the table */
export function openOpenSsl(): OpenSsl {
  const lib = openLibrary(OPENSSL_NAMES, OPENSSL);
  const version = [lib.OPENSSL_version_major(), lib.OPENSSL_version_minor(), lib.OPENSSL_version_patch()].join(".");
  return {
    version,
    context(identity) {
      const ctx = made(lib, "SSL_CTX_new", lib.SSL_CTX_new(lib.TLS_client_method()));
      try {
        takeIdentity(lib, ctx, identity);
      } catch (error) {
        lib.SSL_CTX_free(ctx);
        throw error;
      }
      return {
        session: (serverName) => openSession(lib, ctx, serverName),
        free: () => void lib.SSL_CTX_free(ctx),
      };
    },
  };
}

type Lib = Calls<typeof OPENSSL>;

function takeIdentity(lib: Lib, ctx: number, { certificate, key, password = "" }: TlsIdentity): void {
  if (certificate === undefined || key === undefined) return;
  readPem(lib, certificate, (bio) => {
    // keepalived reads a chain, too: the first certificate is ours, the others lead to its issuer.
    for (let i = 0; i < MAX_CHAIN; i++) {
      const one = lib.PEM_read_bio_X509(bio, 0, 0, cString(""));
      if (one === 0 && i > 0) break;
      made(lib, "certificate", one);
      if (i === 0) {
        const took = lib.SSL_CTX_use_certificate(ctx, one);
        lib.X509_free(one);
        if (took !== 1) throw new OpenSslError("certificate", lastWords(lib));
      } else if (lib.SSL_CTX_ctrl(ctx, SSL_CTRL_EXTRA_CHAIN_CERT, 0, one) !== 1) lib.X509_free(one);
    }
  });
  readPem(lib, key, (bio) => {
    // A password must be given, also none: the library would ask for it on the terminal.
    const own = made(lib, "key", lib.PEM_read_bio_PrivateKey(bio, 0, 0, cString(password)));
    const took = lib.SSL_CTX_use_PrivateKey(ctx, own);
    lib.EVP_PKEY_free(own);
    if (took !== 1 || lib.SSL_CTX_check_private_key(ctx) !== 1) throw new OpenSslError("key", lastWords(lib));
  });
}

function readPem(lib: Lib, text: string, read: (bio: number) => void): void {
  // Referenced until the end of this function: the BIO reads from it.
  const bytes = cString(text);
  const bio = made(lib, "BIO_new_mem_buf", lib.BIO_new_mem_buf(bytes, bytes.byteLength - 1));
  try {
    read(bio);
  } finally {
    lib.BIO_free(bio);
    // The end of a list of certificates is an error that nobody asked for.
    lib.ERR_clear_error();
    bytes.fill(0);
  }
}

function openSession(lib: Lib, ctx: number, serverName: string | undefined): TlsSession {
  const ssl = made(lib, "SSL_new", lib.SSL_new(ctx));
  const incoming = made(lib, "BIO_new", lib.BIO_new(lib.BIO_s_mem()));
  const outgoing = made(lib, "BIO_new", lib.BIO_new(lib.BIO_s_mem()));
  // Both belong to the session from here on.
  lib.SSL_set_bio(ssl, incoming, outgoing);
  lib.SSL_set_connect_state(ssl);
  if (serverName !== undefined)
    lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_HOST_NAME, cString(serverName));

  function why(result: number): Exclude<TlsStep, "done"> {
    switch (lib.SSL_get_error(ssl, result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return "more";
      case SSL_ERROR_ZERO_RETURN:
        return "closed";
      default:
        return { error: lastWords(lib) || "connection closed" };
    }
  }

  return {
    handshake() {
      lib.ERR_clear_error();
      const result = lib.SSL_do_handshake(ssl);
      return result === 1 ? "done" : why(result);
    },
    receive(bytes) {
      if (bytes.byteLength > 0) lib.BIO_write(incoming, bytes, bytes.byteLength);
    },
    outgoing: (into) => Math.max(0, lib.BIO_read(outgoing, into, into.byteLength)),
    read(into) {
      lib.ERR_clear_error();
      const count = lib.SSL_read(ssl, into, into.byteLength);
      return count > 0 ? count : why(count);
    },
    write(bytes) {
      lib.ERR_clear_error();
      const count = lib.SSL_write(ssl, bytes, bytes.byteLength);
      return count === bytes.byteLength ? "done" : why(count);
    },
    free: () => void lib.SSL_free(ssl),
  };
}

/** An object, or what hindered its making. */
function made(lib: Lib, what: string, address: number): number {
  if (address === 0) throw new OpenSslError(what, lastWords(lib));
  return address;
}

/** `error:0A000410:SSL routines::sslv3 alert handshake failure` → `sslv3 alert handshake failure`. */
function lastWords(lib: Lib): string {
  const code = lib.ERR_get_error();
  lib.ERR_clear_error();
  if (code === 0) return "";
  const text = fixed(ERROR_TEXT_BYTES);
  lib.ERR_error_string_n(code, text, text.byteLength);
  return readCString(text).split(":").slice(4).join(":");
}
