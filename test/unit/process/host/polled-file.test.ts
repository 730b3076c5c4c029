import { expect, test } from "bun:test";
import { pollFile } from "../../../../src/process/host/polled-file.ts";
import { manualClock } from "../../../support/manual-clock.ts";

test("a text is told at once, then when two looks saw the same", () => {
  const clock = manualClock();
  const told: (string | undefined)[] = [];
  let text: string | undefined;
  const end = pollFile(
    clock,
    () => text,
    (one) => told.push(one),
  );
  expect(told).toEqual([undefined]);
  text = "12:";
  clock.advance(1000);
  text = "12:00:00";
  clock.advance(1000);
  expect(told).toEqual([undefined]);
  clock.advance(1000);
  clock.advance(5000);
  expect(told).toEqual([undefined, "12:00:00"]);
  text = undefined;
  clock.advance(2000);
  expect(told).toEqual([undefined, "12:00:00", undefined]);
  end();
  expect(clock.nextAt()).toBeUndefined();
});
