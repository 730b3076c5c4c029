// Process layer: the world of a reading as this machine has it.
import { thisMachine } from "../../kernel/machine.ts";
import { judgeProgram } from "../../kernel/program-judge.ts";
import { judgeFile } from "../../kernel/script-security.ts";
import { machineContext } from "./bind-context.ts";
import { configFiles } from "./files.ts";
import type { World } from "./world.ts";

/** For one reading: tables of names are read once. */
export function thisWorld(): World {
  const { hostName, lookupName, hasAccount, readKeyFile } = machineContext();
  const machine = thisMachine();
  return {
    ...configFiles,
    hostName: () => hostName,
    numberOf: lookupName,
    hasAccount,
    keyFile: readKeyFile,
    hasInterface: machine.hasInterface,
    hasModule: machine.hasModule,
    program: judgeProgram,
    openFile: judgeFile,
    random: Math.random,
  };
}
