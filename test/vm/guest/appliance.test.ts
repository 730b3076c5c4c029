// Ring vm, in the guest: `lbd appliance` as the first process of an image runs it. Nothing here is its own: settings of the kernel, host name
// and director are the machine's, so this file has one story.
import { afterAll, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { until } from "../../support/until.ts";

let appliance: ChildProcess | undefined;
afterAll(() => appliance?.kill("SIGKILL"));

test("a machine that is no image is left as it is", () => {
  const { status, stderr } = spawnSync("/work/dist/lbd", ["appliance"], { encoding: "utf8" });
  expect(stderr).toContain("this machine is no appliance");
  expect(status).toBe(1);
});

test("the appliance stays beside its director, and ends it first when it is told to end", async () => {
  // As appliance/initrd.ts marks an image.
  writeFileSync("/etc/lbd-version", "0.1.0\n");
  let said = "";
  appliance = spawn("/work/dist/lbd", ["appliance"], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [appliance.stdout, appliance.stderr]) stream?.on("data", (chunk) => (said += chunk));
  const ended = once(appliance, "exit");
  await until("the director answers", async () => {
    if (appliance?.exitCode !== null) throw new Error(`it ended with status ${appliance?.exitCode}:\n${said}`);
    return (await fetch("http://127.0.0.1:812/livez").catch(() => undefined))?.ok;
  });
  const director = Number(readFileSync("/run/lbd/lbd.lock", "utf8").trim());
  expect(readFileSync(`/proc/${director}/stat`, "utf8").split(" ")[3]).toBe(`${appliance.pid}`);
  expect(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8")).toBe("1\n");
  appliance.kill("SIGTERM");
  // 101: power off (appliance/init.c).
  expect([await ended, existsSync(`/proc/${director}`)]).toEqual([[101, null], false]);
});
