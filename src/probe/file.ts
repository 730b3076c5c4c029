// Adapter: the files of FILE_CHECK: read at each run, and watched in between so that a change acts within milliseconds.
// The directory is watched, not the file: it may be missing, replaced by rename, or come back.
import { type FSWatcher, readFileSync, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** A number needs no more; a longer file is not read. */
const MAX_FILE_BYTES = 4096;

/** Text of a file; undefined when it is missing, no regular file, too long or can't be read: all of that counts as 0. */
export function readSmallFile(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES || !statSync(path).isFile()) return undefined;
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

export interface FileWatches {
  /** Watches exactly these files; directories that can't be watched are looked at by the period of their checks alone. */
  set(paths: Iterable<string>): void;
  close(): void;
}

export function createFileWatches(changed: (path: string) => void): FileWatches {
  const watchers = new Map<string, { watcher: FSWatcher; names: Set<string> }>();

  function watchDirectory(directory: string, names: Set<string>): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        for (const own of watchers.get(directory)?.names ?? [])
          if (name === null || name === own) changed(`${directory === "/" ? "" : directory}/${own}`);
      });
      watcher.on("error", () => {
        watcher.close();
        watchers.delete(directory);
      });
      watchers.set(directory, { watcher, names });
    } catch {
      // No such directory yet, or no inotify left: the period of the check finds changes.
    }
  }

  return {
    set(paths) {
      const wanted = new Map<string, Set<string>>();
      for (const path of paths) {
        const names = wanted.get(dirname(path)) ?? new Set<string>();
        wanted.set(dirname(path), names.add(basename(path)));
      }
      for (const [directory, { watcher }] of watchers) {
        if (wanted.has(directory)) continue;
        watcher.close();
        watchers.delete(directory);
      }
      for (const [directory, names] of wanted) {
        const known = watchers.get(directory);
        if (known) known.names = names;
        else watchDirectory(directory, names);
      }
    },
    close() {
      for (const { watcher } of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
