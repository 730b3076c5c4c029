// Process layer: whether what is in force would come of the files again, found out without reading them as a configuration. Pure but for its
// ports. The language is not even loaded for it.
import { lookAt, type SettledPorts, type StampTexts, stampsOf } from "./settled-files.ts";
import type { Said } from "./standing.ts";
import { stillHolds, type World, type WorldRecord } from "./world.ts";

/** From which what is in force can be read again, whatever the files say now. */
export interface InForce {
  readonly answers: WorldRecord;
  readonly stamps: StampTexts;
  /** Absent where it would be long: then it is read again. */
  readonly said?: Said;
}

/** The files stand still, and all that was asked when they were read is answered as then. */
export function isUnchanged(
  configFile: string,
  { answers, stamps }: Pick<InForce, "answers" | "stamps">,
  world: World,
  ports: SettledPorts,
): boolean {
  const holds = (files: World) => stillHolds(answers, files);
  const look = lookAt(configFile, world, stampsOf(stamps), (files) => holds({ ...world, ...files }), ports);
  return look.reading === true && look.unsettled === undefined;
}
