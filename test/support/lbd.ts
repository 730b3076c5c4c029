// The real program, started from source or as the binary, in a directory of its own, with a line to what it logs and an end that leaves nothing.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { plainEnvironment } from "./plain-environment.ts";
import { until } from "./until.ts";

/** From source, or the binary that LBD_BINARY names. */
export const PROGRAM = process.env.LBD_BINARY
  ? [resolve(process.env.LBD_BINARY)]
  : [process.execPath, resolve(import.meta.dirname, "../../src/main.ts")];

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface RunningLbd {
  readonly pid: number;
  readonly runDir: string;
  readonly configFile: string;
  log(): string;
  /** Of the program, once it has ended. */
  readonly exited: Promise<number>;
  signal(name: "SIGTERM" | "SIGHUP" | "SIGINT" | "SIGKILL" | "SIGUSR1" | "SIGUSR2"): void;
  /** Asks over the UNIX socket; undefined while nobody answers. */
  ask(path: string): Promise<Answer | undefined>;
  /** Pid of a role as its pid file says. */
  rolePid(file: "api.pid" | "checkers.pid" | "vrrp.pid"): number | undefined;
  configure(text: string): void;
  /** A line for its standard input, which is there with `--events-on-stdin`. */
  tell(line: string): void;
}

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface LbdLab {
  start(config: string, ...argv: string[]): RunningLbd;
  /** Starts it in the run directory and with the configuration of another. */
  beside(other: RunningLbd, ...argv: string[]): RunningLbd;
  /** Runs a command to its end. */
  run(...argv: string[]): Promise<Ended>;
  /** The same with more variables in the environment. */
  runWith(extra: Readonly<Record<string, string>>, ...argv: string[]): Promise<Ended>;
  /** Starts a command that does not end by itself. */
  follow(extra: Readonly<Record<string, string>>, ...argv: string[]): Following;
  end(): Promise<void>;
}

export interface Following {
  out(): string;
  interrupt(): void;
  readonly exited: Promise<number>;
}

export function lbdLab(): LbdLab {
  const base = mkdtempSync(join(tmpdir(), "lbd-process-"));
  const started: Bun.Subprocess[] = [];
  let count = 0;

  function launch(runDir: string, configFile: string, argv: readonly string[]): RunningLbd {
    const logFile = join(base, `${++count}.log`);
    const child = Bun.spawn([...PROGRAM, "--config", configFile, "--run-dir", runDir, "--api", "off", ...argv], {
      stdin: argv.includes("--events-on-stdin") ? "pipe" : "ignore",
      stdout: "ignore",
      stderr: Bun.file(logFile),
      cwd: base,
      env: plainEnvironment(),
    });
    started.push(child);
    return {
      pid: child.pid,
      runDir,
      configFile,
      log: () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : ""),
      exited: child.exited,
      signal: (name) => child.kill(name),
      ask: (path) => askSocket(join(runDir, "api.sock"), path),
      rolePid(file) {
        const path = join(runDir, file);
        return existsSync(path) ? Number(readFileSync(path, "utf8")) : undefined;
      },
      configure: (text) => writeFileSync(configFile, text),
      tell(line) {
        child.stdin?.write(`${line}\n`);
        child.stdin?.flush();
      },
    };
  }

  async function runWith(extra: Readonly<Record<string, string>>, ...argv: readonly string[]) {
    const child = Bun.spawn([...PROGRAM, ...argv], {
      env: { ...plainEnvironment(), ...extra },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: base,
    });
    started.push(child);
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { status: await child.exited, out, err };
  }

  return {
    start(config, ...argv) {
      const configFile = join(base, `${count}.conf`);
      writeFileSync(configFile, config);
      return launch(join(base, `run-${count}`), configFile, argv);
    },
    beside: (other, ...argv) => launch(other.runDir, other.configFile, argv),
    run: (...argv) => runWith({}, ...argv),
    runWith,
    follow(extra, ...argv) {
      const outFile = join(base, `${++count}.out`);
      const child = Bun.spawn([...PROGRAM, ...argv], {
        env: { ...plainEnvironment(), ...extra },
        stdin: "ignore",
        stdout: Bun.file(outFile),
        stderr: "ignore",
        cwd: base,
      });
      started.push(child);
      return {
        out: () => (existsSync(outFile) ? readFileSync(outFile, "utf8") : ""),
        interrupt: () => child.kill("SIGINT"),
        exited: child.exited,
      };
    },
    async end() {
      for (const child of started) child.kill("SIGKILL");
      await Promise.all(started.map((child) => child.exited));
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function askSocket(socketPath: string, path: string): Promise<Answer | undefined> {
  return new Promise((done) => {
    const asked = request({ socketPath, path, headers: { host: "localhost" }, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text) => {
        body += text;
      });
      answer.on("end", () => done({ status: answer.statusCode ?? 0, body }));
      answer.on("error", () => done(undefined));
    });
    asked.on("error", () => done(undefined));
    asked.end();
  });
}

/** Waits until the director answers that it is ready. */
export async function ready(lbd: RunningLbd): Promise<void> {
  await until(`lbd is ready\n${lbd.log()}`, async () => (await lbd.ask("/readyz"))?.status === 200, 20_000);
}

/** Whether a process exists; one that is dead but not waited for does not. */
export function exists(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
