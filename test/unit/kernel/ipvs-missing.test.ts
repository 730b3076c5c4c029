// What an operator reads when the kernel has no IPVS: on machines that have it, the ring vm shows the rest.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { IpvsUnavailable, openIpvs } from "../../../src/kernel/ipvs.ts";
import type { KernelModules } from "../../../src/kernel/modules.ts";

const skipReason = existsSync("/sys/module/ip_vs")
  ? "this kernel has ip_vs"
  : process.getuid?.() === 0
    ? undefined
    : "raw sockets need root";

describe.skipIf(skipReason !== undefined)(
  `a kernel without ip_vs${skipReason ? ` (skipped: ${skipReason})` : ""}`,
  () => {
    test.each([["auto"], ["sockopt"], ["netlink"]] as const)(
      "%s: the error says what is missing and what to do",
      (transport) => {
        const modules: KernelModules = { load: () => ({ kind: "failed", reason: "no module ip_vs under the tree" }) };
        let caught: unknown;
        try {
          openIpvs({ transport, log: () => {}, modules });
        } catch (error) {
          caught = error;
        }
        if (!(caught instanceof IpvsUnavailable)) throw caught;
        expect(caught.code).toBe(transport === "sockopt" ? "ENOPROTOOPT" : "ENOENT");
        expect(caught.message).toContain("the kernel has no IPVS: ");
        expect(caught.message).toContain("; no module ip_vs under the tree; load it with: modprobe ip_vs");
      },
    );
  },
);
