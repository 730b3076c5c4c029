// Process layer: what a configuration means on this machine beyond its text: programs that can't be run here, and files that others may
// change. A director looks at it at each reading, `-t` and `lbd check --here` too.
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import { arrange } from "../../config/findings/render.ts";
import type { LoadResult } from "../../config/load.ts";
import { type Machine, missingInterfaces, missingKernelParts } from "../../config/semantics/here.ts";
import { type JudgedProgram, programFindings, usablePart } from "../../config/semantics/programs.ts";
import { thisMachine } from "../../kernel/machine.ts";
import { judgeProgram, programJudge } from "../../kernel/program-judge.ts";
import { judgeFile } from "../../kernel/script-security.ts";
import type { World } from "./world.ts";

export interface MachineResult extends LoadResult {
  readonly told: readonly JudgedProgram[];
}

export interface MachineOptions {
  /** Parts of the kernel as well: a run finds out by using them, and says so then. */
  readonly kernel?: boolean;
  readonly machine?: Machine;
  /** Absent: as this machine has it. */
  readonly program?: World["program"];
  readonly openFile?: World["openFile"];
}

/** The same reading with the findings of this machine in their places, and without trackers and checks whose programs can't be run. */
export function onThisMachine(loaded: LoadResult, options: MachineOptions = {}): MachineResult {
  const machine = options.machine ?? thisMachine();
  const { program = judgeProgram, openFile = judgeFile } = options;
  const { config, told } = usablePart(loaded.config, programJudge(loaded.config.global.scripts, program));
  const found = [
    ...openFiles(loaded.files, openFile),
    ...programFindings(told, loaded.sources),
    ...missingInterfaces(config, machine, loaded.sources),
    ...(options.kernel ? missingKernelParts(config, machine) : []),
  ];
  if (found.length === 0) return { ...loaded, told };
  const diagnostics = arrange([...loaded.diagnostics, ...found], loaded.sources);
  return {
    ...loaded,
    config,
    told,
    diagnostics,
    errors: diagnostics.some(isError),
    errorKeys() {
      const known = loaded.errorKeys();
      const keys = new Map(loaded.diagnostics.filter(isError).map((one, index) => [one, known[index]]));
      // Of a program the message names all that tells it from others.
      return diagnostics.filter(isError).map((one) => keys.get(one) ?? `${one.code}\t${one.message}`);
    },
  };
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

/** Whoever can write to a configuration names programs that run as root. */
function openFiles(files: readonly string[], openFile: World["openFile"]): Diagnostic[] {
  return files.flatMap((file) => {
    const problem = openFile(file);
    if (!problem) return [];
    const message = `${file}: others than root can change what is run from it: ${problem.reason}`;
    return [{ severity: "warning", code: "file-open", message, hint: problem.mend }];
  });
}
