// Ring vm, in the guest: the machine is what the other tests take for granted.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";

test("the kernel has ip_vs, and ipvsadm speaks to it", () => {
  expect(spawnSync("modprobe", ["ip_vs"]).status).toBe(0);
  const listed = spawnSync("ipvsadm", ["-Ln"], { encoding: "utf8" });
  expect(listed.stderr).toBe("");
  expect(listed.stdout).toContain("IP Virtual Server version");
});
