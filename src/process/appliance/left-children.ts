// Process layer, appliance: children that a life before of this process left behind when it crashed. The director is taken over (director.ts);
// clients of DHCP, the server of time and the screen would stand beside their successors, so they are ended.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** In the environment of each child but the director, whose programs are their own. */
const MARK = "LBD_APPLIANCE_CHILD";
export const OWN_CHILD: Readonly<Record<string, string>> = { [MARK]: "1" };

/** Where no parent is left the first process is it. */
const FIRST_PROCESS = "1";

/** Ends those that have lost their parent. @returns how many */
export function endLeftChildren(proc = "/proc", end = (pid: number) => void process.kill(pid, "SIGKILL")): number {
  let ended = 0;
  for (const name of readdirSync(proc).filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (!isLeft(join(proc, name))) continue;
      end(Number(name));
      ended++;
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  return ended;
}

function isLeft(folder: string): boolean {
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(join(folder, "status"), "latin1"))?.[1];
  if (parent !== FIRST_PROCESS) return false;
  return readFileSync(join(folder, "environ"), "latin1").split("\0").includes(`${MARK}=1`);
}
