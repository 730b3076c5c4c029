// A mail relay that says yes to everything and keeps what it heard.
import { createServer, type Socket } from "node:net";

export interface MailRelay {
  readonly port: number;
  readonly received: readonly string[];
  close(): void;
}

export async function mailRelay(): Promise<MailRelay> {
  const received: string[] = [];
  const server = createServer((socket) => session(socket, received));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return { port: typeof address === "object" && address ? address.port : 0, received, close: () => server.close() };
}

function session(socket: Socket, received: string[]): void {
  let inData = false;
  socket.write("220 relay\r\n");
  socket.on("data", (chunk) => {
    const text = chunk.toString();
    received.push(text);
    if (inData) {
      if (text.endsWith("\r\n.\r\n")) {
        inData = false;
        socket.write("250 ok\r\n");
      }
      return;
    }
    for (const line of text.split("\r\n").filter((l) => l !== "")) {
      if (line === "DATA") inData = true;
      socket.write(line === "DATA" ? "354 go\r\n" : line === "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
    }
  });
}
