// A client for the tests. Reads questions, one JSON line each, asks the service so often, each time anew, and prints how often it
// heard which answer. Questions are worked on side by side; the number says which answer belongs to which.
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { createInterface } from "node:readline";

export interface Question {
  readonly transport: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
  readonly count: number;
  /** Own address to ask from. */
  readonly source?: string;
  /** Between two requests. */
  readonly pauseMs?: number;
}

/** How often each answer came. */
export type Heard = Record<string, number>;

if (import.meta.main)
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, question }: { id: number; question: Question } = JSON.parse(line);
    void work(question).then((heard) => console.log(JSON.stringify({ id, heard })));
  }

async function work(question: Question): Promise<Heard> {
  const heard: Heard = {};
  for (let i = 0; i < question.count; i++) {
    const answer = await (question.transport === "udp" ? askUdp(question) : askTcp(question));
    heard[answer] = (heard[answer] ?? 0) + 1;
    if (question.pauseMs) await new Promise((resolve) => setTimeout(resolve, question.pauseMs));
  }
  return heard;
}

function askTcp({ host, port, source }: Question): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port, ...(source === undefined ? {} : { localAddress: source }) });
    socket.setTimeout(5000, () => done("timeout"));
    socket.on("connect", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", (error) => done("code" in error ? String(error.code) : error.message));
    socket.on("close", () => done(text.trim().split("\n").at(-1) ?? "nothing"));
    function done(answer: string): void {
      socket.destroy();
      resolve(answer);
    }
  });
}

function askUdp({ host, port, source }: Question): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const limit = setTimeout(() => done("timeout"), 3000);
    socket.on("message", (bytes) => done(bytes.toString().trim()));
    socket.on("error", (error) => done(error.message));
    if (source !== undefined) socket.bind(0, source, () => socket.send("x", port, host));
    else socket.send("x", port, host);
    function done(answer: string): void {
      clearTimeout(limit);
      socket.close();
      resolve(answer);
    }
  });
}
