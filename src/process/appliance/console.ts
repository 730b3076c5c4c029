// Process layer, appliance: the screen at the machine itself as a child (`lbd appliance console`), on the terminals that are there; with
// `lbd.rescue` on the kernel's command line a shell instead. Nothing else gives anybody a shell.
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import type { ApplianceSettings } from "../../appliance/settings.ts";
import { SEARCH_PATH } from "../../base/environment.ts";
import { ownArguments } from "../runtime.ts";
import type { DaemonProcess } from "./daemon.ts";
import { OWN_CHILD } from "./left-children.ts";

/** The first virtual terminal, where one is built in. */
const VIRTUAL = "tty1";

/** Terminals of this machine in the form of the command's words: `/dev/ttyS1:9600`. */
export function terminalsOf({ serial, baud }: ApplianceSettings["console"], dev = "/dev"): readonly string[] {
  const there = (name: string) => existsSync(`${dev}/${name}`);
  return [...(there(serial) ? [`${dev}/${serial}:${baud}`] : []), ...(there(VIRTUAL) ? [`${dev}/${VIRTUAL}`] : [])];
}

export function startConsole(terminals: readonly string[], ended: (how: string) => void): DaemonProcess {
  const child = spawn("/proc/self/exe", [...ownArguments(), "appliance", "console", ...terminals], {
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
    cwd: "/",
    env: { PATH: SEARCH_PATH, ...OWN_CHILD },
  });
  child.on("error", (error) => ended(error.message));
  child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
  return { pid: child.pid ?? 0, signal: (name) => child.kill(name) };
}

/** A shell of root on the terminal that is the kernel's console. */
export function startShell(ended: (how: string) => void): DaemonProcess {
  const name = readFileSync("/sys/class/tty/console/active", "utf8").trim().split(" ").at(-1) ?? "console";
  const terminal = openSync(`/dev/${name === "tty0" ? VIRTUAL : name}`, "r+");
  try {
    const child = spawn("/bin/busybox", ["setsid", "-c", "/bin/sh", "-l"], {
      stdio: [terminal, terminal, terminal],
      cwd: "/",
      env: { PATH: SEARCH_PATH, HOME: "/run", TERM: "linux", PS1: "rescue# ", ...OWN_CHILD },
    });
    child.on("error", (error) => ended(error.message));
    child.on("exit", (status, signal) => ended(signal ?? `status ${status}`));
    return { pid: child.pid ?? 0, signal: (signal) => child.kill(signal) };
  } finally {
    closeSync(terminal);
  }
}
