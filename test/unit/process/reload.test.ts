// A reload with children of the test's own: what is waited for, what is refused, and what many of them come to.
import { expect, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { SETTLE_LIMIT_MS } from "../../../src/process/configuration/settled-reading.ts";
import type { SpawnChild } from "../../../src/process/runtime.ts";
import { SILENT_MS } from "../../../src/process/signs-of-life.ts";
import { bindText } from "../../support/config.ts";
import { type FakeChildren, fakeChildren } from "../../support/fake-children.ts";
import { type Found, found } from "../../support/fake-readers.ts";
import { parentLab, settle } from "../../support/parent-lab.ts";

const service = (port: number) =>
  `virtual_server 192.0.2.1 ${port} {\n protocol TCP\n real_server 192.0.2.10 80 {\n }\n}\n`;
const VRRP = "vrrp_instance VI_1 {\n interface lo\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n";

function reading(text: string): Found {
  return found(bindText(text).config);
}

const half = (of: Found, waitMs = 100): Found => ({
  ...of,
  unsettled: { reason: "/k.conf: it was written 200 ms ago and may not be complete", waitMs, changed: false },
});

function lab(first: Found, spawnBy: (children: FakeChildren) => SpawnChild = ({ spawn }) => spawn) {
  const children = fakeChildren();
  const made = parentLab(first, { children, spawn: spawnBy(children) });
  return {
    ...made,
    reads: made.readers.looks,
    reloads: () => children.of("checker").got.filter(({ kind }) => kind === "reload").length,
    /** Every child answers every reload it was sent. */
    answer() {
      for (const child of children.all) if (child.alive) child.answer("reload");
    },
    ports: () => portsOf(children.of("checker").last("reload")?.config ?? children.of("checker").last("start")?.config),
  };
}

function portsOf(config: Config | undefined): string[] {
  return config?.virtualServers.map(({ id }) => id.replace(/.*:(\d+)\/tcp/, "$1")) ?? [];
}

/** Runs with its checker and API. */
async function running(text: string) {
  const made = lab(reading(text));
  made.director.start();
  await settle();
  for (const role of ["checker", "api"] as const) made.children.of(role).comeUp();
  await settle();
  return made;
}

test("files that are being written are read again until they stand still", async () => {
  const { director, clock, willRead, ports, reads, said } = await running(service(80));
  const before = reads();
  willRead(half(reading(service(81))));
  director.reload();
  await settle();
  clock.advance(100);
  await settle();
  expect(ports()).toEqual(["80"]);
  willRead(reading(service(82)));
  clock.advance(100);
  await settle();
  expect(ports()).toEqual(["82"]);
  expect(reads() - before).toBe(3);
  expect(said("reload refused")).toBe(false);
});

test("files that never stand still leave the old configuration, with the reason", async () => {
  const { director, clock, willRead, ports, said } = await running(service(80));
  willRead(half(reading(service(81))));
  director.reload();
  for (let ms = 0; ms < SETTLE_LIMIT_MS; ms += 100) {
    await settle();
    expect(said("reload refused")).toBe(false);
    clock.advance(100);
  }
  await settle();
  expect(ports()).toEqual(["80"]);
  expect(said("it was written 200 ms ago and may not be complete, and so it went on for 1000 ms")).toBe(true);
  expect(said("reload refused")).toBe(true);
});

test("at the start only half a file with something wrong in it is waited for", async () => {
  const whole = lab(half(reading(service(80))));
  whole.director.start();
  await settle();
  whole.children.of("checker").say({ kind: "hello" });
  expect(whole.ports()).toEqual(["80"]);
  const { config: _, ...unusable } = half(reading(service(80)));
  const { director, clock, willRead, children, ended, ports } = lab({ ...unusable, errors: ["/k.conf:3:1: no }"] });
  director.start();
  await settle();
  willRead(reading(service(81)));
  clock.advance(100);
  await settle();
  children.of("checker").say({ kind: "hello" });
  expect(ports()).toEqual(["81"]);
  expect(ended).toEqual([]);
});

test("a stop while half a file is waited for wins", async () => {
  const { director, clock, willRead, ended, ports } = await running(service(80));
  willRead(half(reading(service(81))));
  director.reload();
  director.stop("SIGTERM");
  clock.advance(1000);
  await settle();
  expect(ended).toEqual([0]);
  expect(ports()).toEqual(["80"]);
});

test("what would take everything away is refused, unless somebody said so, and that holds once", async () => {
  const { director, willRead, allowEmpty, ports, said, answer, reloads } = await running(service(80) + VRRP);
  willRead(reading(VRRP));
  director.reload();
  await settle();
  expect(said("/k.conf: it has no virtual server any more, 1 runs (192.0.2.1:80/tcp)")).toBe(true);
  expect(reloads()).toBe(0);
  allowEmpty();
  director.reload();
  await settle();
  expect(ports()).toEqual([]);
  answer();
  willRead(reading(service(80)));
  director.reload();
  await settle();
  // It has no instance any more; nobody said so this time.
  expect(ports()).toEqual([]);
  expect(said("it has no VRRP instance any more")).toBe(true);
});

test("the word that all may go is for the reload that is under way, too", async () => {
  const { director, clock, willRead, allowEmpty, ports, said } = await running(service(80) + VRRP);
  willRead(half(reading(VRRP)));
  // Somebody's signal; while its reading waits for the file, the operator says the word and signals.
  director.reload();
  await settle();
  allowEmpty();
  director.reload();
  willRead(reading(VRRP));
  clock.advance(100);
  await settle();
  expect(said("reload refused")).toBe(false);
  expect(ports()).toEqual([]);
});

test("hundreds of reloads come to two, and the last content of the file is what runs", async () => {
  const { director, willRead, ports, reloads, answer } = await running(service(80));
  for (let port = 81; port < 400; port++) {
    willRead(reading(service(port)));
    director.reload();
  }
  for (let i = 0; i < 5; i++) {
    await settle();
    answer();
  }
  expect(ports()).toEqual(["399"]);
  expect(reloads()).toBeLessThanOrEqual(2);
});

test("one that comes before the first reading asks for nothing that this reading does not give", async () => {
  const { director, children, reads, answer, willRead, ports } = lab(reading(service(80)));
  for (let i = 0; i < 100; i++) director.reload();
  director.start();
  await settle();
  for (const role of ["checker", "api"] as const) children.of(role).comeUp();
  await settle();
  expect(reads()).toBe(1);
  willRead(reading(service(81)));
  director.reload();
  for (let i = 0; i < 3; i++) {
    await settle();
    answer();
  }
  expect(ports()).toEqual(["81"]);
  expect(reads()).toBe(2);
});

test("one while roles start reaches those that start later", async () => {
  const { director, children, willRead } = lab(reading(service(80) + VRRP));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.say({ kind: "hello" });
  willRead(reading(service(81) + VRRP.replace("VI_1", "VI_2")));
  director.reload();
  await settle();
  expect(portsOf(checker.last("reload")?.config)).toEqual(["81"]);
  checker.comeUp();
  await settle();
  children.of("vrrp").say({ kind: "hello" });
  expect(
    children
      .of("vrrp")
      .last("start")
      ?.config?.vrrp.instances.map(({ name }) => name),
  ).toEqual(["VI_2"]);
});

test("one that needs a role which is just being dismissed has it started anew", async () => {
  const kills: (() => void)[] = [];
  const slowToDie = (children: FakeChildren): SpawnChild => {
    return (role, events) => {
      const handle = children.spawn(role, events);
      return { ...handle, kill: (signal) => kills.push(() => handle.kill(signal)) };
    };
  };
  const { director, children, willRead } = lab(reading(VRRP), slowToDie);
  director.start();
  await settle();
  const dismissed = children.of("checker");
  expect(kills).toHaveLength(1);
  willRead(reading(service(80) + VRRP));
  director.reload();
  await settle();
  for (const kill of kills) kill();
  await settle();
  const checker = children.of("checker");
  expect(checker).not.toBe(dismissed);
  checker.say({ kind: "hello" });
  expect(portsOf(checker.last("start")?.config)).toEqual(["80"]);
});

test("a role that should have been killed and is not gone is stuck: a service manager hears no sign of life then", async () => {
  const neverDies = (children: FakeChildren): SpawnChild => {
    return (role, events) => ({ ...children.spawn(role, events), kill: () => {} });
  };
  const { director, children, clock } = lab(reading(service(80)), neverDies);
  director.start();
  await settle();
  children.of("checker").comeUp();
  clock.advance(SILENT_MS);
  expect(director.stuck()).toEqual([]);
  children.of("checker").answer("ping");
  clock.advance(SILENT_MS + 1001);
  // It is being killed: that is supervision at work.
  expect(director.stuck()).toEqual([]);
  clock.advance(3000);
  expect(director.stuck()).toEqual(["checker"]);
});

test("a reload sends what differs; a process that starts later gets all of it", async () => {
  const { director, children, willRead, clock } = lab(reading(service(80) + service(81)));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  const before = checker.pieces.length;
  willRead(reading(service(80) + service(82)));
  director.reload();
  await settle();
  expect(checker.pieces.slice(before).join()).not.toContain("192.0.2.1:80/tcp");
  expect(portsOf(checker.last("reload")?.config)).toEqual(["80", "82"]);
  checker.end("signal SIGKILL");
  clock.advance(1);
  const next = children.of("checker");
  expect(next).not.toBe(checker);
  next.comeUp();
  expect(portsOf(next.last("start")?.config)).toEqual(["80", "82"]);
});

test("after many changes the pieces begin anew, and a process that has them all is none the wiser", async () => {
  const { director, children, willRead } = lab(reading(service(80)));
  director.start();
  await settle();
  const checker = children.of("checker");
  checker.comeUp();
  for (let port = 81; port < 100; port++) {
    willRead(reading(service(port)));
    director.reload();
    await settle();
    expect(portsOf(checker.last("reload")?.config)).toEqual([`${port}`]);
    checker.answer("reload");
    await settle();
  }
  const wholes = checker.pieces.filter((piece) => piece.startsWith('[["whole"]'));
  expect(wholes.length).toBeGreaterThan(1);
  expect(wholes.length).toBeLessThan(19);
});

/** A director whose next reload has the word of `lbd restart`. */
async function toRestart(text: string, tryNext?: () => Promise<string | undefined>) {
  const handed: unknown[] = [];
  let isWanted = true;
  const made = parentLab(reading(text), {
    ports: {
      mayReplace() {
        const may = isWanted;
        isWanted = false;
        return may;
      },
      replace: (handover) => void handed.push(handover),
      ...(tryNext && { tryNext }),
    },
  });
  made.director.start();
  await settle();
  for (const role of ["checker", "vrrp", "api"] as const) {
    made.children.of(role).comeUp();
    await settle();
  }
  return { ...made, handed };
}

const WORD = { masters: ["VI_1"], spokeAtMs: 5 };

test("a restart in place hears vrrp out and kills everybody else as they are; nobody is told to stop, nobody is started again", async () => {
  const { director, children, handed, ended, logs } = await toRestart(service(80) + VRRP);
  director.reload();
  await settle();
  for (const child of children.all) child.answer("reload");
  await settle();
  const [vrrp, checker] = [children.of("vrrp"), children.of("checker")];
  expect([vrrp.last("handover") !== undefined, checker.killed, handed]).toEqual([true, [], []]);
  vrrp.say({ kind: "batch", logs: [], updates: [], topics: { handover: WORD } });
  vrrp.answer("handover");
  await settle();
  expect(handed).toEqual([WORD]);
  expect(children.all.map(({ role, killed, got }) => [role, killed, got.some(({ kind }) => kind === "stop")])).toEqual(
    children.all.map(({ role }) => [role, ["SIGKILL"], false]),
  );
  const count = children.all.length;
  director.reload();
  await settle();
  expect([children.all.length, ended, logs.some(({ level }) => level === "error")]).toEqual([count, [], false]);
});

test("a program that can't go on with this director's words is found out while this one runs", async () => {
  const { director, children, handed, said } = await toRestart(
    service(80) + VRRP,
    async () => "/usr/sbin/lbd … -t ended with 1",
  );
  director.reload();
  await settle();
  for (const child of children.all) child.answer("reload");
  await settle();
  expect([handed, children.of("vrrp").last("handover"), children.of("vrrp").alive]).toEqual([[], undefined, true]);
  expect(said("not restarting, this program goes on: /usr/sbin/lbd … -t ended with 1")).toBe(true);
  director.reload();
  await settle();
  expect(children.of("checker").got.filter(({ kind }) => kind === "reload")).toHaveLength(2);
});

test("a vrrp process that does not answer is not waited for long", async () => {
  const { director, children, clock, handed } = await toRestart(service(80) + VRRP);
  director.reload();
  await settle();
  for (const child of children.all) child.answer("reload");
  await settle();
  clock.advance(999);
  await settle();
  expect(handed).toEqual([]);
  clock.advance(1);
  await settle();
  expect(handed).toEqual([null]);
});

test("with a configuration that is refused it stays the program that it is", async () => {
  const { director, children, willRead, handed, said } = await toRestart(service(80) + VRRP);
  const { config: _, ...unusable } = reading(service(81));
  willRead({ ...unusable, errors: ["/k.conf:3:1: no }"] });
  director.reload();
  await settle();
  expect([said("reload refused"), handed, children.of("vrrp").last("handover")]).toEqual([true, [], undefined]);
  // The word is used up.
  willRead(reading(service(82) + VRRP));
  director.reload();
  await settle();
  for (const child of children.all) if (child.last("reload")) child.answer("reload");
  await settle();
  expect(children.of("vrrp").last("handover")).toBeUndefined();
});

test("a director that goes on tells vrrp what the one before said, and has it start beside the checker", async () => {
  const { director, children } = parentLab(reading(service(80) + VRRP), { ports: { handover: WORD } });
  director.start();
  await settle();
  children.of("vrrp").say({ kind: "hello" });
  children.of("checker").say({ kind: "hello" });
  expect(children.of("vrrp").last("start")?.topics).toEqual({ handover: WORD });
});
