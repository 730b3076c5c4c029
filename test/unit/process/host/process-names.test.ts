import { expect, test } from "bun:test";
import { parentName, processName } from "../../../../src/process/host/process-names.ts";
import { bindText } from "../../../support/config.ts";

const names = (lines: string, calledAs?: string) => {
  const { global } = bindText(`global_defs {\n${lines}\n}\n`).config;
  const roles = (["vrrp", "checker", "bfd", "api", "starter"] as const).map((role) =>
    processName(role, global, calledAs),
  );
  return [parentName(global), ...roles].join(" ");
};

test.each([
  ["nothing said", "", "lbd lbd-vrrp lbd-checker lbd-bfd lbd-api lbd-starter"],
  ["a name for the parent is everybody's", "process_name d", "d d d d lbd-api lbd-starter"],
  [
    "process_names: but for those",
    "process_name d\nprocess_names",
    "d lbd-vrrp lbd-checker lbd-bfd lbd-api lbd-starter",
  ],
  [
    "names of their own",
    "process_name d\nvrrp_process_name v\nchecker_process_name c\nbfd_process_name b",
    "d v c b lbd-api lbd-starter",
  ],
  ["the old word", "lvs_process_name c", "lbd lbd-vrrp c lbd-bfd lbd-api lbd-starter"],
])("%s", (_what, lines, wanted) => {
  expect(names(lines)).toBe(wanted);
});

// The parent's own name is changed by run.ts, which knows what it was called.
test.each([
  ["nothing said: all alike", "", "lbd keepalived keepalived keepalived lbd-api lbd-starter"],
  ["process_names", "process_names", "lbd keepalived_vrrp keepalived_lvs keepalived_bfd lbd-api lbd-starter"],
  ["a name for the parent is everybody's", "process_name d", "d d d d lbd-api lbd-starter"],
  ["names of their own", "vrrp_process_name v", "lbd v keepalived keepalived lbd-api lbd-starter"],
])("started as keepalived, %s", (_what, lines, wanted) => {
  expect(names(lines, "keepalived")).toBe(wanted);
});
