// Process layer: what this process takes of the machine, under the names that Prometheus' own client libraries use, with the process
// as label.
import { readdirSync, readFileSync } from "node:fs";
/** A look at it, by metric name and labels. */
export function createUsageWatch(name: string): () => Record<string, number> {
  const label = `{process="${name}"}`;
  const fixed = {
    [`process_start_time_seconds${label}`]: Math.round(performance.timeOrigin) / 1000,
    ...maxFds(label),
  };
  return () => ({ ...fixed, ...usage(label) });
}

function usage(label: string): Record<string, number> {
  const { user, system } = process.cpuUsage();
  return {
    [`process_cpu_seconds_total${label}`]: (user + system) / 1e6,
    [`process_resident_memory_bytes${label}`]: process.memoryUsage.rss(),
    ...openFds(label),
  };
}

function openFds(label: string): Record<string, number> {
  try {
    // The one that reads the directory is among them.
    return { [`process_open_fds${label}`]: readdirSync("/proc/self/fd").length - 1 };
  } catch {
    return {};
  }
}

function maxFds(label: string): Record<string, number> {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return limit === undefined ? {} : { [`process_max_fds${label}`]: Number(limit) };
  } catch {
    return {};
  }
}
