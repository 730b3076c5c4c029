// Config core: programs to run, the account that they run under, and the FIFOs that events are written to.
import type { Command } from "../../model/command.ts";
import type { Word } from "../../text/tree.ts";
import { splitEscaped } from "../../text/words.ts";
import type { Value } from "../keyword.ts";
import type { Reader } from "../reader.ts";
import { nonEmptySchema } from "./names.ts";

export interface Account {
  readonly user: string;
  readonly group?: string;
}

/** `USER [[:]GROUP]`; a colon alone asks for the user's login group, which is the default. */
export const account: Value<Account> = {
  grammar: "USER [[:]GROUP]",
  read: (words) => {
    const user = words.need("a user name");
    const group = words.next();
    return user && accountOf(words, user, group);
  },
};

/** @param hint what an account that does not exist was perhaps meant to be */
function accountOf(words: Reader, user: Word, group: Word | undefined, hint?: string): Account {
  checkAccount(words, "user", user, user.text, hint);
  const name = group?.text.replace(/^:/, "") ?? "";
  if (!group || name === "") return { user: user.text };
  checkAccount(words, "group", group, name, hint);
  return { user: user.text, group: name };
}

/** keepalived finds out when it wants to run the program. The director may be another machine, so it is no error. */
function checkAccount(words: Reader, kind: "user" | "group", word: Word, name: string, hint?: string): void {
  if (words.complained || words.context.hasAccount?.(kind, name) !== false) return;
  words.warn(word, "unknown-account", `${words.keyword.text}: there is no ${kind} ${name} here`, hint);
}

/** `CMD [USER [[:]GROUP]]`: the rest of the line, split by the rules of script words. */
export const command: Value<Command> = {
  grammar: "CMD [USER [[:]GROUP]]",
  read: (words) => readCommand(words, "with-account"),
};

/** `CMD` alone: what follows an unquoted program is dropped by keepalived, and reported here. */
export const program: Value<Command> = {
  grammar: "CMD (one word, or quoted with arguments)",
  read: (words) => readCommand(words, "alone"),
};

/** As `command`, but the whole may be left out. */
export const maybeCommand: Value<Command | true> = {
  grammar: "[CMD [USER [[:]GROUP]]]",
  read: (words) => (words.peek() ? readCommand(words, "with-account") : true),
};

function readCommand(words: Reader, form: "with-account" | "alone"): Command | undefined {
  const first = words.peek();
  if (!first) return void words.need("a command, in double quotes if it has arguments");
  const line = splitEscaped(words.rest);
  const text = line.ok ? line.value[0] : undefined;
  const argv = text === undefined ? undefined : splitEscaped(text);
  const all = words.takeAll();
  if (!line.ok || !argv?.ok) {
    const reason = !line.ok ? line.error : argv && !argv.ok ? argv.error : "nothing to run";
    words.error(first, "bad-command", `${words.keyword.text}: ${reason}`);
    return undefined;
  }
  if (argv.value.length === 0 || argv.value[0] === "") {
    // keepalived passes it in silence where a program may be left out, and runs nothing.
    const finding = { code: "no-program" as const, message: `${words.keyword.text} names no program: nothing is run` };
    words.report(form === "alone" ? "error" : "warning", first.span, { ...finding, hint: expectedCommand });
    return undefined;
  }
  warnOfCommand(words, first, argv.value);
  const [, user, group, ...rest] = line.value;
  const origin = first.origin;
  if (form === "alone" ? user !== undefined : rest.length > 0) {
    const extra = all[form === "alone" ? 1 : 3] ?? first;
    words.warn(
      extra,
      "extra-words",
      `${words.keyword.text}: ${extra.text} and what follows is not handed to the program`,
      expectedCommand,
    );
  }
  if (form === "alone" || user === undefined) return { argv: argv.value, origin };
  const account = accountOf(
    words,
    all[1] ?? first,
    group === undefined ? undefined : (all[2] ?? first),
    expectedCommand,
  );
  return { argv: argv.value, ...account, origin };
}

const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh", "env", "su", "sudo"]);

const SHELL_SIGN = /^(?:\|{1,2}|&{1,2}|;|\d?>{1,2}.*|<.*|.*\$\(.*|.*`.*)$/s;

/** Programs are started without a shell, from the directory /. */
function warnOfCommand(words: Reader, first: Word, argv: readonly string[]): void {
  const [program = "", ...rest] = argv;
  // These go to the shell as they are.
  if (program.startsWith("<")) return;
  if (program.includes("/") && !program.startsWith("/"))
    words.warn(first, "relative-path", `${program} is looked for from / on, where lbd runs`, "write the whole path");
  const sign = rest.find((word) => SHELL_SIGN.test(word));
  if (sign === undefined || SHELLS.has(program.slice(program.lastIndexOf("/") + 1))) return;
  words.warn(
    first,
    "shell-words",
    `no shell runs this command: ${sign} is handed to ${program} as an argument`,
    `write "/bin/sh -c '…'" around it`,
  );
}

const expectedCommand = 'put program and arguments together in double quotes: "/path/to/program argument"';

export interface FifoValue {
  readonly path: string;
  readonly user?: string;
  readonly group?: string;
}

export const fifo: Value<FifoValue> = {
  grammar: "PATH [USER [GROUP]]",
  read: (words) => {
    const path = words.value(nonEmptySchema, "a path");
    const user = words.next();
    const group = words.next();
    if (path === undefined) return undefined;
    return user ? { path, ...accountOf(words, user, group) } : { path };
  },
};
