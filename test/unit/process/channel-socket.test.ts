// The channel as it is between two processes.
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";

/** What the program's parent heard of a child that does what `role` does. */
async function heard(role: string): Promise<unknown[]> {
  const child = spawn(process.execPath, [`${import.meta.dir}/../../support/channel-program.ts`, role], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve));
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line): unknown => JSON.parse(line));
}

test("messages go both ways, also those that fill the socket many times, until one is deeper than any of ours", async () => {
  expect(await heard("checker")).toEqual([
    { message: "small", bytes: 7 },
    { message: 5_000_002, bytes: 5_000_002 },
    // The child has taken it, and says it back: the parent trusts it less.
    { broken: "JSON more than 32 levels deep" },
    { exit: "signal SIGKILL" },
  ]);
});

test("a message that is too long ends the channel before its bytes are kept", async () => {
  expect(await heard("api")).toEqual([
    { broken: "a message of 2147483647 bytes, at most 8388608 are taken" },
    { exit: "signal SIGKILL" },
  ]);
});

test("descriptors that come with messages are not taken", async () => {
  const lines = await heard("vrrp");
  expect(lines.slice(0, 2)).toEqual([
    { message: { at: 0 }, bytes: 8 },
    { message: { at: 1 }, bytes: 8 },
  ]);
  expect(lines.slice(-2)).toEqual([{ descriptors: expect.any(Number) }, { exit: "signal SIGKILL" }]);
  const descriptors = lines.flatMap((line) =>
    typeof line === "object" && line !== null && "descriptors" in line ? [line.descriptors] : [],
  );
  // The channel, two pipes, and what the runtime opens to wait for a child: none of the twenty.
  expect(Number(descriptors[0])).toBeLessThan(10);
});

test("what a child says last is heard before its end", async () => {
  expect(await heard("bfd")).toEqual([{ message: "last words", bytes: 12 }, { exit: "status 7" }]);
});

test("a process without a configuration of its own that reads nothing costs the parent 64 MB, not more", async () => {
  const [first, last] = await heard("starter");
  expect(last).toEqual({ exit: "signal SIGKILL" });
  expect(first).toEqual({ taken: expect.any(Number) });
  const { taken } = first as { taken: number };
  expect(taken).toBeGreaterThan(60);
  expect(taken).toBeLessThan(70);
});
