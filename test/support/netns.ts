// Network namespaces for tests: made with this process' pid in the name, taken away with everything in them.
// Only root can; `netnsReason()` says why a machine can't, so that a ring skips with a reason in words.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { plainEnvironment } from "./plain-environment.ts";

let serial = 0;
const living = new Set<Namespace>();

// A test or bench that ends early leaves no namespace and no daemon behind.
process.on("exit", () => {
  for (const namespace of living) namespace[Symbol.dispose]();
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

/** Why namespaces can't be used here; undefined when they can. */
export function netnsReason(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (spawnSync("ip", ["-V"]).error) return "ip (iproute2) is not installed";
  return undefined;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Namespace {
  readonly name: string;
  readonly #children = new Set<ChildProcess>();

  /** Makes a namespace with its loopback up. @throws Error with the message of ip(8) */
  constructor(label: string) {
    this.name = `lbd-${process.pid}-${serial++}-${label}`;
    must("ip", ["netns", "add", this.name]);
    living.add(this);
    this.ip("link set lo up");
    // Addresses are whole at once: a test that compares before and after must not meet the end of a detection in between.
    this.sysctls({ "net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0 });
  }

  /** Runs `ip -n NAME …`; words are split at blanks. @throws Error with the message of ip(8) */
  ip(words: string): string {
    return must("ip", ["-n", this.name, ...words.split(/\s+/)]);
  }

  /** The same for many lines with one process. Families are told by the addresses: a line takes no options. */
  batch(...lines: readonly string[]): void {
    must("ip", ["-n", this.name, "-batch", "-"], lines.join("\n"));
  }

  /** Runs a program inside to its end. */
  run(program: string, ...args: readonly string[]): Finished {
    const done = spawnSync("ip", ["netns", "exec", this.name, program, ...args], { encoding: "utf8", timeout: 60_000 });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  sysctl(name: string, value: string | number): void {
    this.sysctls({ [name]: value });
  }

  sysctls(values: Readonly<Record<string, string | number>>): void {
    const lines = Object.entries(values).map(
      ([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll(".", "/")}`,
    );
    must("ip", ["netns", "exec", this.name, "sh", "-ec", lines.join("\n")]);
  }

  /** Starts a program inside; it is ended with the namespace. `ip netns exec` execs, so the pid is the program's. */
  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.name, program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: plainEnvironment(),
      ...options,
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  [Symbol.dispose](): void {
    living.delete(this);
    for (const child of this.#children) child.kill("SIGKILL");
    // Grandchildren too: whatever still lives in the namespace would keep it.
    const pids = spawnSync("ip", ["netns", "pids", this.name], { encoding: "utf8" }).stdout ?? "";
    for (const pid of pids.split("\n").filter((text) => text !== "")) killQuietly(Number(pid));
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

/** Joins two namespaces by a veth pair; both ends are up. */
export function connect(a: Namespace, aName: string, b: Namespace, bName: string): void {
  must("ip", ["link", "add", aName, "netns", a.name, "type", "veth", "peer", "name", bName, "netns", b.name]);
  a.ip(`link set ${aName} up`);
  b.ip(`link set ${bName} up`);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

function must(program: string, args: readonly string[], input = ""): string {
  const done = spawnSync(program, args, { encoding: "utf8", timeout: 60_000, input });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr || done.error?.message}`);
  return done.stdout;
}
