// Run as a program by the filter's test: gives itself the filter as the api process does, and says what it still can do.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setNoNewPrivileges } from "../../ffi/process.ts";
import { refuseSystemCalls } from "../../src/kernel/confinement.ts";

const file = join(mkdtempSync(join(tmpdir(), "lbd-seccomp-")), "file");
const server = createServer().listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  setNoNewPrivileges();
  const said = refuseSystemCalls() ?? "filtered";
  const attempt = (run: () => unknown): string => {
    try {
      run();
      return "done";
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
  };
  const seccomp = new Set(
    readdirSync("/proc/self/task").map(
      (thread) => /^Seccomp:\t(\d)$/m.exec(readFileSync(`/proc/self/task/${thread}/status`, "utf8"))?.[1],
    ),
  );
  const sync = {
    said,
    threads: [...seccomp],
    read: attempt(() => readFileSync("/etc/passwd")),
    write: attempt(() => writeFileSync(file, "x")),
    spawn: attempt(() => Bun.spawnSync(["/bin/true"])),
    kill: attempt(() => process.kill(process.ppid, 0)),
  };
  const socket = connect(port, "127.0.0.1");
  socket.on("connect", () => done("done"));
  socket.on("error", (error) => done("code" in error ? String(error.code) : error.message));
  function done(connected: string) {
    const again = createServer().listen(0, "127.0.0.1", () => {
      console.log(JSON.stringify({ ...sync, connect: connected, listen: again.listening ? "done" : "no" }));
      process.exit(0);
    });
  }
});
