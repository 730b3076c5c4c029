// Words about the processes themselves: each from the text of a configuration to what the kernel says of a process that has taken it.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import type { KernelView } from "../../support/kernel-view.ts";
import { taken } from "../../support/rights.ts";
import { expectWord, globalText } from "../../support/words.ts";

type Role = "vrrp" | "checker" | "bfd";

describe.skipIf(process.getuid?.() !== 0)("rights", () => {
  const view = ({ global }: Config, role: Role) => taken(global.process[role]).views[0];
  const LIMIT = ["rttimeUs", "3000000", "unlimited"] as const;
  test.each<readonly [line: string, role: Role, of: keyof KernelView, seen: unknown, otherwise: unknown]>([
    ["vrrp_priority -5", "vrrp", "nice", -5, 0],
    ["vrrp_rt_priority 20", "vrrp", "realtime", 20, 0],
    ["vrrp_no_swap", "vrrp", "memoryLocked", true, false],
    ["vrrp_rlimit_rttime 3000000", "vrrp", ...LIMIT],
    ["vrrp_rlimit_rtime 3000000", "vrrp", ...LIMIT],
    ["checker_priority -5", "checker", "nice", -5, 0],
    ["checker_rt_priority 20", "checker", "realtime", 20, 0],
    ["checker_no_swap", "checker", "memoryLocked", true, false],
    ["checker_rlimit_rttime 3000000", "checker", ...LIMIT],
    ["checker_rlimit_rtime 3000000", "checker", ...LIMIT],
    ["bfd_priority -5", "bfd", "nice", -5, 0],
    ["bfd_rt_priority 20", "bfd", "realtime", 20, 0],
    ["bfd_no_swap", "bfd", "memoryLocked", true, false],
    ["bfd_rlimit_rttime 3000000", "bfd", ...LIMIT],
    ["bfd_rlimit_rtime 3000000", "bfd", ...LIMIT],
  ])("global_defs/%s", (line, role, of, seen, otherwise) =>
    // Only a process with real-time priority has the limit.
    expectWord<unknown>(
      globalText(`${of === "rttimeUs" ? `${role}_rt_priority 1\n` : ""}«${line}»`),
      (config) => view(config, role)?.[of],
      seen,
      otherwise,
    ),
  );
});
