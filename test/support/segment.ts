// A segment for tests: a bridge in a namespace of its own with 2 to 5 hosts on it, and a capture of every frame that crosses it.
import { connect, Namespace } from "./netns.ts";
import { until } from "./until.ts";

/** A frame as it crossed the bridge. */
export interface Frame {
  /** Seconds since the epoch, from the kernel. */
  readonly at: number;
  /** Which host's bridge port it came in by is not known; the source MAC tells. */
  readonly bytes: Uint8Array;
}

/** Slots of the ring have the size of the longest frame: with that of a jumbo one a burst finds no room. */
const CAPTURE_OPTIONS = ["-U", "--immediate-mode", "--snapshot-length=512", "--buffer-size=32768"];

export interface Capture extends Disposable {
  readonly frames: readonly Frame[];
  stop(): void;
}

export class Segment {
  readonly bridge = new Namespace("sw");
  readonly hosts: readonly Namespace[];

  /** Host i has eth0 with 192.0.2.(i+1)/24 and 2001:db8::(i+1)/64, without duplicate address detection. */
  constructor(...labels: readonly string[]) {
    this.bridge.ip("link add br0 type bridge mcast_snooping 0");
    this.bridge.ip("link set br0 up");
    this.hosts = labels.map((label, i) => {
      const host = new Namespace(label);
      connect(this.bridge, `p${i}`, host, "eth0");
      this.bridge.ip(`link set p${i} master br0`);
      host.ip(`addr add 192.0.2.${i + 1}/24 dev eth0`);
      host.ip(`addr add 2001:db8::${(i + 1).toString(16)}/64 dev eth0 nodad`);
      return host;
    });
  }

  host(i: number): Namespace {
    const host = this.hosts[i];
    if (!host) throw new RangeError(`host ${i} of ${this.hosts.length}`);
    return host;
  }

  /** Takes a host's cable out or puts it back (the host sees the carrier go). */
  cable(i: number, state: "in" | "out"): void {
    this.bridge.ip(`link set p${i} ${state === "in" ? "up" : "down"}`);
  }

  /**
   * Cuts a host off or heals it without the carrier going: its bridge port is disabled or forwards. (To take the port out of the bridge
   * would hold the lock of all network settings for 10 to 30 ms, in which nobody on this machine can add an address.)
   */
  blackhole(i: number, state: "cut" | "healed"): void {
    const done = this.bridge.run("bridge", "link", "set", "dev", `p${i}`, "state", state === "cut" ? "0" : "3");
    if (done.status !== 0) throw new Error(`bridge port p${i} is not ${state}: ${done.stderr}`);
  }

  /** Captures what matches a tcpdump filter, from now on. */
  capture(filter: string): Promise<Capture> {
    return captureOn(this.bridge, "br0", filter);
  }

  /** The same as host i sends and hears it, before and behind what the kernel does on the way over the bridge. */
  captureAt(i: number, filter: string): Promise<Capture> {
    return captureOn(this.host(i), "eth0", filter);
  }

  [Symbol.dispose](): void {
    for (const host of this.hosts) host[Symbol.dispose]();
    this.bridge[Symbol.dispose]();
  }
}

/** Captures what matches a tcpdump filter on one interface; it ends with the namespace at the latest. */
export async function captureOn(where: Namespace, device: string, filter: string): Promise<Capture> {
  const child = where.spawn("tcpdump", ["-i", device, ...CAPTURE_OPTIONS, "-w", "-", filter]);
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let listening = false;
  let header = false;
  child.stderr?.on("data", (chunk: Buffer) => {
    if (chunk.toString().includes("listening on")) listening = true;
  });
  child.stdout?.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (!header && rest.length >= 24) {
      header = true;
      rest = rest.subarray(24);
    }
    while (header && rest.length >= 16 && rest.length >= 16 + rest.readUInt32LE(8)) {
      const length = rest.readUInt32LE(8);
      const at = rest.readUInt32LE(0) + rest.readUInt32LE(4) / 1e6;
      frames.push({ at, bytes: Uint8Array.from(rest.subarray(16, 16 + length)) });
      rest = rest.subarray(16 + length);
    }
  });
  await until("tcpdump listens", () => listening);
  const stop = () => void child.kill("SIGTERM");
  return { frames, stop, [Symbol.dispose]: stop };
}

/** The addresses that a host's interfaces hold, with prefix: `192.0.2.100/32`. */
export function addressesOf(host: Namespace): string[] {
  return host
    .ip("-o addr show")
    .split("\n")
    .map((line) => / inet6? (\S+)/.exec(line)?.[1])
    .filter((address) => address !== undefined);
}
