import { expect, test } from "bun:test";
import { parentName, processName } from "../../../../src/process/host/process-names.ts";
import { bindText } from "../../../support/config.ts";

test.each([
  ["nothing said", "", "lbd lbd-vrrp lbd-checker lbd-api"],
  ["a name for the parent is everybody's", "process_name d", "d d d lbd-api"],
  ["process_names: but for those", "process_name d\nprocess_names", "d lbd-vrrp lbd-checker lbd-api"],
  ["names of their own", "process_name d\nvrrp_process_name v\nchecker_process_name c", "d v c lbd-api"],
  ["the old word", "lvs_process_name c", "lbd lbd-vrrp c lbd-api"],
])("%s", (_why, lines, names) => {
  const { global } = bindText(`global_defs {\n${lines}\n}\n`).config;
  const roles = (["vrrp", "checker", "api"] as const).map((role) => processName(role, global));
  expect([parentName(global), ...roles].join(" ")).toBe(names);
});
