// Test machine: leads a socket of the file system to an address of the network namespace that this runs in: that is how a port of this machine
// reaches into the network of a pair. Arguments: PATH ADDRESS PORT, any number of times.
import { connect, createServer } from "node:net";

const words = process.argv.slice(2);
let waiting = words.length / 3;
for (let n = 0; n < words.length; n += 3) {
  const [path = "", host = "", port = ""] = words.slice(n, n + 3);
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: Number(port), allowHalfOpen: true });
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  server.listen(path, () => {
    waiting--;
    if (waiting === 0) console.log("ready");
  });
}
