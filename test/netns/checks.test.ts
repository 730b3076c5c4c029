// Ring netns: the checks of the compiled program on real sockets: what the configuration says about a connection is what a server
// sees, and programs and FIFOs hear what happens to servers. No IPVS is needed: a director without one checks all the same.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Daemon } from "../support/daemon.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason !== undefined) console.log(`skipped: ${reason}`);
setDefaultTimeout(120_000);

/** Generous: the rings share two cores. */
function soon(what: string, probe: () => boolean): Promise<unknown> {
  return until(what, probe, 60_000);
}

interface Request {
  readonly port: number;
  readonly at: string;
  readonly from: string;
  readonly fromPort: number;
  readonly host: string;
  readonly path: string;
}

interface Web {
  readonly child: ChildProcess;
  readonly requests: Request[];
}

async function serve(host: Namespace, ...ports: readonly number[]): Promise<Web> {
  const child = host.spawn(process.execPath, [
    resolve(import.meta.dir, "../support/web-server.ts"),
    ...ports.map(String),
  ]);
  const requests: Request[] = [];
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    const lines = (text + chunk.toString()).split("\n");
    text = lines.pop() ?? "";
    requests.push(...lines.map((line) => JSON.parse(line)));
  });
  await soon("the web server is ready", () => requests.filter(({ path }) => path === "ready").length === ports.length);
  return { child, requests };
}

/** `up 10`: how the API shows the first real server, with its effective weight. */
function stateOfFirst(host: Namespace, director: Daemon): string {
  const socket = join(director.dir, "run/api.sock");
  const { stdout } = host.run("curl", "-s", "--unix-socket", socket, "http://localhost/v1/real-servers");
  const [first] = stdout === "" ? [] : JSON.parse(stdout).realServers;
  return `${first?.healthy ? "up" : "down"} ${first?.weight.effective}`;
}

describe.skipIf(reason !== undefined)("checks of the whole program", () => {
  const get = (words: string, url = "") => `HTTP_GET {\n ${words}\n url {\n path /\n ${url}\n }\n }`;
  const service = (reals: string, words = "") => `virtual_server 192.0.2.1 80 {
  delay_loop 0.3
  warmup 0
  connect_timeout 3
  lb_algo rr
  lb_kind NAT
  protocol TCP
  ${words}
${reals}
}
`;
  const real = (port: number, words: string, ip = "127.0.0.1") => `  real_server ${ip} ${port} {\n ${words}\n }\n`;

  test("where a check connects to and from, and with which mark", async () => {
    using host = new Namespace("checks");
    host.run(
      "nft",
      "add table ip t { chain o { type filter hook output priority 0; meta mark 7 tcp flags syn counter; }; }",
    );
    const web = await serve(host, 8080, 8081);
    const words = [
      "connect_ip 127.0.0.21",
      "connect_port 8081",
      "bindto 127.0.0.22",
      "bind_port 40022",
      "bind_if lo",
      "fwmark 7",
    ];
    const text = service(real(8080, get(words.join("\n")), "127.0.0.20") + real(8080, get("")));
    using _director = new Daemon("lbd", host, text).start();
    const of = (port: number) => web.requests.filter((one) => one.port === port && one.path === "/");
    await soon("both are asked three times", () => of(8081).length >= 3 && of(8080).length >= 3);
    for (const one of of(8081))
      expect(one).toMatchObject({ at: "127.0.0.21", from: "127.0.0.22", fromPort: 40022, host: "127.0.0.21:8081" });
    expect(of(8080)[0]).toMatchObject({ at: "127.0.0.1", from: "127.0.0.1", host: "127.0.0.1:8080" });
    const marked = Number(/packets (\d+)/.exec(host.run("nft", "list table ip t").stdout)?.[1]);
    expect(marked).toBeGreaterThanOrEqual(of(8081).length);
    expect(marked).toBeLessThan(of(8081).length + of(8080).length);
  });

  test("the virtual host of the url, else of the checker, the real server, the virtual server", async () => {
    using host = new Namespace("checks");
    const web = await serve(host, 8081, 8082, 8083, 8084);
    const text = service(
      real(8081, `virtualhost rs.example\n${get("virtualhost check.example", "virtualhost url.example")}`) +
        real(8082, `virtualhost rs.example\n${get("virtualhost check.example")}`) +
        real(8083, `virtualhost rs.example\n${get("")}`) +
        real(8084, get("")),
      "virtualhost vs.example",
    );
    using _director = new Daemon("lbd", host, text).start();
    const hostOf = (port: number) => web.requests.find((one) => one.port === port && one.path === "/")?.host;
    await soon("all are asked", () => [8081, 8082, 8083, 8084].every(hostOf));
    expect([8081, 8082, 8083, 8084].map(hostOf)).toEqual(["url.example", "check.example", "rs.example", "vs.example"]);
  });

  test("FILE_CHECK: what the file says at the start, and each change of it at once", async () => {
    using host = new Namespace("checks");
    const directory = mkdtempSync(join(tmpdir(), "lbd-file-"));
    const file = join(directory, "weight");
    writeFileSync(file, "5\n");
    const text = `track_file tf {\n file ${file}\n weight 1\n}\n${service(
      real(8081, "weight 10\n FILE_CHECK {\n track_file tf\n }"),
    ).replace("delay_loop 0.3", "delay_loop 600")}`;
    using director = new Daemon("lbd", host, text).start();
    const server = () => stateOfFirst(host, director);
    await soon("the value at the start", () => server() === "up 15");
    writeFileSync(file, "-3");
    await soon("a change", () => server() === "up 7");
    writeFileSync(`${file}.new`, "-2147483648");
    renameSync(`${file}.new`, file);
    await soon("another file in its place", () => server() === "down 0");
    rmSync(file);
    await soon("no file", () => server() === "up 10");
  });

  test("MISC_CHECK: as its user, with the weight that it says, ended with all that it started", async () => {
    using host = new Namespace("checks");
    const directory = mkdtempSync(join(tmpdir(), "lbd-misc-"));
    chmodSync(directory, 0o777);
    const program = join(directory, "check.sh");
    const say = (code: string) => writeFileSync(join(directory, "code"), code);
    const script = ["id -u > uid", "read code < code", '[ "$code" = hang ] && { sleep 987 & wait; }', "exit $code"];
    writeFileSync(program, ["#!/bin/sh", `cd ${directory}`, ...script, ""].join("\n"));
    chmodSync(program, 0o755);
    say("0\n");
    const misc = `MISC_CHECK {\n misc_path "${program} an 'argument'"\n misc_timeout 1\n misc_dynamic\n user nobody\n }`;
    const text = `global_defs {\n script_user root\n}\n${service(real(8081, `weight 10\n ${misc}`), "alpha")}`;
    using director = new Daemon("lbd", host, text).start();
    const server = () => stateOfFirst(host, director);
    await soon("status 0", () => server() === "up 10");
    expect(readFileSync(join(directory, "uid"), "utf8")).toBe("65534\n");
    say("52\n");
    await soon("a weight", () => server() === "up 50");
    say("1\n");
    await soon("status 1", () => server() === "down 0");
    say("2\n");
    await soon("weight 0 is quiesced, and up", () => server() === "up 0");
    say("hang\n");
    await soon("it hangs", () => server() === "down 0");
    say("1\n");
    await soon("its child is gone", () => !host.run("ps", "-eo", "args").stdout.includes("sleep 987"));
  });

  test("notify_up, notify_down, quorum_up, quorum_down and the FIFO hear what happens, as their user", async () => {
    using host = new Namespace("checks");
    const directory = mkdtempSync(join(tmpdir(), "lbd-notify-"));
    chmodSync(directory, 0o777);
    const notes = join(directory, "notes");
    const fifo = join(directory, "fifo");
    const program = join(directory, "note.sh");
    writeFileSync(program, `#!/bin/sh\necho "$* $(id -u)" >> ${notes}\n`, { mode: 0o755 });
    chmodSync(program, 0o755);
    // Whoever writes first must not shut the other user out.
    writeFileSync(notes, "");
    chmodSync(notes, 0o666);
    spawnSync("mkfifo", [fifo]);
    const heard: string[] = [];
    host.spawn("cat", [fifo]).stdout?.on("data", (chunk: Buffer) => heard.push(...chunk.toString().split("\n")));
    const noted = () => readFileSync(notes, "utf8").split("\n").filter(Boolean);
    let web = await serve(host, 8081);
    const say = (what: string) => `"${program} ${what}"`;
    const server = (port: number) =>
      real(port, `notify_up ${say(`${port} up`)}\n notify_down ${say(`${port} down`)} nobody\n ${get("retry 0")}`);
    const text = `global_defs {\n script_user root\n lvs_notify_fifo ${fifo}\n}\n${service(
      server(8081) + server(8082),
      `alpha\n quorum_up ${say("quorum up")}\n quorum_down ${say("quorum down")}`,
    )}`;
    using _director = new Daemon("lbd", host, text).start();
    const expected = ["8081 up 0", "8082 down 65534", "quorum up 0"];
    await soon("the first server is up", () => noted().length === 3);
    expect(noted().toSorted()).toEqual(expected);
    web.child.kill("SIGKILL");
    await soon("it went down", () => noted().length === 5);
    expect(noted().slice(3).toSorted()).toEqual(["8081 down 65534", "quorum down 0"]);
    web = await serve(host, 8082);
    await soon("the other one came", () => noted().length === 7);
    expect(noted().slice(5).toSorted()).toEqual(["8082 up 0", "quorum up 0"]);
    const name = "[192.0.2.1]:tcp:80";
    await soon("the FIFO was read", () => heard.filter((line) => line !== "").length === 7);
    expect(heard.filter((line) => line !== "").toSorted()).toEqual(
      [
        `RS [127.0.0.1]:tcp:8081 ${name} UP`,
        `RS [127.0.0.1]:tcp:8082 ${name} DOWN`,
        `VS ${name} UP`,
        `RS [127.0.0.1]:tcp:8081 ${name} DOWN`,
        `VS ${name} DOWN`,
        `RS [127.0.0.1]:tcp:8082 ${name} UP`,
        `VS ${name} UP`,
      ].toSorted(),
    );
  });

  test("an alert mail leaves for the relay", async () => {
    using host = new Namespace("checks");
    let relayed = "";
    const relay = host.spawn(process.execPath, ["-e", RELAY]);
    relay.stdout?.on("data", (chunk: Buffer) => {
      relayed += chunk.toString();
    });
    await soon("the relay is ready", () => relayed.includes("ready"));
    const mail = "notification_email {\n ops@example.org\n }\n smtp_server 127.0.0.1 2525\n smtp_alert\n router_id r1";
    const text = `global_defs {\n ${mail}\n}\n${service(real(8082, get("retry 0")))}`;
    using _director = new Daemon("lbd", host, text).start();
    await soon("the mail", () => relayed.includes("Realserver"));
    expect(relayed).toContain("to <ops@example.org>");
    expect(relayed).toMatch(/Subject: \[r1\] Realserver \[127\.0\.0\.1\]:\S+8082 of virtual server \S+ - DOWN/);
  });
});

/** Takes every mail and prints what is said. */
const RELAY = `require("node:net").createServer((socket) => {
  let data = false;
  socket.write("220 relay\\r\\n");
  socket.on("data", (chunk) => {
    const text = chunk.toString();
    if (data) {
      console.log(text);
      if (!/\\r\\n\\.\\r\\n$/.test(text)) return;
      data = false;
      return socket.write("250 taken\\r\\n");
    }
    if (/^RCPT TO/i.test(text)) console.log("to", text.slice(8));
    data = /^DATA/i.test(text);
    socket.write(data ? "354 go on\\r\\n" : "250 fine\\r\\n");
  });
}).listen(2525, "127.0.0.1", () => console.log("ready"));`;
