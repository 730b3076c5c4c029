// The commands of the lab, with directors that only write down what they are asked; the vm ring does the same for real.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { labShell } from "../../machine/lab-shell.ts";
import { LAB_COMMANDS, type LabWorld, runLabCommand } from "../../vm/lab-commands.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-lab-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function world() {
  const did: string[] = [];
  const director = (name: string) => {
    const configPath = join(dir, `${name}.conf`);
    writeFileSync(configPath, "weight 1\nweight 1\npriority 150\n");
    const run = (program: string, ...words: readonly string[]) => {
      did.push(`${name}: ${program.replace(/.*\//, "")} ${words.join(" ")}`);
      return { status: 0, stdout: "said\n", stderr: "" };
    };
    return { host: { name, run }, daemon: { dir: `/d/${name}`, configPath } };
  };
  const made = {
    lab: {
      kill: async (i: number) => did.push(`kill ${i}`),
      serve: async (i: number) => did.push(`serve ${i}`),
      plug: ({ name }: { name: string }, isIn: boolean) => did.push(`${name} ${isIn}`),
      ask: async () => ({ real1: 5, real2: 5 }),
    },
    directors: [director("one"), director("two")],
    quit: () => did.push("quit"),
  };
  return { did, world: made as unknown as LabWorld, files: made.directors.map(({ daemon }) => daemon.configPath) };
}

test.each([
  ["status --down", ["one: lbd status --down --run-dir /d/one/run"], "said"],
  ["on 2 vrrp lab", ["two: lbd vrrp lab --run-dir /d/two/run"], "said"],
  ["reload", ["one: lbd reload --run-dir /d/one/run"], "said"],
  ["on 1 explain quorum", ["one: lbd explain quorum"], "said"],
  ["table", ["one: ipvsadm -Ln"], "said"],
  ["kill 1", ["kill 0"], "real1 (198.51.100.11) serves no more"],
  ["start 3", ["serve 2"], "real3 (198.51.100.13) serves"],
  ["unplug 1", ["one false"], "director 1 is unplugged"],
  ["plug 2", ["two true"], "director 2 is plugged in"],
  ["ask", [], "real1 5×, real2 5×"],
  ["quit", ["quit"], "bye"],
  ["kill", [], "kill: expected a number of 1 to 3"],
  ["kill 4", [], "kill: expected a number of 1 to 3"],
  ["on 1 run -f /etc/shadow", [], "on: expected one of status, vrrp, reload, check, explain"],
  ["on 3 status", [], "on: expected a number of 1 to 2"],
  ["edit weight 1", [], "edit: expected OLD => NEW"],
  ["edit colour => red", [], "edit: the file has no colour"],
  ["rm -rf /", [], "there is no rm here"],
  ["constructor", [], "there is no constructor here"],
  ["", [], "Commands of the lab:"],
])("%s", async (line, did, said) => {
  const lab = world();
  expect(await runLabCommand(line, lab.world)).toContain(said);
  expect(lab.did).toEqual(did);
});

test("edit changes the files of both directors", async () => {
  const lab = world();
  expect(await runLabCommand("edit weight 1 => weight 3", lab.world)).toContain("reload takes it");
  for (const file of lab.files) expect(readFileSync(file, "utf8")).toBe("weight 3\nweight 3\npriority 150\n");
});

test("the help names every command", async () => {
  const text = await runLabCommand("help", world().world);
  for (const { usage } of Object.values(LAB_COMMANDS)) expect(text).toContain(usage);
});

test("lines of a terminal go to the lab one after the other, until quit", async () => {
  const lab = world();
  const server = createServer((socket) => {
    socket.once("data", async (data) => void socket.end(await runLabCommand(data.toString(), lab.world)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  let shown = "";
  const input = Readable.from(["kill 1\n\nstart", " 1\nquit\nkill 2\n"]);
  await labShell(typeof bound === "object" && bound ? bound.port : 0, input, (text) => {
    shown += text;
  });
  server.close();
  expect(lab.did).toEqual(["kill 0", "serve 0", "quit"]);
  expect(shown).toBe("lab> real1 (198.51.100.11) serves no more\nlab> lab> real1 (198.51.100.11) serves\nlab> bye\n");
});
