// A web server that says who asked what: one JSON line for each request on its standard output. Arguments: ports, on all addresses.
import { createServer } from "node:http";

for (const port of process.argv.slice(2).map(Number))
  createServer((request, response) => {
    const { remoteAddress, remotePort, localAddress } = request.socket;
    const { host = "", "user-agent": agent } = request.headers;
    console.log(
      JSON.stringify({
        port,
        at: localAddress,
        from: remoteAddress,
        fromPort: remotePort,
        host,
        agent,
        path: request.url,
      }),
    );
    response.end("hello\n");
  }).listen(port, "0.0.0.0", () => console.log(JSON.stringify({ port, path: "ready" })));
