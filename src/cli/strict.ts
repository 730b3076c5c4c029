// CLI: what citty lets pass: options a command does not have, options without their value, and words it has no place for.
import type { ArgsDef } from "citty";

/** What is wrong with a command line, and the options that could have been meant. */
export interface BadArgument {
  readonly message: string;
  readonly word: string;
  readonly known: readonly string[];
}

/** The first thing on the command line that `args` does not take; undefined when all is well. */
export function badArgument(rawArgs: readonly string[], args: ArgsDef): BadArgument | undefined {
  const entries = Object.entries(args);
  const takesWords = entries.some(([, def]) => def.type === "positional");
  const options = new Map<string, boolean>([
    ["--help", false],
    ["-h", false],
  ]);
  for (const [name, def] of entries) {
    if (def.type === "positional") continue;
    const takesValue = def.type !== "boolean" && def.type !== undefined;
    options.set(`--${name}`, takesValue);
    const aliases = "alias" in def && def.alias !== undefined ? [def.alias].flat() : [];
    for (const alias of aliases) options.set(alias.length === 1 ? `-${alias}` : `--${alias}`, takesValue);
    if (!takesValue) options.set(`--no-${name}`, false);
  }
  const known = [...options.keys()].filter((name) => !name.startsWith("--no-"));
  for (let at = 0; at < rawArgs.length; at++) {
    const word = rawArgs[at] ?? "";
    if (word === "--") return undefined;
    if (!word.startsWith("-") || word === "-") {
      if (!takesWords) return { message: `stray word ${word}`, word, known: [] };
      continue;
    }
    const name = word.includes("=") ? word.slice(0, word.indexOf("=")) : word;
    const takesValue = options.get(name);
    // A short one with its value joined: -iID.
    if (takesValue === undefined && !word.startsWith("--") && options.get(word.slice(0, 2))) continue;
    if (takesValue === undefined) return { message: `unknown option ${name}`, word: name, known };
    if (!takesValue || name !== word) continue;
    if (rawArgs[++at] === undefined) return { message: `${name} needs a value`, word: name, known: [] };
  }
  return undefined;
}
