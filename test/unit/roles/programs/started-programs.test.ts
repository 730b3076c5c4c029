// Which processes a starter ends that finds the list of one that was killed: roles with fewer rights can write that list. Only the
// question is tested, and nothing is ended: a mistake here would be one of the machine that tests.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mayBeEnded } from "../../../../src/roles/starter/started-programs.ts";
import { until } from "../../../support/until.ts";

test("a program that a killed starter left may be ended", () => {
  const program = Bun.spawn(["/bin/sleep", "60"]);
  expect(mayBeEnded(program.pid)).toBe(true);
  program.kill();
});

test("nothing else may: not every process there is, not this director's own", async () => {
  const role = Bun.spawn([process.execPath, "-e", "setTimeout(() => {}, 60_000)"], { argv0: "lbd-vrrp" });
  await until("it runs", () => readFileSync(`/proc/${role.pid}/cmdline`, "latin1").startsWith("lbd-vrrp"));
  for (const pid of [0, 1, process.pid, process.ppid, role.pid]) expect([pid, mayBeEnded(pid)]).toEqual([pid, false]);
  role.kill();
});
