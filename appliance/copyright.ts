// Appliance: what Debian's copyright files say of a package, in SPDX's words (SPDX 2.3, annexes B and D). Files in Debian's machine-readable form
// (copyright-format 1.0) name licences; of the others, and of names that SPDX has no word for, the text itself is given.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DebianPackage } from "./packages.ts";

export interface License {
  /** An expression of SPDX. */
  readonly expression: string;
  /** Text of each LicenseRef- in it. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * The text of usr/share/doc/NAME/copyright.
 * @param others packages that may hold it: one of the same source may be named instead by a link
 * @throws Error when there is none
 */
export function copyrightOf(of: DebianPackage, others: readonly DebianPackage[]): string {
  for (const { name, root } of [of, ...others.filter(({ source }) => source === of.source)]) {
    const path = join(root, "usr/share/doc", name, "copyright");
    if (existsSync(path)) return readFileSync(path, "utf8");
  }
  throw new Error(`neither ${of.name} nor a package of the same source has a copyright file`);
}

/** @param name of the package, for licences that have no name of their own */
export function licenseOf(name: string, copyright: string): License {
  const whole = `LicenseRef-debian-${idString(name)}`;
  if (!/^Format: *https?:\/\/www\.debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0/m.test(copyright))
    return { expression: whole, texts: new Map([[whole, copyright]]) };
  const paragraphs = copyright.split(/\n[ \t]*\n/);
  const ofFiles = paragraphs.filter((text) => /^(Files|Format):/m.test(text));
  const names = [...new Set(ofFiles.map((text) => field(text)).filter((word) => word !== undefined))].sort();
  if (names.length === 0) return { expression: whole, texts: new Map([[whole, copyright]]) };
  const texts = new Map<string, string>();
  const refer = (word: string) => {
    const ref = `LicenseRef-debian-${idString(name)}-${idString(word)}`;
    const found = paragraphs.find((text) => field(text) === word && /^License:.*\n[ \t]/m.test(text));
    texts.set(ref, found ?? copyright);
    return ref;
  };
  const expressions = names.map((word) => expressionOf(word, refer));
  const terms = expressions.flatMap((one) => (one.includes(" OR ") ? [`(${one})`] : one.split(" AND ")));
  return { expression: [...new Set(terms)].join(" AND "), texts };
}

/** The first line of a paragraph's `License`. */
function field(paragraph: string): string | undefined {
  const found = /^License:[ \t]*(\S.*)$/m.exec(paragraph)?.[1];
  return found?.trim();
}

/** Debian: names with `and`, `or`, and a comma that says what binds first; with a comma it is one name here. */
function expressionOf(words: string, refer: (word: string) => string): string {
  if (words.includes(",") || /[()]/.test(words)) return refer(words);
  // `and` binds more than `or`, in both.
  return words
    .split(/\s+or\s+/i)
    .map((part) =>
      part
        .split(/\s+and\s+/i)
        .map((word) => spdxName(word) ?? refer(word))
        .join(" AND "),
    )
    .join(" OR ");
}

const NAMES: Readonly<Record<string, string>> = {
  expat: "MIT",
  mit: "MIT",
  isc: "ISC",
  zlib: "Zlib",
  "bsd-2-clause": "BSD-2-Clause",
  "bsd-3-clause": "BSD-3-Clause",
  "bsd-4-clause": "BSD-4-Clause",
  "apache-2.0": "Apache-2.0",
  "mpl-2.0": "MPL-2.0",
  "cc0-1.0": "CC0-1.0",
  cc0: "CC0-1.0",
  "bsl-1.0": "BSL-1.0",
  fsfap: "FSFAP",
  fsful: "FSFUL",
  fsfullr: "FSFULLR",
  "0bsd": "0BSD",
};

/** SPDX's word for one of Debian's; undefined when they don't mean the same. */
function spdxName(word: string): string | undefined {
  const gnu = /^(A?GPL|LGPL|GFDL)-(\d)(?:\.(\d))?(\+|-or-later|-only)?$/i.exec(word);
  if (!gnu) return NAMES[word.toLowerCase()];
  const [, kind = "", major = "", minor = "0", later = ""] = gnu;
  const version = `${major}.${minor}`;
  const known = { GPL: ["1.0", "2.0", "3.0"], AGPL: ["3.0"], LGPL: ["2.0", "2.1", "3.0"], GFDL: ["1.1", "1.2", "1.3"] };
  const upper = kind.toUpperCase();
  if (!Object.entries(known).some(([name, versions]) => name === upper && versions.includes(version))) return undefined;
  return `${upper}-${version}-${later === "" || later === "-only" ? "only" : "or-later"}`;
}

/** SPDX: letters, digits, `.` and `-`. */
function idString(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]+/g, "-").replace(/^-|-$/g, "");
}
