// Starts lbd or Debian's keepalived in a namespace, with a configuration of the test, and keeps what they print.
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Namespace } from "./netns.ts";
import { until } from "./until.ts";

export type Kind = "lbd" | "keepalived";

/** The program under test: the compiled binary (LBD_BINARY, else dist/lbd). */
export function lbdBinary(): string {
  const path = resolve(process.env.LBD_BINARY ?? "dist/lbd");
  if (!existsSync(path)) throw new Error(`${path} is missing: make build`);
  return path;
}

export interface DaemonOptions {
  /** Instead of the binary under test, or of Debian's keepalived. */
  readonly program?: string;
  /** keepalived's detailed log, which costs it CPU; on. */
  readonly detail?: boolean;
  /** Words before the command: a program that becomes it by exec. */
  readonly wrapper?: readonly string[];
}

export class Daemon {
  readonly kind: Kind;
  readonly dir = mkdtempSync(join(tmpdir(), "lbd-daemon-"));
  readonly #host: Namespace;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(kind: Kind, host: Namespace, configuration: string, options: DaemonOptions = {}) {
    this.kind = kind;
    this.#host = host;
    this.#options = options;
    this.configure(configuration);
  }

  get configPath(): string {
    return join(this.dir, "keepalived.conf");
  }

  /** Everything the daemon wrote to its terminal. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.kind} does not run`);
    return this.#child.pid;
  }

  configure(configuration: string): void {
    writeFileSync(this.configPath, configuration);
  }

  start(...extra: readonly string[]): this {
    // keepalived that was killed would find its own and say that it is running.
    for (const pidFile of this.#pidFiles()) rmSync(pidFile, { force: true });
    const [first = "", ...words] = [...(this.#options.wrapper ?? []), this.#program(), ...this.#args(), ...extra];
    const child = this.#host.spawn(first, words);
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString();
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    this.#child = child;
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  reload(configuration: string): void {
    this.configure(configuration);
    this.signal("SIGHUP");
  }

  /** Ends it as an operator would; gives the exit status. */
  async stop(limitMs = 15_000): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await until(`${this.kind} ends after SIGTERM`, () => child.exitCode !== null || child.signalCode !== null, limitMs);
    return child.exitCode;
  }

  /** Kills all its processes at once, as a power cut would: none of them sees another die and says good-bye. */
  kill(): void {
    const pids = this.processes();
    for (const pid of pids) signalQuietly(pid, "SIGSTOP");
    for (const pid of pids) signalQuietly(pid, "SIGKILL");
  }

  #descendants(): number[] {
    const child = this.#child;
    if (child?.pid === undefined) return [];
    const table = this.#host.run("ps", "-eo", "pid,ppid").stdout.split("\n").slice(1);
    const rows = table.map((line) => line.trim().split(/\s+/).map(Number));
    const found = [child.pid];
    for (const root of found)
      for (const [pid, parent] of rows) if (parent === root && pid !== undefined) found.push(pid);
    return found;
  }

  /** Asks lbd on its socket, which starts the process that answers; gives the status of the answer, 0 without one. */
  callApi(path = "/livez"): Promise<number> {
    return new Promise((resolve) => {
      const options = {
        socketPath: join(this.dir, "run", "api.sock"),
        path,
        headers: { host: "localhost" },
        agent: false,
      };
      const asked = request(options, (answer) => {
        answer.resume();
        answer.on("close", () => resolve(answer.statusCode ?? 0));
      });
      asked.on("error", () => resolve(0));
      asked.end();
    });
  }

  /** pids of the daemon and everything below it. */
  processes(): number[] {
    return this.#descendants();
  }

  #program(): string {
    return this.#options.program ?? (this.kind === "lbd" ? lbdBinary() : "keepalived");
  }

  #args(): string[] {
    if (this.kind === "lbd") return ["--config", this.configPath, "--run-dir", join(this.dir, "run"), "--api", "off"];
    const [parent = "", vrrp = "", checkers = "", bfd = ""] = this.#pidFiles();
    const detail = this.#options.detail === false ? [] : ["-D"];
    return ["-n", "-l", ...detail, "-G", "-f", this.configPath, "-p", parent, "-r", vrrp, "-c", checkers, "-b", bfd];
  }

  /** Of keepalived: the parent's, the VRRP process', the checkers', that of BFD. */
  #pidFiles(): string[] {
    return ["p.pid", "r.pid", "c.pid", "b.pid"].map((name) => join(this.dir, name));
  }

  [Symbol.dispose](): void {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}
