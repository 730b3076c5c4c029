// Config core: lines of a file without the secrets in them. A finding shows its line, and what `lbd check` says at a start stands in the
// system's journal, which more people read than the configuration.
import type { SourceFile } from "../text/span.ts";
import { nearest } from "./suggest.ts";

const SECRET_KEYWORDS: readonly string[] = ["auth_pass", "password"];
/** Also what is neither keyword nor near one: a `passphrase` of somebody's own. */
// `sha256` of appliance.yaml holds a hash; where it does not, it holds what should have been hashed.
const SECRET_WORD = /pass(?:wor[dt]|phrase|wd)?$|^auth_?p|secret|token|^sha256$/i;
const SECRET_MACRO = /pass|secret|token|pw|key|auth/i;

/** `line` of `file` with stars for each character of a secret; of the same length, so that places stay. */
export function withoutSecrets(file: SourceFile, line: string): string {
  const macro = /^\s*\$([A-Za-z_][\w]*)\s*=/.exec(line);
  if (macro) return isSecretMacro(file, macro[1] ?? "") ? starred(line, macro[0].length) : line;
  for (const { 0: word, index } of line.matchAll(/[^\s{}"]+/g)) {
    if (word.startsWith("#") || word.startsWith("!")) return line;
    if (isSecretWord(word.replace(/[=:].*$/, "")))
      return starred(line, index + (/^[^=:]*[=:]?/.exec(word)?.[0].length ?? 0));
  }
  // A key of auth_hmac: its number, then the key.
  const key = /^\s*key\s+\d+\s/.exec(line);
  return key ? starred(line, key[0].length) : line;
}

function isSecretWord(word: string): boolean {
  if (word === "auth_type") return false;
  return SECRET_KEYWORDS.includes(word) || SECRET_WORD.test(word) || nearest(word, SECRET_KEYWORDS) !== undefined;
}

function isSecretMacro(file: SourceFile, name: string): boolean {
  if (SECRET_MACRO.test(name)) return true;
  for (let at: SourceFile | undefined = file; at; at = at.includedFrom?.file)
    if (new RegExp(`(?:auth_pass|password|key\\s+\\d+)\\s+"?\\$\\{?${name}\\b`).test(at.text)) return true;
  return false;
}

function starred(line: string, from: number): string {
  return line.slice(0, from) + line.slice(from).replace(/[^\s{}]/gu, "*");
}
