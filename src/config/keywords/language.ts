// Config core: what is no keyword of a block: includes, conditions, definitions, loops and predefined macros, for the manual.
// lexer, expand and loops read them; the rows only describe.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language writes its macros so
import type { Table } from "./keyword.ts";
import { positional } from "./positional.ts";

// biome-ignore format: a table reads by rows
export const DIRECTIVES = {
  include: { value: positional("GLOB, unquoted, to end of line"), repeat: "each", tier: "core", since: "1.1.14", effective: "parsed",
    doc: "Insert files; a missing file is only noted. Relative to the including file." },
  includer: { value: positional("GLOB"), repeat: "each", tier: "core", since: "2.2.0", effective: "parsed",
    doc: "As include; unreadable or irregular files are fatal." },
  includem: { value: positional("GLOB"), repeat: "each", tier: "full", since: "2.2.0", effective: "parsed",
    doc: "As includer; a plain name that matches nothing is fatal." },
  includew: { value: positional("GLOB"), repeat: "each", tier: "full", since: "2.2.0", effective: "parsed",
    doc: "As includem; a wildcard that matches nothing is fatal too." },
  includeb: { value: positional("GLOB"), repeat: "each", tier: "full", since: "2.2.0", effective: "parsed",
    doc: "As includer; every brace alternative must match." },
  includea: { value: positional("GLOB"), repeat: "each", tier: "core", since: "2.2.0", effective: "parsed",
    doc: "All checks at once." },
  "@id": { value: positional("@WORD rest-of-line"), repeat: "one per line", tier: "core", since: "1.3.0", effective: "parsed",
    doc: "Keep the line only if WORD is the configuration id." },
  "@^id": { value: positional("@^WORD rest-of-line"), repeat: "one per line", tier: "core", since: "1.3.7", aliases: "(@! is a comment)",
    effective: "parsed",
    doc: "Keep the line only if WORD is not the configuration id." },
  "$NAME=": { value: positional("$NAME=TEXT [\\\\ continuation lines]"), repeat: "last", tier: "core", since: "1.4.0", effective: "parsed",
    doc: "Define a macro." },
  "$NAME": { value: positional("$NAME or ${NAME}"), repeat: "each", tier: "core", since: "1.4.0", effective: "parsed",
    doc: "Use a macro; unknown ones stay as they are." },
  "~SEQ": { value: positional("~SEQ(var, [start, [step,]] end) rest"), default: "start 1 or -1, step +-1", repeat: "nest", tier: "core",
    since: "2.0.9", effective: "parsed",
    doc: "Repeat the rest of the line over numbers." },
  "~SEQx": { value: positional("~SEQx(var, [start, [step,]] end) rest"), repeat: "nest", tier: "full", since: "2.1.0", effective: "parsed",
    doc: "Same, formatting the number in hexadecimal." },
  "~LST": { value: positional("~LST(var, v1, ...) rest | ~LST({a,b}, {a1,b1}, ...) rest"), default: "missing values empty", repeat: "nest",
    tier: "core", since: "2.1.0", effective: "parsed",
    doc: "Repeat the rest of the line over listed values." },
} as const satisfies Table;

// biome-ignore format: a table reads by rows
export const MACROS = {
  _PWD: { value: positional("${_PWD}"), default: "directory of the current file", repeat: "", tier: "full", since: "1.4.3", effective: "parsed",
    doc: "Directory of the file being read." },
  _INSTANCE: { value: positional("${_INSTANCE}"), default: "configuration id", repeat: "", tier: "full", since: "2.0.1", effective: "parsed",
    doc: "The configuration id (-i), by default the short host name." },
  _RANDOM: { value: positional("${_RANDOM [MIN [MAX]]}"), default: "0..32767", repeat: "", tier: "full", since: "2.0.15", effective: "parsed",
    doc: "A random number, drawn anew at each use and by each process." },
  _ENV: { value: positional("${_ENV NAME}"), default: "empty if unset", repeat: "", tier: "core", since: "2.4.0", effective: "parsed",
    doc: "An environment variable." },
  _HASH: { value: positional("${_HASH}"), default: "#", repeat: "", tier: "full", since: "2.1.4", effective: "parsed",
    doc: "A number sign; only useful inside double quotes." },
  _BANG: { value: positional("${_BANG}"), default: "!", repeat: "", tier: "full", since: "2.1.4", effective: "parsed",
    doc: "An exclamation mark; only useful inside double quotes." },
} as const satisfies Table;
