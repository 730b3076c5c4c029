// Test machine: the commands of the lab, from the terminal of `make run` or from another one: `make lab CMD="status --down"`. A line goes to
// the guest over a port of 127.0.0.1, text comes back.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CACHE } from "./guest.ts";

/** In the guest; ports of this machine lead there. */
export const API_PORT = 8080;
/** There a connection is one line of words, and the text that it gives. */
export const COMMAND_PORT = 8081;

/** The port of the lab that runs. */
const PORT_FILE = join(CACHE, "lab-port");

/** Makes the lab known to other terminals until the returned function is called. */
export function announce(port: number): () => void {
  writeFileSync(PORT_FILE, `${port}\n`);
  return () => rmSync(PORT_FILE, { force: true });
}

/** What the lab says to a line. @throws Error ECONNREFUSED when none runs there */
export function askLab(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${line}\n`));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

/** Reads lines and prints what comes of them, one after the other, until the input ends. */
export async function labShell(port: number, input: NodeJS.ReadableStream, say: (text: string) => void): Promise<void> {
  say("lab> ");
  for await (const line of createInterface({ input })) {
    if (line.trim() !== "") say(`${(await askLab(port, line).catch((error: Error) => error.message)).trimEnd()}\n`);
    if (line.trim() === "quit") return;
    say("lab> ");
  }
}

if (import.meta.main) {
  const line = process.argv.slice(2).join(" ");
  try {
    console.log((await askLab(Number(readFileSync(PORT_FILE, "utf8")), line)).trimEnd());
  } catch {
    console.error("lab: none runs here; make run starts it");
    process.exitCode = 1;
  }
}
