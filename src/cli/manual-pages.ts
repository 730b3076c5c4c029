// CLI: the manual pages lbd(8) and lbd.conf(5), in the macros of man(7), from the tables of options, commands and keywords.
import { manualSections } from "../config/manual.ts";
import { DEFAULT_RUN_DIR } from "../process/host/places.ts";
import { DEFAULT_API, DEFAULT_CONFIG } from "../process/options.ts";
import { VERSION } from "../version.ts";
import type { OfferedCommand, OfferedOption, OfferedValue } from "./surface.ts";

/** lbd(8). */
export function programPage([run, ...commands]: readonly OfferedCommand[]): string {
  return page("LBD", 8, "System Manager's Manual", [
    section("NAME", "lbd \\- LVS director in one program, a drop\\-in for keepalived"),
    section(
      "SYNOPSIS",
      [
        ".B lbd\n.RI [ options ]",
        ".B lbd\n.I command\n.RI [ options ]",
        ".B lbd \\-\\-host\n.I name command\n.RI [ options ]",
      ].join("\n.br\n"),
    ),
    section(
      "DESCRIPTION",
      "lbd reads keepalived.conf unchanged, programs the kernel's IPVS, checks real servers, speaks VRRP and BFD, and answers how it is doing and why: to",
      ".B lbd status\nand over HTTP. Without a command it runs the director, in the foreground; keepalived's own options work.",
    ),
    section("OPTIONS OF A RUN", ...(run?.options ?? []).map(optionEntry)),
    section(
      "COMMANDS",
      ...commands.flatMap(({ name, description, options, operand }) => [
        `.SS lbd ${escaped(name)}${operand ? ` ${escaped(operandText(operand))}` : ""}\n${sentence(escaped(description))}`,
        ...(operand && operand.help !== "" ? [tagged(`.I ${escaped(operand.hint)}`, operand.help)] : []),
        ...options.filter(({ spellings }) => !spellings.includes("--help")).map(optionEntry),
      ]),
    ),
    section(
      "SIGNALS",
      tagged(".B HUP", "The configuration is read again; one that is refused changes nothing."),
      tagged(".BR TERM ,\\  INT", "The director ends: VRRP says priority 0, and what it set up is taken away."),
    ),
    section(
      "EXIT STATUS",
      ...[
        ["0", "Normal end."],
        ["1", "Fatal, or wrong options."],
        ["2", "Nothing of the configuration can be used, or it has errors and \\-\\-strict was given."],
        ["3", "A director runs already in that run directory."],
        ["4", "A right is missing."],
      ].map(([status, text]) => `.TP\n.B ${status}\n${text}`),
    ),
    section(
      "FILES",
      tagged(`.I ${escaped(DEFAULT_CONFIG)}`, "The configuration; see lbd.conf(5)."),
      tagged(`.I ${escaped(`${DEFAULT_RUN_DIR}/api.sock`)}`, "The API, as on TCP; see --api."),
      tagged(`.I ${escaped(`${DEFAULT_RUN_DIR}/lbd.pid`)}`, "Its process id."),
      tagged(
        ".I /etc/default/lbd",
        "Options for the service, as LBD_OPTIONS; those of /etc/default/keepalived are taken, too.",
      ),
    ),
    section(
      "EXAMPLES",
      example("What is wrong with a file, and what this machine lacks for it:", `lbd check --here ${DEFAULT_CONFIG}`),
      example("What is down:", "lbd status --down"),
      example("The same for machines:", `curl -s http://${DEFAULT_API}/v1/status`),
    ),
    section("SEE ALSO", ".BR lbd.conf (5),\n.BR ipvsadm (8),\n.BR ip (8)"),
  ]);
}

/** lbd.conf(5). */
export function configurationPage(): string {
  return page("LBD.CONF", 5, "File Formats Manual", [
    section("NAME", `lbd.conf \\- the configuration of lbd, ${escaped(DEFAULT_CONFIG)}`),
    section(
      "DESCRIPTION",
      `lbd reads the files of keepalived; the one it looks for is ${escaped(DEFAULT_CONFIG)}. A block has its statements in braces, a comment begins with # or !.`,
      "Values are named so: INT(lo..hi) a decimal integer; SECS, MS seconds and milliseconds, with a fraction if need be; BOOL on, off, true, false, yes or no, true when left out; FLAG no value; ENUM(a|b) one of these words;",
      "IP, IP/LEN, PORT, IFNAME an address, prefix, port or interface; CMD a program with its arguments in double quotes; BLOCK statements in braces. What stands in [ ] may be left out.",
      ".B lbd check\nsays what is wrong with a file and where,\n.B lbd explain\nwhat a keyword means.",
    ),
    ...manualSections()
      .filter(({ title }) => title !== "Command line")
      .map(({ title, entries }) =>
        section(
          escaped(title.toUpperCase()),
          ...entries.map(({ keyword, grammar, standard, meaning }) =>
            tagged(
              `.B ${escaped(keyword)}${grammar === "FLAG" || grammar === "" ? "" : `\\fR ${escaped(grammar)}`}`,
              `${meaning}${standard === "" ? "" : ` Default: ${standard.replace(/^\((.*)\)$/, "$1")}.`}`,
            ),
          ),
        ),
      ),
    section("SEE ALSO", ".BR lbd (8),\n.BR keepalived.conf (5)"),
  ]);
}

function page(title: string, number: number, manual: string, sections: readonly string[]): string {
  return [
    `.\\" Made by \`lbd docs\` from its tables; don't edit.`,
    `.TH ${title} ${number} "" "lbd ${VERSION}" "${manual}"`,
    // Not stretched to both margins: values without blanks are long.
    ".ad l",
    ...sections,
  ].join("\n");
}

function section(title: string, ...parts: readonly string[]): string {
  const text = parts.map((part, at) => (at > 0 && !part.startsWith(".") ? `.PP\n${part}` : part)).join("\n");
  return `.SH ${title.includes(" ") ? `"${title}"` : title}\n${text}`;
}

/** @param tag a line of macros; @param text plain */
function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${sentence(escaped(text))}`;
}

function example(what: string, command: string): string {
  return `.PP\n${escaped(what)}\n.PP\n.RS\n.nf\n${escaped(command)}\n.fi\n.RE`;
}

function optionEntry({ spellings, help, value }: OfferedOption): string {
  const names = spellings.map((word) => `\\fB${escaped(word)}\\fR`).join(", ");
  const of =
    value === undefined ? "" : value.optional ? `[=\\fI${escaped(value.hint)}\\fR]` : ` \\fI${escaped(value.hint)}\\fR`;
  return tagged(`${names}${of}`, capitalized(help));
}

/** Names of things keep their small letter. */
function capitalized(text: string): string {
  return /^[a-z]+[ :,;]/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text;
}

function operandText({ hint, optional }: OfferedValue): string {
  return optional ? `[${hint}]` : hint;
}

function sentence(text: string): string {
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}

/** groff_char(7): a backslash, a hyphen that is typed, an apostrophe that is typed; a line that begins with a dot or an apostrophe would be a request. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replace(/^(?=\.)/, "\\&");
}
