// A real server for the tests: answers its name over HTTP and UDP. Arguments: name, TCP port, UDP port.
import { createSocket } from "node:dgram";
import { createServer } from "node:http";

const [name = "", tcpPort = "80", udpPort = "0"] = process.argv.slice(2);
createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  if (request.url === "/missing") response.statusCode = 404;
  response.end(`${name}\n`);
}).listen(Number(tcpPort), "::");
if (udpPort !== "0") {
  const socket = createSocket({ type: "udp6", ipv6Only: false });
  socket.on("message", (_bytes, from) => socket.send(`${name}\n`, from.port, from.address));
  socket.bind(Number(udpPort));
}
console.log("ready");
