// Appliance core: certificates that a laptop knows machines by, in a file as ssh's known_hosts: `NAME:PORT FINGERPRINT` a line, `#` comments.
// The fingerprint is SHA-256 of the certificate, as the machine's console shows it.
import { parseIp } from "../../base/ip.ts";

/** Of an appliance's API. */
const DEFAULT_PORT = 8443;

export interface Host {
  readonly name: string;
  readonly port: number;
}

/** `director1`, `director1:443`, `192.0.2.5`, `[2001:db8::5]:8443`, `2001:db8::5`; undefined for what is none. */
export function readHost(text: string): Host | undefined {
  if (parseIp(text)?.byteLength === 16) return { name: text, port: DEFAULT_PORT };
  const [, inner, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const name = inner ?? plain;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (name === undefined || port < 1 || port > 65_535) return undefined;
  if (inner !== undefined && parseIp(inner)?.byteLength !== 16) return undefined;
  return { name, port };
}

/** `director1:8443`, `[2001:db8::5]:8443`. */
export function nameOf({ name, port }: Host): string {
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
}

/** 64 hexadecimal digits, with or without colons and `SHA256:` before them, as `AB:CD:…`; undefined for what is none. */
export function readFingerprint(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(digits) ? (digits.match(/../g) ?? []).join(":") : undefined;
}

/** The fingerprint that the file has for a machine. */
export function pinOf(text: string, host: Host): string | undefined {
  return linesOf(text).find(({ key }) => key === keyOf(host))?.fingerprint;
}

/** The file with another fingerprint for a machine, or its first one; everything else stays as it is. */
export function withPin(text: string, host: Host, fingerprint: string): string {
  const kept = linesOf(text).filter(({ key }) => key !== keyOf(host));
  return `${[...kept.map(({ line }) => line), `${keyOf(host)} ${fingerprint}`].join("\n")}\n`;
}

function linesOf(text: string): { line: string; key: string | undefined; fingerprint: string | undefined }[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [key, word] = line.startsWith("#") ? [] : line.trim().split(/\s+/);
      return { line, key, fingerprint: word === undefined ? undefined : readFingerprint(word) };
    });
}

function keyOf({ name, port }: Host): string {
  return nameOf({ name: name.toLowerCase(), port });
}
