// What came of the starts and of the last update, and that it is kept over a power cut at any byte.
import { describe, expect, test } from "bun:test";
import {
  type Beginning,
  begin,
  ended,
  good,
  type History,
  NO_HISTORY,
  PLACE_BYTES,
  readPlaces,
  updateWritten,
  writePlace,
} from "../../../src/appliance/history.ts";

const start = (slot: "A" | "B", version: string, more: Partial<Beginning> = {}): Beginning => ({
  ...{ slot, version, at: "2026-12-01T00:00:00.000Z", trial: false, byWatchdog: false },
  ...more,
});
const written = (history: History, version = "v2") =>
  updateWritten(history, { slot: "B", version, at: "2026-12-01T00:00:00.000Z", faults: ["network: lan1: no carrier"] });
/** A machine that runs v1 from slot A. */
const running = good(begin(NO_HISTORY, start("A", "v1")).history);

describe("the start before", () => {
  const reasonAfter = (history: History, more: Partial<Beginning> = {}) =>
    begin(history, start("A", "v1", more)).history.starts.at(-2)?.reason;

  test.each([
    [
      "nothing is known",
      {},
      "it ended without a word: the power was cut, the machine was reset, or its kernel crashed",
    ],
    [
      "the watchdog says it was the one",
      { byWatchdog: true },
      "the watchdog restarted the machine, which gave no sign of life",
    ],
    [
      "the kernel's last words are kept",
      {
        byWatchdog: true,
        crash:
          "<6>[    1.0] usb 1-1\n<0>[   12.345678] Kernel panic - not syncing: Fatal exception\n<6>[ 12.4] Rebooting",
      },
      "the kernel crashed: Kernel panic - not syncing: Fatal exception",
    ],
    [
      "the first process ended it",
      {
        crash:
          "<12>[   120.1] init: this start is given up: lbd appliance has not begun\n<0>[  121.2] Kernel panic - not syncing: sysrq triggered crash\n",
      },
      "the first process gave it up: lbd appliance has not begun",
    ],
    ["they tell nothing", { crash: "\n" }, "the kernel crashed: no words were kept"],
  ])("that did not end in order, when %s", (_, more, reason) => expect(reasonAfter(running, more)).toBe(reason));

  test("that ended in order keeps its reason", () =>
    expect(reasonAfter(ended(running, "restart", "SIGINT"), { byWatchdog: true })).toBe("SIGINT"));

  test("are twelve at most", () => {
    let history = running;
    for (let n = 0; n < 40; n++) history = begin(history, start("A", `v${n}`)).history;
    expect(history.starts.map(({ version }) => version)).toEqual(Array.from({ length: 12 }, (_, n) => `v${n + 28}`));
  });
});

describe("an update", () => {
  test("that shows that it works is no longer pending, and takes the reason of one that did not away", () => {
    const before = { ...written(running), failure: { slot: "B", version: "v0", at: "", reason: "old" } as const };
    const tried = begin(before, start("B", "v2", { trial: true }));
    expect(tried.givenUp).toBeUndefined();
    expect(tried.history.pending?.faults).toEqual(["network: lan1: no carrier"]);
    expect(tried.history.failure?.reason).toBe("old");
    const after = good(tried.history);
    expect(after.pending).toBeUndefined();
    expect(after.failure).toBeUndefined();
  });

  test("that never came so far that lbd ran is given up with that reason", () => {
    const back = begin(written(running), start("A", "v1"));
    expect(back.givenUp).toBe("B");
    expect(back.history.pending).toBeUndefined();
    expect(back.history.failure).toMatchObject({
      slot: "B",
      version: "v2",
      reason: expect.stringContaining("none of its starts"),
    });
  });

  test("whose starts failed is given up with the reason of the last one", () => {
    let history = written(running);
    for (const reason of ["one", "two", "after 60 s: director: it does not answer"])
      history = ended(begin(history, start("B", "v2", { trial: true })).history, "failed", reason);
    const back = begin(history, start("A", "v1"));
    expect(back.history.failure?.reason).toBe("each of its 3 starts failed: after 60 s: director: it does not answer");
  });

  test("whose starts were ended by the watchdog is given up with that reason", () => {
    let history = written(running);
    history = begin(history, start("B", "v2", { trial: true })).history;
    history = begin(history, start("B", "v2", { trial: true, byWatchdog: true })).history;
    expect(begin(history, start("A", "v1", { byWatchdog: true })).history.failure?.reason).toBe(
      "each of its 2 starts failed: the watchdog restarted the machine, which gave no sign of life",
    );
  });

  test("is not mixed up with one before of the same slot", () => {
    const before = good(begin(written(running), start("B", "v2", { trial: true })).history);
    const other = updateWritten(before, { slot: "A", version: "v3", at: "", faults: [] });
    expect(begin(other, start("B", "v2")).history.failure).toMatchObject({ slot: "A", version: "v3" });
  });
});

describe("the two places", () => {
  const one = { history: running, sequence: 1 };
  const two = { history: ended(running, "restart", "«ü»\n\\"), sequence: 2 };

  test("have a fixed size, and the newer one counts", () => {
    const places = [writePlace(one), writePlace(two)];
    for (const place of places) expect(Buffer.byteLength(place)).toBe(PLACE_BYTES);
    expect(readPlaces(places)).toEqual({ ...two, place: 1 });
    expect(readPlaces([...places].reverse())).toEqual({ ...two, place: 0 });
  });

  test("that are empty, missing or another's hold nothing, and the first one is written next", () => {
    for (const places of [
      [undefined, undefined],
      ["", " ".repeat(PLACE_BYTES)],
      ["\0".repeat(99), "{}"],
    ]) {
      const read = readPlaces(places);
      expect(read.history).toEqual(NO_HISTORY);
      expect((read.place + 1) % 2).toBe(0);
    }
  });

  test("keep the older history when the power is cut at any byte of the newer one", () => {
    const [older, newer] = [Buffer.from(writePlace(one)), Buffer.from(writePlace(two))];
    const blank = Buffer.from(" ".repeat(PLACE_BYTES));
    const used = newer.toString("utf8").trimEnd().length + 8;
    for (let at = 0; at < used; at += 1) {
      const torn = Buffer.concat([newer.subarray(0, at), blank.subarray(at)]).toString("utf8");
      const read = readPlaces([older.toString("utf8"), torn]);
      expect([1, 2]).toContain(read.sequence);
      expect(read.history).toEqual(read.sequence === 2 ? two.history : one.history);
    }
  });

  test("that hold what this version does not know hold nothing", () => {
    const strange = writePlace({ history: { starts: [{ slot: "C" }] } as unknown as History, sequence: 9 });
    expect(readPlaces([writePlace(one), strange]).sequence).toBe(1);
  });

  test("have room for the longest texts: older starts go", () => {
    let history = running;
    for (let n = 0; n < 12; n++)
      history = ended(
        begin(history, start("A", "v1", { crash: "ü\n\\".repeat(2000) })).history,
        "failed",
        "ü\\".repeat(5000),
      );
    const place = writePlace({ history: written(history), sequence: 3 });
    expect(Buffer.byteLength(place)).toBe(PLACE_BYTES);
    const read = readPlaces([place, undefined]);
    expect(read.sequence).toBe(3);
    expect(read.history.starts.length).toBeGreaterThan(0);
    expect(read.history.pending?.version).toBe("v2");
  });
});
