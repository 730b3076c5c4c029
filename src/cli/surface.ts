// CLI: what the command line offers, from the tables of options and commands: what manual pages and completions are made from.
import type { ArgsDef } from "citty";
import type { Command } from "./command.ts";
import { FLAGS, type Flag } from "./flags.ts";

/** What may stand where a value is expected; words: one of them. */
export type ValueKind = "file" | "folder" | "text" | { readonly words: readonly string[] };

export interface OfferedValue {
  /** As the help names it: `FILE`. */
  readonly hint: string;
  readonly kind: ValueKind;
  /** It may be left out, and stands joined: `--effective=json`. */
  readonly optional: boolean;
}

export interface OfferedOption {
  /** The short spelling first: `-f`, `--config`, `--use-file`. */
  readonly spellings: readonly string[];
  readonly help: string;
  readonly value?: OfferedValue;
}

export interface OfferedCommand {
  /** Empty for a run, which has none; some have two words. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OfferedOption[];
  readonly operand?: OfferedValue & { readonly help: string };
}

/** The run without a command first, then the commands in the order of the help. */
export async function surfaceOf(table: Readonly<Record<string, Command>>): Promise<readonly OfferedCommand[]> {
  const commands = Object.entries(table).map(async ([name, { summary, load }]): Promise<OfferedCommand> => {
    const { description, args } = await load();
    return { name, summary, description, ...offered(args) };
  });
  return [RUN, ...(await Promise.all(commands))];
}

const RUN: OfferedCommand = {
  name: "",
  summary: "run the director",
  description: "Run the director in the foreground",
  options: FLAGS.map((flag: Flag) => ({
    spellings: [
      ...(flag.short ? [`-${flag.short}`] : []),
      ...[...(flag.also ?? []), flag.long].map((long) => `--${long}`),
    ],
    help:
      flag.note === undefined
        ? flag.help
        : `${flag.help}; ${flag.refused ? "refused" : "without effect"}: ${flag.note}`,
    ...(flag.value === undefined ? {} : { value: offeredValue(flag.value) }),
  })),
};

function offered(args: ArgsDef): Pick<OfferedCommand, "options" | "operand"> {
  const options: OfferedOption[] = [];
  let operand: OfferedCommand["operand"];
  for (const [name, def] of Object.entries(args)) {
    const help = def.description ?? "";
    if (def.type === "positional")
      operand ??= { ...offeredValue(def.valueHint ?? name.toUpperCase()), help, optional: def.required === false };
    else if (def.type === "boolean" && def.default === true)
      options.push({ spellings: [`--no-${name}`], help: def.negativeDescription ?? `not: ${help}` });
    else {
      const aliases = "alias" in def && def.alias !== undefined ? [def.alias].flat() : [];
      const spellings = [...aliases, name].map((word) => (word.length === 1 ? `-${word}` : `--${word}`));
      const words = def.type === "enum" ? def.options : undefined;
      const value =
        def.type === "boolean" || def.type === undefined
          ? undefined
          : offeredValue(words?.join("|") ?? def.valueHint ?? "VALUE");
      options.push({ spellings, help, ...(value && { value }) });
    }
  }
  return { options: [...options, { spellings: ["-h", "--help"], help: "print this" }], ...(operand && { operand }) };
}

/** @param hint as the tables have it: `FILE`, `auto|sockopt`, `[LOG_FILE]` */
function offeredValue(hint: string): OfferedValue {
  const optional = hint.startsWith("[");
  const name = optional ? hint.slice(1, -1) : hint;
  return { hint: name, kind: kindOf(name), optional };
}

function kindOf(name: string): ValueKind {
  const words = name.split("|");
  // Words are written small; a name in capitals stands for something.
  const fixed = words.filter((word) => /^[a-z0-9-]+$/.test(word));
  if (words.length > 1 && fixed.length > 0) return { words: fixed };
  if (/(^|_)FILE$|^PATH$|^IMAGE$|^DEVICE/.test(name)) return "file";
  return name === "DIR" ? "folder" : "text";
}
