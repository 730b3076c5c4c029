// Test machine: a pair of appliances as `make image` makes them, with their network, real servers, and a way to their APIs: for
// `make run-appliance`, the test of a pair and the bench.
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { startMedium } from "./medium.ts";
import {
  API_PORT,
  cardAddress,
  directorAddress,
  type FolderWords,
  VIRTUAL_ADDRESS,
  WEB_PORT,
  writeFolder,
} from "./pair-folders.ts";
import { createPairNetwork, type PairNetwork, type Place, REAL_SERVERS, tapOf } from "./pair-network.ts";
import type { RunningMachine } from "./qemu.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");
export const LBD = join(REPOSITORY, "dist/lbd");
const BUN = process.execPath;
/** The image, and what is left over; nothing of it is written but what is used. */
const DISK_BYTES = 1024 * 1024 * 1024;
export const DIRECTORS = [1, 2] as const;
export type DirectorNumber = (typeof DIRECTORS)[number];

export interface PairOptions {
  /** What `make image` wrote. */
  readonly images: string;
  readonly memoryMb: number;
  /** Of each; 1 without it. */
  readonly cpus?: number;
  /** What a director writes to its disk is there at its next start; false: each finds it as it was made. */
  readonly keep?: boolean;
  readonly limitMs: number;
  readonly token: string;
  /** Ports of 127.0.0.1 that lead to the API of each, and to the web service behind the virtual address. */
  readonly ports: { readonly apis: Readonly<Record<DirectorNumber, number>>; readonly web?: number };
  readonly moreServers?: FolderWords["moreServers"];
  /** A line of a director's console. */
  line(director: DirectorNumber, text: string): void;
}

export interface Pair {
  readonly network: PairNetwork;
  /** As in the options. */
  readonly apis: PairOptions["ports"]["apis"];
  powerOn(director: DirectorNumber): void;
  /** As when somebody pulls the plug. Resolves when it is off. */
  cutPower(director: DirectorNumber): Promise<void>;
  /** Resolves when a director ended, which none does by itself. */
  ended(director: DirectorNumber): Promise<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The directors are off, the real servers serve. @throws Error with the words of what could not be done */
export async function preparePair(options: PairOptions): Promise<Pair> {
  if (!existsSync(LBD)) throw new Error("dist/lbd is missing: make build");
  const work = mkdtempSync(join(tmpdir(), "lbd-pair-"));
  // Ctrl-C ends this program before anything else of it runs: the disks are large.
  const forget = () => rmSync(work, { recursive: true, force: true });
  process.once("exit", forget);
  const network = await createPairNetwork();
  const machines = new Map<DirectorNumber, RunningMachine>();
  const relays: Server[] = [];
  const close = async () => {
    for (const machine of machines.values()) machine.stop();
    await Promise.all([...machines.values()].map(({ finished }) => finished));
    for (const relay of relays) relay.close();
    network.close();
    forget();
    process.off("exit", forget);
  };
  try {
    for (const director of DIRECTORS) writeDisk(work, director, options);
    await Promise.all(
      REAL_SERVERS.map(({ name }) => untilReady(startProgram(network, name, "test/machine/pair-server.ts", name))),
    );
    relays.push(...(await openWays(network, work, options.ports)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    network,
    apis: options.ports.apis,
    powerOn(director) {
      machines.set(
        director,
        startMedium({
          ...{ firmware: "bios", memoryMb: options.memoryMb, cpus: options.cpus ?? 1, limitMs: options.limitMs },
          medium: { kind: "disk", file: diskOf(work, director), keep: options.keep ?? true },
          cards: (["front", "back"] as const).map((side) => ({
            tap: tapOf(side, director),
            macAddress: cardAddress(side, director),
          })),
          enter: network.inside(),
          line: (text) => options.line(director, text),
        }),
      );
    },
    async cutPower(director) {
      const machine = machines.get(director);
      machines.delete(director);
      machine?.stop();
      await machine?.finished;
    },
    ended: async (director) => machines.get(director)?.finished,
    [Symbol.asyncDispose]: close,
  };
}

function diskOf(work: string, director: DirectorNumber): string {
  return join(work, `director${director}.img`);
}

/** As on hardware: `lbd appliance flash` writes image and folder, and judges the folder before. */
function writeDisk(work: string, director: DirectorNumber, { images, token, moreServers }: PairOptions): void {
  const folder = join(work, `director${director}`);
  const updateKey = readFileSync(join(images, "update.pub"), "utf8").trim().split("\n").at(-1);
  writeFolder(folder, { director, token, ...(updateKey && { updateKey }), ...(moreServers && { moreServers }) });
  const disk = diskOf(work, director);
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  const words = ["appliance", "flash", join(images, "lbd.img"), disk, "--config", folder, "--yes"];
  execFileSync(LBD, words, { stdio: ["ignore", "ignore", "pipe"] });
}

/** A program of this repository in a place of the network. */
export function startProgram(
  network: PairNetwork,
  place: Place,
  path: string,
  ...words: readonly string[]
): ChildProcess {
  return network.spawn(place, BUN, [join(REPOSITORY, path), ...words], { stdio: ["pipe", "pipe", "inherit"] });
}

/** Resolves when it says so on its output. @throws Error when it ends before */
export async function untilReady({ stdout, spawnfile, spawnargs, ...child }: ChildProcess): Promise<void> {
  if (!stdout) throw new Error(`${spawnfile}: its output is not read`);
  for await (const line of createInterface({ input: stdout })) if (line === "ready") return;
  throw new Error(`${spawnargs.join(" ")} ended with status ${child.exitCode}`);
}

/** Ports of this machine to addresses of the network, by sockets of the file system, which are the same in every namespace. */
async function openWays(network: PairNetwork, work: string, { apis, web }: PairOptions["ports"]): Promise<Server[]> {
  const folder = join(work, "ways");
  mkdirSync(folder);
  const ways = [
    ...DIRECTORS.map((director) => ({ from: apis[director], to: directorAddress(director), port: API_PORT })),
    ...(web === undefined ? [] : [{ from: web, to: VIRTUAL_ADDRESS, port: WEB_PORT }]),
  ].map((way) => ({ ...way, path: join(folder, `${way.from}`) }));
  const words = ways.flatMap(({ path, to, port }) => [path, to, `${port}`]);
  await untilReady(startProgram(network, "client", "test/machine/relay.ts", ...words));
  return Promise.all(ways.map(({ from, path }) => openWay(from, path)));
}

function openWay(port: number, path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path, allowHalfOpen: true });
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
