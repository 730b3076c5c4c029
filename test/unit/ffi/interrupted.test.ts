// A signal in the middle of a call: what does not wait is not ended by it.
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { asFd, isReadable } from "../../../ffi/fd.ts";

test("whether a descriptor is readable is answered beside any number of signals", async () => {
  let signals = 0;
  const count = () => void signals++;
  process.on("SIGWINCH", count);
  const sender = spawn("sh", ["-c", `while kill -WINCH ${process.pid}; do :; done`], { stdio: "ignore" });
  // Nobody writes to the other side of a new terminal.
  const fd = openSync("/dev/ptmx", "r+");
  try {
    // Some hundred of these met a signal where one in five hundred did.
    for (let asked = 0; asked < 200_000 || signals < 1000; asked++) {
      if (isReadable(asFd(fd))) throw new Error("readable");
      if (asked % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    sender.kill("SIGKILL");
    await new Promise((resolve) => sender.on("exit", resolve));
    process.off("SIGWINCH", count);
    closeSync(fd);
  }
  expect(signals).toBeGreaterThan(999);
}, 60_000);
