// Process layer: which directors run on this machine, by the pid files of their run directories, which everybody may read.
import { readdirSync } from "node:fs";
import { type Decoded, err, ok } from "../../base/result.ts";
import { directorPidFile, pidFileOwner } from "./pidfile.ts";
import { DEFAULT_RUN_DIR } from "./places.ts";

export interface RunningDirector {
  readonly runDir: string;
  readonly pid: number;
}

/** In `base` itself first, then in its directories by name. One that was given another run directory is not found. */
export function runningDirectors(base: string = DEFAULT_RUN_DIR): RunningDirector[] {
  return [base, ...directoriesIn(base)].flatMap((runDir) => {
    const pid = pidFileOwner(directorPidFile(runDir));
    return pid === undefined ? [] : [{ runDir, pid }];
  });
}

function directoriesIn(base: string): string[] {
  try {
    const entries = readdirSync(base, { withFileTypes: true });
    return (
      entries
        // A director's has no dot in its name (places.ts), a role's has one.
        .filter((entry) => entry.isDirectory() && !entry.name.includes("."))
        .map(({ name }) => `${base}/${name}`)
        .sort()
    );
  } catch {
    return [];
  }
}

export interface Chosen {
  readonly runDir: string;
  /** Others that run. */
  readonly others: readonly RunningDirector[];
}

/** The director that a command means which names none: the usual one, else the only one; the error lists those there are. */
export function chooseDirector(
  running: readonly RunningDirector[],
  usual: string = DEFAULT_RUN_DIR,
): Decoded<Chosen, string> {
  const [first, ...more] = running;
  if (!first) return ok({ runDir: usual, others: [] });
  const found = running.find(({ runDir }) => runDir === usual) ?? (more.length === 0 ? first : undefined);
  if (found) return ok({ runDir: found.runDir, others: running.filter((one) => one !== found) });
  return err(`${running.length} directors run, say which one: ${listed(running)}`);
}

export function listed(directors: readonly RunningDirector[]): string {
  return directors.map(({ runDir, pid }) => `--run-dir ${runDir} (pid ${pid})`).join(", ");
}
