// Adapter: gives the kernel back the pages of the program's own file that this process has in its tables. What is read again comes from the
// page cache, 64 kB at a time, without a read of the disk; what is not, the kernel may use for others.
import { readFileSync, readlinkSync } from "node:fs";
import { dropPages } from "../../ffi/process.ts";

interface Mapping {
  readonly from: number;
  readonly bytes: number;
}

/** Returns how many mappings were let go; locked ones stay. */
export function dropProgramPages(): number {
  const mappings = unchangedMappings(readFileSync("/proc/self/smaps", "latin1"), readlinkSync("/proc/self/exe"));
  return mappings.filter(({ from, bytes }) => dropPages(from, bytes)).length;
}

/** Mappings of `path` that nobody may write to and of which no page was changed: relocations are, and would be lost. */
export function unchangedMappings(smaps: string, path: string): Mapping[] {
  const found: Mapping[] = [];
  for (const entry of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/m.exec(entry);
    if (!head || head[4] !== path || head[3]?.[1] !== "-") continue;
    if (!/^Anonymous:\s+0 kB$/m.test(entry) || /^Locked:\s+[1-9]/m.test(entry)) continue;
    const from = Number.parseInt(head[1] ?? "", 16);
    found.push({ from, bytes: Number.parseInt(head[2] ?? "", 16) - from });
  }
  return found;
}
