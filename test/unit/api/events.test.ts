import { expect, test } from "bun:test";
import { createEventStream, KEEP_ALIVE_MS, MAX_SUBSCRIBERS, MAX_WAITING_EVENTS } from "../../../src/api/events.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { AT, director } from "../../support/status-samples.ts";

function lab() {
  const store = createStatusStore();
  store.apply({ kind: "director", value: director({ boot: "b1" }) });
  const clock = manualClock();
  const events = createEventStream(store, clock);
  const happen = (subject: string) =>
    store.apply({
      kind: "event",
      value: { at: AT, kind: "real-server", subject, from: "up", to: "down", reason: "refused" },
    });
  return { store, clock, events, happen };
}

/** Reads a stream as text, as much as there is. */
function reader(response: Response) {
  const body = response.body?.getReader();
  if (!body) throw new Error("no body");
  const decoder = new TextDecoder();
  return {
    async next(): Promise<string | undefined> {
      const { value, done } = await body.read();
      return done ? undefined : decoder.decode(value);
    },
    cancel: () => body.cancel(),
  };
}

const UNIX = { kind: "unix" } as const;

test("a new reader gets where it stands, then each event with its id", async () => {
  const { events, happen } = lab();
  happen("before");
  const stream = reader(events.open(undefined, UNIX));
  expect(await stream.next()).toBe("retry: 2000\nid: b1-1\n\n");
  happen("192.0.2.11:80");
  const text = (await stream.next()) ?? "";
  expect(text.startsWith("id: b1-2\nevent: real-server\ndata: {")).toBe(true);
  expect(JSON.parse(text.split("data: ")[1] ?? "")).toMatchObject({ subject: "192.0.2.11:80", to: "down" });
  expect(text.endsWith("\n\n")).toBe(true);
  await stream.cancel();
  expect(events.subscribers()).toBe(0);
});

test("a reader that comes back gets what it missed, once", async () => {
  const { events, happen } = lab();
  for (const subject of ["a", "b", "c"]) happen(subject);
  const stream = reader(events.open("b1-1", UNIX));
  expect(await stream.next()).toContain("id: b1-1\n");
  expect(await stream.next()).toContain('"subject":"b"');
  expect(await stream.next()).toContain('"subject":"c"');
  happen("d");
  expect(await stream.next()).toContain('"subject":"d"');
});

test.each([
  ["another start of the director", "b0-7", true],
  ["something that is no id", "'; --", false],
  ["0", "0", false],
])("Last-Event-ID of %s gives all that is kept", async (_why, id, gap) => {
  const { events, happen } = lab();
  happen("a");
  const stream = reader(events.open(id, UNIX));
  await stream.next();
  const text = (await stream.next()) ?? "";
  expect(text.startsWith("event: missed")).toBe(gap);
  expect(gap ? await stream.next() : text).toContain('"subject":"a"');
});

test("a quiet stream is kept alive by comments", async () => {
  const { events, clock } = lab();
  const stream = reader(events.open(undefined, UNIX));
  await stream.next();
  clock.advance(KEEP_ALIVE_MS);
  expect(await stream.next()).toBe(": keep-alive\n\n");
});

test("a reader that takes nothing is dropped, and no timer or listener stays", () => {
  const { events, happen, clock } = lab();
  events.open(undefined, UNIX);
  for (let i = 0; i < MAX_WAITING_EVENTS + 20; i++) happen(`${i}`);
  expect(events.subscribers()).toBe(0);
  expect(clock.nextAt()).toBeUndefined();
});

test("over TCP nobody hears who did what on an appliance", async () => {
  const { store, events } = lab();
  const value = { at: "2026-01-01T00:00:00.000Z", kind: "audit", subject: "POST /v1/reload", to: "202" };
  for (const [via, shown] of [
    [{ kind: "tcp" }, "the text is on the UNIX socket: lbd status"],
    [UNIX, "anna (operate) from 192.0.2.7"],
  ] as const) {
    const stream = reader(events.open(undefined, via));
    await stream.next();
    store.apply({ kind: "event", value: { ...value, reason: "anna (operate) from 192.0.2.7" } });
    expect(JSON.parse(((await stream.next()) ?? "").split("data: ")[1] ?? "").reason).toBe(shown);
    await stream.cancel();
  }
});

test("over TCP an error of the configuration is told without its words", async () => {
  const { store, events } = lab();
  const value = { at: "2026-01-01T00:00:00.000Z", kind: "config", subject: "k.conf", from: "loaded", to: "stale" };
  for (const [via, shown] of [
    [{ kind: "tcp" }, "k.conf:3:5: the text is on the UNIX socket: lbd status"],
    [UNIX, "k.conf:3:5: auth_pass SECRET is odd"],
  ] as const) {
    const stream = reader(events.open(undefined, via));
    await stream.next();
    store.apply({ kind: "event", value: { ...value, reason: "k.conf:3:5: auth_pass SECRET is odd" } });
    expect(JSON.parse(((await stream.next()) ?? "").split("data: ")[1] ?? "").reason).toBe(shown);
    await stream.cancel();
  }
});

test("readers over TCP take no place of those on the UNIX socket", () => {
  const { events } = lab();
  const open = Array.from({ length: MAX_SUBSCRIBERS + 1 }, () => events.open(undefined, { kind: "tcp" }).status);
  expect(open.filter((status) => status === 503)).toHaveLength(1);
  expect(events.open(undefined, UNIX).status).toBe(200);
});

test("readers are counted and bounded", async () => {
  const { events } = lab();
  const open = Array.from({ length: MAX_SUBSCRIBERS }, () => events.open(undefined, UNIX));
  const refused = events.open(undefined, UNIX);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("2");
  await open[0]?.body?.cancel();
  expect(events.open(undefined, UNIX).status).toBe(200);
});
