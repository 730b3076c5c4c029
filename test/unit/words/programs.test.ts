// Words about how programs are run: each from the text of a configuration to what is started, and as whom.
import { afterAll, beforeAll, describe, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../../src/config/model/config.ts";
import { launchOf, prepare } from "../../../src/kernel/script-runner.ts";
import { expectWord, globalText, type WordCase } from "../../support/words.ts";

const directory = mkdtempSync(join(tmpdir(), "lbd-words-"));
const open = join(directory, "open");
const link = join(directory, "link");

beforeAll(() => {
  writeFileSync(open, "#!/bin/sh\n");
  chmodSync(open, 0o777);
  symlinkSync(open, link);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The program that would be run for `notify`, or why none is. */
function prepared({ vrrp, global }: Config): string {
  const command = vrrp.instances[0]?.notify.any;
  if (!command) throw new Error("no notify");
  const ready = prepare(command, global.scripts);
  return "reason" in ready ? ready.reason : ready.program;
}

describe("programs", () => {
  test.each<WordCase<string>>([
    [
      "global_defs/enable_script_security",
      globalText("script_user root\n«enable_script_security»", `notify ${open}`),
      `enable_script_security: ${open} can be written by everybody (mode bit o+w); chmod o-w ${open}`,
      open,
    ],
    [
      "global_defs/use_symlink_paths",
      globalText("script_user root\n«use_symlink_paths»", `notify ${link}`),
      link,
      open,
    ],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, prepared, seen, otherwise));

  test("global_defs/set_supplementary_groups", () => {
    const account = { uid: 65534, gid: 65534, groups: [65534, 4, 27], name: "nobody", home: "/" };
    const groups = ({ global }: Config) => {
      const launch = launchOf("/usr/bin/id", ["-G"], account, global.scripts);
      if ("reason" in launch) throw new Error(launch.reason);
      const { file, args, ids } = launch;
      return spawnSync(file, args, { ...ids, encoding: "utf8" }).stdout.trim();
    };
    return expectWord(globalText("«set_supplementary_groups»"), groups, "65534 4 27", "65534");
  });
});
