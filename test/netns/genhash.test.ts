// Ring netns: --genhash, of lbd and of Debian's keepalived, against a server on loopback.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { selfSigned } from "../support/certificate.ts";
import { lbdBinary } from "../support/daemon.ts";
import { plainEnvironment } from "../support/plain-environment.ts";

const asked: string[] = [];
const pages: Readonly<Record<string, string>> = { "/p": "page", "/long": "x".repeat(200_000), "/empty": "" };
const answer = (request: Request) => {
  const { pathname } = new URL(request.url);
  asked.push(`${pathname} ${request.headers.get("host")} ${request.headers.get("user-agent")}`);
  const page = pages[pathname];
  return new Response(page ?? "no such page", { status: page === undefined ? 404 : 200 });
};
let plain: Bun.Server<undefined>;
let secure: Bun.Server<undefined>;
beforeAll(() => {
  plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  const { cert, key } = selfSigned("test");
  secure = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer, tls: { cert, key } });
});
afterAll(async () => {
  await Promise.all([plain.stop(true), secure.stop(true)]);
});

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

async function run(program: string, ...argv: readonly string[]) {
  const child = Bun.spawn([program, ...argv], {
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
    env: plainEnvironment(),
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { status: await child.exited, out: out.trim(), err };
}

const programs = ["lbd", "keepalived"] as const;
const program = (name: (typeof programs)[number]) => (name === "lbd" ? lbdBinary() : name);

test.each(programs)("%s: the digest of the body, whatever its status; the request of a check", async (name) => {
  for (const [path, body] of [...Object.entries(pages), ["/gone", "no such page"]] as const) {
    const { out, status } = await run(program(name), "--genhash", "-s", "127.0.0.1", "-p", `${plain.port}`, "-u", path);
    expect([path, out, status]).toEqual([path, md5(body), 0]);
  }
  expect(asked.splice(0)[0]).toBe(`/p 127.0.0.1:${plain.port} KeepAliveClient`);
  for (const version of ["1.0", "1.0c", "1.1"])
    expect(
      (await run(program(name), "-T", "-s", "127.0.0.1", "-p", `${plain.port}`, "-u", "/p", "-V", "web", "-P", version))
        .out,
    ).toBe(md5("page"));
  expect(new Set(asked.splice(0))).toEqual(new Set(["/p web KeepAliveClient"]));
});

test("what a server says in its header does not speak to the terminal", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\nX-Said: \x1b]0;title\x07\r\nLast: one\r\n\r\npage"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const { out } = await run(lbdBinary(), "--genhash", "-v", "-s", "127.0.0.1", "-p", `${port}`, "-u", "/p");
    const lines = out.split("\n");
    expect([out.includes("\x1b"), out.includes("\x07")]).toEqual([false, false]);
    expect([lines[0], lines[1]?.includes("]0;title"), lines.slice(2, 4)]).toEqual([
      "HTTP/1.0 200 OK",
      true,
      ["Last: one", md5("page")],
    ]);
  } finally {
    server.close();
  }
});

test.each(programs)("%s: by TLS, whoever signed the certificate", async (name) => {
  const { out } = await run(program(name), "--genhash", "-S", "-s", "127.0.0.1", "-p", `${secure.port}`, "-u", "/p");
  expect(out).toBe(md5("page"));
});

test.each(programs)("%s: what is missing or wrong is status 1, with the usage", async (name) => {
  for (const argv of [[], ["-s", "127.0.0.1", "-p", "80"], ["-s", "localhost", "-p", "80", "-u", "/"], ["--nothing"]]) {
    const { status, out, err } = await run(program(name), "--genhash", ...argv);
    expect([argv, status, `${out}${err}`.includes("Usage: ")]).toEqual([argv, 1, true]);
  }
});

test("a server that does not answer is status 1, under the name keepalived 0 as there", async () => {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = free;
  free.stop(true);
  const argv = ["-s", "127.0.0.1", "-p", `${port}`, "-u", "/"];
  const own = await run(lbdBinary(), "--genhash", ...argv);
  expect([own.status, own.out, own.err.startsWith("Connection failed: ")]).toEqual([1, "", true]);
  expect((await run("keepalived", "--genhash", ...argv)).status).toBe(0);
});
