// Really starts Debian's keepalived on a file, in a network, mount and process namespace of its own, and has it say what it made of the
// file: its data dumps (SIGUSR1). A program of a configuration can neither see nor signal anything outside.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../support/netns.ts";
import { until } from "../support/until.ts";

export interface PeerRun {
  /** It did not end by itself while it read and started. */
  readonly runs: boolean;
  /** Exit status or signal of one that ended. */
  readonly ended: string | undefined;
  /** Dump of its VRRP process; undefined: there is none. */
  readonly vrrp: string | undefined;
  readonly services: string | undefined;
  /** States that instances begin with; known where no second worker wrote into the lines of the first. */
  readonly wanted: ReadonlyMap<string, string>;
  readonly log: string;
}

const PROGRAM = process.env.LBD_PEER ?? "keepalived";

/** How long one may take to start, on a machine that does other things too. */
const START_MS = 30_000;

/**
 * @param folder holds `keepalived.conf` and takes what the run writes
 * @param stub a library that stands in for ip_vs, for kernels without it
 */
export async function runPeer(host: Namespace, folder: string, stub?: string): Promise<PeerRun> {
  const out = join(folder, "out");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const command = [PROGRAM, "-n", "-l", "-D", "-d", "-G", "-B", "-f", join(folder, "keepalived.conf")];
  const child = startAlone(host, folder, command, { TMPDIR: out, ...(stub !== undefined && { LD_PRELOAD: stub }) });
  let log = "";
  child.stdout?.on("data", (bytes: Buffer) => (log += bytes));
  child.stderr?.on("data", (bytes: Buffer) => (log += bytes));
  const over = () => child.exitCode !== null || child.signalCode !== null;
  const idle = () => log.includes("keepalived has no configuration to run");
  await until(
    `keepalived starts on ${folder}`,
    () => over() || idle() || isGivingUp(log) || log.includes("Startup complete"),
    START_MS,
  );
  // A worker that gives up takes the parent with it, which may come a moment later.
  const running = !over() && !isGivingUp(log);
  if (running) {
    const pid = await until("its process", () => childOf(child.pid ?? 0), START_MS);
    const workers = idle()
      ? []
      : ["VRRP", "Healthcheck"].filter((name) => log.includes(`Starting ${name} child process`));
    signalQuietly(pid, "SIGUSR1");
    await until(
      `keepalived has dumped ${folder}`,
      () => over() || isGivingUp(log) || workers.every((name) => dumpOf(out, name) !== undefined),
      START_MS,
    );
    // Signals are taken in order: what is being dumped is whole when the program has ended.
    signalQuietly(pid, "SIGTERM");
  }
  // One whose worker crashes starts it again for ever.
  if (isGivingUp(log)) child.kill("SIGKILL");
  await until(`keepalived ends on ${folder}`, over, START_MS);
  const lines = log.replace(/^[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \d{4}: /gm, "");
  return {
    runs: running && !isGivingUp(log),
    ended: running ? undefined : String(child.signalCode ?? child.exitCode),
    vrrp: dumpOf(out, "VRRP"),
    services: dumpOf(out, "Healthcheck"),
    wanted: lines.includes("Starting Healthcheck child process") ? new Map() : statesIn(lines),
    log: lines,
  };
}

function isGivingUp(log: string): boolean {
  return /exited with permanent error|Respawning/.test(log);
}

function statesIn(log: string): Map<string, string> {
  const found = [...log.matchAll(/^ VRRP Instance = (.*)(?:\n {2,}.*)*?\n {3}Wantstate = (.*)$/gm)];
  return new Map(found.map(([, name = "", state = ""]) => [name, state]));
}

function dumpOf(out: string, worker: string): string | undefined {
  try {
    return readFileSync(join(out, worker === "VRRP" ? "keepalived.data" : "keepalived_check.data"), "utf8");
  } catch {
    return undefined;
  }
}

/** Starts a program as the first of its own process namespace, with mounts of its own: what it starts ends with it. */
export function startAlone(
  host: Namespace,
  folder: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const own = "mount -t tmpfs none /run && mount -t tmpfs none /var/tmp && mount -t proc proc /proc";
  const alone = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "sh",
    "-c",
    `${own} && cd ${folder} && exec "$@"`,
    "sh",
  ];
  return spawn("ip", ["netns", "exec", host.name, ...alone, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
  });
}

/** keepalived is the one child of unshare. */
export function childOf(pid: number): number | undefined {
  const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  return first ? Number(first) : undefined;
}

export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}
