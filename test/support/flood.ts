// Floods of VRRP packets from a hostile host (junk-sender.ts), and what else loads a machine meanwhile.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, internetChecksum } from "../../src/base/bytes.ts";
import { ipBytes } from "../../src/base/ip.ts";
import type { Daemon } from "./daemon.ts";
import type { Namespace } from "./netns.ts";

export const HOSTILE = "192.0.2.2";

/** How an advertisement of version 3 (RFC 9568 §5) differs from a good one of priority 50 for VRID 51 and 192.0.2.100 each 0.1 s. */
export interface FloodAdvert {
  readonly priority?: number;
  readonly version?: number;
  readonly type?: number;
  readonly intervalCs?: number;
  readonly spoilChecksum?: boolean;
  readonly cut?: number;
}

export function floodAdvert(change: FloodAdvert): Uint8Array {
  const interval = change.intervalCs ?? 10;
  const body = Uint8Array.of(
    ((change.version ?? 3) << 4) | (change.type ?? 1),
    51,
    change.priority ?? 50,
    1,
    interval >> 8,
    interval & 255,
    0,
    0,
    ...ipBytes("192.0.2.100"),
  );
  // Over the pseudo-header of IPv4 (RFC 9568 §5.2.8).
  const pseudo = concatBytes(ipBytes(HOSTILE), ipBytes("224.0.0.18"), Uint8Array.of(0, 112, 0, body.byteLength));
  const checksum = internetChecksum(concatBytes(pseudo, body)) ^ (change.spoilChecksum ? 0x0101 : 0);
  body[6] = checksum >> 8;
  body[7] = checksum & 255;
  return body.subarray(0, change.cut ?? body.byteLength);
}

/** What a flood is made of: what must be refused, and what is valid and changes nothing. */
export const FLOODS = {
  refused: [{ spoilChecksum: true }, { cut: 6 }, { type: 2 }, { version: 2 }, { version: 4 }],
  weaker: [{}],
  "priority 0": [{ priority: 0 }],
} as const satisfies Readonly<Record<string, readonly FloodAdvert[]>>;

export type FloodKind = keyof typeof FLOODS;

export interface Flood {
  /** How many packets went out. */
  readonly sent: Promise<number>;
}

export function startFlood(host: Namespace, kind: FloodKind, packetsPerSecond: number, seconds: number): Flood {
  const script = join(import.meta.dirname, "junk-sender.ts");
  const bodies = FLOODS[kind].map((change) => Buffer.from(floodAdvert(change)).toString("hex"));
  const args = [script, HOSTILE, "255", String(packetsPerSecond), String(seconds), ...bodies];
  const child = host.spawn(process.execPath, args);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { sent: new Promise((resolve) => child.once("close", () => resolve(Number(text)))) };
}

/** Programs that do nothing but compute. */
export function loadMachine(processes: number): { end(): void } {
  const children: ChildProcess[] = Array.from({ length: processes }, () =>
    spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  return {
    end: () => {
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

/** What the processes of a daemon hold in memory together. */
export function residentKb(daemon: Daemon): number {
  const sizes = daemon
    .processes()
    .map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function floodedConfiguration(global: string): string {
  return `${global}vrrp_instance V1 {
  interface eth0
  version 3
  virtual_router_id 51
  priority 100
  advert_int 0.1
  virtual_ipaddress {
    192.0.2.100
  }
}
`;
}
