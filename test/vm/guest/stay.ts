// A client that keeps one connection and asks on it again and again: a line for each answer, `closed` when the connection has ended.
// Arguments: address, port, milliseconds between two requests.
import { connect } from "node:net";

const [host = "", port = "80", pauseMs = "100"] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
const ask = () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
socket.on("connect", () => {
  console.log(`port ${socket.localPort}`);
  ask();
});
socket.on("data", (chunk) => {
  for (const answer of chunk.toString().match(/^real\d+$/gm) ?? []) {
    console.log(answer);
    setTimeout(ask, Number(pauseMs));
  }
});
socket.on("error", (error) => console.log(`error ${error.message}`));
socket.on("close", () => {
  console.log("closed");
  process.exit(0);
});
