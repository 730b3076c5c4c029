// Events that others tell a director: what fits is taken, in its order; what does not is passed over.
import { expect, test } from "bun:test";
import { Readable } from "node:stream";
import { readEventFeed } from "../../../src/process/event-feed.ts";
import type { StatusEvent } from "../../../src/status/schema.ts";

const EVENT = {
  at: "2026-12-01T08:00:00.000Z",
  kind: "audit",
  subject: "POST /v1/reload",
  to: "202",
  reason: "anna (operate) from 192.0.2.7",
};

test("lines that are events are taken, and nothing else", async () => {
  const taken: StatusEvent[] = [];
  const lines = [
    JSON.stringify(EVENT),
    "junk",
    "",
    // The director's own kinds are its own.
    JSON.stringify({ ...EVENT, kind: "vrrp" }),
    JSON.stringify({ ...EVENT, at: "yesterday" }),
    JSON.stringify({ ...EVENT, to: 202 }),
    JSON.stringify({ ...EVENT, reason: "x".repeat(10_000) }),
    JSON.stringify({ ...EVENT, to: "403", more: true }),
  ];
  await readEventFeed(Readable.from([Buffer.from(`${lines.join("\n")}\n`)]), (event) => taken.push(event));
  expect(taken).toEqual([EVENT, { ...EVENT, to: "403" }]);
});
