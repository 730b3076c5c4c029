// Test machine: the network that a pair of appliances stands in: clients before them, real servers behind them, each a network namespace of this
// machine, and a bridge for either side with a card for each director. All of it lies in a namespace of its own, so nothing of this machine's
// network is touched, and it goes with the process that holds it. Root is not needed where users may have namespaces.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

export const FRONT = "192.0.2";
export const BACK = "198.51.100";
export const CLIENT_ADDRESS = `${FRONT}.9`;
export const REAL_SERVERS = [
  { name: "real1", address: `${BACK}.21` },
  { name: "real2", address: `${BACK}.22` },
] as const;
/** Every address of it is the first real server's as well. */
export const CROWD = "10.99.0.0/16";
/** Real servers answer by way of it: the director that is master has it. */
const GATEWAY = `${BACK}.1`;

export type Place = "client" | (typeof REAL_SERVERS)[number]["name"];

export interface PairNetwork {
  /** The words before a command that make it run in a place; without a place beside the bridges, where the cards are. */
  inside(place?: Place): readonly string[];
  /** Starts a program there; it is ended with the network. */
  spawn(place: Place, program: string, words: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Takes the network away, and ends what was started in it. */
  close(): void;
}

/** Name of the tap device that a director's card is. */
export function tapOf(side: "front" | "back", director: 1 | 2): string {
  return `${side}${director}`;
}

/** @throws Error with the words of what could not be made */
export async function createPairNetwork(): Promise<PairNetwork> {
  const isRoot = process.getuid?.() === 0;
  const asUser = isRoot ? [] : ["--user", "--map-root-user"];
  const words = [...asUser, "--net", "--mount", "--", "sh", "-euc", `${layout()}\necho ready\nexec cat`];
  const holder = spawn("unshare", words, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let complaint = "";
  holder.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const ready = await new Promise<boolean>((resolve) => {
    createInterface({ input: holder.stdout }).once("line", () => resolve(true));
    holder.once("error", ({ message }) => {
      complaint += message;
      resolve(false);
    });
    holder.once("close", () => resolve(false));
  });
  if (!ready)
    throw new Error(`the network of the pair can't be made${isRoot ? "" : " (root can)"}: ${complaint.trim()}`);
  const enter = [
    ...["nsenter", "--target", `${holder.pid}`, "--net", "--mount"],
    ...(isRoot ? [] : ["--user", "--preserve-credentials"]),
  ];
  const children = new Set<ChildProcess>();
  const close = () => {
    process.off("exit", close);
    for (const child of children) child.kill("SIGKILL");
    holder.kill("SIGKILL");
  };
  process.once("exit", close);
  const inside = (place?: Place) => [...enter, ...(place ? ["ip", "netns", "exec", place] : [])];
  return {
    inside,
    spawn(place, program, args, options = {}) {
      // Whatever kills us ends it too; said last, since it does not outlast other rights.
      const [first = "", ...rest] = [...inside(place), "setpriv", "--pdeathsig", "SIGKILL", program, ...args];
      const child = spawn(first, rest, { stdio: ["ignore", "pipe", "pipe"], ...options });
      children.add(child);
      child.once("close", () => children.delete(child));
      return child;
    },
    close,
  };
}

/** Runs a program in a place to its end. */
export function runInside(network: PairNetwork, place: Place, program: string, ...words: readonly string[]): string {
  const [first = "", ...rest] = [...network.inside(place), program, ...words];
  const { stdout, stderr } = spawnSync(first, rest, { encoding: "utf8", timeout: 60_000 });
  return `${stdout}${stderr}`;
}

/** A shell script. /run is the holder's own, for the names of the namespaces. */
function layout(): string {
  const bridge = (name: string) => `ip link add ${name} type bridge mcast_snooping 0; ip link set ${name} up`;
  const tap = (name: string, to: string) =>
    `ip tuntap add ${name} mode tap; ip link set ${name} master ${to}; ip link set ${name} up`;
  const place = (name: string, to: string, address: string, gateway?: string) =>
    [
      `ip netns add ${name}; ip -n ${name} link set lo up`,
      `ip link add ${name} type veth peer name eth0 netns ${name}; ip link set ${name} master ${to}; ip link set ${name} up`,
      `ip -n ${name} addr add ${address}/24 dev eth0; ip -n ${name} link set eth0 up`,
      ...(gateway === undefined ? [] : [`ip -n ${name} route add default via ${gateway}`]),
    ].join("\n");
  return [
    "mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up",
    ...[bridge("front"), bridge("back")],
    ...([1, 2] as const).flatMap((n) => [tap(tapOf("front", n), "front"), tap(tapOf("back", n), "back")]),
    place("client", "front", CLIENT_ADDRESS),
    // An address that is not there yet is asked for again at once.
    "ip netns exec client sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=100",
    // The first one stands for as many as are wanted.
    ...REAL_SERVERS.map(({ name, address }) => place(name, "back", address, GATEWAY)),
    `ip -n ${REAL_SERVERS[0].name} route add local ${CROWD} dev lo`,
  ].join("\n");
}
