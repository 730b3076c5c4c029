// Test machine: a client of the pair: connections that stay and are spoken on five times a second, and one request after the other. Argument:
// how many connections stay. When its input ends it says what came of all of it, as one line of JSON (TrafficReport).
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { ECHO_PORT, VIRTUAL_ADDRESS, WEB_PORT } from "./pair-folders.ts";

export interface TrafficReport {
  readonly requests: number;
  /** Wall clock, in ms. */
  readonly failures: readonly { readonly began: number; readonly ended: number; readonly why: string }[];
  readonly longestMs: number;
  /** How many connections answered to the end, and why the others did not. */
  readonly alive: number;
  readonly broken: readonly string[];
}

const SPEAK_MS = 200;
const PAUSE_MS = 50;
/** Longer than any takeover. */
const PATIENCE_MS = 30_000;

interface Staying {
  readonly socket: Socket;
  said: number;
  heard: number;
  broken?: string;
}

if (import.meta.main) await traffic(Number(process.argv[2] ?? 1));

async function traffic(count: number): Promise<void> {
  const staying = Array.from({ length: count }, stay);
  for (const one of staying) await heard(one, 1);
  const failures: { began: number; ended: number; why: string }[] = [];
  let [requests, longestMs, isOver] = [0, 0, false];
  process.stdin.once("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  await ask();
  console.log("ready");
  while (!isOver) {
    const began = Date.now();
    const why = await ask();
    const ended = Date.now();
    requests++;
    longestMs = Math.max(longestMs, ended - began);
    if (why !== undefined) failures.push({ began, ended, why });
    await pause(PAUSE_MS);
  }
  await Promise.all(staying.map((one) => heard(one, one.said + 1)));
  const broken = staying.flatMap((one) => one.broken ?? (one.heard < one.said ? "it is silent" : []));
  const report: TrafficReport = { requests, failures, longestMs, alive: count - broken.length, broken };
  console.log(JSON.stringify(report));
  process.exit(0);
}

/** Each word is a line, and comes back. The first line is the server's name. */
function stay(): Staying {
  const one: Staying = { socket: connect(ECHO_PORT, VIRTUAL_ADDRESS), said: 0, heard: 0 };
  const speak = () => {
    if (one.broken !== undefined) return;
    one.said++;
    one.socket.write(`${one.said}\n`);
  };
  one.socket.on("connect", () => setInterval(speak, SPEAK_MS));
  let rest = "";
  one.socket.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (/^\d+$/.test(line)) one.heard = Number(line);
  });
  one.socket.on("error", ({ message }) => {
    one.broken ??= message;
  });
  one.socket.on("close", () => {
    one.broken ??= "it was closed";
  });
  return one;
}

/** Resolves when the word came back, the connection broke, or patience ended. */
async function heard(one: Staying, word: number): Promise<void> {
  const limit = Date.now() + PATIENCE_MS;
  while (one.heard < word && one.broken === undefined && Date.now() < limit) await pause(PAUSE_MS);
}

/** One request on a connection of its own. @returns why it failed */
function ask(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: VIRTUAL_ADDRESS, port: WEB_PORT, agent: false, timeout: PATIENCE_MS }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += chunk;
      });
      answer.on("end", () => resolve(/^real\d\n$/.test(text) ? undefined : `it says «${text}»`));
      answer.on("error", ({ message }) => resolve(message));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", ({ message }) => resolve(message));
    asked.end();
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
