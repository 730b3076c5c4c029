// CLI: `lbd completion bash|zsh|fish`: a script that completes the command line, from the tables of options and commands. It asks nobody while it
// completes: the words are in it.
import { defineCommand } from "citty";
import { print } from "./output.ts";
import type { OfferedCommand, OfferedOption, OfferedValue } from "./surface.ts";
import { complainUsage } from "./terminal.ts";

const COMPLETION_USAGE = 2;

const SHELLS: Readonly<Record<string, (commands: readonly OfferedCommand[]) => string>> = { bash, zsh, fish };

/** @param surface what the command line offers, all commands of it */
export const completionCommandOf = (surface: () => Promise<readonly OfferedCommand[]>) =>
  defineCommand({
    meta: {
      name: "lbd completion",
      description: "A script that completes lbd's command line: source <(lbd completion bash)",
    },
    args: {
      shell: {
        type: "positional",
        required: true,
        description: "Of which shell",
        valueHint: Object.keys(SHELLS).join("|"),
      },
    },
    run: async ({ args }) => {
      const script = completionOf(args.shell, await surface());
      if (script !== undefined) print(script);
      else complainUsage(`no completion for ${args.shell}`, COMPLETION_USAGE, Object.keys(SHELLS), "lbd completion");
    },
  });

/** The script of a shell; undefined: there is none for it. */
export function completionOf(shell: string, commands: readonly OfferedCommand[]): string | undefined {
  const made = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  return made?.(commands);
}

const MADE_BY = (shell: string) => `made by \`lbd completion ${shell}\` from the tables of options and commands`;

/** Long options are offered; short ones are typed sooner than completed. */
function longOnes(options: readonly OfferedOption[]): string[] {
  return options.flatMap(({ spellings }) => spellings.filter((word) => word.startsWith("--")));
}

function takesNextWord({ value }: OfferedOption): boolean {
  return value !== undefined && !value.optional;
}

/** Programmable completion (bash manual, 8.6). A value behind `=` is a word of its own there, and so is `=`. */
function bash(commands: readonly OfferedCommand[]): string {
  const first = commands.slice(1).map(({ name }) => name);
  const twoWords = first.filter((name) => name.includes(" "));
  const branches = commands.map(({ name, options, operand }) => {
    const values = options
      .filter(({ value }) => value !== undefined)
      .map(({ spellings, value }) => `          ${spellings.join("|")}) ${value ? bashReply(value) : ""} ;;`);
    const words = name === "" ? ["run", "help", ...heads(first)] : seconds(first, name);
    return [
      `    ${name === "" ? '""|run' : `"${name}"`})`,
      ...(values.length > 0
        ? [
            '      if [ -n "$option" ]; then',
            '        case "$option" in',
            ...values,
            "        esac",
            "        return",
            "      fi",
          ]
        : []),
      `      if [[ "$current" == -* ]]; then words="${longOnes(options).join(" ")}"; else words="${words.join(" ")}"; ${operand ? bashReply(operand) : ""} fi`,
      "      ;;",
    ].join("\n");
  });
  const waiting = [
    ...new Set(commands.flatMap(({ options }) => options.filter(takesNextWord).flatMap(({ spellings }) => spellings))),
  ];
  return `# Completion of lbd(8), ${MADE_BY("bash")}.
_lbd() {
  local current="\${COMP_WORDS[COMP_CWORD]}" option="" command="" words="" word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [ "$word" = "=" ]; then [ -n "$option" ] || option="\${COMP_WORDS[i - 1]}"; continue; fi
    if [ -n "$option" ]; then option=""; continue; fi
    case "$word" in
      ${waiting.join("|")}) option="$word" ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else case "$command $word" in ${twoWords.map((name) => `"${name}"`).join("|")}) command="$command $word" ;; esac; fi ;;
    esac
  done
  if [ "$current" = "=" ]; then [ -n "$option" ] || option="\${COMP_WORDS[COMP_CWORD - 1]}"; current=""; fi
  case "$command" in
${branches.join("\n")}
${heads(twoWords)
  .filter((head) => !first.includes(head))
  .map((head) => `    ${head}) words="${seconds(first, head).join(" ")}" ;;`)
  .join("\n")}
    help) words="${first.join(" ")}" ;;
  esac
  COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _lbd lbd`;
}

function bashReply({ kind }: OfferedValue): string {
  if (kind === "file") return 'COMPREPLY+=($(compgen -f -- "$current"));';
  if (kind === "folder") return 'COMPREPLY+=($(compgen -d -- "$current"));';
  return kind === "text" ? ":;" : `COMPREPLY+=($(compgen -W "${kind.words.join(" ")}" -- "$current"));`;
}

/** The first words of the commands, each once. */
function heads(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split(" ")[0] ?? ""))];
}

/** The second words of the commands that begin with this one. */
function seconds(names: readonly string[], head: string): string[] {
  return names.filter((name) => name.startsWith(`${head} `)).map((name) => name.slice(head.length + 1));
}

/** zshcompsys(1): the words of a command are completed by _arguments. */
function zsh(commands: readonly OfferedCommand[]): string {
  const [run, ...others] = commands;
  const named = others.map(({ name, summary }) => [name, summary] as const);
  const branches = others.map(
    (command) => `    ${zshQuoted(command.name)}) _arguments -s -S ${zshSpecs(command).join(" ")} ;;`,
  );
  const twoWordHeads = heads(named.map(([name]) => name).filter((name) => name.includes(" ")));
  const described = (head: string) =>
    named
      .filter(([name]) => name.startsWith(`${head} `))
      .map(([name, summary]) => zshQuoted(`${name.slice(head.length + 1)}:${summary}`))
      .join(" ");
  return `#compdef lbd
# Completion of lbd(8), ${MADE_BY("zsh")}.
_lbd() {
  local -a commands seconds
  commands=(${[["run", "run the director"] as const, ...named].map(([name, summary]) => zshQuoted(`${name.replaceAll(":", "\\:")}:${summary}`)).join(" ")})
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  local name=$words[2] shift_by=1
  case $name in
${twoWordHeads.map((head) => `    ${head}) seconds=(${described(head)}) ;;`).join("\n")}
  esac
  if (( $#seconds && CURRENT == 3 )) && [[ $words[3] != -* ]]; then
    _describe command seconds
    return
  fi
  (( \${seconds[(I)$words[3]:*]} )) && { name="$name $words[3]"; shift_by=2 }
  case $name in
    -*|run) _arguments -s -S ${zshSpecs(run as OfferedCommand).join(" ")}; return ;;
  esac
  words=($words[1] $words[shift_by+2,-1])
  (( CURRENT -= shift_by ))
  case $name in
${branches.join("\n")}
  esac
}
_lbd "$@"`;
}

function zshSpecs({ options, operand }: OfferedCommand): string[] {
  const specs = options.flatMap(({ spellings, help, value }) =>
    spellings.map((word) => {
      const joined =
        value === undefined ? "" : word.startsWith("--") ? (value.optional ? "=-" : "=") : value.optional ? "-" : "+";
      const action = value === undefined ? "" : `:${zshText(value.hint)}:${zshAction(value)}`;
      // Two colons: the value may be left out.
      return zshQuoted(`${word}${joined}[${zshText(help)}]${value?.optional ? `:${action}` : action}`);
    }),
  );
  return [...specs, ...(operand ? [zshQuoted(`*:${zshText(operand.hint)}:${zshAction(operand)}`)] : [])];
}

function zshAction({ kind }: OfferedValue): string {
  if (kind === "file") return "_files";
  if (kind === "folder") return "_files -/";
  return kind === "text" ? " " : `(${kind.words.join(" ")})`;
}

function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** fish, `complete`. */
function fish(commands: readonly OfferedCommand[]): string {
  const [, ...others] = commands;
  const first = others.map(({ name }) => name);
  const lines = commands.flatMap(({ name, summary, options, operand }) => {
    const [head = "", second] = name.split(" ");
    const under = name === "" ? "__lbd_runs" : `__lbd_command ${head}${second === undefined ? "" : ` ${second}`}`;
    const added = second === undefined ? "test (count (commandline -opc)) -eq 1" : `__lbd_command ${head}`;
    return [
      ...(name === ""
        ? []
        : [`complete -c lbd -f -n ${fishQuoted(added)} -a ${second ?? head} -d ${fishQuoted(summary)}`]),
      ...options.map((option) => fishOption(under, option)),
      ...(operand ? [`complete -c lbd -n ${fishQuoted(under)} ${fishValue(operand)}`] : []),
    ];
  });
  return `# Completion of lbd(8), ${MADE_BY("fish")}.
function __lbd_command
    set -l words (commandline -opc)[2..-1]
    set -l given (string match -v -- '-*' $words)
    set -q argv[2]; and test "$given[1..2]" = "$argv[1..2]"; and return 0
    set -q argv[2]; and return 1
    contains -- "$given[1..2]" ${first
      .filter((name) => name.includes(" "))
      .map(fishQuoted)
      .join(" ")}; and return 1
    test "$given[1]" = "$argv[1]"
end
function __lbd_runs
    set -l given (string match -v -- '-*' (commandline -opc)[2..-1])
    test -z "$given[1]"; or test "$given[1]" = run
end
${lines.join("\n")}`;
}

function fishOption(under: string, { spellings, help, value }: OfferedOption): string {
  const names = spellings.map((word) => (word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`));
  const of = value === undefined || value.optional ? "" : ` ${fishValue(value)}`;
  return `complete -c lbd -n ${fishQuoted(under)} ${names.join(" ")} -d ${fishQuoted(help)}${of}`;
}

function fishValue({ kind }: OfferedValue): string {
  if (kind === "file") return "-r -F";
  if (kind === "folder") return "-x -a '(__fish_complete_directories)'";
  return kind === "text" ? "-x" : `-x -a ${fishQuoted(kind.words.join(" "))}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
