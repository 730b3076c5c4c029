// What a director tells the machine around it, and when: the service manager, kernel modules, FIFOs of users, callers of the API, and the
// file that holds VRRP.
import { describe, expect, test } from "bun:test";
import type { ApiCallers, ApiLife } from "../../../src/process/api-callers.ts";
import type { ServiceNotices } from "../../../src/process/host/service-notices.ts";
import { API_WAIT_MS, VRRP_WAIT_MS } from "../../../src/process/parent-start.ts";
import { HOLD_TOPIC } from "../../../src/roles/role.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { bindText } from "../../support/config.ts";
import { type FakeChild, type FakeChildren, fakeChildren } from "../../support/fake-children.ts";
import { type Found, found, unusable } from "../../support/fake-readers.ts";
import { type ParentLabOptions, parentLab, settle } from "../../support/parent-lab.ts";

const SERVICES = "virtual_server 192.0.2.1 80 {\n protocol TCP\n real_server 192.0.2.10 80 {\n }\n}\n";
const VRRP = "vrrp_instance VI_1 {\n interface lo\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n";
const SCRIPT = "vrrp_script s {\n script /bin/true\n}\n";

const reading = (text: string, ...errors: string[]): Found => found(bindText(text).config, errors);

/** Everything that is told, in its order. */
function lab(text: string | Found, options: ParentLabOptions = {}) {
  const told: string[] = [];
  const lines: string[] = [];
  const notices: ServiceNotices = {
    starting: (limitMs) => told.push(`starting within ${limitMs}`),
    expect: (roles) => told.push(`expect ${roles.join(" ")}`),
    runs: (role) => told.push(`runs ${role}`),
    reloading: () => told.push("reloading"),
    reloaded: () => told.push("reloaded"),
    stopping: (limitMs) => told.push(`stopping within ${limitMs}`),
    status: (text) => void lines.push(text),
  };
  const made = parentLab(typeof text === "string" ? reading(text) : text, {
    ...options,
    ports: {
      notices,
      loadModules: (names) => told.push(`modules ${names.join(" ")}`),
      keepFifos: (fifos) => told.push(`fifos ${fifos.map(({ path }) => path).join(" ")}`),
      rename: (name) => told.push(`name ${name}`),
      reloaded: () => told.push("let go"),
      rolePid: (role, pid) => told.push(`${role} ${pid === undefined ? "has no pid" : "has a pid"}`),
      ...options.ports,
    },
  });
  return { ...made, told, lines, only: (word: string) => told.filter((line) => line.startsWith(word)) };
}

/** As a machine's sockets: `namespace` is where they were opened. */
function callersOf() {
  const did: string[] = [];
  let life: ApiLife | undefined;
  const callers: ApiCallers = {
    open(namespace, given) {
      did.push(`open ${namespace}`);
      life = given;
    },
    listeners: () => [],
    facts: () => ({ tcp: "taken" }),
    lingerMs: () => 5,
    idle() {},
    added() {},
    stop: () => void did.push("stop"),
    close() {},
  };
  return { callers, did, call: () => life?.start(), leave: () => life?.dismiss() };
}

/** What an api process was told. */
function pictureOf(children: FakeChildren) {
  const store = createStatusStore();
  for (const message of children.of("api").got)
    if (message.kind === "status") for (const update of message.updates) store.apply(update);
  return store;
}

const acked = new WeakMap<FakeChild, number>();
/** Takes every batch that it is sent. */
async function takeAll(children: FakeChildren): Promise<void> {
  const api = children.of("api");
  for (;;) {
    await settle();
    const before = acked.get(api) ?? 0;
    if (!api.alive || api.got.filter(({ kind }) => kind === "status").length === before) return;
    acked.set(api, before + 1);
    api.say({ kind: "ack" });
  }
}

test("modules are loaded, FIFOs made and the name taken before a role has the configuration, at a reload too", async () => {
  const fifo = "global_defs {\n process_name here\n notify_fifo /run/all nobody\n}\n";
  const { director, children, told, willRead } = lab(fifo + SERVICES, { likely: [] });
  director.start();
  await settle();
  const first = ["modules ip_vs ip_vs_wlc", "fifos /run/all", "name here"];
  expect(told.slice(0, 3)).toEqual(first);
  expect(told.slice(3)).toContain("expect checker");
  children.of("checker").comeUp();
  expect(told).toContain("checker has a pid");
  expect(told).toContain("runs checker");
  told.length = 0;
  willRead(reading(SERVICES.replace("protocol TCP", "protocol TCP\n lb_algo mh")));
  director.reload();
  await settle();
  expect(told).toEqual(["reloading", "modules ip_vs ip_vs_mh", "fifos ", "name lbd"]);
  children.of("checker").answer("reload");
  await settle();
  expect(told.slice(4)).toEqual(["reloaded", "let go"]);
  children.of("checker").end("status 1");
  expect(told).toContain("checker has no pid");
});

test("a reload that is refused is over as well, for the service manager and for what reading left", async () => {
  const { director, children, told, willRead } = lab(SERVICES);
  director.start();
  await settle();
  children.of("checker").comeUp();
  told.length = 0;
  willRead(unusable("k.conf:1:1: unknown keyword x"));
  director.reload();
  await settle();
  expect(told).toEqual(["reloading", "reloaded", "let go"]);
});

test("the service manager's line says how it is: while it starts, when it runs, with a reload that was refused, and again without", async () => {
  const { director, children, lines, willRead } = lab(SERVICES);
  director.start();
  await settle();
  children.of("checker").comeUp();
  await settle();
  const running = lines.at(-1);
  willRead(unusable("k.conf:1:1: unknown keyword x"));
  director.reload();
  await settle();
  expect(lines.at(-1)).toBe(`reload refused: k.conf:1:1: unknown keyword x; ${running}`);
  willRead(reading(SERVICES));
  director.reload();
  await settle();
  children.of("checker").answer("reload");
  await settle();
  expect(lines.at(-1)).toBe(running as string);
  children.of("checker").end("status 1");
  expect(lines.at(-1)).not.toBe(running as string);
});

test("a reload that the stop overtakes is none that was done", async () => {
  const children = fakeChildren({ obedient: false });
  const { director, said } = lab(SERVICES, { children });
  director.start();
  await settle();
  children.of("checker").comeUp();
  director.reload();
  await settle();
  director.stop("SIGTERM");
  children.of("checker").answer("reload");
  await settle();
  expect(said("reload done")).toBe(false);
});

test.each([
  ["roles with work", SERVICES + VRRP, false, "expect checker vrrp"],
  ["no work: who answers", "", false, "expect api"],
  ["no work, and who answers comes when it is called: nothing", "", true, "expect "],
])("the director is ready when these run: %s", async (_what, text, isCalled, expected) => {
  const { callers } = callersOf();
  const { director, only } = lab(text, { likely: [], ...(isCalled && { callers }) });
  director.start();
  await settle();
  expect(only("expect")).toEqual([expected]);
});

test("a reload counts as done when a role has not answered for a minute", async () => {
  const { director, children, clock, said, only } = lab(SERVICES);
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  director.reload();
  await settle();
  let pings = 0;
  const wait = async (ms: number) => {
    for (let at = 0; at < ms; at += 1000) {
      clock.advance(1000);
      const all = checker.got.filter(({ kind }) => kind === "ping").length;
      if (all > pings) checker.answer("ping");
      pings = all;
      await settle();
    }
  };
  await wait(59_000);
  expect([said("reload done"), only("reloaded")]).toEqual([false, []]);
  await wait(2000);
  expect([said("reload done"), only("reloaded"), checker.killed]).toEqual([true, ["reloaded"], []]);
});

test("a reload gives the starter new programs before anybody wants them run, and waits for it a second at most", async () => {
  const { director, children, clock, willRead } = lab(SCRIPT + VRRP, {
    roles: ["starter", "vrrp", "api"],
    likely: ["starter", "vrrp"],
  });
  director.start();
  await settle();
  for (const role of ["starter", "vrrp"] as const) children.of(role).comeUp();
  const asked = () => ["starter", "vrrp"].map((role) => children.of(role as "vrrp").last("reload") !== undefined);
  willRead(reading(SCRIPT.replace("true", "false") + VRRP));
  director.reload();
  await settle();
  expect(asked()).toEqual([true, false]);
  clock.advance(999);
  await settle();
  expect(asked()).toEqual([true, false]);
  clock.advance(1);
  await settle();
  expect(asked()).toEqual([true, true]);
  for (const role of ["starter", "vrrp"] as const) children.of(role).answer("reload");
  await settle();
  willRead(reading(SCRIPT + VRRP));
  const before = children.of("vrrp").got.length;
  director.reload();
  await settle();
  children.of("starter").answer("reload");
  await settle();
  expect(
    children
      .of("vrrp")
      .got.slice(before)
      .map(({ kind }) => kind),
  ).toEqual(["reload"]);
});

describe("scripts of the director", () => {
  const text = (...words: string[]) =>
    `global_defs {\n${words.map((word) => `${word} /bin/true\n`).join("")}}\n${VRRP}${SERVICES}`;
  const roles = ["starter", "checker", "vrrp", "api"] as const;

  test("startup_script is over before any role is told to start; shutdown_script begins when all have ended", async () => {
    const { director, children, startedRoles, ended } = lab(text("startup_script", "shutdown_script"), { roles });
    director.start();
    await settle();
    children.of("checker").say({ kind: "hello" });
    children.of("starter").comeUp();
    await settle();
    expect(startedRoles()).toEqual(["starter"]);
    expect(children.of("starter").last("startup")).toBeDefined();
    children.of("starter").answer("startup");
    await settle();
    expect(startedRoles()).toContain("checker");
    children.of("checker").say({ kind: "started" });
    for (const role of ["vrrp", "api"] as const) children.of(role).comeUp();
    director.stop("SIGTERM");
    await settle();
    expect(roles.map((role) => children.of(role).alive)).toEqual([true, false, false, false]);
    expect(children.of("starter").last("shutdown")).toBeDefined();
    expect(ended).toEqual([]);
    children.of("starter").answer("shutdown");
    await settle();
    expect(ended).toEqual([0]);
  });

  test("a starter that dies, or does not come up, keeps no role from starting", async () => {
    const dying = lab(text("startup_script"), { roles });
    dying.director.start();
    await settle();
    dying.children.of("checker").say({ kind: "hello" });
    dying.children.of("starter").comeUp();
    await settle();
    dying.children.of("starter").end("signal SIGKILL");
    await settle();
    expect(dying.startedRoles()).toContain("checker");
    const away = lab(text("startup_script"), { roles });
    away.director.start();
    await settle();
    away.children.of("checker").say({ kind: "hello" });
    away.clock.advance(4999);
    await settle();
    expect(away.startedRoles()).toEqual([]);
    away.clock.advance(1);
    await settle();
    expect(away.startedRoles()).toEqual(["checker"]);
    expect(away.said("startup_script was not run")).toBe(true);
  });

  test("a stop during startup_script starts no role", async () => {
    const { director, children, startedRoles, ended } = lab(text("startup_script"), { roles });
    director.start();
    await settle();
    children.of("starter").comeUp();
    await settle();
    director.stop("SIGTERM");
    await settle();
    expect([startedRoles(), ended]).toEqual([["starter"], [0]]);
  });

  test("a reload runs none; the shutdown_script of the last configuration is the one that counts", async () => {
    const { director, children, willRead } = lab(text("startup_script"), { roles });
    director.start();
    await settle();
    children.of("starter").comeUp();
    await settle();
    children.of("starter").answer("startup");
    await settle();
    for (const role of ["checker", "vrrp"] as const) children.of(role).comeUp();
    willRead(reading(text("startup_script", "shutdown_script")));
    director.reload();
    await settle();
    children.of("starter").answer("reload");
    await settle();
    expect(children.of("starter").got.filter(({ kind }) => kind === "startup")).toHaveLength(1);
    director.stop("SIGTERM");
    await settle();
    expect(children.of("starter").last("shutdown")).toBeDefined();
  });
});

test("what this build lacks and a file asks for is said; what it has, or nobody asks for, is not", async () => {
  const { director, said } = lab(SERVICES + VRRP, { roles: ["checker", "api"] });
  director.start();
  await settle();
  expect(["vrrp", "checker", "bfd"].map((role) => said(`asks for ${role}, which this build lacks`))).toEqual([
    true,
    false,
    false,
  ]);
});

test("warnings are counted: those of the files at once, those that take a walk when they are known", async () => {
  const first = { ...reading(SERVICES, "k.conf:2:1: bad"), warnings: ["one", "two"], notes: () => ["three"] };
  const { director, children, clock } = lab(first);
  director.start();
  await settle();
  clock.advance(API_WAIT_MS);
  children.of("api").comeUp();
  await takeAll(children);
  expect(pictureOf(children).director()?.config).toMatchObject({ warnings: 3, errorCount: 1, sha256: "00" });
});

test("a reload counts its warnings anew, and says what takes a walk of the files behind it", async () => {
  const { director, children, willRead, said } = lab(reading(SERVICES));
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("api").comeUp();
  await takeAll(children);
  const next = reading(SERVICES.replace("protocol TCP", "protocol TCP\n lb_algo mh"));
  willRead({ ...next, warnings: ["one"], notes: () => ["two", "three"] });
  director.reload();
  await settle();
  for (const role of ["checker", "api"] as const)
    if (children.of(role).last("reload")) children.of(role).answer("reload");
  await takeAll(children);
  expect(pictureOf(children).director()?.config).toMatchObject({ warnings: 3, reloads: 1 });
  expect([said("two"), said("three")]).toEqual([true, true]);
});

test("what an api process had begun to read goes with it: the next one has the beginning", async () => {
  const effective = () => ({ list: Array.from({ length: 50_000 }, (_, i) => `value ${i}`) });
  const { director, children, clock } = lab({ ...reading(SERVICES), effective });
  director.start();
  await settle();
  children.of("checker").comeUp();
  children.of("api").comeUp();
  const piece = async () => {
    children.of("api").say({ kind: "want-effective", serial: 1 });
    clock.advance(0);
    await settle();
    return children.of("api").last("effective")?.piece;
  };
  const first = await piece();
  expect(await piece()).not.toBe(first as string);
  children.of("api").end("status 1");
  clock.advance(100);
  children.of("api").comeUp();
  expect(await piece()).toBe(first as string);
});

test("a role that gave up rights at its start says what a reload would need of them", async () => {
  const { director, children, said, willRead } = lab(SERVICES);
  director.start();
  await settle();
  children.of("checker").comeUp();
  willRead(reading(`global_defs {\n lvs_notify_fifo /somewhere/fifo\n}\n${SERVICES}`));
  director.reload();
  await settle();
  expect(said("checker: the new configuration may need CAP_DAC_OVERRIDE, the right to write in /somewhere")).toBe(true);
});

describe("--hold-vrrp", () => {
  test("the vrrp process hears that it is held before it starts, and of its end when the file goes", async () => {
    let isHeld = true;
    const { director, children, clock } = lab(VRRP, { likely: ["vrrp"], ports: { isVrrpHeld: () => isHeld } });
    director.start();
    await settle();
    const vrrp = children.of("vrrp");
    vrrp.comeUp();
    expect(vrrp.last("start")?.topics).toEqual({ [HOLD_TOPIC]: true });
    clock.advance(1000);
    expect(vrrp.last("topic")).toBeUndefined();
    isHeld = false;
    clock.advance(100);
    expect(vrrp.last("topic")).toMatchObject({ topic: HOLD_TOPIC, value: false });
    vrrp.end("status 1");
    clock.advance(100);
    children.of("vrrp").say({ kind: "hello" });
    expect(children.of("vrrp").last("start")?.topics).toEqual({ [HOLD_TOPIC]: false });
  });

  test("without it nobody hears of it", async () => {
    const { director, children, clock } = lab(VRRP, { likely: ["vrrp"], ports: { isVrrpHeld: () => false } });
    director.start();
    await settle();
    children.of("vrrp").comeUp();
    clock.advance(1000);
    expect([children.of("vrrp").last("start")?.topics, children.of("vrrp").last("topic")]).toEqual([{}, undefined]);
  });
});

describe("callers", () => {
  test.each([
    ["the configuration's", "", "blue", "open blue"],
    ["the command line's, which beats it", "red", "blue", "open red"],
    ["none", "", "", "open undefined"],
  ])("sockets are opened in a network namespace: %s", async (_what, given, configured, expected) => {
    const { callers, did } = callersOf();
    const { director } = lab(configured === "" ? SERVICES : `net_namespace ${configured}\n${SERVICES}`, {
      callers,
      ...(given !== "" && { change: { namespace: given } }),
    });
    director.start();
    await settle();
    expect(did).toEqual([expected]);
  });

  test("a caller at the start waits until the table is loaded, and not for ever; one at the stop is not served", async () => {
    const { callers, call, did } = callersOf();
    const { director, children, clock } = lab(SERVICES, { callers });
    director.start();
    await settle();
    call();
    const roles = () => children.all.map(({ role }) => role);
    expect(roles()).toEqual(["checker"]);
    clock.advance(API_WAIT_MS);
    expect(roles()).toEqual(["checker", "api"]);
    director.stop("SIGTERM");
    expect(did.at(-1)).toBe("stop");
    call();
    await settle();
    expect(roles()).toEqual(["checker", "api"]);
  });

  test("an api process that waits for vrrp alone does not wait for ever either", async () => {
    const { director, children, clock } = lab(VRRP, { likely: ["vrrp"] });
    director.start();
    await settle();
    expect(children.all.map(({ role }) => role)).toEqual(["vrrp"]);
    clock.advance(API_WAIT_MS);
    expect(children.all.map(({ role }) => role)).toEqual(["vrrp", "api"]);
    expect(VRRP_WAIT_MS).toBeGreaterThan(API_WAIT_MS);
  });

  test("a reload does not bring back an api process that is going", async () => {
    const { callers, call, leave } = callersOf();
    const children = fakeChildren({ obedient: false });
    const { director } = lab(SERVICES, { callers, children });
    director.start();
    await settle();
    children.of("checker").comeUp();
    call();
    const api = children.of("api");
    api.comeUp();
    await settle();
    void leave();
    director.reload();
    await settle();
    children.of("checker").answer("reload");
    api.say({ kind: "stopped" });
    api.end("status 0");
    await settle();
    expect(children.of("api")).toBe(api);
    expect(api.last("reload")).toBeUndefined();
  });

  test("the first picture has the sockets' facts and the parent's counters; who calls with no role there is answered at once", async () => {
    const { callers, call, leave } = callersOf();
    const counters = { lbd_of_the_parent: 1 };
    const { director, children, clock } = lab("", { callers, likely: [], ports: { self: () => counters } });
    director.start();
    await settle();
    clock.advance(API_WAIT_MS);
    call();
    const api = children.of("api");
    api.comeUp();
    await takeAll(children);
    const picture = pictureOf(children);
    expect(picture.facts()).toEqual({ api: { tcp: "taken" } });
    expect(picture.metrics().get("lbd_of_the_parent")).toBe(1);
    // The api process itself runs, and tells how it is.
    api.answer("snapshot");
    await takeAll(children);
    expect(api.got.filter(({ kind }) => kind === "complete")).toHaveLength(1);
    for (let at = 0; at < 6; at++) {
      clock.advance(1000);
      await takeAll(children);
    }
    expect(api.got.filter(({ kind }) => kind === "complete")).toHaveLength(1);
    await leave();
  });

  test("the parent counts for who looks, and no more when the api process has gone", async () => {
    const { callers, call, leave } = callersOf();
    let asked = 0;
    const { director, children, clock } = lab(SERVICES, { callers, ports: { self: () => ({ asked: ++asked }) } });
    director.start();
    await settle();
    children.of("checker").comeUp();
    clock.advance(5000);
    expect(asked).toBe(0);
    call();
    children.of("api").comeUp();
    clock.advance(5000);
    expect(asked).toBe(2);
    const gone = leave();
    expect(children.of("checker").got.at(-1)?.kind).toBe("unwatched");
    await gone;
    clock.advance(20_000);
    expect(asked).toBe(2);
  });

  test("one that goes before its picture is whole leaves no timer behind that completes the next one's", async () => {
    const { callers, call, leave } = callersOf();
    const { director, children, clock } = lab(SERVICES, { callers });
    director.start();
    await settle();
    children.of("checker").comeUp();
    call();
    children.of("api").comeUp();
    clock.advance(4000);
    await leave();
    call();
    const next = children.of("api");
    next.comeUp();
    await takeAll(children);
    clock.advance(2000);
    await takeAll(children);
    expect(next.last("complete")).toBeUndefined();
  });
});

test("a stop ends a reading that is under way, and says how long it may take", async () => {
  const { director, children, readers, only, ended } = lab(`child_wait_time 3\n${SERVICES}`);
  director.start();
  await settle();
  children.of("checker").comeUp();
  readers.hold();
  director.reload();
  await settle();
  director.stop("SIGTERM");
  expect(readers.all.at(-1)?.killed).toEqual(["SIGKILL"]);
  // Three seconds, and for each of five roles one to stop in, and four for a process that clears up after it.
  expect(only("stopping")).toEqual(["stopping within 28000"]);
  await settle();
  expect(ended).toEqual([0]);
});

describe("what an api process is told of the others", () => {
  /** Runs with its checker, and an api process that has been told everything. */
  async function watched(text = SERVICES) {
    const all = callersOf();
    const made = lab(text, { callers: all.callers });
    made.director.start();
    await settle();
    made.children.of("checker").comeUp();
    all.call();
    made.children.of("api").comeUp();
    await takeAll(made.children);
    const completes = () => made.children.of("api").got.filter(({ kind }) => kind === "complete").length;
    return { ...made, ...all, completes };
  }

  test("a role that dies before it has told how it is is not waited for", async () => {
    const { children, completes } = await watched();
    children.of("api").answer("snapshot");
    await takeAll(children);
    expect(completes()).toBe(0);
    children.of("checker").end("status 1");
    await takeAll(children);
    expect(completes()).toBe(1);
  });

  test("a role that comes later is asked for its picture too", async () => {
    const { children, clock } = await watched();
    children.of("checker").end("status 1");
    clock.advance(1000);
    const next = children.of("checker");
    next.comeUp();
    expect(next.last("snapshot")).toBeDefined();
  });

  test("a role that nothing needs any more is gone from the picture", async () => {
    const { callers, call } = callersOf();
    const made = lab(SERVICES, { callers, likely: ["checker", "vrrp"] });
    made.director.start();
    await settle();
    made.children.of("checker").comeUp();
    call();
    made.children.of("api").comeUp();
    await takeAll(made.children);
    // Booted early, and not needed.
    expect(made.children.of("vrrp").killed).toEqual(["SIGKILL"]);
    expect(
      pictureOf(made.children)
        .processes()
        .map(({ role }) => role),
    ).toEqual(["checker", "api"]);
  });

  test("who has nobody to serve is let go by the callers", async () => {
    let idle = 0;
    const { callers, call } = callersOf();
    const made = lab(SERVICES, { callers: { ...callers, idle: () => void idle++ } });
    made.director.start();
    await settle();
    made.children.of("checker").comeUp();
    call();
    const api = made.children.of("api");
    api.comeUp();
    await takeAll(made.children);
    for (const role of ["api", "checker"] as const) made.children.of(role).answer("snapshot");
    await takeAll(made.children);
    api.say({ kind: "idle" });
    expect([idle, api.killed]).toEqual([1, []]);
  });
});

test("the service manager is told how it is whenever a process comes or goes", async () => {
  const lines: string[] = [];
  const made = parentLab(reading(SERVICES), {
    ports: {
      notices: {
        starting() {},
        expect() {},
        runs() {},
        reloading() {},
        reloaded() {},
        stopping() {},
        status: (line) => void lines.push(line),
      },
    },
  });
  made.director.start();
  await settle();
  const before = lines.length;
  made.children.of("checker").comeUp();
  const running = lines.at(-1);
  made.children.of("checker").end("status 1");
  expect(lines.length).toBeGreaterThan(before);
  expect(lines.at(-1)).not.toBe(running);
});
