// Ring vm, in the guest: what `make run` shows is true, to its last line, and what it lets a user do in the lab works.
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { askLab, COMMAND_PORT } from "../../machine/lab-shell.ts";
import { until } from "../../support/until.ts";

const LIMIT_MS = 300_000;

test(
  "the lab's story comes to its end, everybody is answered, and its commands do what they say",
  async () => {
    const story = join(import.meta.dir, "../lab-story.ts");
    const child = spawn(process.execPath, [story, "200"]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const lines = () => stdout.split("\n").filter((line) => line.startsWith("lab: "));
    await until("the story is told", () => lines().at(-1) === "lab: ready" || child.exitCode !== null, 200_000);
    const heard = lines().flatMap((line) => /ten requests.*?: (.*)$/.exec(line)?.[1] ?? []);
    expect(heard).toHaveLength(7);
    for (const answers of heard) {
      const count = [...answers.matchAll(/real\d (\d+)×/g)].reduce((sum, [, times]) => sum + Number(times), 0);
      expect({ answers, count }).toEqual({ answers, count: 10 });
    }

    const lab = (line: string) => askLab(COMMAND_PORT, line);
    expect(await lab("help")).toContain("kill 1|2|3");
    expect(await lab("nonsense")).toContain("there is no nonsense here");
    expect(await lab("kill 7")).toContain("expected a number of 1 to 3");
    expect(await lab("on 1 run")).toContain("expected one of status");
    expect(await lab("status")).toMatch(/^ready, 2 virtual servers up, 4 real servers up, VRRP 1 master/);
    expect(await lab("on 2 status lab")).toMatch(/lab +BACKUP/);
    expect(await lab("kill 1")).toContain("serves no more");
    await until("it is down", async () => /198\.51\.100\.11:80 +DOWN/.test(await lab("status --down")), 30_000);
    expect(await lab("ask")).toContain("real2 10×");
    expect(await lab("start 1")).toContain("serves");
    await until("it is back", async () => (await lab("status --down")).includes("nothing is down"), 30_000);
    expect(await lab("edit weight 1 => weight 3")).toContain("reload takes it");
    expect(await lab("check")).toContain("no errors");
    expect(await lab("reload")).toMatch(/reloaded in \d+ ms: ~2 real servers/);
    await until("the kernel has it", async () => /198\.51\.100\.11:80 +Masq +3 /.test(await lab("table")), 30_000);
    await lab("unplug 1");
    await until("the other one is master", async () => /lab +MASTER/.test(await lab("on 2 vrrp")), 30_000);
    await lab("plug 1");
    expect(await lab("quit")).toContain("bye");
    expect({ status: await ended, stderr }).toEqual({ status: 0, stderr: "" });
  },
  LIMIT_MS,
);
