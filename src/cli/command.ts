// CLI: one command in the table of commands.
import type { ArgsDef, CommandDef } from "citty";

export interface Command {
  readonly summary: string;
  /** Exit status of a wrong command line. */
  readonly usageExit: number;
  load(): Promise<LoadedCommand>;
}

export interface LoadedCommand {
  readonly description: string;
  readonly args: ArgsDef;
  run(rawArgs: string[]): Promise<unknown>;
}

/** One of citty's commands; what its type says of its own options ends here. */
export function command<T extends ArgsDef>(
  summary: string,
  usageExit: number,
  load: () => Promise<CommandDef<T>>,
): Command {
  return {
    summary,
    usageExit,
    async load() {
      const [of, { runCommand }] = await Promise.all([load(), import("citty")]);
      const description =
        typeof of.meta === "object" && "description" in of.meta ? (of.meta.description ?? summary) : summary;
      return {
        description,
        args: typeof of.args === "function" ? await of.args() : ((await of.args) ?? {}),
        run: (rawArgs) => runCommand(of, { rawArgs }),
      };
    },
  };
}
