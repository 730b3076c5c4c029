// Config core: kinds of characters. Offsets and codes are UTF-16 units.

const TAB = 9;
const VT = 11;
const FF = 12;
const SPACE = 32;

/** Space, tab, form feed, vertical tab. A carriage return inside a line is none, nor is U+00A0. */
export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === FF || code === VT;
}

export function skipBlanks(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Offset behind the last character that is no blank. */
export function trimEnd(text: string, from: number, to: number): number {
  let at = to;
  while (at > from && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

/** `A-Z a-z 0-9 _`. */
export function isNameCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95;
}
