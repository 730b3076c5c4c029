import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogLine } from "../../../src/base/log.ts";
import type { Command } from "../../../src/config/model/command.ts";
import type { SmtpConfig } from "../../../src/config/model/global.ts";
import type { NotifyCommands } from "../../../src/config/model/vrrp.ts";
import { openNotifyFifo } from "../../../src/kernel/make-fifo.ts";
import { fifoLine, fifoWriter } from "../../../src/notify/fifo.ts";
import { createMailer, mailFor } from "../../../src/notify/mail.ts";
import type { Notification } from "../../../src/notify/notification.ts";
import { createNotifier, SERIAL_LIMIT_MS } from "../../../src/notify/notifier.ts";
import { CROWDED_LIMIT_MS, MAX_NOTIFY_RUNNING, MAX_NOTIFY_WAITING } from "../../../src/notify/places.ts";
import { createSerialQueues, MAX_SERIAL_WAITING } from "../../../src/notify/queue.ts";
import { scriptCalls } from "../../../src/notify/scripts.ts";
import { bindText } from "../../support/config.ts";
import { mailRelay } from "../../support/mail-relay.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { configOf } from "../../support/model.ts";
import { until } from "../../support/until.ts";

const noFifo = () => {
  throw new Error("not asked for");
};
const origin = { file: "k.conf", line: 1, column: 1 };
const command = (program: string): Command => ({ argv: [program], origin });

const ALL: NotifyCommands = {
  master: command("/master"),
  backup: command("/backup"),
  fault: command("/fault"),
  stop: command("/stop"),
  deleted: command("/deleted"),
  any: command("/any"),
  masterRxLowerPri: command("/lower"),
};

type VrrpNotification = Extract<Notification, { kind: "instance" | "group" }>;
const instance = (state: VrrpNotification["state"], commands: NotifyCommands = ALL): VrrpNotification => ({
  kind: "instance",
  name: "VI_1",
  state,
  priority: 120,
  commands,
  smtpAlert: true,
});
const group = (state: VrrpNotification["state"]): VrrpNotification => ({
  ...instance(state),
  kind: "group",
  name: "G1",
  priority: 0,
});

const REAL_DOWN: Notification = {
  kind: "real-server",
  up: false,
  server: "[192.0.2.10]:tcp:80",
  service: "[192.0.2.1]:tcp:80",
  command: command("/rs"),
  smtpAlert: true,
  reason: "TCP_CHECK: connection refused",
  fifo: true,
};
const SERVICE_UP: Notification = {
  kind: "virtual-server",
  up: true,
  service: "FWM 5",
  smtpAlert: true,
  reason: "quorum gained",
};

describe("programs", () => {
  test.each([
    ["MASTER", instance("MASTER"), ["/master", "/any INSTANCE VI_1 MASTER 120"]],
    ["BACKUP", instance("BACKUP"), ["/backup", "/any INSTANCE VI_1 BACKUP 120"]],
    ["FAULT", instance("FAULT"), ["/fault", "/any INSTANCE VI_1 FAULT 120"]],
    ["STOP", instance("STOP"), ["/stop", "/any INSTANCE VI_1 STOP 120"]],
    ["DELETED", instance("DELETED"), ["/deleted", "/any INSTANCE VI_1 DELETED 120"]],
    ["a lower priority heard is no change of state", instance("MASTER_RX_LOWER_PRI"), ["/lower"]],
    ["a change of priority neither: it is for the FIFOs", instance("MASTER_PRIORITY"), []],
    ["deleted without a program", instance("DELETED", { deleted: true }), []],
    ["a group has priority 0", group("MASTER"), ["/master", "/any GROUP G1 MASTER 0"]],
    ["real server", REAL_DOWN, ["/rs"]],
    ["service without a program", SERVICE_UP, []],
  ] as const)("%s", (_why, notification, calls) => {
    expect(scriptCalls(notification).map((call) => [...call.command.argv, ...call.args].join(" "))).toEqual([...calls]);
  });
});

describe("FIFO lines", () => {
  test.each([
    ["instance", instance("MASTER"), 'INSTANCE "VI_1" MASTER 120\n'],
    ["priority change", instance("BACKUP_PRIORITY"), 'INSTANCE "VI_1" BACKUP_PRIORITY 120\n'],
    ["group", group("FAULT"), 'GROUP "G1" FAULT 0\n'],
    ["real server, without the NUL of keepalived 2.4", REAL_DOWN, "RS [192.0.2.10]:tcp:80 [192.0.2.1]:tcp:80 DOWN\n"],
    ["service", SERVICE_UP, "VS FWM 5 UP\n"],
    ["an initial state that nobody asked for", { ...REAL_DOWN, fifo: false }, undefined],
  ] as const)("%s", (_why, notification, line) => {
    expect(fifoLine(notification)).toBe(line as string);
  });

  test("lines wait for a reader, a full pipe loses lines, closing removes what we made", () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-fifo-"));
    const path = join(dir, "f");
    const writer = fifoWriter(openNotifyFifo(path, undefined, undefined));
    expect(writer.write("one\n")).toBe(true);
    expect(execFileSync("head", ["-n1", path], { timeout: 10_000 }).toString()).toBe("one\n");
    let written = 0;
    while (written < 100_000 && writer.write(`${"x".repeat(99)}\n`)) written++;
    expect(written).toBeGreaterThan(100);
    expect(written).toBeLessThan(100_000);
    writer.close();
    expect(existsSync(path)).toBe(false);
    rmSync(dir, { recursive: true });
  });
});

test("a reader of a FIFO is run once; its end is told, another one takes its place with a reload, none at the end", async () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-fifo-"));
  const path = join(dir, "f");
  const runs: { readonly program: string | undefined; readonly end: () => void }[] = [];
  const lines: string[] = [];
  const reading = (program: string) => ({ ...configOf([]).global, fifo: { all: { path, script: command(program) } } });
  const notifier = createNotifier("lvs", reading("/one"), {
    clock: manualClock(),
    log: ({ message }) => lines.push(message),
    hostName: "d",
    run: ({ argv }) =>
      new Promise((end) =>
        runs.push({ program: argv[0], end: () => end({ kind: "exit", status: 3, output: "no\u001bway" }) }),
      ),
    openFifo: openNotifyFifo,
  });
  notifier.reload(reading("/one"));
  runs[0]?.end();
  await until("it is told", () => lines.length > 0);
  expect(lines).toEqual([`nobody reads notify FIFO ${path} any more: /one ended with status 3; it wrote: no\u001bway`]);
  notifier.reload(reading("/two"));
  expect(runs.map(({ program }) => program)).toEqual(["/one", "/two"]);
  // Removed by somebody: neither a reload nor the end minds.
  rmSync(path);
  notifier.reload(configOf([]).global);
  notifier.reload(reading("/two"));
  rmSync(path);
  notifier.close();
  runs[1]?.end();
  await Promise.resolve();
  expect(lines).toHaveLength(1);
  expect(existsSync(path)).toBe(false);
  rmSync(dir, { recursive: true });
});

describe("when programs start", () => {
  /** What was started, and how to end it. */
  function bench(serial: boolean) {
    const clock = manualClock();
    const lines: string[] = [];
    const started: string[] = [];
    const ends = new Map<string, (status: number) => void>();
    const limits = new Set<number>();
    const notifier = createNotifier(
      "vrrp",
      { ...configOf([]).global, notifySerial: serial },
      {
        clock,
        log: ({ message }) => lines.push(message),
        hostName: "d",
        run: ({ argv }, args, limitMs, end) =>
          new Promise((resolve) => {
            const name = [...argv, ...args].join(" ");
            started.push(name);
            limits.add(limitMs);
            ends.set(name, (status) => resolve({ kind: "exit", status }));
            end?.addEventListener("abort", () => resolve({ kind: "timeout", limitMs }));
          }),
        openFifo: noFifo,
      },
    );
    const end = async (name: string) => {
      ends.get(name)?.(0);
      for (let i = 0; i < 20; i++) await Promise.resolve();
    };
    return { clock, lines, started, limits, notifier, end };
  }
  const any: NotifyCommands = { any: command("/any") };
  const named = (n: number): Notification => ({ ...instance("MASTER", any), name: `VI_${n}` });

  test("at once and side by side, without a limit: a state never waits for an older one", () => {
    const { started, limits, notifier } = bench(false);
    notifier.notify(instance("BACKUP"));
    notifier.notify(instance("MASTER"));
    expect(started).toEqual(["/backup", "/any INSTANCE VI_1 BACKUP 120", "/master", "/any INSTANCE VI_1 MASTER 120"]);
    expect([...limits]).toEqual([Number.POSITIVE_INFINITY]);
  });

  test("notify_serial: one after the other, each state is told, with a limit; other objects don't wait", async () => {
    const { started, limits, notifier, end } = bench(true);
    for (const state of ["BACKUP", "FAULT", "MASTER"] as const) notifier.notify(instance(state, any));
    notifier.notify(group("MASTER"));
    expect(started).toEqual(["/any INSTANCE VI_1 BACKUP 120", "/master"]);
    await end("/any INSTANCE VI_1 BACKUP 120");
    await end("/any INSTANCE VI_1 FAULT 120");
    expect(started.slice(2)).toEqual(["/any INSTANCE VI_1 FAULT 120", "/any INSTANCE VI_1 MASTER 120"]);
    expect([...limits]).toEqual([SERIAL_LIMIT_MS]);
  });

  test("notify_serial: beyond its bound the oldest state that waits is left out, and said to be", async () => {
    const ran: number[] = [];
    const left: number[] = [];
    let end = () => {};
    const queues = createSerialQueues<number>(
      (work) => {
        ran.push(work);
        return new Promise((resolve) => {
          end = resolve;
        });
      },
      (work) => left.push(work),
    );
    for (let n = 0; n <= MAX_SERIAL_WAITING + 2; n++) queues.push("a", n);
    expect(left).toEqual([1, 2]);
    end();
    await until("the next", () => ran.length === 2);
    expect(ran).toEqual([0, 3]);
    // At the stop all that waits starts, the rest of the states too.
    queues.hurry();
    expect(ran.length).toBe(MAX_SERIAL_WAITING + 1);
  });

  test("a crowd is spread over turns; beyond the bound one waits, and what hangs makes room after a minute", async () => {
    const { clock, lines, started, notifier, end } = bench(false);
    for (let n = 0; n < MAX_NOTIFY_RUNNING + 2; n++) notifier.notify(named(n));
    expect(started.length).toBeLessThan(20);
    clock.advance(1);
    expect(started.length).toBe(MAX_NOTIFY_RUNNING);
    await end("/any INSTANCE VI_7 MASTER 120");
    clock.advance(1);
    expect(started.length).toBe(MAX_NOTIFY_RUNNING + 1);
    clock.advance(CROWDED_LIMIT_MS - 3);
    expect(lines).toEqual([]);
    clock.advance(3);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    clock.advance(1);
    expect(started.at(-1)).toBe(`/any INSTANCE VI_${MAX_NOTIFY_RUNNING + 1} MASTER 120`);
    expect(lines).toEqual(["instance VI_0: /any: ended after more than 60 s, because 512 run and others wait"]);
    // Nobody waits any more: the others may go on for ever.
    clock.advance(10 * CROWDED_LIMIT_MS);
    expect(lines).toHaveLength(1);
  });

  test("of those that wait the oldest is given up beyond a bound, and said to be", () => {
    const { clock, lines, notifier } = bench(false);
    for (let n = 0; n < MAX_NOTIFY_RUNNING + MAX_NOTIFY_WAITING + 1; n++) {
      notifier.notify(named(n));
      clock.advance(1);
    }
    expect(lines).toEqual([
      `instance VI_${MAX_NOTIFY_RUNNING}: /any: not started, 512 notify programs run and 1024 wait`,
    ]);
  });

  test("the stop waits for its own programs, and a second for older ones", async () => {
    const { clock, started, notifier, end } = bench(false);
    notifier.notify(instance("BACKUP", { backup: command("/hangs") }));
    clock.advance(5000);
    notifier.notify(instance("STOP", { stop: command("/stop") }));
    expect(started).toEqual(["/hangs", "/stop"]);
    let drained = false;
    const done = notifier.drain(3000).then(() => {
      drained = true;
    });
    clock.advance(2000);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(drained).toBe(false);
    await end("/stop");
    await done;
    expect(drained).toBe(true);
  });
});

describe("mail", () => {
  const smtp: SmtpConfig = {
    recipients: ["ops@example.net"],
    from: "lbd@example.net",
    server: "127.0.0.1",
    port: 25,
    timeoutMs: 5000,
    noEmailFaults: false,
    noCheckerEmails: false,
  };

  test.each([
    ["instance", instance("MASTER"), "[R1] VRRP Instance VI_1 - Entering MASTER state"],
    ["stop", instance("STOP"), "[R1] VRRP Instance VI_1 - Stopping"],
    ["deleted", instance("DELETED"), "[R1] VRRP Instance VI_1 - Deleted"],
    ["group", group("BACKUP"), "[R1] VRRP Group G1 - Entering BACKUP state"],
    ["real server", REAL_DOWN, "[R1] Realserver [192.0.2.10]:tcp:80 of virtual server [192.0.2.1]:tcp:80 - DOWN"],
    ["service", SERVICE_UP, "[R1] Virtualserver FWM 5 - UP"],
    ["priority change", instance("MASTER_PRIORITY"), undefined],
    ["not asked for", { ...instance("MASTER"), smtpAlert: false }, undefined],
  ] as const)("%s", (_why, notification, subject) => {
    expect(mailFor(notification, smtp, "R1")?.subject).toBe(subject as string);
  });

  test("no_email_faults and no_checker_emails leave out theirs", () => {
    expect(mailFor(instance("FAULT"), { ...smtp, noEmailFaults: true }, "R1")).toBeUndefined();
    expect(mailFor(REAL_DOWN, { ...smtp, noCheckerEmails: true }, "R1")).toBeUndefined();
  });

  test("a state is mailed once, also when a fault without a mail lies between", async () => {
    const { port, received, close } = await mailRelay();
    const global = { ...configOf([]).global, routerId: "R1", smtp: { ...smtp, port, noEmailFaults: true } };
    const notifier = createNotifier("vrrp", global, {
      clock: manualClock(),
      log: () => {},
      hostName: "d",
      run: async () => ({ kind: "exit", status: 0 }),
      openFifo: noFifo,
    });
    for (const state of ["MASTER", "FAULT", "MASTER", "BACKUP"] as const) {
      notifier.notify(instance(state));
      await notifier.drain(60_000);
    }
    expect(received.join("").match(/Entering \w+ state/g)).toEqual(["Entering MASTER state", "Entering BACKUP state"]);
    expect(notifier.metrics()).toMatchObject({
      'lbd_alerts_total{channel="mail",result="ok"}': 2,
      'lbd_notify_runs_total{kind="script",result="ok"}': 8,
      lbd_notify_duration_seconds_count: 8,
    });
    close();
  });

  test.each([
    ["router_id director-a", "[director-a] "],
    ["lvs_id director-b", "[director-b] "],
    ["", "[host] "],
  ])("with «%s» subjects begin with %s", async (line, begin) => {
    const { port, received, close } = await mailRelay();
    const mail = `smtp_server 127.0.0.1 ${port}\n  notification_email { ops@example.net }`;
    const { config } = bindText(`global_defs {\n  ${line}\n  ${mail}\n}\n`, { hostName: "host" });
    const ports = { clock: manualClock(), log: () => {}, hostName: "host", openFifo: noFifo };
    const notifier = createNotifier("vrrp", config.global, {
      ...ports,
      run: async () => ({ kind: "exit", status: 0 }),
    });
    notifier.notify(instance("MASTER"));
    await notifier.drain(60_000);
    await until("the mail is there", () => received.join("").includes("Subject:"));
    expect(/^Subject: (.*)$/m.exec(received.join(""))?.[1]).toStartWith(begin);
    close();
  });

  test("a name can't put a header into the mail", () => {
    const mail = mailFor({ ...REAL_DOWN, reason: "x\r\nBcc: a@b" }, smtp, "R1\r\nBcc: evil@example.net");
    expect(mail?.subject).not.toMatch(/[\r\n]/);
    expect(mail?.body).not.toMatch(/\r/);
  });

  test.each([
    [instance("MASTER"), "the instance now owns the virtual addresses"],
    [instance("BACKUP"), "the instance no longer owns the virtual addresses"],
    [instance("FAULT"), "the instance no longer owns the virtual addresses"],
    [{ ...instance("MASTER"), kind: "group" as const }, "all instances of the group now own the virtual addresses"],
    [
      { ...instance("BACKUP"), kind: "group" as const },
      "all instances of the group no longer own the virtual addresses",
    ],
  ])("says who owns the addresses", (notification, words) => {
    expect(mailFor(notification, smtp, "R1")?.body).toContain(words);
  });

  test("a relay that drips is left after four times its time limit: it keeps no place from others", async () => {
    const dripping = createServer((socket) => {
      socket.on("error", () => {});
      const timer = setInterval(() => socket.write("220-wait\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => dripping.listen(0, "127.0.0.1", resolve));
    const address = dripping.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const clock = manualClock();
    const lines: LogLine[] = [];
    const outcomes: string[] = [];
    const log = (line: LogLine) => lines.push(line);
    const told = (result: string) => outcomes.push(result);
    const mailer = createMailer({ ...smtp, port, timeoutMs: 3000 }, { clock, log, hostName: "d", told });
    mailer.send({ subject: "one", body: "" });
    clock.advance(11_000);
    expect(outcomes).toEqual([]);
    clock.advance(1000);
    await mailer.idle();
    dripping.close();
    expect(outcomes).toEqual(["failed"]);
    expect(lines.map(({ message }) => message).join()).toContain("not done within 12000 ms");
  });

  test("goes out through a relay; a relay that hangs up is logged and holds up nobody", async () => {
    const { port, received, close } = await mailRelay();
    const lines: LogLine[] = [];
    const outcomes: string[] = [];
    const mailPorts = (hostName: string) => ({
      clock: manualClock(),
      log: (line: LogLine) => lines.push(line),
      hostName,
      told: (result: string) => outcomes.push(result),
    });
    const mailer = createMailer({ ...smtp, port }, mailPorts("director.example.net"));
    const subject = "[R1] Realserver [192.0.2.10]:tcp:80 of virtual server [192.0.2.1]:tcp:80 - DOWN";
    mailer.send({ subject, body: "=> one <=\n" });
    await mailer.idle();
    // In one line, however long: filters look for it.
    expect(received.join("")).toContain(`\r\nSubject: ${subject}\r\n`);
    expect(received.join("")).toContain("EHLO director.example.net\r\n");
    expect(received.join("")).toContain("=> one <=");
    expect(lines).toEqual([]);
    const named = createMailer({ ...smtp, port, heloName: "mx.example.net" }, mailPorts("d"));
    named.send({ subject: "named", body: "" });
    await named.idle();
    expect(received.join("")).toContain("EHLO mx.example.net\r\n");
    close();
    const dead = createMailer({ ...smtp, port }, mailPorts("d"));
    dead.send({ subject: "second", body: "" });
    await dead.idle();
    expect(lines.map((line) => line.message).join()).toContain(`127.0.0.1:${port}`);
    expect(outcomes).toEqual(["ok", "ok", "failed"]);
  });
});
