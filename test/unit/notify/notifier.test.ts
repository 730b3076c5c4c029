// The notifier as a whole: what its FIFOs, programs and mails have of the configuration, at the start, at a reload and at the end.
import { describe, expect, test } from "bun:test";
import { openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../../../src/config/model/command.ts";
import type { Fifo, GlobalConfig } from "../../../src/config/model/global.ts";
import { fifoLine } from "../../../src/notify/fifo.ts";
import { createMailer, relayOf } from "../../../src/notify/mail.ts";
import type { Notification } from "../../../src/notify/notification.ts";
import { createNotifier } from "../../../src/notify/notifier.ts";
import type { ProgramOutcome } from "../../../src/notify/outcome.ts";
import { createSerialQueues } from "../../../src/notify/queue.ts";
import { mailRelay } from "../../support/mail-relay.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { configOf } from "../../support/model.ts";
import { until } from "../../support/until.ts";

const origin = { file: "k.conf", line: 1, column: 1 };
const command = (program: string, user?: string): Command => ({ argv: [program], origin, ...(user && { user }) });
const { global: NOTHING } = configOf([]);

const state = (name: "MASTER" | "BACKUP" | "STOP" | "MASTER_RX_LOWER_PRI", part: object = {}): Notification => ({
  kind: "instance",
  name: "VI_1",
  state: name,
  priority: 120,
  commands: { any: command("/any"), masterRxLowerPri: command("/lower"), stop: command("/stop") },
  smtpAlert: false,
  ...part,
});

/** A notifier with FIFOs that are files, and programs that end when a test says so. */
function lab(part: "vrrp" | "lvs", global: Partial<GlobalConfig>) {
  const clock = manualClock();
  const lines: string[] = [];
  const fifos: string[] = [];
  const running: { readonly what: string; readonly limitMs: number; end(how?: ProgramOutcome): void }[] = [];
  const files = new Map<string, string>();
  const notifier = createNotifier(
    part,
    { ...NOTHING, ...global },
    {
      clock,
      log: ({ message }) => lines.push(message),
      hostName: "d",
      run: ({ argv, user }, args, limitMs) =>
        new Promise((resolve) =>
          running.push({
            what: [...argv, ...(user ? [`as ${user}`] : []), ...args].join(" "),
            limitMs,
            end: (how = { kind: "exit", status: 0 }) => resolve(how),
          }),
        ),
      openFifo(path, user, group) {
        fifos.push(`open ${path} for ${user ?? "nobody"}:${group ?? "nobody"}`);
        const file = join(tmpdir(), `lbd-notifier-${process.pid}-${path.replaceAll("/", "+")}`);
        files.set(path, file);
        return {
          fd: openSync(file, path === "/full" ? "r" : "w+", 0o600),
          ...(path === "/warned" && { warning: "somebody else made it" }),
          close: () => void fifos.push(`close ${path}`),
        };
      },
    },
  );
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return {
    clock,
    lines,
    fifos,
    running,
    settle,
    notifier,
    reload: (next: Partial<GlobalConfig>) => notifier.reload({ ...NOTHING, ...next }),
    written: (path: string) => readFileSync(files.get(path) ?? "", "utf8"),
    [Symbol.dispose]() {
      for (const file of files.values()) rmSync(file, { force: true });
    },
  };
}

describe("FIFOs", () => {
  const all: Fifo = { path: "/all", user: "u", group: "g" };
  const fifo = { all, vrrp: { path: "/vrrp" }, lvs: { path: "/lvs" } };

  test.each([
    ["vrrp", "/vrrp"],
    ["lvs", "/lvs"],
  ] as const)(
    "the %s process writes to that of all and its own, made for those that the configuration names",
    (part, own) => {
      using one = lab(part, { fifo });
      expect(one.fifos).toEqual(["open /all for u:g", `open ${own} for nobody:nobody`]);
      one.notifier.notify(state("MASTER"));
      for (const path of ["/all", own]) expect(one.written(path)).toBe('INSTANCE "VI_1" MASTER 120\n');
      expect(one.notifier.metrics()['lbd_notify_runs_total{kind="fifo",result="ok"}']).toBe(2);
      one.notifier.close();
      expect(one.fifos.slice(2)).toEqual(["close /all", `close ${own}`]);
      // Nothing is written into what was closed.
      one.notifier.notify(state("BACKUP"));
      expect(one.notifier.metrics()['lbd_notify_runs_total{kind="fifo",result="ok"}']).toBe(2);
    },
  );

  test("a reload closes what is named no more, or has another reader, and leaves the rest as it is", () => {
    using one = lab("vrrp", { fifo: { all, vrrp: { path: "/vrrp", script: command("/reader") } } });
    one.fifos.length = 0;
    one.reload({ fifo: { all, vrrp: { path: "/vrrp", script: command("/reader") } } });
    expect(one.fifos).toEqual([]);
    one.reload({ fifo: { all, vrrp: { path: "/vrrp", script: command("/reader", "root") } } });
    expect(one.fifos).toEqual(["close /vrrp", "open /vrrp for nobody:nobody"]);
    expect(one.running.map(({ what }) => what)).toEqual(["/reader /vrrp", "/reader as root /vrrp"]);
    one.fifos.length = 0;
    one.reload({ fifo: { vrrp: { path: "/vrrp", script: command("/reader", "root") } } });
    expect(one.fifos).toEqual(["close /all"]);
  });

  test("what is odd about one is said", () => {
    using one = lab("vrrp", { fifo: { all: { path: "/warned" } } });
    expect(one.lines).toEqual(["notify FIFO /warned: somebody else made it"]);
    using other = lab("vrrp", { fifo: { all } });
    expect(other.lines).toEqual([]);
  });
});

test("a line of a group has priority 0, whatever its instances have", () => {
  expect(fifoLine(state("MASTER", { kind: "group", name: "G" }))).toBe('GROUP "G" MASTER 0\n');
});

describe("the end", () => {
  test("programs that wait behind another are started when half the time is over, and no longer waited for than there is", async () => {
    using one = lab("vrrp", { notifySerial: true });
    for (const name of ["MASTER", "BACKUP"] as const) one.notifier.notify(state(name));
    expect(one.running.map(({ what }) => what)).toEqual(["/any INSTANCE VI_1 MASTER 120"]);
    let isOver = false;
    void one.notifier.drain(4000).then(() => {
      isOver = true;
    });
    one.clock.advance(3999);
    await one.settle();
    expect(one.running.map(({ what }) => what)).toEqual([
      "/any INSTANCE VI_1 MASTER 120",
      "/any INSTANCE VI_1 BACKUP 120",
    ]);
    expect(isOver).toBe(false);
    one.clock.advance(1);
    await one.settle();
    expect(isOver).toBe(true);
  });

  test("when all is done nothing is waited for, and no timer is left", async () => {
    using one = lab("vrrp", {});
    one.notifier.notify(state("STOP", { commands: { stop: command("/stop") } }));
    one.clock.advance(0);
    let isOver = false;
    void one.notifier.drain(4000).then(() => {
      isOver = true;
    });
    await one.settle();
    expect(isOver).toBe(false);
    one.running[0]?.end();
    await one.settle();
    expect([isOver, one.clock.nextAt()]).toEqual([true, undefined]);
  });
});

test("each end of a program is counted by what came of it, with the time it took; one that failed is said, with whose it was", async () => {
  using one = lab("vrrp", {});
  const ends: readonly ProgramOutcome[] = [
    { kind: "exit", status: 0 },
    { kind: "exit", status: 3, output: "no such host" },
    { kind: "signal", signal: "SIGSEGV" },
    { kind: "timeout", limitMs: 60_000 },
    { kind: "cannot-start", reason: "ENOENT" },
  ];
  for (const end of ends) {
    one.notifier.notify(state("MASTER"));
    one.clock.advance(500);
    one.running.at(-1)?.end(end);
    await one.settle();
  }
  const said = (what: string) => `instance VI_1: /any: ${what}`;
  expect(one.lines).toEqual([
    said("ended with status 3; it wrote: no such host"),
    said("ended by SIGSEGV"),
    said("took longer than 60000 ms and was ended"),
    said("can't be run: ENOENT"),
  ]);
  const runs = (result: string) => `lbd_notify_runs_total{kind="script",result="${result}"}`;
  expect(one.notifier.metrics()).toMatchObject({
    ...{ [runs("ok")]: 1, [runs("failed")]: 1, [runs("signal")]: 1, [runs("timeout")]: 1, [runs("cannot-start")]: 1 },
    lbd_notify_duration_seconds_count: 5,
    lbd_notify_duration_seconds_sum: 2.5,
  });
});

test("a line of work is idle when nothing runs in it, nothing waits, and nothing runs beside", async () => {
  const running = new Map<string, () => void>();
  const leftOut: string[] = [];
  const queues = createSerialQueues<string>(
    (work) => new Promise((resolve) => running.set(work, resolve)),
    (work) => void leftOut.push(work),
  );
  const end = async (work: string) => {
    running.get(work)?.();
    running.delete(work);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  await queues.idle();
  let idle = 0;
  const wait = () => void queues.idle().then(() => idle++);
  for (const work of ["a1", "a2"]) queues.push("a", work);
  queues.push("b", "b1");
  wait();
  expect([...running.keys()]).toEqual(["a1", "b1"]);
  queues.hurry();
  wait();
  expect([...running.keys()]).toEqual(["a1", "b1", "a2"]);
  await end("b1");
  await end("a1");
  expect(idle).toBe(0);
  await end("a2");
  expect([idle, leftOut]).toEqual([2, []]);
  // The line that was left works again.
  queues.push("a", "a3");
  expect([...running.keys()]).toEqual(["a3"]);
  wait();
  await end("a3");
  expect(idle).toBe(3);
});

test("notify_serial: a weaker advert has its own line of work, and does not hold up a state", () => {
  using one = lab("vrrp", { notifySerial: true });
  one.notifier.notify(state("MASTER_RX_LOWER_PRI"));
  one.notifier.notify(state("BACKUP"));
  expect(one.running.map(({ what }) => what)).toEqual(["/lower", "/any INSTANCE VI_1 BACKUP 120"]);
});

describe("mail", () => {
  const smtp = { ...NOTHING.smtp, recipients: ["ops@example.net"], server: "127.0.0.1" };

  test("a reload sends through the relay that it names; what was held back goes out before", async () => {
    const [first, second] = [await mailRelay(), await mailRelay()];
    using one = lab("vrrp", { smtp: { ...smtp, port: first.port } });
    for (let i = 0; i < 6; i++)
      for (const name of ["MASTER", "BACKUP"] as const)
        one.notifier.notify(state(name, { smtpAlert: true, commands: {} }));
    await one.notifier.drain(60_000);
    one.notifier.notify(state("MASTER", { smtpAlert: true, commands: {} }));
    one.reload({ smtp: { ...smtp, port: second.port } });
    await one.notifier.drain(60_000);
    one.notifier.notify(state("BACKUP", { smtpAlert: true, commands: {} }));
    await one.notifier.drain(60_000);
    const subjects = (relay: typeof first) => relay.received.join("").match(/^Subject: .*$/gm)?.length;
    // Ten, and one for the two that were held at the first end.
    expect(subjects(first)).toBeGreaterThanOrEqual(11);
    expect(subjects(second)).toBe(1);
    first.close();
    second.close();
  });

  test("what is held back when a reload comes goes through the relay of before, not through the next one", async () => {
    const [first, second] = [await mailRelay(), await mailRelay()];
    using one = lab("vrrp", { smtp: { ...smtp, port: first.port } });
    for (let i = 0; i < 6; i++)
      for (const name of ["MASTER", "BACKUP"] as const)
        one.notifier.notify(state(name, { smtpAlert: true, commands: {} }));
    one.reload({ smtp: { ...smtp, port: second.port } });
    await one.notifier.drain(60_000);
    const subjects = (relay: typeof first) => relay.received.join("").match(/^Subject: .*$/gm)?.length ?? 0;
    await until("the mails of before", () => subjects(first) === 11);
    expect(subjects(second)).toBe(0);
    first.close();
    second.close();
  });

  test("goes from the address that is configured, else from root of this machine, and never by TLS", async () => {
    const relay = await mailRelay();
    const mailer = (part: object) =>
      createMailer(
        { ...smtp, port: relay.port, ...part },
        { clock: manualClock(), log() {}, hostName: "d", told() {} },
      );
    for (const part of [{ from: "lbd@example.net" }, {}]) {
      const one = mailer(part);
      one.send({ subject: "s", body: "b" });
      await one.idle();
    }
    expect(relay.received.join("").match(/MAIL FROM:<[^>]*>/g)).toEqual([
      "MAIL FROM:<lbd@example.net>",
      "MAIL FROM:<root@d>",
    ]);
    expect(relayOf({ ...smtp, port: 25 }, "d")).toMatchObject({ secure: false, ignoreTLS: true });
    relay.close();
  });

  test("without a server or recipients there is none; of very many some are dropped, counted and told", async () => {
    const told: string[] = [];
    const lines: string[] = [];
    const ports = {
      clock: manualClock(),
      log: ({ message }: { message: string }) => lines.push(message),
      hostName: "d",
      told: (result: string) => told.push(result),
    };
    const { server: _, ...noServer } = smtp;
    for (const part of [noServer, { ...smtp, recipients: [] }])
      createMailer({ ...part, port: 1 }, ports).send({ subject: "s", body: "" });
    const relay = await mailRelay();
    const mailer = createMailer({ ...smtp, port: relay.port }, ports);
    for (let i = 0; i < 110; i++) mailer.send({ subject: `${i}`, body: "" });
    expect(told.filter((what) => what === "dropped")).toHaveLength(6);
    await mailer.idle();
    expect([told.filter((what) => what === "ok").length, told.length]).toEqual([104, 110]);
    expect(lines.filter((line) => line.startsWith("alert mail dropped: 100 wait already"))).toHaveLength(6);
    // No time limit is left behind of mails that went out.
    expect(ports.clock.nextAt() ?? 10_000).toBe(10_000);
    relay.close();
  });
});
