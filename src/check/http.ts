// Check core: HTTP_GET and SSL_GET: what is asked, and a reader of the answer that takes it in pieces and knows when it is over.
// HTTP/1.x of RFC 9112 §4–7 as far as a check needs it, bounded: the body is never kept, only hashed, counted and searched.
// keepalived's verdicts are kept (checkers.md §3.2), apart from: the end of a body is known by Content-Length in any spelling or
// by its last chunk (traps C2, C3), chunks are decoded, headers may be longer, interim answers (1xx) are passed over.
import type { Hash } from "node:crypto";
import { createHash } from "../base/digest.ts";
import { escapeControls } from "../base/log.ts";
import type { Decoded } from "../base/result.ts";
import type { HttpCheck, HttpUrl } from "../config/model/check.ts";
import { compilePattern, type Pattern } from "../pattern/pattern.ts";
import { bad, good, type Outcome } from "./outcome.ts";

/** All header blocks of one answer together, interim ones included. */
export const MAX_HEADER_BYTES = 16_384;
/** A longer body is a failure. It is hashed as it comes, not kept. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** The same where no digest needs the whole of it, and where its length was not announced: it may have no end. */
export const MAX_UNDIGESTED_BYTES = 4 * 1024 * 1024;
/** Of a body whose length was announced no more than this is read where no digest needs it. */
export const MAX_READ_BYTES = 1024 * 1024;
/** A regex looks at this much of the body's beginning. */
export const MAX_SEARCHED_BYTES = 262_144;
/** The line before each chunk, with its extensions. */
const MAX_CHUNK_LINE_BYTES = 4096;
/** All lines between chunks together: chunks of a byte each would cost more to read than the body that they carry. */
export const MAX_FRAMING_BYTES = 262_144;

/** The request for one url, byte for byte as keepalived sends it. */
export function httpRequest(check: Pick<HttpCheck, "httpProtocol">, url: Pick<HttpUrl, "path" | "host">): string {
  const version = check.httpProtocol === "1.1" ? "1.1" : "1.0";
  const connection = check.httpProtocol === "1.0" ? "" : "Connection: close\r\n";
  return `GET ${url.path} HTTP/${version}\r\nUser-Agent: KeepAliveClient\r\n${connection}Host: ${url.host}\r\n\r\n`;
}

export interface HttpReader {
  /** Takes the next bytes; an outcome as soon as it is known. The bytes may be overwritten afterwards. */
  feed(bytes: Uint8Array): Outcome | undefined;
  /** The peer has closed: what does it come to? */
  end(): Outcome;
  /** MD5 of the whole body in hexadecimal, after the outcome, of a url with a digest; undefined when it did not come whole. */
  bodyDigest(): string | undefined;
}

/** Reads one answer and judges it by the url's status codes, digest and regex. */
export function createHttpReader(url: HttpUrl): HttpReader {
  return new Reader(url);
}

/** Compiles the regex of a url; equal ones share what they have learnt. undefined when the url has none. */
function patternOf(url: HttpUrl): Decoded<Pattern, string> | undefined {
  const { regex } = url;
  if (!regex) return undefined;
  const name = JSON.stringify([regex.pattern, regex.options]);
  const known = patterns.get(name);
  if (known) return known;
  const compiled = compilePattern(regex.pattern, regex.options);
  const result: Decoded<Pattern, string> = compiled.ok
    ? compiled
    : { ok: false, error: `${compiled.error.message} (at character ${compiled.error.at + 1} of the regex)` };
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  patterns.set(name, result);
  return result;
}

const patterns = new Map<string, Decoded<Pattern, string>>();
const MAX_PATTERNS = 1024;

const CR = 13;
const LF = 10;
const LATIN1 = new TextDecoder("latin1");

type Framing =
  | { readonly kind: "length"; left: number; readonly total: number }
  | { readonly kind: "until-close" }
  | Chunks;

/** Where in a chunked body we are (RFC 9112 §7.1). */
interface Chunks {
  readonly kind: "chunks";
  at: "line" | "data" | "data-end" | "trailer";
  left: number;
  /** The beginning of a line whose end has not come yet. */
  line: string;
  framingBytes: number;
  trailerBytes: number;
}

class Reader implements HttpReader {
  readonly #url: HttpUrl;
  /** Header bytes of earlier pieces, while the block is not complete. */
  #header: Uint8Array | undefined;
  #headerBytes = 0;
  #bodyDigest: string | undefined;
  #status = 0;
  #framing: Framing | undefined;
  #outcome: Outcome | undefined;
  #bodyBytes = 0;
  readonly #digest: Hash | undefined;
  /** Of a chunked body as it came, chunk lines included: what keepalived and `--genhash` compare. */
  #rawDigest: Hash | undefined;
  #kept: Uint8Array | undefined;
  #keptBytes = 0;

  constructor(url: HttpUrl) {
    this.#url = url;
    if (url.digest !== undefined) this.#digest = createHash("md5");
  }

  feed(bytes: Uint8Array): Outcome | undefined {
    if (this.#outcome) return this.#outcome;
    let rest: Uint8Array | undefined = bytes;
    while (rest && !this.#framing && !this.#outcome) rest = this.#feedHeader(rest);
    if (rest && this.#framing && !this.#outcome) this.#feedBody(rest, this.#framing);
    return this.#outcome;
  }

  end(): Outcome {
    if (this.#outcome) return this.#outcome;
    if (!this.#framing) {
      const none = this.#headerBytes === 0 && !this.#header;
      return bad("protocol", none ? "closed without an answer" : "closed inside the header");
    }
    // keepalived: a body that ends early is judged as it is.
    return this.#judge();
  }

  /** Takes header bytes; what is left behind the block's end, or undefined when more must come. */
  #feedHeader(bytes: Uint8Array): Uint8Array | undefined {
    const earlier = this.#header;
    const all = earlier ? joined(earlier, bytes) : bytes;
    // The end may lie across the pieces.
    const end = findBlockEnd(all, Math.max(0, (earlier?.byteLength ?? 0) - 3));
    if (this.#headerBytes + (end < 0 ? all.byteLength : end) > MAX_HEADER_BYTES) {
      this.#outcome = bad("too-large", `header longer than ${MAX_HEADER_BYTES} bytes`);
      return undefined;
    }
    if (end < 0) {
      // A copy: the caller's buffer is used again.
      this.#header = earlier ? all : all.slice();
      return undefined;
    }
    this.#header = undefined;
    this.#headerBytes += end;
    this.#readHeader(LATIN1.decode(all.subarray(0, end - 4)));
    return all.subarray(end);
  }

  #readHeader(text: string): void {
    const lines = text.split("\r\n");
    const status = statusOf(lines[0] ?? "");
    if (status === undefined) {
      this.#outcome = bad("protocol", `no status code in the first line (${shown(lines[0] ?? "")})`);
      return;
    }
    const wanted = this.#url.statusCodes.some(([from, to]) => from <= status && status <= to);
    // An interim answer, and the final one follows (RFC 9110 §15.2); 101 would be the last word in this protocol.
    if (!wanted && status >= 100 && status < 200 && status !== 101) return;
    this.#status = status;
    if (!wanted) {
      this.#outcome = bad("status", `status ${status}, wanted ${rangesText(this.#url.statusCodes)}`);
      return;
    }
    this.#beginBody(lines, status);
  }

  #beginBody(lines: readonly string[], status: number): void {
    const fields = bodyFields(lines);
    if ("error" in fields) {
      this.#outcome = bad("protocol", fields.error);
      return;
    }
    const bodyless = status === 204 || status === 304 || status < 200;
    if (bodyless) this.#framing = { kind: "length", left: 0, total: 0 };
    else if (fields.chunked) {
      this.#framing = { kind: "chunks", at: "line", left: 0, line: "", framingBytes: 0, trailerBytes: 0 };
      if (this.#digest) this.#rawDigest = createHash("md5");
    } else if (fields.length !== undefined)
      this.#framing = { kind: "length", left: fields.length, total: fields.length };
    else this.#framing = { kind: "until-close" };
    if (this.#framing.kind === "length" && this.#framing.left === 0) this.#outcome = this.#judge();
    else if (this.#framing.kind === "length" && this.#framing.left > MAX_BODY_BYTES)
      this.#outcome = tooLarge(MAX_BODY_BYTES, `${this.#framing.total} bytes announced`);
  }

  #feedBody(bytes: Uint8Array, framing: Framing): void {
    switch (framing.kind) {
      case "until-close":
        this.#take(bytes);
        break;
      case "length": {
        const part = bytes.subarray(0, framing.left);
        framing.left -= part.byteLength;
        this.#take(part);
        const seenEnough = !this.#digest && this.#bodyBytes >= MAX_READ_BYTES;
        if (framing.left === 0 || seenEnough) this.#outcome ??= this.#judge();
        break;
      }
      case "chunks":
        this.#feedChunks(bytes, framing);
        break;
    }
  }

  #feedChunks(bytes: Uint8Array, chunks: Chunks): void {
    let at = 0;
    while (at < bytes.byteLength && !this.#outcome) {
      if (chunks.at === "data") {
        const part = bytes.subarray(at, at + chunks.left);
        at += part.byteLength;
        chunks.left -= part.byteLength;
        this.#take(part);
        if (chunks.left === 0) chunks.at = "data-end";
        continue;
      }
      const lineEnd = bytes.indexOf(LF, at);
      const part = bytes.subarray(at, lineEnd < 0 ? bytes.byteLength : lineEnd + 1);
      at += part.byteLength;
      if (!this.#fitsFraming(part.byteLength, chunks)) break;
      chunks.line += LATIN1.decode(part);
      if (lineEnd < 0) break;
      const { line } = chunks;
      chunks.line = "";
      if (this.#chunkLine(line, chunks)) {
        this.#rawDigest?.update(bytes.subarray(0, at));
        this.#outcome ??= this.#judge();
        return;
      }
    }
    this.#rawDigest?.update(bytes);
  }

  /** Whether more bytes of a line between chunks may come; the outcome is set when not. */
  #fitsFraming(moreBytes: number, chunks: Chunks): boolean {
    chunks.framingBytes += moreBytes;
    if (chunks.line.length + moreBytes > MAX_CHUNK_LINE_BYTES)
      this.#outcome = bad("protocol", `chunk line longer than ${MAX_CHUNK_LINE_BYTES} bytes`);
    else if (chunks.framingBytes > MAX_FRAMING_BYTES)
      this.#outcome = bad("too-large", `more than ${MAX_FRAMING_BYTES} bytes of chunk lines`);
    return this.#outcome === undefined;
  }

  /** Takes one line between chunks; true when it ends the body. */
  #chunkLine(line: string, chunks: Chunks): boolean {
    if (!line.endsWith("\r\n")) {
      this.#outcome = bad("protocol", `chunk line does not end in CR LF (${shown(line)})`);
      return false;
    }
    switch (chunks.at) {
      case "data-end":
        if (line !== "\r\n") this.#outcome = bad("protocol", `chunk is longer than its size (${shown(line)})`);
        chunks.at = "line";
        return false;
      case "trailer":
        chunks.trailerBytes += line.length;
        if (chunks.trailerBytes > MAX_HEADER_BYTES) this.#outcome = bad("too-large", "trailer without an end");
        return line === "\r\n";
      default: {
        const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?\r\n$/.exec(line)?.[1];
        if (size === undefined) {
          this.#outcome = bad("protocol", `bad chunk size (${shown(line)})`);
          return false;
        }
        chunks.left = Number.parseInt(size, 16);
        chunks.at = chunks.left === 0 ? "trailer" : "data";
        return false;
      }
    }
  }

  /** Takes decoded bytes of the body. */
  #take(part: Uint8Array): void {
    this.#bodyBytes += part.byteLength;
    const limitBytes = this.#digest || this.#framing?.kind === "length" ? MAX_BODY_BYTES : MAX_UNDIGESTED_BYTES;
    if (this.#bodyBytes > limitBytes) {
      this.#outcome = tooLarge(limitBytes, "more bytes came");
      return;
    }
    this.#digest?.update(part);
    if (!this.#url.regex || this.#keptBytes >= MAX_SEARCHED_BYTES) return;
    const kept = part.subarray(0, MAX_SEARCHED_BYTES - this.#keptBytes);
    if (!this.#kept || this.#kept.byteLength < this.#keptBytes + kept.byteLength) {
      const needed = this.#keptBytes + kept.byteLength;
      const grown = new Uint8Array(Math.min(MAX_SEARCHED_BYTES, Math.max(4096, 2 * needed)));
      if (this.#kept) grown.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = grown;
    }
    this.#kept.set(kept, this.#keptBytes);
    this.#keptBytes += kept.byteLength;
  }

  bodyDigest(): string | undefined {
    return this.#bodyDigest;
  }

  /** The status is as wanted; do digest and regex agree? */
  #judge(): Outcome {
    const said = [`status ${this.#status}`];
    const { digest, regex } = this.#url;
    if (digest !== undefined) {
      const got = this.#digest?.digest("hex");
      this.#bodyDigest = got;
      if (got !== digest && this.#rawDigest?.digest("hex") !== digest)
        return bad("digest", `digest ${got} of ${this.#bodyBytes} body bytes, wanted ${digest}`);
      said.push("digest as wanted");
    }
    if (regex) {
      const refused = this.#searchFor(regex);
      if (typeof refused !== "string") return refused;
      said.push(refused);
    }
    return good(said.join(", "));
  }

  /** What the regex says in words, or the failure. */
  #searchFor(regex: NonNullable<HttpUrl["regex"]>): Outcome | string {
    const pattern = patternOf(this.#url);
    // A finding of the configuration says so (regex-unusable); the rest of the check goes on.
    if (!pattern?.ok) return "regex not looked at";
    const body = this.#kept?.subarray(0, this.#keptBytes) ?? new Uint8Array(0);
    const result = pattern.value.search(body, regex.minOffset, regex.maxOffset);
    switch (result) {
      case "found":
        return regex.noMatch
          ? bad("regex", `regex occurs in ${body.byteLength} body bytes, and must not`)
          : "regex found";
      case "absent":
        return regex.noMatch
          ? "regex absent as wanted"
          : bad("regex", `regex not found in ${body.byteLength} body bytes`);
      case "not-utf8":
        return bad("regex", "body is not UTF-8, as the option utf asks for");
      case "too-costly":
        return bad("regex", "regex takes too long on this body");
    }
  }
}

/** Index behind the first CR LF CR LF; -1 when there is none. */
function findBlockEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1))
    if (at >= 3 && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
  return -1;
}

/** keepalived: the second word, with a blank behind it; the first word can be anything (`ICY 200 OK`). */
function statusOf(line: string): number | undefined {
  const word = /^[^ ]* (\d{1,9}) /.exec(line)?.[1];
  return word === undefined ? undefined : Number(word);
}

/** How the body ends, by the header (RFC 9112 §6.3). */
function bodyFields(lines: readonly string[]): { chunked: boolean; length?: number } | { error: string } {
  let length: number | undefined;
  let chunked = false;
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trimEnd().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "transfer-encoding") chunked = /(?:^|,)[ \t]*chunked$/i.test(value);
    else if (name === "content-length") {
      // A list of equal values is one value (RFC 9110 §8.6).
      for (const item of value.split(",")) {
        const text = item.trim();
        if (!/^\d{1,15}$/.test(text)) return { error: `bad Content-Length (${shown(value)})` };
        if (length !== undefined && length !== Number(text)) return { error: "two different Content-Length values" };
        length = Number(text);
      }
    }
  }
  return length === undefined ? { chunked } : { chunked, length };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.byteLength + b.byteLength);
  all.set(a);
  all.set(b, a.byteLength);
  return all;
}

function tooLarge(limitBytes: number, why: string): Outcome {
  return bad("too-large", `body longer than ${limitBytes} bytes (${why})`);
}

function rangesText(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(" ");
}

const SHOWN_CHARACTERS = 60;

/** Text of a stranger, cut and safe to print. */
function shown(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return JSON.stringify(escapeControls(cut.trimEnd()));
}
