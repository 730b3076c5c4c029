// Test machine: a real server of the pair: says its name over HTTP on port 80, and sends back what it gets on port 7, its name first.
// `/slow?ms=N` takes N ms. Argument: the name.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { ECHO_PORT, WEB_PORT } from "./pair-folders.ts";

const [, , name = "real"] = process.argv;
const http = createHttpServer((request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "http://server");
  setTimeout(() => response.end(`${name}\n`), Number(searchParams.get("ms") ?? 0));
});
const echo = createServer((socket) => {
  socket.on("error", () => {});
  socket.write(`${name}\n`);
  socket.pipe(socket);
});
http.listen(WEB_PORT, () => echo.listen(ECHO_PORT, () => console.log("ready")));
