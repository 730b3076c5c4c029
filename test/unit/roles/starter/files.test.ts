// What the starter owes a role that asks and takes nothing.
import { expect, test } from "bun:test";
import type { Readiness } from "../../../../src/kernel/readiness.ts";
import type { FromStarter } from "../../../../src/roles/programs/messages.ts";
import { createFileServer } from "../../../../src/roles/starter/files.ts";
import { manualClock } from "../../../support/manual-clock.ts";

test("questions after files that nothing names, without end, are not all kept for one who takes no answer", async () => {
  const clock = manualClock();
  const heard: FromStarter[] = [];
  let waiting = 1000;
  const server = createFileServer({} as Readiness, clock, () => {});
  const peer = server.open("checker", { say: (message) => void heard.push(message), waiting: () => waiting });
  for (let id = 0; id < 50_000; id++) peer.take({ kind: "watch", files: [{ id, path: "/etc/shadow", init: false }] });
  await Promise.resolve();
  expect(heard).toEqual([]);
  waiting = 0;
  clock.advance(1000);
  await Promise.resolve();
  const answers = heard.flatMap((message) => (message.kind === "texts" ? message.texts : []));
  expect(answers.slice(0, 2)).toEqual([
    [0, null],
    [1, null],
  ]);
  expect(answers).toHaveLength(4096);
  peer.take({ kind: "watch", files: [{ id: 50_000, path: "/etc/shadow", init: false }] });
  await Promise.resolve();
  expect(heard.at(-1)).toEqual({ kind: "texts", texts: [[50_000, null]] });
});
