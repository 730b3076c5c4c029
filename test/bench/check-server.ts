// The other side of the check bench: accepts on every loopback address, answers HTTP, says which port it has on stdout.
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

const server = Bun.listen({
  hostname: "0.0.0.0",
  port: 0,
  socket: {
    data(socket) {
      socket.write(ANSWER);
    },
    // A TCP check says nothing and leaves.
    end(socket) {
      socket.end();
    },
  },
});
console.log(server.port);
