// Process layer, appliance: DHCP on links that ask for it, by BusyBox's udhcpc as a child for each (docs/decisions/016-dhcp.md). Its script
// only writes down what it was told; addresses and routes are put into the kernel with all others.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Lease, readDhcpEvent } from "../../appliance/network/lease.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { readLines } from "../read-lines.ts";
import { createDaemon, type Daemon } from "./daemon.ts";
import { OWN_CHILD } from "./left-children.ts";

const STOP_LIMIT_MS = 1000;
/** Five questions in ten seconds, then again after ten: a server that comes late is found soon. */
const QUESTIONS = ["-t", "5", "-T", "2", "-A", "10"];
/** Options of RFC 2132 and 3442 beside those that it asks for itself. */
const OPTIONS = ["search", "ntpsrv", "staticroutes"];
/** What udhcpc says of each of its steps, thousands of times where no server answers. */
const CHATTER = /^udhcpc: (started|broadcasting|sending|unicasting|lease of|performing|received SIG|no lease|entering)/;
const SCRIPT = `#!/bin/sh
# udhcpc calls this with what it learned in its environment.
{ echo "event=$1"; env; } > "$LBD_LEASE.new" && mv "$LBD_LEASE.new" "$LBD_LEASE"
`;

export interface DhcpPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** For the script and what it writes. */
  readonly folder: string;
  /** BusyBox. */
  readonly program: string;
}

export interface DhcpClients {
  /** Runs a client on each of these links, and ends the others. */
  want(links: readonly { readonly id: string; readonly name: string }[]): void;
  /** Leases by the link's id, and what is wrong, as the clients have written it down by now. */
  look(): { readonly leases: ReadonlyMap<string, Lease>; readonly faults: readonly string[] };
  /** Some link still waits for its first answer. */
  isWaiting(): boolean;
  stop(): Promise<void>;
}

export function createDhcpClients({ clock, log, folder, program }: DhcpPorts): DhcpClients {
  const clients = new Map<
    string,
    { readonly name: string; readonly daemon: Daemon; lease?: Lease; silent: boolean; seen: string }
  >();
  const script = join(folder, "script");
  const leaseFile = (id: string) => join(folder, `${Buffer.from(id).toString("hex")}.lease`);

  function begin(id: string, name: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(script, SCRIPT, { mode: 0o700 });
    rmSync(leaseFile(id), { force: true });
    const words = [
      "udhcpc",
      "-f",
      "-i",
      name,
      "-s",
      script,
      ...QUESTIONS,
      "-x",
      `hostname:${hostname()}`,
      ...OPTIONS.flatMap((option) => ["-O", option]),
    ];
    const daemon = createDaemon({
      clock,
      log,
      name: `udhcpc on ${name}`,
      start(ended) {
        const child = spawn(program, words, {
          stdio: ["ignore", "ignore", "pipe"],
          env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LBD_LEASE: leaseFile(id), ...OWN_CHILD },
        });
        void readLines(child.stderr, (message) => {
          if (!CHATTER.test(message)) log({ level: "warning", area: "dhcp", message: `${name}: ${message}` });
        });
        child.on("error", (error) => ended(error.message));
        child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
        return { pid: child.pid ?? 0, signal: (what) => child.kill(what) };
      },
    });
    clients.set(id, { name, daemon, silent: false, seen: "" });
    daemon.start();
  }

  function end(id: string): Promise<void> {
    const { daemon } = clients.get(id) ?? {};
    clients.delete(id);
    rmSync(leaseFile(id), { force: true });
    return daemon?.stop(STOP_LIMIT_MS) ?? Promise.resolve();
  }

  function read(id: string): void {
    const client = clients.get(id);
    const text = client && textOf(leaseFile(id));
    if (!client || text === undefined || text === client.seen) return;
    client.seen = text;
    const event = readDhcpEvent(text);
    const say = (level: "info" | "warning", message: string) =>
      log({ level, area: "dhcp", message: `${id}: ${message}` });
    switch (event?.kind) {
      case "bound": {
        const { address, routers } = event.lease;
        if (client.lease?.address.ip !== address.ip)
          say("info", `${address.ip}/${address.prefix}${routers[0] ? ` by way of ${routers[0]}` : ""}`);
        client.lease = event.lease;
        client.silent = false;
        break;
      }
      case "lost":
        // It says so also when it starts, with nothing lost yet.
        if (client.lease) say("warning", `the lease of ${client.lease.address.ip} is lost`);
        delete client.lease;
        break;
      case "silence":
        client.silent = true;
        break;
      default:
        say("warning", "what the DHCP server said has no address that could be used");
    }
  }

  return {
    want(links) {
      for (const [id, { name }] of [...clients])
        if (!links.some((link) => link.id === id && link.name === name)) void end(id);
      for (const { id, name } of links) {
        if (clients.has(id)) continue;
        try {
          begin(id, name);
        } catch (error) {
          log({ level: "error", area: "dhcp", message: `${id}: ${messageOf(error)}` });
        }
      }
    },
    look() {
      for (const id of clients.keys()) read(id);
      const all = [...clients];
      return {
        leases: new Map(all.flatMap(([id, { lease }]) => (lease ? [[id, lease] as const] : []))),
        faults: all.filter(([, { silent, lease }]) => silent && !lease).map(([id]) => `${id}: no DHCP server answers`),
      };
    },
    isWaiting: () => [...clients.values()].some(({ lease }) => !lease),
    async stop() {
      await Promise.all([...clients.keys()].map(end));
    },
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
