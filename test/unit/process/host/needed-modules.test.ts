import { expect, test } from "bun:test";
import type { ModuleOutcome } from "../../../../src/kernel/modules.ts";
import { createModuleLoader, neededModules } from "../../../../src/process/host/needed-modules.ts";
import { bindText } from "../../../support/config.ts";

const service = (address: string, extra: string) =>
  `virtual_server ${address} 5060 {\n  protocol UDP\n  ${extra}\n  real_server 192.0.2.9 5060 {\n  }\n}\n`;

test.each([
  ["nothing", "", []],
  ["a sync daemon", "global_defs {\n  lvs_sync_daemon eth0\n}\n", ["ip_vs"]],
  [
    "schedulers and engines, each once, what the others need first",
    service("192.0.2.1", "lb_algo wlc\n  lb_kind NAT") +
      service("192.0.2.2", "lb_algo wlc\n  lb_kind NAT\n  persistence_engine sip\n  persistence_timeout 5"),
    ["ip_vs", "ip_vs_wlc", "ip_vs_pe_sip"],
  ],
] as const)("modules for %s", (_what, text, modules) => {
  const { config } = bindText(text);
  if (!config) throw new Error("no configuration");
  expect(neededModules(config)).toEqual([...modules]);
});

test("what was loaded or can't be had is said once; without the first the others are not looked for", () => {
  const asked: string[] = [];
  const lines: string[] = [];
  const outcomes: Record<string, ModuleOutcome> = {
    ip_vs: { kind: "present" },
    ip_vs_wlc: { kind: "loaded" },
    ip_vs_mh: { kind: "failed", reason: "not built" },
  };
  const load = createModuleLoader(({ level, message }) => lines.push(`${level} ${message}`), {
    load(name) {
      asked.push(name);
      return outcomes[name] ?? { kind: "present" };
    },
  });
  for (let i = 0; i < 2; i++) load(["ip_vs", "ip_vs_wlc", "ip_vs_mh", "ip_vs_rr"]);
  expect(lines).toEqual(["info loaded kernel module ip_vs_wlc", "warning kernel module ip_vs_mh: not built"]);
  expect(asked.slice(0, 4)).toEqual(["ip_vs", "ip_vs_wlc", "ip_vs_mh", "ip_vs_rr"]);
  asked.length = 0;
  const without = createModuleLoader(({ message }) => lines.push(message), {
    load(name) {
      asked.push(name);
      return { kind: "failed", reason: "no such file" };
    },
  });
  without(["ip_vs", "ip_vs_wlc"]);
  expect([asked, lines.at(-1)]).toEqual([["ip_vs"], "kernel module ip_vs: no such file"]);
});
