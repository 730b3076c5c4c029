// Real-time signals, which the runtime hands to nobody: a process of its own takes them, and others still don't end it.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { PROGRAM } from "../../support/lbd.ts";

test("each signal is told, at once and by itself; one that nobody takes is ignored", async () => {
  const child = Bun.spawn([PROGRAM[0] ?? "", join(import.meta.dir, "../../support/realtime-child.ts")], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const heard = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await heard()).toBe("ready\n");
  for (const [signal, word] of [
    [36, "json\n"],
    [63, "clear\n"],
    [36, "json\n"],
  ] as const) {
    // 40 has no taker.
    process.kill(child.pid, 40);
    process.kill(child.pid, signal);
    expect(await heard()).toBe(word);
  }
  child.kill("SIGTERM");
  await child.exited;
});
