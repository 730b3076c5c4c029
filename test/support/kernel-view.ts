// What the kernel says about how a process is scheduled and limited (proc(5)).
import { readFileSync } from "node:fs";

export interface KernelView {
  readonly nice: number;
  /** 0 without real-time priority. */
  readonly realtime: number;
  /** `0`, `0-3`. */
  readonly cpus: string;
  readonly memoryLocked: boolean;
  /** Microseconds of CPU without a pause, `unlimited`. */
  readonly rttimeUs: string;
}

export function kernelView(pid: number | "self"): KernelView {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
  return {
    // Fields 19 and 40 of the line; the first two stand before the parenthesis.
    nice: Number(stat[16]),
    realtime: Number(stat[37]),
    cpus: /^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? "",
    memoryLocked: !/^VmLck:\s+0 kB$/m.test(status),
    rttimeUs: /^Max realtime timeout +(\S+)/m.exec(limits)?.[1] ?? "",
  };
}
