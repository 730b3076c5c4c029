// Process layer, appliance: partitions that are mounted for a moment, and were when the process before this one was killed. The next one could not
// mount them: it would know nothing of the starts before, and take no update.
import { unmount } from "../../../ffi/machine.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";

/** Before anything is mounted. Never throws. @param mounts text of /proc/self/mounts */
export function letGoOfMounts(mounts: string, folder: string, say: (level: Level, message: string) => void): void {
  for (const place of mountPointsBelow(mounts, folder))
    try {
      unmount(place);
      say("info", `${place} was still mounted by a process that ended in the middle: it is let go`);
    } catch (error) {
      say("error", `${place} is mounted, and can't be let go: ${messageOf(error)}`);
    }
}

/** Those of a text of /proc/self/mounts (proc(5)) that lie below a folder, the last ones first. Blanks and the like are `\040` there. */
export function mountPointsBelow(mounts: string, folder: string): string[] {
  const places = mounts.split("\n").flatMap((line) => line.split(" ")[1] ?? []);
  const plain = places.map((place) =>
    place.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
  );
  return plain.filter((place) => place.startsWith(`${folder}/`)).reverse();
}
