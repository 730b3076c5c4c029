// What a machine may do to whoever brings it an update: nothing that it says speaks to the terminal, and no answer fills memory.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { follow } from "../../../src/cli/client.ts";
import type { Peer } from "../../../src/cli/peer.ts";
import { plainEnvironment } from "../../support/plain-environment.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-update-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const CLI = resolve(import.meta.dirname, "../../../src/cli");
const UPDATE = join(dir, "some.update");
writeFileSync(UPDATE, "not judged here\n");

/** A machine that answers as it likes, until `then` is done. */
async function machine<T>(
  answer: (path: string, response: ServerResponse) => void,
  then: (socket: string) => Promise<T>,
) {
  const socket = join(dir, `${crypto.randomUUID()}.sock`);
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => answer(request.url ?? "", response));
  });
  await new Promise<void>((done) => server.listen(socket, done));
  try {
    return await then(socket);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Runs a few lines with `peer`, `view` and `update`, in a process of its own; what they write. */
async function said(socket: string, lines: string): Promise<string> {
  const code = `
    import { writeUpdate } from "${CLI}/update-machine.ts";
    const peer = { socket: ${JSON.stringify(socket)}, headers: {}, kind: "remote", silent: ({ message }) => ({ message, isNone: false }) };
    const view = { hostname: "\\u001b]0;mine\\u0007", version: "1\\u001b[2J", good: true, instances: [] };
    const update = { path: ${JSON.stringify(UPDATE)}, version: "2", bytes: 16, allowDowngrade: false };
    ${lines}`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe", env: plainEnvironment() });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return out + err;
}

test("names of machines, versions and slots come to the terminal without what it would obey", async () => {
  const answer = (_path: string, response: ServerResponse) =>
    response.end(JSON.stringify({ slot: "\u001b[31mb", version: "2" }));
  const text = await machine(answer, (socket) => said(socket, "await writeUpdate(peer, view, update);"));
  expect(text).toContain("\\x1b]0;mine\\x07: slot \\x1b[31mb holds 2, 1\\x1b[2J runs");
  expect(text.replaceAll("\n", "").includes("\u001b")).toBe(false);
});

/** Until its reader goes away. */
function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, " ");
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}

test("an answer without an end ends the upload", async () => {
  const lines = "const failed = await writeUpdate(peer, view, update); console.log(failed?.message);";
  const text = await machine(
    (_path, response) => endless(response),
    (socket) => said(socket, lines),
  );
  expect(text).toContain("the answer has no end");
});

test("a refusal without an end ends what follows a log", async () => {
  const refuse = (_path: string, response: ServerResponse) => {
    response.writeHead(403);
    endless(response);
  };
  const failed = await machine(refuse, (socket) => {
    const silent: Peer["silent"] = ({ message }) => ({ message, isNone: false });
    return follow({ socket, headers: {}, kind: "remote", silent }, "/v1/logs", () => "more");
  });
  expect(failed?.message).toContain("the answer has no end");
});
