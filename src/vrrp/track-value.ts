// VRRP core: the number in a tracked file (cli-signals.md §8). C syntax: decimal, 0x hexadecimal, 0 octal; blanks around it allowed.

/** Value of a tracked file's text; 0 when it is empty or holds no number at its start. Limited to 32 bits with sign. */
export function trackFileValue(text: string): number {
  const match = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text.slice(0, 128));
  if (!match) return 0;
  const digits = match[2] ?? "0";
  const size = digits.startsWith("0") && /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  const value = match[1] === "-" ? -size : size;
  return Math.max(-0x80000000, Math.min(0x7fffffff, value));
}
