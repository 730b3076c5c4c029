// Adapter: partitions by the names in their disk's table, as the kernel shows them in /sys/class/block.
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { namesIn, readQuietly } from "./quiet-files.ts";

export interface PartitionPlace {
  /** `/dev/vda5`. */
  readonly device: string;
  /** `vda`: partitions of one image are those of one disk. */
  readonly disk: string;
  readonly bytes: number;
}

/** Every partition of that name, by disk. */
export function partitionsNamed(name: string, sys = "/sys/class/block"): readonly PartitionPlace[] {
  return namesIn(sys)
    .filter((block) => property(join(sys, block, "uevent"), "PARTNAME") === name)
    .map((block) => ({
      device: `/dev/${block}`,
      disk: basename(dirname(realpathSync(join(sys, block)))),
      bytes: Number(readQuietly(join(sys, block, "size"))) * 512,
    }))
    .sort((a, b) => (a.disk < b.disk ? -1 : 1));
}

function property(path: string, key: string): string | undefined {
  return new RegExp(`^${key}=(.*)$`, "m").exec(readQuietly(path))?.[1];
}
