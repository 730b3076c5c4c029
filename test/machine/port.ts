// Test machine: a port of 127.0.0.1 for the lab. One that was asked for must be free; the usual one may be replaced.
import { createServer } from "node:net";

export interface PortChoice {
  readonly port: number;
  /** Why it is not the usual one. */
  readonly note?: string;
}

/** @throws Error in words, when `wanted` is no port or is taken */
export async function choosePort(wanted: string | undefined, usual: number): Promise<PortChoice> {
  if (wanted === undefined) {
    if (await isFree(usual)) return { port: usual };
    return { port: await anyPort(), note: `port ${usual} is taken, so the API goes to another one` };
  }
  const port = Number(wanted);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`PORT=${wanted}: expected a port of 1..65535`);
  if (!(await isFree(port))) throw new Error(`PORT=${wanted}: port ${port} of 127.0.0.1 is taken; choose another one`);
  return { port };
}

async function isFree(port: number): Promise<boolean> {
  return (await listen(port)) !== undefined;
}

async function anyPort(): Promise<number> {
  return (await listen(0)) ?? 0;
}

/** The port that was listened on for a moment; undefined when it can't be. */
function listen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1" }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
