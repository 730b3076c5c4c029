// Ring vm, in the guest: what `make run` shows is true, to its last line.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const LIMIT_MS = 300_000;

test(
  "the lab's story comes to its end, and everybody is answered",
  () => {
    const story = join(import.meta.dir, "../lab-story.ts");
    const { stdout, stderr, status } = spawnSync(process.execPath, [story, "0"], { encoding: "utf8" });
    const lines = stdout.split("\n").filter((line) => line.startsWith("lab: "));
    expect({ status, stderr, last: lines.at(-1) }).toEqual({ status: 0, stderr: "", last: "lab: ready" });
    const heard = lines.flatMap((line) => /ten requests.*?: (.*)$/.exec(line)?.[1] ?? []);
    expect(heard).toHaveLength(7);
    for (const answers of heard) {
      const count = [...answers.matchAll(/real\d (\d+)×/g)].reduce((sum, [, times]) => sum + Number(times), 0);
      expect({ answers, count }).toEqual({ answers, count: 10 });
    }
  },
  LIMIT_MS,
);
