// Routers that speak BFD, for tests: Debian's FRR (zebra and bfdd) and BIRD in a namespace, with files of their own.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Namespace } from "./netns.ts";
import { until } from "./until.ts";

const FRR = "/usr/lib/frr";

/** Why they can't be used here; undefined when they can. */
export function routersReason(): string | undefined {
  if (!existsSync(`${FRR}/bfdd`)) return "frr is not installed";
  if (spawnSync("bird", ["--version"]).error) return "bird2 is not installed";
  return undefined;
}

export interface Router extends Disposable {
  /** As it names it: `up`, `down`, `Up`, `Init`; empty when it has no such session. */
  state(neighbor: string): string;
  /** Ends it at once, as a power cut would. */
  kill(): void;
  start(): Promise<void>;
}

/** bfdd with a `bfd` block; the session is named by its `peer` line. */
export async function frr(
  host: Namespace,
  block: string,
): Promise<Router & { vty(...lines: readonly string[]): string }> {
  const dir = mkdtempSync(join(tmpdir(), "lbd-frr-"));
  const ids = spawnSync("id", ["-u", "frr"], { encoding: "utf8" }).stdout.trim();
  const groups = spawnSync("id", ["-g", "frr"], { encoding: "utf8" }).stdout.trim();
  writeFileSync(join(dir, "bfdd.conf"), `bfd\n${block}\n!\n`);
  writeFileSync(join(dir, "zebra.conf"), "");
  for (const path of [dir, join(dir, "bfdd.conf"), join(dir, "zebra.conf")])
    chownSync(path, Number(ids), Number(groups));
  chmodSync(dir, 0o755);
  const running: ReturnType<Namespace["spawn"]>[] = [];
  const run = (daemon: string, ...more: readonly string[]) => {
    const own = ["-f", join(dir, `${daemon}.conf`), "-i", join(dir, `${daemon}.pid`), "-z", join(dir, "zserv.api")];
    running.push(
      host.spawn(`${FRR}/${daemon}`, [...own, "--vty_socket", dir, "-P", "0", ...more], { stdio: "ignore" }),
    );
  };
  const vty = (...lines: readonly string[]) =>
    spawnSync("vtysh", ["--vty_socket", dir, "-d", "bfdd", ...lines.flatMap((line) => ["-c", line])], {
      encoding: "utf8",
    }).stdout;
  const kill = () => {
    for (const child of running.splice(0)) child.kill("SIGKILL");
  };
  const start = async () => {
    for (const file of ["zserv.api", "bfdd.vty", "zebra.vty", "bfdd.sock"]) rmSync(join(dir, file), { force: true });
    run("zebra");
    await until("zebra listens", () => existsSync(join(dir, "zserv.api")), 20_000);
    run("bfdd", "--bfdctl", join(dir, "bfdd.sock"));
    await until("bfdd answers", () => vty("show bfd peers").includes("BFD Peers"), 20_000);
  };
  await start();
  return {
    vty,
    state(neighbor) {
      const peers: unknown = JSON.parse(vty("show bfd peers json") || "[]");
      if (!Array.isArray(peers)) return "";
      return String(peers.find((one) => one.peer === neighbor)?.status ?? "");
    },
    kill,
    start,
    [Symbol.dispose]() {
      kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** BIRD with a `protocol bfd` of this text. */
export async function bird(
  host: Namespace,
  protocol: string,
): Promise<Router & { ask(words: string): string; configure(protocol: string): void }> {
  const dir = mkdtempSync(join(tmpdir(), "lbd-bird-"));
  const [config, socket] = [join(dir, "bird.conf"), join(dir, "bird.ctl")];
  const configure = (text: string) =>
    writeFileSync(config, `router id 192.0.2.250;\nprotocol device {}\nprotocol bfd one {\n${text}\n}\n`);
  let child: ReturnType<Namespace["spawn"]> | undefined;
  const ask = (words: string) => spawnSync("birdc", ["-s", socket, ...words.split(" ")], { encoding: "utf8" }).stdout;
  const kill = () => void child?.kill("SIGKILL");
  const start = async () => {
    rmSync(socket, { force: true });
    child = host.spawn("bird", ["-f", "-c", config, "-s", socket, "-P", join(dir, "bird.pid")], { stdio: "ignore" });
    await until("bird answers", () => ask("show status").includes("Daemon is up"), 20_000);
  };
  configure(protocol);
  await start();
  return {
    ask,
    configure(text) {
      configure(text);
      ask("configure");
    },
    state: (neighbor) =>
      ask("show bfd sessions")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .find(([ip]) => ip === neighbor)?.[2] ?? "",
    kill,
    start,
    [Symbol.dispose]() {
      kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
