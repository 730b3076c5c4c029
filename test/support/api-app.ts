// The application of the API over a status that is made of updates, without a port.
import { createApp } from "../../src/api/app.ts";
import { createEventStream } from "../../src/api/events.ts";
import type { Route } from "../../src/api/route.ts";
import { ROUTES } from "../../src/api/routes/table.ts";
import type { LogLine } from "../../src/base/log.ts";
import type { StatusUpdate } from "../../src/status/schema.ts";
import { createStatusStore } from "../../src/status/store.ts";
import { manualClock } from "./manual-clock.ts";
import { everything } from "./status-samples.ts";

export function appWith(
  updates: readonly StatusUpdate[] = everything(),
  listenAddress = "127.0.0.1",
  hosts: string[] = [],
  routes: readonly Route[] = ROUTES,
) {
  const store = createStatusStore();
  for (const update of updates) store.apply(update);
  const clock = manualClock();
  const logs: LogLine[] = [];
  const events = createEventStream(store, clock);
  const app = createApp({
    routes,
    state: {
      store,
      events,
      build: { version: "0.1.0", revision: "x", bun: "1", kernel: "6" },
      effective: async () => inPieces('{"blocks"', ":[]}"),
    },
    log: (line) => logs.push(line),
    names: { address: listenAddress, hosts },
    nonce: "n0nce",
  });
  return { app, store, clock, logs, events };
}

async function* inPieces(...parts: readonly string[]): AsyncGenerator<string> {
  yield* parts;
}
