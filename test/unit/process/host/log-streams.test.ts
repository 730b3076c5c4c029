// Where log lines go: datagrams and a file, with receivers that are away, full or new.
import { afterAll, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { openDatagramPath } from "../../../../src/kernel/datagram-path.ts";
import { openReadiness } from "../../../../src/kernel/readiness.ts";
import { openServiceSocket } from "../../../../src/kernel/service-socket.ts";
import { datagramStream } from "../../../../src/process/host/datagram-stream.ts";
import { fileStream } from "../../../../src/process/host/file-stream.ts";
import { createLogSink, MAX_WAITING_BYTES } from "../../../../src/process/host/log-sink.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";

const directory = mkdtempSync(join(tmpdir(), "lbd-log-"));
afterAll(() => rmSync(directory, { recursive: true }));
const place = (name: string) => join(directory, name);
const line = (message: string) => ({ level: "info", area: "test", message }) as const;
const PLAIN = { format: "text", debug: true, render: ({ message }: { message: string }) => message } as const;

describe("datagrams", () => {
  test("each line is one; a receiver that is away gets what waited when it comes", async () => {
    const path = place("socket");
    const clock = manualClock();
    let away = 0;
    const sender = openDatagramPath(path);
    const { log, drained } = createLogSink(
      datagramStream(sender, clock, () => away++),
      clock,
      PLAIN,
    );
    log(line("early"));
    log(line("second"));
    // Whoever ends does not wait for one that is away.
    await drained();
    clock.advance(5000);
    expect(away).toBe(1);
    const heard: string[] = [];
    const receiver = openServiceSocket(openReadiness(), path, (lines) => void heard.push(...lines));
    clock.advance(1000);
    log(line("late"));
    await until("all are there", () => heard.length === 3);
    expect(heard).toEqual(["early", "second", "late"]);
    receiver.close();
    log(line("gone"));
    expect(away).toBe(2);
    sender.close();
  });

  test("what waits has a bound, and what is lost is told once it is taken again", () => {
    const clock = manualClock();
    const sent: string[] = [];
    let room = 0;
    const send = (bytes: Uint8Array) => {
      if (room-- <= 0) return "full" as const;
      sent.push(Buffer.from(bytes).toString());
      return "sent" as const;
    };
    const { log } = createLogSink(
      datagramStream({ send }, clock, () => {}),
      clock,
      PLAIN,
    );
    const long = "x".repeat(1000);
    for (let n = 0; n < 1000; n++) log(line(long));
    room = 2000;
    clock.advance(20);
    expect(sent).toHaveLength(Math.ceil(MAX_WAITING_BYTES / long.length));
    const lost = 1000 - sent.length;
    log(line("after"));
    expect(sent.slice(-2)).toEqual([`${lost} log lines dropped: whoever reads them is too slow`, "after"]);
  });

  test("one that no receiver would take holds up none", () => {
    const clock = manualClock();
    const sent: string[] = [];
    const send = (bytes: Uint8Array) => {
      if (bytes.byteLength > 10) return "lost" as const;
      sent.push(Buffer.from(bytes).toString());
      return "sent" as const;
    };
    const { log } = createLogSink(
      datagramStream({ send }, clock, () => {}),
      clock,
      PLAIN,
    );
    log(line("much too long for it"));
    log(line("short"));
    expect(sent).toEqual(["short"]);
  });
});

describe("a file", () => {
  function lab(name: string) {
    const path = place(name);
    const failures: string[] = [];
    const stream = fileStream(path, systemClock(), (reason) => void failures.push(reason));
    const { log, drained } = createLogSink(stream, systemClock(), {
      ...PLAIN,
      render: ({ message }) => `${message}\n`,
    });
    return {
      path,
      failures,
      stream,
      log,
      drained,
      text: (of = path) => (existsSync(of) ? readFileSync(of, "utf8") : ""),
    };
  }

  test("lines in their order, appended; for root alone", async () => {
    const one = lab("a.log");
    for (let n = 0; n < 100; n++) one.log(line(`${n}`));
    await one.drained();
    expect(one.text()).toBe(Array.from({ length: 100 }, (_, n) => `${n}\n`).join(""));
    const other = lab("a.log");
    other.log(line("more"));
    await other.drained();
    expect(one.text().endsWith("99\nmore\n")).toBe(true);
  });

  test("what a stranger laid in its place gets no line, and that is told once", async () => {
    writeFileSync(place("precious"), "keep");
    linkSync(place("precious"), place("linked.log"));
    writeFileSync(place("strange.log"), "");
    chownSync(place("strange.log"), 65534, 65534);
    for (const [name, why] of [
      ["linked.log", "has more names than this one (hard links)"],
      ["strange.log", "belongs to user 65534, wanted root or this user"],
    ] as const) {
      const { path, log, failures } = lab(name);
      log(line("one"));
      log(line("two"));
      await until("it is told", () => failures.length > 0);
      expect(failures).toEqual([`${path} ${why}`]);
      rmSync(path);
    }
    expect(readFileSync(place("precious"), "utf8")).toBe("keep");
  });

  test("one that was moved away is opened anew when that is asked for", async () => {
    const { path, log, drained, stream, text } = lab("b.log");
    log(line("old"));
    await drained();
    renameSync(path, `${path}.1`);
    stream.reopen();
    log(line("new"));
    await drained();
    expect([text(`${path}.1`), text()]).toEqual(["old\n", "new\n"]);
  });

  test("a place that can't be written is told once, and written when it can", async () => {
    const { path, log, failures, text } = lab("c.log");
    mkdirSync(path);
    log(line("x"));
    log(line("y"));
    await until("it is told", () => failures.length === 1);
    rmdirSync(path);
    await until("both are there", () => text() === "x\ny\n");
    expect(failures).toHaveLength(1);
  });

  test("a link is not followed: others may have laid it", async () => {
    const { path, log, failures, text } = lab("d.log");
    symlinkSync(place("victim"), path);
    log(line("x"));
    await until("it is told", () => failures.length === 1);
    expect(text(place("victim"))).toBe("");
  });
});
