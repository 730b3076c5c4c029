// Config core: the reference manual and the table of compatibility, made from the keyword tables. `lbd docs` prints or writes
// them; a test compares them with docs/reference.md and docs/compat.md.

import type { Effective, Keyword } from "./bind/keyword.ts";
import { type CatalogEntry, type CatalogSection, catalog, defaultText } from "./keywords/catalog.ts";

/** Sections that are no blocks of keywords. */
const TITLES: Readonly<Record<string, string>> = {
  "": "Top level",
  linkbeat_interfaces: "Lines of linkbeat_interfaces",
  interface_up_down_delays: "Lines of interface_up_down_delays",
  address: "Lines of addresses: virtual_ipaddress, virtual_ipaddress_excluded, static_ipaddress",
  route: "Lines of routes: virtual_routes, static_routes",
  rule: "Lines of rules: virtual_rules, static_rules",
  tracker: "Lines of trackers: track_interface, track_script, track_file, track_process, track_bfd",
  unicast_peer: "Lines of unicast_peer",
  vsg: "Lines of virtual_server_group",
  lvs_sync_daemon: "Words of lvs_sync_daemon",
  tunnel: "Words of lvs_method TUN",
  vmac: "Words of use_vmac and use_ipvlan",
  directive: "Includes, conditions, definitions, loops",
  macro: "Predefined macros",
  cli: "Command line",
};

const REFERENCE_HEAD = `# Reference of the configuration

Made from the keyword tables by \`lbd docs\`; don't edit. How far each keyword is effective stands in [compat.md](compat.md),
what lbd does in another way than keepalived in [compat-notes.md](compat-notes.md).

| In the column of values | |
| --- | --- |
| INT(lo..hi) | decimal integer |
| SECS, MS | seconds, milliseconds; a fraction is allowed |
| BOOL | on, off, true, false, yes, no; left out: true |
| FLAG | no value |
| ENUM(a\\|b) | exactly one of these words |
| IP, IP/LEN, PORT, IFNAME | address, prefix, port, interface of at most 15 bytes |
| CMD | program with arguments, in double quotes |
| [x] | may be left out |
| BLOCK | statements in braces |

A default in brackets is a description. *Repeat* says what a second occurrence in one block does.
`;

/** One keyword as the manual tells it. */
export interface ManualEntry {
  readonly keyword: string;
  /** What may stand behind it, in the words of the manual's head; empty: nothing. */
  readonly grammar: string;
  /** With its unit; in brackets: a description; empty: none. */
  readonly standard: string;
  /** What a second occurrence in one block does. */
  readonly repeat: string;
  readonly meaning: string;
}

export interface ManualSection {
  readonly title: string;
  readonly entries: readonly ManualEntry[];
}

/** One section for each block and kind of line, outermost first. */
export function manualSections(): readonly ManualSection[] {
  return catalog().map((section) => ({ title: titleOf(section), entries: section.entries.map(manualEntry) }));
}

function manualEntry({ keyword, row }: CatalogEntry): ManualEntry {
  const unit = row.unit === undefined ? "" : ` ${row.unit}`;
  const standard = defaultText(row);
  return {
    keyword,
    grammar: row.value.grammar,
    standard: standard === "" || standard.startsWith("(") ? standard : `${standard}${unit}`,
    repeat: row.repeat,
    meaning: `${row.doc}${remarks(row)}`,
  };
}

/** docs/reference.md. */
export function referenceManual(): string {
  const parts = [REFERENCE_HEAD];
  for (const { title, entries } of manualSections()) {
    parts.push(
      `## ${title}\n\n| Keyword | Values | Default | Repeat | Meaning |\n| --- | --- | --- | --- | --- |`,
      `${entries.map(referenceRow).join("\n")}\n`,
    );
  }
  return parts.join("\n");
}

function titleOf(section: CatalogSection): string {
  return TITLES[section.path] ?? section.path;
}

function referenceRow({ keyword, grammar, standard, repeat, meaning }: ManualEntry): string {
  return `| ${[code(keyword), code(grammar), cell(standard), cell(repeat), cell(meaning)].join(" | ")} |`;
}

function remarks(row: Keyword): string {
  const parts: string[] = [];
  if (row.sameAs !== undefined) parts.push(`Sets ${row.sameAs}.`);
  if (row.status === "deprecated") parts.push(`Old${row.successor === undefined ? "" : `: use ${row.successor}`}.`);
  if (row.status === "removed") parts.push("keepalived no longer knows it.");
  if (row.reload === "restart") parts.push("A change needs a restart.");
  if (row.secret) parts.push("Secret: shown nowhere.");
  return parts.length === 0 ? "" : ` ${parts.join(" ")}`;
}

const COMPAT_HEAD = `# Compatibility with keepalived 2.4.3, keyword by keyword

Made from the keyword tables by \`lbd docs\`; don't edit. Every word of keepalived is read, checked and held by the model.
What differs on purpose stands in [compat-notes.md](compat-notes.md).

| State | |
| --- | --- |
| effective | acts as in keepalived; the named test reads the word and sees what it changes, or, where that is said, that lbd always does so |
| effective, no test of its own | acts, and no test names it |
| parsed, not yet effective | read and checked; a run says in one line that it has no effect yet |
| unsupported | read, and without effect on purpose; the reason stands beside it |
`;

/** docs/compat.md. */
export function compatibilityTable(): string {
  const sections = catalog();
  const rows = sections.flatMap((section) => section.entries);
  const count = (kind: string) => rows.filter(({ row }) => stateOf(row.effective).startsWith(kind)).length;
  const sums =
    `Of ${rows.length} words ${count("effective: ")} are effective and tested, ${count("effective, no")} effective without a test ` +
    `of their own, ${count("parsed")} parsed and not yet effective, ${count("unsupported")} unsupported.\n`;
  const parts = [COMPAT_HEAD, sums];
  for (const section of sections) {
    parts.push(`## ${titleOf(section)}\n\n| Keyword | Since | State |\n| --- | --- | --- |`);
    parts.push(`${section.entries.map(compatRow).join("\n")}\n`);
  }
  return parts.join("\n");
}

function compatRow({ keyword, row }: CatalogEntry): string {
  return `| ${code(keyword)} | ${cell(row.since)} | ${cell(stateOf(row.effective))} |`;
}

function stateOf(effective: Effective): string {
  if (effective === "parsed") return "parsed, not yet effective";
  if (effective === "untested") return "effective, no test of its own";
  if (!("test" in effective)) return `unsupported: ${effective.unsupported}`;
  return `effective: ${effective.test}${effective.always === undefined ? "" : `; ${effective.always}`}`;
}

/** Text of a table cell: a bar would end it, an angle bracket be taken for markup. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}

function code(text: string): string {
  return text === "" ? "" : `\`${text.replaceAll("|", "\\|")}\``;
}
