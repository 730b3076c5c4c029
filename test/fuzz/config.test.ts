// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Whatever stands in a configuration: reading it ends soon, throws nothing, and every finding points at a place that is there.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { renderDiagnostic, toJson } from "../../src/config/findings/render.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type MemoryFile, memoryFiles } from "../unit/config/engine/support.ts";

const EXAMPLES = join(import.meta.dir, "..", "golden", "examples");
const TEXTS = ["", "inc"].flatMap((folder) =>
  readdirSync(join(EXAMPLES, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [join(folder, name), readFileSync(join(EXAMPLES, folder, name), "utf8")] as const),
);
const INCLUDED = Object.fromEntries(TEXTS.filter(([name]) => name.startsWith("inc/")));
const MAIN = TEXTS.filter(([name]) => !name.startsWith("inc/"));

/** A whole configuration of this size is read in milliseconds of processor time. */
const LIMIT_US = 5_000_000;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env.FUZZ_RUNS ?? 300);
const parameters = { seed, numRuns };
console.log(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`);

function load(content: MemoryFile) {
  const before = process.cpuUsage();
  const loaded = loadConfig(
    {
      paths: ["k.conf"],
      env: { HOSTNAME: "lbd" },
      random: () => 0.5,
      configId: "a",
      context: { hostName: "lbd.example" },
    },
    memoryFiles({ ...INCLUDED, "k.conf": content }),
  );
  expect(process.cpuUsage(before).user).toBeLessThan(LIMIT_US);
  return loaded;
}

/** Loads, and looks at everything that comes out. */
function loadAndLook(content: MemoryFile): void {
  const { diagnostics, errors, files, effective } = load(content);
  expect(errors).toBe(diagnostics.some(({ severity }) => severity === "error"));
  for (const diagnostic of diagnostics) {
    expect(renderDiagnostic(diagnostic, { color: true })).not.toBe("");
    const { file, line, column, endLine, endColumn, message } = toJson(diagnostic, "k.conf");
    expect(message).not.toBe("");
    if (!diagnostic.span) continue;
    expect(files).toContain(file);
    const text = [...(diagnostic.span.file.text.split("\n")[line - 1] ?? "no such line")];
    expect(line).toBeGreaterThanOrEqual(1);
    expect(endLine).toBe(line);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(endColumn).toBeGreaterThanOrEqual(column);
    expect(endColumn).toBeLessThanOrEqual(text.length + 1);
  }
  expect(() => JSON.stringify([effective.config, effective.blocks, effective.notYetEffective])).not.toThrow();
}

const PIECES = [
  ...[
    "{",
    "}",
    '"',
    "#",
    "!",
    "$",
    "${",
    "~",
    "@",
    "\\",
    "=",
    "(",
    ")",
    ",",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\ufeff",
    "😀",
  ],
  ...["$A=", "$A", "${A}", "$B=", "${B}", "${_ENV HOSTNAME}", "${_RANDOM 3 1}", "${_PWD}", "${_HASH}", "\\\n"],
  ...["~SEQ(A, 1, 3) ", "~SEQx(A, 9, 11) ", "~LST({A, B}, {1, 2}, {3}) ", "@a ", "@^a ", "@b "],
  ...["include k.conf\n", "include inc/*.inc\n", "includea inc/gone\n", "include_check +read\n"],
  ...[
    "global_defs",
    "vrrp_instance",
    "V1",
    "virtual_server",
    "192.0.2.1",
    "80",
    "real_server",
    "TCP_CHECK",
    "HTTP_GET",
  ],
  ...[
    "url",
    "virtual_ipaddress",
    "192.0.2.1/24 dev eth0",
    "track_script",
    "vrrp_script",
    "script",
    "notify",
    "/bin/true",
  ],
  ...[
    "fwmark",
    "group",
    "virtual_server_group",
    "priority",
    "100",
    "-1",
    "1e9",
    "advert_int",
    "bfd_instance",
    "static_routes",
  ],
  ...[
    "2001:db8::1",
    "2001:db8::1-ff 80",
    "192.0.2.1-10",
    "default via 192.0.2.1",
    "from 192.0.2.0/24 table 1",
    "SMTP_CHECK",
  ],
];

describe("reading never throws", () => {
  test("a loop of which one turn gives an error and the one before a warning", () => {
    loadAndLook("~LST({A, B}, {1, 2}, {3}) $A\\\n");
  });

  test("bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), loadAndLook), parameters);
  });

  test("text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 500 }), loadAndLook), parameters);
  });

  test("pieces of the language in any order", () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 150 }).map((pieces) => pieces.join(""));
    fc.assert(fc.property(text, loadAndLook), parameters);
  });

  test("words of the language, with blanks between", () => {
    const text = fc.array(fc.constantFrom(...PIECES, "\n", "\n"), { maxLength: 200 }).map((pieces) => pieces.join(" "));
    fc.assert(fc.property(text, loadAndLook), parameters);
  });

  test("examples with pieces put in, taken out and doubled", () => {
    const change = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom("in", "out", "double"),
      piece: fc.constantFrom(...PIECES),
      size: fc.nat(40),
    });
    const changed = fc.tuple(fc.constantFrom(...TEXTS), fc.array(change, { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(changed, ([[, text], changes]) => {
        let mutant = text;
        for (const { at, kind, piece, size } of changes) {
          const from = at % (mutant.length + 1);
          const cut = mutant.slice(from, from + size);
          const put = kind === "in" ? piece : kind === "double" ? cut + cut : "";
          mutant = mutant.slice(0, from) + put + mutant.slice(kind === "in" ? from : from + size);
        }
        loadAndLook(mutant);
      }),
      parameters,
    );
  });

  test("examples with their lines in another order", () => {
    const lines = fc.constantFrom(...MAIN).chain(([, text]) => {
      const all = text.split("\n");
      return fc.shuffledSubarray(all, { minLength: Math.floor(all.length / 2) });
    });
    fc.assert(
      fc.property(lines, (shuffled) => loadAndLook(shuffled.join("\n"))),
      parameters,
    );
  });
});

describe("the examples", () => {
  test.each(MAIN)("%s has no errors", (_name, text) => {
    expect(load(text).diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  test.each(MAIN)("%s means the same with other blanks and line ends", (_name, text) => {
    const before = effectiveWords(load(text));
    expect(effectiveWords(load(text.replaceAll("\n", "\r\n")))).toEqual(before);
    expect(effectiveWords(load(text.replaceAll(/^ +/gm, "\t")))).toEqual(before);
    expect(effectiveWords(load(text.replace(/\n$/, "")))).toEqual(before);
    expect(effectiveWords(load(text.replaceAll(/ \{$/gm, "\n{")))).toEqual(before);
  });

  const braces = MAIN.flatMap(([name, text]) => bracesOf(name, text));
  test(`each of their ${braces.length} braces, taken away, is one error at its block`, () => {
    for (const { name, text, at, line } of braces) {
      const mutant = text.slice(0, at) + text.slice(at + 1);
      const found = load(mutant).diagnostics.filter(({ severity }) => severity === "error");
      expect([name, at, ...found.map(({ code, span }) => `${code} in line ${span?.line}`)]).toEqual([
        name,
        at,
        `${text.charAt(at) === "{" ? "block-not-opened" : "block-not-closed"} in line ${line}`,
      ]);
    }
  });
});

function effectiveWords({ effective }: ReturnType<typeof load>): unknown {
  // Places differ, values must not.
  return JSON.parse(
    JSON.stringify(effective.config, (key, value) => (key === "origin" || key === "origins" ? undefined : value)),
  );
}

interface Brace {
  readonly name: string;
  readonly text: string;
  readonly at: number;
  /** Line of the opening brace. */
  readonly line: number;
}

/** Braces that open and close blocks, outside of comments, quotes, macros and loops. */
function bracesOf(name: string, text: string): Brace[] {
  const found: Brace[] = [];
  const open: number[] = [];
  let at = 0;
  for (const [index, line] of text.split("\n").entries()) {
    const code = line.replace(/[#!].*/, "").replaceAll(/"[^"]*"/g, (quoted) => "x".repeat(quoted.length));
    for (const { index: column, 0: brace } of /[$~]/.test(code) ? [] : code.matchAll(/[{}]/g)) {
      if (brace === "{") open.push(index + 1);
      const opener = brace === "{" ? index + 1 : open.pop();
      if (opener !== undefined) found.push({ name, text, at: at + column, line: opener });
    }
    at += line.length + 1;
  }
  return found;
}
