// What an api process is told when it comes: what is known then, and nothing of a process that is gone for good.
import { expect, test } from "bun:test";
import { createRelay, MAX_WAITING_BYTES } from "../../../src/process/relay.ts";
import type { ProcessStatus, StatusUpdate } from "../../../src/status/schema.ts";

function lab() {
  const sent: StatusUpdate[] = [];
  const api = { up: false };
  const relay = createRelay({
    send: (updates) => void sent.push(...updates),
    isApiUp: () => api.up,
    overrun() {},
    now: () => "2026-01-01T00:00:00.000Z",
  });
  const words = () =>
    sent
      .splice(0)
      .map((one) =>
        one.kind === "process"
          ? `process ${one.value.role}`
          : one.kind === "event"
            ? `event ${one.value.subject} ${one.id}`
            : "role" in one
              ? `${one.kind} ${one.role}`
              : one.kind,
      );
  const process = (role: ProcessStatus["role"]): StatusUpdate => ({
    kind: "process",
    value: { role, pid: 7, state: "running", since: "", restarts: 0, reason: "" },
  });
  /** An api process that is new takes what there is. */
  async function comes(): Promise<readonly string[]> {
    api.up = true;
    relay.begin({ kind: "role-current", role: "vrrp" });
    await Promise.resolve();
    relay.acknowledged();
    await Promise.resolve();
    return words();
  }
  return { relay, api, words, process, comes };
}

test("processes and events that came while there was no api process are told to the next, each with its number", async () => {
  const { relay, process, comes } = lab();
  relay.take(process("vrrp"));
  relay.take(process("checker"));
  relay.event("config", "one", "a", "b", "");
  relay.event("config", "two", "a", "b", "");
  expect((await comes()).toSorted()).toEqual([
    "event one 1",
    "event two 2",
    "process checker",
    "process vrrp",
    "role-current vrrp",
  ]);
});

test("what happens to one thing again and again pushes out nothing of the others", async () => {
  const { relay, comes } = lab();
  relay.event("vrrp", "one", "BACKUP", "MASTER", "");
  for (let n = 0; n < 5000; n++) relay.event("vrrp", "flapping", "BACKUP", "MASTER", "");
  const told = (await comes()).filter((one) => one.startsWith("event "));
  expect(told).toHaveLength(101);
  expect(told[0]).toBe("event one 1");
  expect(told.at(-1)).toBe("event flapping 5001");
});

test("a role that should have no process any more is told as gone, and not to the next one at all", async () => {
  const { relay, words, process, comes, api } = lab();
  relay.take(process("vrrp"));
  relay.take(process("checker"));
  await comes();
  relay.forget("checker");
  relay.acknowledged();
  await Promise.resolve();
  expect(words()).toEqual(["process-gone checker"]);
  expect(relay.processes().map(({ role }) => role)).toEqual(["vrrp"]);
  api.up = false;
  expect((await comes()).toSorted()).toEqual(["process vrrp", "role-current vrrp"]);
});

test("without an api process there is room for everything, and nothing waits for one", async () => {
  const { relay, words, comes } = lab();
  const big: StatusUpdate = { kind: "facts", role: "checker", values: { text: "x".repeat(MAX_WAITING_BYTES) } };
  relay.take(big);
  let entered = 0;
  relay.whenRoom("checker", () => void entered++);
  expect([entered, words()]).toEqual([1, []]);
  // What was reported while nobody looked is not told: the role tells it again.
  expect(await comes()).toEqual(["role-current vrrp"]);
});

test("a role that waited for room is let in once", async () => {
  const { relay, api } = lab();
  api.up = true;
  relay.begin({ kind: "role-current", role: "vrrp" });
  await Promise.resolve();
  const entered: string[] = [];
  relay.take({ kind: "facts", role: "checker", values: { text: "x".repeat(MAX_WAITING_BYTES / 2) } });
  for (const role of ["checker", "vrrp"] as const) relay.whenRoom(role, () => entered.push(role));
  expect(entered).toEqual([]);
  for (let i = 0; i < 3; i++) {
    relay.acknowledged();
    await Promise.resolve();
    relay.take({ kind: "facts", role: "vrrp", values: { i } });
    await Promise.resolve();
  }
  expect(entered).toEqual(["checker", "vrrp"]);
});
