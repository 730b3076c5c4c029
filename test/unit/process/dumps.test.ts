// The parent's part of dumps: roles give pieces, files take them, and what can't be written is told once and stops nothing.
import { expect, test } from "bun:test";
import { createDumps, type DumpPorts } from "../../../src/process/dumps.ts";
import type { ToChild } from "../../../src/process/messages.ts";
import type { RoleName } from "../../../src/roles/role.ts";

function lab(change: Partial<DumpPorts> = {}) {
  const files = new Map<string, string>();
  const told: { readonly role: RoleName; readonly message: ToChild }[] = [];
  const logged: string[] = [];
  const lines: string[] = [];
  const problems: string[] = [];
  const dropped: string[] = [];
  const dumps = createDumps({
    log: ({ message }) => logged.push(message),
    pathOf: (kind, dumper) => `/tmp/${dumper}.${kind}`,
    line: (dumper, text) => lines.push(`${dumper}: ${text}`),
    open(path) {
      let text = "";
      return {
        write: (more) => {
          text += more;
        },
        done: () => {
          files.set(path, text);
          return undefined;
        },
        drop: () => dropped.push(path),
      };
    },
    own: () => ["global\n"],
    isRunning: (role) => role !== "bfd",
    tell: (role, message) => told.push({ role, message }),
    problem: (path, reason) => problems.push(`${path}: ${reason}`),
    ...change,
  });
  const serialOf = (role: RoleName) => {
    const last = told.findLast((one) => one.role === role)?.message;
    return last?.kind === "dump" || last?.kind === "dump-more" ? last.serial : -1;
  };
  const say = (role: RoleName, text: string | null, end: boolean, failed?: string) =>
    dumps.piece(role, { kind: "dump-piece", serial: serialOf(role), text, end, ...(failed && { failed }) });
  return { dumps, files, told, logged, lines, problems, dropped, say };
}

test("each role that runs is asked for its data, piece by piece, and the parent adds its own", () => {
  const { dumps, files, told, say } = lab();
  dumps.take("data");
  expect(told.map(({ role, message }) => `${role} ${message.kind}`)).toEqual(["vrrp dump", "checker dump"]);
  expect([...files]).toEqual([["/tmp/parent.data", "global\n"]]);
  say("vrrp", "a\n", false);
  expect(files.has("/tmp/vrrp.data")).toBe(false);
  expect(told.at(-1)).toMatchObject({ role: "vrrp", message: { kind: "dump-more" } });
  say("vrrp", "b\n", true);
  say("checker", "c\n", true);
  expect([files.get("/tmp/vrrp.data"), files.get("/tmp/checker.data")]).toEqual(["a\nb\n", "c\n"]);
});

test("for --dump-conf the data of a role goes to the log, line by line, and to no file", () => {
  const { dumps, files, told, lines, say } = lab();
  for (const role of ["api", "starter"] as const) dumps.toLog(role);
  expect(told).toEqual([]);
  dumps.toLog("vrrp");
  dumps.toLog("vrrp");
  expect(told).toMatchObject([{ role: "vrrp", message: { kind: "dump", what: "data" } }]);
  say("vrrp", "one\ntw", false);
  say("vrrp", "o\nthree", true);
  expect([lines, files.size]).toEqual([["vrrp: one", "vrrp: two", "vrrp: three"], 0]);
  // A signal behind it writes its files.
  dumps.take("data");
  say("vrrp", "a\n", true);
  expect(files.get("/tmp/vrrp.data")).toBe("a\n");
});

test.each(["stats", "stats-clear", "json"] as const)("%s is for vrrp alone", (kind) => {
  const { dumps, told, files } = lab();
  dumps.take(kind);
  expect(told.map(({ role }) => role)).toEqual(["vrrp"]);
  expect(files.size).toBe(0);
});

test("signals that come while a dump is made have their turn, each kind once", () => {
  const { dumps, told, say } = lab();
  dumps.take("stats");
  for (let i = 0; i < 5; i++) {
    dumps.take("json");
    dumps.take("stats");
  }
  const asked = () => told.flatMap(({ message }) => (message.kind === "dump" ? [message.what] : []));
  expect(asked()).toEqual(["stats"]);
  say("vrrp", "1", true);
  say("vrrp", "2", true);
  say("vrrp", "3", true);
  expect(asked()).toEqual(["stats", "json", "stats"]);
});

test("a role that has no such dump, or can't make it, leaves no file; the reason is told", () => {
  const { dumps, files, dropped, logged, problems, say } = lab();
  dumps.take("json");
  say("vrrp", null, true);
  expect([files.size, dropped, logged]).toEqual([0, ["/tmp/vrrp.json"], []]);
  dumps.take("json");
  say("vrrp", null, true, "no interface");
  expect(problems).toEqual(["/tmp/vrrp.json: no interface"]);
  expect(logged).toEqual(["/tmp/vrrp.json is not written: no interface"]);
});

test("a full disk is told once, and that it is over", () => {
  let isFull = true;
  const { dumps, logged, problems, dropped, say } = lab({
    open: () => ({
      write() {
        if (isFull) throw new Error("ENOSPC");
      },
      done: () => undefined,
      drop: () => dropped.push("dropped"),
    }),
  });
  for (let i = 0; i < 3; i++) {
    dumps.take("stats");
    say("vrrp", "x", true);
  }
  expect(logged).toEqual(["/tmp/vrrp.stats is not written: ENOSPC"]);
  expect(dropped).toHaveLength(3);
  isFull = false;
  dumps.take("stats");
  say("vrrp", "x", true);
  expect(problems).toEqual(["/tmp/vrrp.stats: ENOSPC", "/tmp/vrrp.stats: "]);
});

test("a directory that is not there keeps nobody waiting: the next kind has its turn", () => {
  const { dumps, told, files } = lab({
    open() {
      throw new Error("ENOENT");
    },
  });
  dumps.take("data");
  dumps.take("stats");
  expect([told, files.size]).toEqual([[], 0]);
});

test("what took the place of a link is said", () => {
  const { dumps, logged, say } = lab({
    open: () => ({ write() {}, done: () => "a symbolic link", drop() {} }),
  });
  dumps.take("stats");
  say("vrrp", "x", true);
  expect(logged).toEqual([
    "/tmp/vrrp.stats was a symbolic link: it is the dump now, and nothing was written elsewhere",
  ]);
});

test("the half of a dump whose process ended goes, and the next process is asked anew", () => {
  const { dumps, dropped, told, files, say } = lab();
  dumps.take("stats");
  const late = told.at(-1)?.message;
  say("vrrp", "half", false);
  dumps.gone("vrrp");
  expect(dropped).toEqual(["/tmp/vrrp.stats"]);
  dumps.take("stats");
  const serial = late?.kind === "dump" ? late.serial : -1;
  dumps.piece("vrrp", { kind: "dump-piece", serial, text: "of the one before", end: true });
  expect(files.size).toBe(0);
  say("vrrp", "whole", true);
  expect(files.get("/tmp/vrrp.stats")).toBe("whole");
});

test("pieces of nothing have an end, and so has the reason why there is no dump", () => {
  const { dumps, told, say, problems, dropped } = lab();
  dumps.take("stats");
  let pieces = 0;
  for (let asked = 0; told.length > asked && pieces < 100_000; pieces++) {
    asked = told.length;
    say("vrrp", "", false);
  }
  expect(pieces).toBeLessThan(31_000);
  expect([dropped, problems]).toEqual([["/tmp/vrrp.stats"], ["/tmp/vrrp.stats: 0 bytes in 8193 pieces"]]);
  dumps.take("stats");
  say("vrrp", null, true, "x".repeat(1_000_000));
  expect(problems.at(-1)?.length).toBeLessThan(5000);
});

test("a dump is bounded in bytes, whatever its characters take", () => {
  const { dumps, files, dropped, logged, say } = lab({ isRunning: (role) => role === "vrrp" });
  dumps.take("data");
  const piece = "€".repeat(16 << 20);
  for (let n = 0; n < 5; n++) say("vrrp", piece, false);
  expect(dropped).toEqual([]);
  say("vrrp", piece, false);
  expect([dropped, files.has("/tmp/vrrp.data"), logged.at(-1)]).toEqual([
    ["/tmp/vrrp.data"],
    false,
    "/tmp/vrrp.data is not written: 301989888 bytes in 6 pieces",
  ]);
});
