import { expect, test } from "bun:test";
import { neededModules } from "../../../../src/process/host/needed-modules.ts";
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
