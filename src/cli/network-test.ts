// CLI: the console's test of the network: what links say, and whether routers and name servers answer.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const PING_LIMIT_MS = 5000;
const MAX_TARGETS = 8;

/** Lines as they come. Never throws. */
export async function* testNetwork(): AsyncGenerator<string> {
  for (const name of namesIn("/sys/class/net")) if (name !== "lo") yield linkLine(name);
  const routers = defaultRouters();
  if (routers.length === 0) yield "no default route";
  for (const address of routers.slice(0, MAX_TARGETS)) yield `router ${address}: ${await ping(address)}`;
  const servers = nameServers();
  for (const address of servers.slice(0, MAX_TARGETS)) yield `name server ${address}: ${await ping(address)}`;
}

function linkLine(name: string): string {
  const read = (what: string) => textOf(`/sys/class/net/${name}/${what}`);
  const speed = Number(read("speed"));
  const parts = [
    `state ${read("operstate") || "unknown"}`,
    ...(read("carrier") === "1" ? [] : ["no carrier: is the cable in, and the port of the switch on?"]),
    ...(speed > 0 ? [`${speed} Mbit/s ${read("duplex")}`] : []),
    `MTU ${read("mtu")}`,
  ];
  return `${name}: ${parts.join(", ")}`;
}

/** Of IPv4 and IPv6, as the kernel has them in the main table. */
export function defaultRouters(v4 = textOf("/proc/net/route"), v6 = textOf("/proc/net/ipv6_route")): readonly string[] {
  const found: string[] = [];
  for (const line of v4.split("\n").slice(1)) {
    const [, destination, gateway = "", , , , , mask] = line.split("\t");
    // Numbers of the machine's own order of bytes.
    if (destination === "00000000" && mask === "00000000" && gateway !== "00000000")
      found.push([6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16)).join("."));
  }
  for (const line of v6.split("\n")) {
    const [destination, length, , , gateway = "", , , , , device] = line.trim().split(/\s+/);
    if (!/^0*$/.test(destination ?? "x") || length !== "00" || /^0*$/.test(gateway)) continue;
    const address = (gateway.match(/.{4}/g) ?? []).join(":");
    found.push(address.startsWith("fe80") ? `${address}%${device}` : address);
  }
  return [...new Set(found)];
}

function nameServers(): readonly string[] {
  return [...textOf("/etc/resolv.conf").matchAll(/^nameserver\s+(\S+)/gm)].map(([, address = ""]) => address);
}

function ping(address: string): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const child = spawn("ping", ["-c", "1", "-w", "2", address], { stdio: ["ignore", "pipe", "ignore"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), PING_LIMIT_MS);
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8").slice(0, 4096 - said.length);
    });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (status) => {
      clearTimeout(timer);
      const took = /time=([\d.]+ ms)/.exec(said)?.[1];
      resolve(status === 0 ? `answers${took === undefined ? "" : ` in ${took}`}` : "NO ANSWER");
    });
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return "";
  }
}
