// Makes a configuration wrong in the ways that people make them wrong: one to three seeded changes of a word, a number, the order, a
// brace, a block or an include. The same seed and the same text give the same changes; each can be left out when a case is shrunk.
export type Mutation = (lines: readonly string[], random: Random) => string[];

/** A number from 0 to below 1. */
export type Random = () => number;

/** mulberry32: small, and the same on every engine. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** What a number is changed to: both sides of the limits that keywords have. */
const EDGES =
  "0 1 2 3 5 9 10 14 16 31 32 33 40 41 50 63 64 65 99 100 127 128 129 200 252 253 254 255 256 257 300 1000 4095 4096 32767 32768 65535 65536 86400 86401 2147483647 2147483648 4294967295 4294967296 -1 -2 -253 -254 -255 0.5 0.25 1.5 00 007 +5 0x10 1e2 1. .5 100abc".split(
    " ",
  );

/** Words that stand in other places than those where they belong. */
const WORDS =
  "priority state MASTER BACKUP SLAVE EQUAL interface eth0 eth1 virtual_router_id advert_int nopreempt weight 80 192.0.2.1 192.0.2.0/24 2001:db8::1 fe80::1 real_server virtual_server TCP UDP SCTP NAT DR TUN rr wlc foo persistence_timeout quorum alpha omega TCP_CHECK HTTP_GET connect_timeout retry nb_get_retry lvs_id nat_mask garp_master_delay script track_script virtual_ipaddress notify authentication auth_type auth_pass PASS AH vrrp_strict on off true false yes no { } # ! \" ' , ; = /32 default via dev label scope global link table".split(
    " ",
  );

const KINDS: Readonly<Record<string, Mutation>> = {
  "replace a word": changeWord((_word, random) => pick(WORDS, random) ?? "foo"),
  "delete a word": changeWord(() => ""),
  "duplicate a word": changeWord((word) => `${word} ${word}`),
  "misspell a word": changeWord(misspelt),
  "add a word": changeWord((word, random) => `${word} ${pick(WORDS, random)}`),
  "change a number": changeWord(
    (_word, random) => pick(EDGES, random) ?? "0",
    (word) => /\d/.test(word) && /^[-+\d.]+$/.test(word) && !/\..*\./.test(word),
  ),
  "change a part of an address": changeWord(
    (word, random) => word.replace(/\d+(?=[./:]|$)/, () => pick(EDGES, random) ?? "0"),
    (word) => /^[\d.:a-f]+(\/\d+)?$/.test(word) && /[.:]/.test(word),
  ),
  "swap lines": (lines, random) => {
    const at = Math.floor(random() * Math.max(1, lines.length - 1));
    const copy = [...lines];
    const [one = "", other = ""] = copy.splice(at, 2);
    copy.splice(at, 0, other, one);
    return copy;
  },
  "move a line": (lines, random) => {
    const copy = [...lines];
    const [line] = copy.splice(Math.floor(random() * copy.length), 1);
    if (line !== undefined) copy.splice(Math.floor(random() * (copy.length + 1)), 0, line);
    return copy;
  },
  "delete a line": (lines, random) => lines.toSpliced(Math.floor(random() * lines.length), 1),
  "duplicate a line": (lines, random) => {
    const at = Math.floor(random() * lines.length);
    return lines.toSpliced(at, 0, lines[at] ?? "");
  },
  "drop a brace": changeBrace((text, at) => text.slice(0, at) + text.slice(at + 1)),
  "double a brace": changeBrace((text, at) => `${text.slice(0, at + 1)} ${text.slice(at)}`),
  "move a brace to a line of its own": changeBrace((text, at) => `${text.slice(0, at)}\n${text.slice(at)}`),
  "add a brace": (lines, random) =>
    lines.toSpliced(Math.floor(random() * (lines.length + 1)), 0, pick(["{", "}", "} }", "foo {"], random) ?? "}"),
  "duplicate a block": changeBlock((lines, from, to) => lines.toSpliced(to, 0, ...lines.slice(from, to))),
  "drop a block": changeBlock((lines, from, to) => lines.toSpliced(from, to - from)),
  "move a block": changeBlock((lines, from, to, random) => {
    const rest = lines.toSpliced(from, to - from);
    return rest.toSpliced(Math.floor(random() * (rest.length + 1)), 0, ...lines.slice(from, to));
  }),
  "wrap a block": changeBlock((lines, from, to, random) =>
    lines.toSpliced(from, to - from, `${pick(WORDS, random)} {`, ...lines.slice(from, to), "}"),
  ),
  "break an include": changeWord(
    () => "nowhere.conf",
    (_word, before) => /^include/.test(before),
  ),
  "add an include": (lines, random) =>
    lines.toSpliced(
      Math.floor(random() * (lines.length + 1)),
      0,
      pick(["include missing.conf", "include *.none", "include more.conf", "include"], random) ?? "include",
    ),
};

export const MUTATION_NAMES: readonly string[] = Object.keys(KINDS);

/** Comments and blank lines are of no interest: a change there changes nothing. */
export function linesToChange(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)[#!].*$/, "").trimEnd())
    .filter((line) => line.trim() !== "");
}

export interface Mutant {
  readonly text: string;
  /** What was done, in order. */
  readonly changes: readonly string[];
}

/** The changes of a seed; `without` leaves some of them out and does the others as before. */
export function mutate(text: string, seed: number, without: ReadonlySet<number> = new Set()): Mutant {
  const random = randomOf(seed);
  const plans = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    name: pick(MUTATION_NAMES, random) ?? "",
    seed: Math.floor(random() * 4294967296),
  }));
  let lines = linesToChange(text);
  const changes: string[] = [];
  for (const [i, plan] of plans.entries()) {
    const change = KINDS[plan.name];
    if (without.has(i) || !change) continue;
    lines = change(lines, randomOf(plan.seed)).flatMap((line) => line.split("\n"));
    changes.push(plan.name);
  }
  return { text: `${lines.join("\n")}\n`, changes };
}

interface Place {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

/** Words of all lines; a quoted one counts as one. */
function wordsOf(lines: readonly string[], wanted: (word: string, before: string) => boolean): Place[] {
  return lines.flatMap((text, line) =>
    [...text.matchAll(/"[^"]*"|[^\s"]+/g)]
      .filter((match) => wanted(match[0], text.slice(0, match.index).trim()))
      .map((match) => ({ line, from: match.index, to: match.index + match[0].length })),
  );
}

function changeWord(
  change: (word: string, random: Random) => string,
  wanted: (word: string, before: string) => boolean = (word) => word !== "{" && word !== "}",
): Mutation {
  return (lines, random) => {
    const place = pick(wordsOf(lines, wanted), random);
    if (!place) return [...lines];
    const text = lines[place.line] ?? "";
    const word = text.slice(place.from, place.to);
    return lines.with(place.line, text.slice(0, place.from) + change(word, random) + text.slice(place.to));
  };
}

function misspelt(word: string, random: Random): string {
  const at = Math.floor(random() * word.length);
  const [head, here, tail] = [word.slice(0, at), word.charAt(at), word.slice(at + 1)];
  // A brace or a quote is changed by other means.
  if (/["{}]/.test(word)) return word;
  const kinds = [
    head + tail,
    head + here + here + tail,
    `${head}x${tail}`,
    head + tail.charAt(0) + here + tail.slice(1),
  ];
  return pick([...kinds, word.toUpperCase(), word.toLowerCase(), `${word}s`], random) ?? word;
}

function changeBrace(change: (text: string, at: number) => string): Mutation {
  return (lines, random) => {
    const places = lines.flatMap((text, line) =>
      [...text.replaceAll(/"[^"]*"|\$\{[^}]*\}/g, (quoted) => " ".repeat(quoted.length)).matchAll(/[{}]/g)].map(
        (match) => ({ line, at: match.index }),
      ),
    );
    const place = pick(places, random);
    return place ? lines.with(place.line, change(lines[place.line] ?? "", place.at)) : [...lines];
  };
}

/** Blocks by lines: from the one that opens to behind the one that closes. */
function changeBlock(
  change: (lines: readonly string[], from: number, to: number, random: Random) => string[],
): Mutation {
  return (lines, random) => {
    const blocks: [number, number][] = [];
    const open: number[] = [];
    for (const [i, line] of lines.entries()) {
      for (const [brace] of line.replaceAll(/"[^"]*"|\$\{[^}]*\}/g, "").matchAll(/[{}]/g)) {
        if (brace === "{") open.push(i);
        else {
          const from = open.pop();
          if (from !== undefined) blocks.push([from, i + 1]);
        }
      }
    }
    const block = pick(blocks, random);
    return block ? change(lines, block[0], block[1], random) : [...lines];
  };
}
