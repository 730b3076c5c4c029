// Children of an appliance that crashed: those are ended that bear its mark and have lost their parent, and nobody else.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endLeftChildren, OWN_CHILD } from "../../../../src/process/appliance/left-children.ts";

test("only what is marked and left is ended", () => {
  const proc = mkdtempSync(join(tmpdir(), "lbd-proc-"));
  try {
    const [[name, value] = []] = Object.entries(OWN_CHILD);
    const process = (pid: number, parent: number, environment: readonly string[]) => {
      mkdirSync(join(proc, `${pid}`));
      writeFileSync(join(proc, `${pid}`, "status"), `Name:\tx\nPPid:\t${parent}\n`);
      writeFileSync(join(proc, `${pid}`, "environ"), `${environment.join("\0")}\0`);
    };
    process(10, 1, ["PATH=/bin", `${name}=${value}`]);
    process(11, 1, ["PATH=/bin"]);
    process(12, 2000, [`${name}=${value}`]);
    process(13, 1, [`${name}=${value}0`, `X${name}=${value}`]);
    mkdirSync(join(proc, "14"));
    mkdirSync(join(proc, "sys"));
    const ended: number[] = [];
    expect(endLeftChildren(proc, (pid) => void ended.push(pid))).toBe(1);
    expect(ended).toEqual([10]);
  } finally {
    rmSync(proc, { recursive: true });
  }
});
