// A client for the tests: asks N times, each time anew, and prints how often it heard which answer as JSON.
// Arguments: tcp|udp, address, port, count, own address (or "-"), milliseconds between two requests.
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const [transport = "", host = "", port = "0", count = "1", source = "-", pauseMs = "0"] = process.argv.slice(2);
const heard: Record<string, number> = {};
for (let i = 0; i < Number(count); i++) {
  const answer = await (transport === "udp" ? askUdp() : askTcp());
  heard[answer] = (heard[answer] ?? 0) + 1;
  if (Number(pauseMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
}
console.log(JSON.stringify(heard));
process.exit(0);

function askTcp(): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const own = source === "-" ? {} : { localAddress: source };
    const socket = connect({ host, port: Number(port), ...own });
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

function askUdp(): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const limit = setTimeout(() => done("timeout"), 3000);
    socket.on("message", (bytes) => done(bytes.toString().trim()));
    socket.on("error", (error) => done(error.message));
    if (source !== "-") socket.bind(0, source, () => socket.send("x", Number(port), host));
    else socket.send("x", Number(port), host);
    function done(answer: string): void {
      clearTimeout(limit);
      socket.close();
      resolve(answer);
    }
  });
}
