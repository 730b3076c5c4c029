// The starter and its client, both in this process, over the real socket, with real programs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../../../../src/config/model/command.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { introduce, openMessagePair, takeIntroductions } from "../../../../src/kernel/introductions.ts";
import { openReadiness } from "../../../../src/kernel/readiness.ts";
import { gained, rightsOf } from "../../../../src/process/role-rights.ts";
import { createProgramClient } from "../../../../src/roles/programs/client.ts";
import { createFileClient } from "../../../../src/roles/programs/files.ts";
import { openStarterLink } from "../../../../src/roles/programs/link.ts";
import { mayFollow, programsOf, withPrograms } from "../../../../src/roles/programs/named.ts";
import type { Role } from "../../../../src/roles/role.ts";
import { createStarterRole } from "../../../../src/roles/starter/role.ts";
import { bindText } from "../../../support/config.ts";
import { exists } from "../../../support/lbd.ts";
import { until } from "../../../support/until.ts";

const runDir = mkdtempSync(join(tmpdir(), "lbd-programs-"));
const clock = systemClock();
const readiness = openReadiness();
const said: string[] = [];

function loaded(text: string): Config {
  const { config } = bindText(text);
  if (!config) throw new Error("no configuration");
  return config;
}

const scripts = (...lines: string[]): Config =>
  loaded(
    `global_defs {\n  script_user root\n}\n${lines.map((line, at) => `vrrp_script s${at} {\n  script "${line}"\n}\n`).join("")}`,
  );
const command = (config: Config, at = 0): Command => {
  const found = config.vrrp.scripts[at]?.command;
  if (!found) throw new Error("no script");
  return found;
};

const long = scripts("/bin/sh -c 'sleep 300'");
const many = scripts("/bin/sh -c 'sleep 0.2; exit 7'", "/bin/sh -c 'kill -40 $$'", "/bin/sh -c 'sleep 300'");

/** The parent's end of what the starter of the moment was born with. */
let atStarter = -1;

function starter(): Role {
  const [through, introductions] = openMessagePair();
  atStarter = through;
  return createStarterRole({
    clock,
    log: (line) => said.push(line.message),
    options: {
      runDir,
      ipvsTransport: "auto",
      releaseIpvs: true,
      releaseVrrp: true,
      api: { tcp: null },
      debug: false,
    },
    introductions,
    report() {},
    publish() {},
  });
}

/** A process of a role, in this one: `meet` introduces it to the starter of the moment, as the parent does. */
function born(name = "vrrp") {
  const [through, introductions] = openMessagePair();
  const meet = () => introduce({ name, through }, { name: "starter", through: atStarter });
  return { introductions, meet };
}

function client() {
  const { introductions, meet } = born();
  meet();
  return Object.assign(createProgramClient(openStarterLink(readiness, introductions), clock), { meet });
}

let role = starter();
beforeAll(() => {
  role.start(withPrograms(many));
});
afterAll(async () => {
  await role.stop();
  rmSync(runDir, { recursive: true });
});

describe("the starter", () => {
  function connect(name: string) {
    const state = { isClosed: false };
    const { introductions, meet } = born(name);
    const socket = new Promise<{ send(text: string): boolean }>((resolve) =>
      takeIntroductions(readiness, introductions, (open) => {
        const closed = () => {
          state.isClosed = true;
        };
        resolve(open({ message() {}, closed }));
      }),
    );
    expect(meet()).toBe(true);
    return { state, socket };
  }

  test("has one connection of a role: what an earlier process of it left to others is let go with its programs", async () => {
    const former = connect("vrrp");
    const run = { kind: "run", id: 1, pool: "checks", argv: command(many, 2).argv, args: [], limitMs: null };
    (await former.socket).send(JSON.stringify(run));
    await until("its program runs", () => pids().length === 1);
    const [program = 0] = pids();
    const checker = connect("checker");
    await checker.socket;
    expect(exists(program)).toBe(true);
    const next = client().runner("checks").run(command(many), [], 10_000);
    await until("it is let go", () => former.state.isClosed);
    await until("its program ends", () => !exists(program));
    expect(await next).toEqual({ kind: "exit", status: 7 });
    expect(checker.state.isClosed).toBe(false);
  });

  test("has nothing to do with a process of another kind", async () => {
    const stranger = connect("api");
    await until("it is let go", () => stranger.state.isClosed);
  });

  test("runs what the configuration names, sixteen at once, and tells how each ended", async () => {
    const runner = client().runner("checks");
    const began = performance.now();
    const all = await Promise.all(Array.from({ length: 16 }, () => runner.run(command(many), [], 10_000)));
    expect(all).toEqual(Array.from({ length: 16 }, () => ({ kind: "exit", status: 7 })));
    // One after the other they would take 3.2 s.
    expect(performance.now() - began).toBeLessThan(2500);
    expect(await runner.run(command(many, 1), [], 10_000)).toEqual({ kind: "signal", signal: "SIGRTMIN+6 (40)" });
    let overdue = false;
    const late = await runner.run(command(many, 2), [], 50, () => (overdue = true));
    expect([overdue, late]).toEqual([true, { kind: "timeout", limitMs: 50 }]);
    await runner.stop();
  });

  test("refuses a program, and a user, that the configuration does not name", async () => {
    const runner = client().runner("checks");
    const origin = command(many).origin;
    const refused = { kind: "cannot-start", reason: "the configuration names no such program" } as const;
    expect(await runner.run({ argv: ["/bin/true"], origin }, [], 1000)).toEqual(refused);
    expect(await runner.run({ ...command(many), user: "nobody" }, [], 1000)).toEqual(refused);
    expect(said.at(-1)).toContain("no configuration names /bin/sh");
  });

  test("refuses words that no notification has, and programs of another role", async () => {
    const refused = { kind: "cannot-start", reason: "the configuration names no such program" } as const;
    const runner = client().runner("checks");
    const misc = loaded(
      `virtual_server 192.0.2.1 80 {\n  protocol TCP\n  real_server 192.0.2.2 80 {\n    MISC_CHECK {\n      misc_path "/bin/sh -c 'exit 3'"\n      user root\n    }\n  }\n}\n`,
    );
    const check = withPrograms(misc).programs[0]?.command;
    if (!check) throw new Error("no program");
    await role.reload(withPrograms(misc));
    expect(await runner.run(check, [], 1000)).toEqual(refused);
    await role.reload(withPrograms(many));
    expect(await runner.run(command(many), ["-o", "/etc/planted"], 1000)).toEqual(refused);
    expect(said.at(-1)).toContain("-o /etc/planted for vrrp");
  });

  test("what an earlier configuration named runs until the next one, and no longer", async () => {
    const runner = client().runner("notifications");
    await role.reload(withPrograms(long));
    expect(await runner.run(command(many), [], 10_000)).toEqual({ kind: "exit", status: 7 });
    await role.reload(withPrograms(long));
    expect(await runner.run(command(many), [], 10_000)).toMatchObject({ kind: "cannot-start" });
    await role.reload(withPrograms(many));
  });

  test("a stop of a runner ends its programs, and an abort one of them", async () => {
    const own = client();
    const [checks, notifications] = [own.runner("checks"), own.runner("notifications")];
    const end = new AbortController();
    const aborted = checks.run(command(many, 2), [], Number.POSITIVE_INFINITY, undefined, end.signal);
    const stopped = notifications.run(command(many, 2), [], Number.POSITIVE_INFINITY);
    await until("both run", () => pids().length === 2);
    const before = pids();
    end.abort();
    expect((await aborted).kind).toBe("timeout");
    await notifications.stop();
    expect((await stopped).kind).not.toBe("exit");
    await until("nothing is left", () => !before.some(exists));
  });

  test("what a killed starter left is ended by the next one, and asked of it again", async () => {
    const own = client();
    const outcome = own.runner("checks").run(command(many), [], 10_000);
    await until("it runs", () => pids().length === 1);
    const orphan = Bun.spawn(["/bin/sleep", "300"], { detached: true });
    const stat = readFileSync(`/proc/${orphan.pid}/stat`, "latin1");
    const born = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    expect(await outcome).toEqual({ kind: "exit", status: 7 });
    // As one would leave it: the list, and its programs.
    await role.stop();
    writeFileSync(join(runDir, "programs"), `${orphan.pid} ${born}\n${process.pid} 1\n`);
    const waiting = own.runner("checks").run(command(many), [], 10_000);
    role = starter();
    own.meet();
    role.start(withPrograms(many));
    expect(await orphan.exited).not.toBe(0);
    expect(await waiting).toEqual({ kind: "exit", status: 7 });
    await until("the list is empty", () => !existsSync(join(runDir, "programs")) || pids().length === 0);
  });
});

test("every keyword that names a program is known to the starter", () => {
  const notify = ["master", "backup", "fault", "stop", "deleted"].map((name) => `  notify_${name} /bin/n-${name}\n`);
  const config = loaded(`global_defs {
  notify_fifo /run/f
  notify_fifo_script /bin/fifo
}
vrrp_script s {
  script /bin/script
}
vrrp_instance V {
  interface lo
  virtual_router_id 1
  virtual_ipaddress {
    192.0.2.1
  }
  notify /bin/any
  notify_master_rx_lower_pri /bin/lower
${notify.join("")}}
virtual_server 192.0.2.1 80 {
  protocol TCP
  quorum_up /bin/q-up
  quorum_down /bin/q-down
  real_server 192.0.2.2 80 {
    notify_up /bin/r-up
    notify_down /bin/r-down
    MISC_CHECK {
      misc_path /bin/misc
    }
  }
}
`);
  const programs = programsOf(config);
  const namesOf = (role: string) =>
    programs.filter((one) => one.role === role).map(({ command }) => command.argv[0]?.slice("/bin/".length));
  const ofVrrp = "any fifo lower n-backup n-deleted n-fault n-master n-stop script";
  expect(namesOf("vrrp").sort().join(" ")).toBe(ofVrrp);
  expect(namesOf("checker").sort().join(" ")).toBe("fifo misc q-down q-up r-down r-up");

  const follows = (name: string, ...words: string[]) => {
    const program = programs.find(({ command }) => command.argv[0] === `/bin/${name}`);
    return program !== undefined && mayFollow(program, words);
  };
  for (const name of ["misc", "script", "n-master", "lower", "q-up", "r-down"]) {
    expect([name, follows(name), follows(name, "x"), follows(name, "INSTANCE", "V", "MASTER", "1")]).toEqual([
      name,
      true,
      false,
      false,
    ]);
  }
  expect([follows("fifo"), follows("fifo", "/run/f"), follows("fifo", "/run/g")]).toEqual([false, true, false]);
  expect([follows("any"), follows("any", "INSTANCE", "V", "MASTER", "254")]).toEqual([false, true]);
  for (const words of [
    ["GROUP", "V", "MASTER", "254"],
    ["INSTANCE", "W", "MASTER", "254"],
    ["INSTANCE", "V", "MASTER_PRIORITY", "254"],
    ["INSTANCE", "V", "MASTER", "$(id)"],
    ["INSTANCE", "V", "MASTER", "254", "x"],
  ])
    expect([words, follows("any", ...words)]).toEqual([words, false]);
});

describe("files", () => {
  const dir = join(runDir, "files");
  const at = (name: string) => join(dir, name);
  const tracked = (names: readonly string[], init = "") =>
    `${names.map((name) => `track_file ${name} {\n  file ${at(name)}\n${init}}\n`).join("")}vrrp_instance V {
  interface lo
  virtual_router_id 1
  virtual_ipaddress {
    192.0.2.1
  }
  track_file {
${names.map((name) => `    ${name} weight 1\n`).join("")}  }
}
`;
  const checked = `SSL {
  certificate ${at("cert")}
  key ${at("key")}
}
track_file c {
  file ${at("checked")}
}
virtual_server 192.0.2.1 80 {
  protocol TCP
  real_server 192.0.2.2 80 {
    FILE_CHECK {
      track_file c
    }
  }
}
`;
  const unread = (path: string) => ({ path, init: false });
  const take = (text: string) => role.reload(withPrograms(loaded(text)));

  function files(name = "vrrp") {
    const { introductions, meet } = born(name);
    const link = openStarterLink(readiness, introductions);
    return { client: createFileClient(link, clock, (line) => said.push(line.message)), meet, link };
  }

  beforeAll(() => mkdirSync(dir));

  test("what a configuration names is known before it is taken, and each change is told", async () => {
    writeFileSync(at("a"), "7\n");
    await take(tracked(["a", "missing"]));
    const { client, meet } = files();
    const reading = client.prepare([unread(at("a")), unread(at("missing"))], []);
    meet();
    await reading;
    const heard: (string | undefined)[] = [];
    client.watch(at("a"), (text) => heard.push(text));
    expect([heard, client.text(at("missing"))]).toEqual([["7\n"], undefined]);
    writeFileSync(at("new"), "9\n");
    renameSync(at("new"), at("a"));
    await until("the change is told", () => heard.at(-1) === "9\n");
    expect(client.prepare([unread(at("a")), unread(at("missing"))], [])).toBeUndefined();
  });

  test("no file is told that the configuration does not name, nor one of another role's", async () => {
    writeFileSync(at("secret"), "root:x\n");
    await take(tracked(["a"]) + checked);
    const { client, meet } = files();
    meet();
    await client.prepare([unread(at("secret")), unread(at("checked"))], [at("secret"), at("key"), at("a")]);
    expect([client.text(at("secret")), client.text(at("checked"))]).toEqual([undefined, undefined]);
    for (const name of ["secret", "key", "a"])
      expect(() => client.read(at(name), 100)).toThrow(`the configuration does not name ${at(name)}`);
    expect(said).toContain(`refused: no configuration names the file ${at("secret")} for vrrp`);
    expect(said).toContain(`refused: no configuration names the file ${at("checked")} for vrrp`);
  });

  test("a whole file comes in pieces, with its bounds", async () => {
    const large = `${"x".repeat(99)}\n`.repeat(2000);
    writeFileSync(at("cert"), large);
    writeFileSync(at("key"), "");
    await take(checked);
    const { client, meet } = files("checker");
    meet();
    await client.prepare([unread(at("checked"))], [at("cert"), at("key")]);
    expect(Buffer.from(client.read(at("cert"), 1_000_000)).toString()).toBe(large);
    expect(client.read(at("key"), 10).byteLength).toBe(0);
    expect(() => client.read(at("cert"), 1000)).toThrow("is longer than 1000 bytes");
    rmSync(at("key"));
    spawnSync("mkfifo", [at("key")]);
    await client.prepare([], [at("cert"), at("key")]);
    expect(() => client.read(at("key"), 10)).toThrow("is not a regular file");
  });

  test("init_file is done when the role says that it is new, once", async () => {
    await take(tracked(["i"], "  init_file 5 overwrite\n"));
    const { client, meet } = files();
    meet();
    await client.prepare([{ path: at("i"), init: true }], []);
    expect([client.text(at("i")), readFileSync(at("i"), "utf8")]).toEqual(["5\n", "5\n"]);
    writeFileSync(at("i"), "6\n");
    await until("the change is told", () => client.text(at("i")) === "6\n");
    // Another process of the role that keeps its files asks anew, as does one that meets another starter.
    await role.stop();
    role = starter();
    meet();
    role.start(withPrograms(loaded(tracked(["i"], "  init_file 5 overwrite\n"))));
    writeFileSync(at("i"), "8\n");
    await until("the next starter tells it", () => client.text(at("i")) === "8\n");
  });

  test("more than one message has room for are known as soon as all were read, and all changes arrive", async () => {
    const names = Array.from({ length: 700 }, (_, at) => `n${at}`);
    for (const [value, name] of names.entries()) writeFileSync(at(name), `${value}`);
    await take(tracked(names));
    const { client, meet } = files();
    meet();
    await client.prepare(
      names.map((name) => unread(at(name))),
      [],
    );
    expect(names.filter((name, value) => client.text(at(name)) !== `${value}`)).toEqual([]);
    for (const name of names) writeFileSync(at(name), "1");
    await until("all changes are told", () => names.every((name) => client.text(at(name)) === "1"), 30_000);
    await take(tracked(["a"]));
    await take(tracked(["a"]));
  });
});

describe("rights", () => {
  const NET = [12, 13];
  const files = "FILE_CHECK {\n      track_file f\n    }\n";
  const service = (inner: string) =>
    `track_file f {\n  file /tmp/f\n}\nvirtual_server 192.0.2.1 80 {\n  protocol TCP\n  real_server 192.0.2.2 80 {\n    ${inner}  }\n}\n`;
  const AT = { runDir: "/run/lbd" };
  test.each([
    ["vrrp", "", NET],
    ["checker", "", [10, ...NET]],
    // The starter reads them.
    ["checker", service(files), [10, ...NET]],
    ["vrrp", "track_file f {\n  file /tmp/f\n  init_file 1\n}\n", NET],
    ["checker", "SSL {\n  certificate /c\n  key /k\n}\n", [10, ...NET]],
    ["checker", "global_defs {\n  max_auto_priority 5\n}\n", [10, ...NET, 23]],
    ["vrrp", "global_defs {\n  vrrp_notify_fifo /run/f nobody\n}\n", [1, ...NET]],
    ["checker", "global_defs {\n  vrrp_notify_fifo /run/f nobody\n}\n", [10, ...NET]],
    ["checker", "net_namespace_ipvs blue\n", [10, ...NET, 21]],
    ["checker", "net_namespace_ipvs\n", [10, ...NET, 19, 21]],
    ["vrrp", "global_defs {\n  vrrp_rt_priority 5\n  vrrp_no_swap\n}\n", [...NET, 14, 23]],
    ["api", "", [6, 7]],
  ] as const)("of %s with %j", (name, text, capabilities) => {
    expect(rightsOf(name, loaded(text), AT)?.capabilities).toEqual([...capabilities]);
  });

  test("the namespace of the command line beats the configuration's; the starter keeps all", () => {
    const config = loaded("net_namespace blue\n");
    expect([
      rightsOf("vrrp", config, AT)?.namespace,
      rightsOf("vrrp", config, { ...AT, namespace: "red" })?.namespace,
    ]).toEqual(["blue", "red"]);
    expect(rightsOf("starter", config, AT)).toBeUndefined();
    expect(
      gained(
        rightsOf("vrrp", loaded(""), AT),
        rightsOf("vrrp", loaded("track_file f {\n  file /f\n  init_file 1\n}\n"), AT),
      ),
    ).toEqual([]);
    const fifo = loaded("global_defs {\n  notify_fifo /srv/f\n}\n");
    expect(gained(rightsOf("vrrp", loaded(""), AT), rightsOf("vrrp", fifo, AT))).toEqual([
      "CAP_DAC_OVERRIDE",
      "the right to write in /srv",
    ]);
  });

  test("where a role may write: its settings, the journals, and where the configuration has FIFOs", () => {
    const text = (lines: string) =>
      loaded(`global_defs {\n  notify_fifo /run/all/f\n${lines}}\ntrack_file f {\n  file /srv/f\n  init_file 1\n}\n`);
    const places = (name: "vrrp" | "checker" | "bfd" | "api", config: ReturnType<typeof loaded>) =>
      rightsOf(name, config, AT)?.places?.writable;
    const always = ["/proc/sys/net", "/proc/self", "/dev/null"];
    expect(places("vrrp", text("  vrrp_notify_fifo /run/own/f\n"))).toEqual([
      ...always,
      "/run/lbd/vrrp.d",
      "/run/all",
      "/run/own",
    ]);
    expect(places("checker", text("  lvs_notify_fifo /run/lvs/f\n"))).toEqual([
      ...always,
      "/run/lbd/checker.d",
      "/run/all",
      "/run/lvs",
    ]);
    expect(places("checker", loaded(""))).toEqual([...always, "/run/lbd/checker.d"]);
    expect(places("bfd", loaded(""))).toEqual(always);
    expect(places("api", text(""))).toEqual([]);
    // It looks at the namespace of process 1.
    expect(places("checker", loaded("net_namespace_ipvs\n"))).toBeUndefined();
    expect(gained(rightsOf("vrrp", text(""), AT), rightsOf("vrrp", text("  vrrp_notify_fifo /opt/f\n"), AT))).toEqual([
      "the right to write in /opt",
    ]);
  });
});

function pids(): number[] {
  try {
    return readFileSync(join(runDir, "programs"), "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => Number(line.split(" ")[0]));
  } catch {
    return [];
  }
}
