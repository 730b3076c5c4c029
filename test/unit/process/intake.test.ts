import { expect, test } from "bun:test";
import { createIntake } from "../../../src/process/intake.ts";

function lab() {
  const turns: (() => void)[] = [];
  const done: string[] = [];
  const intake = createIntake(
    (run) => turns.push(run),
    (run) => run(),
  );
  return {
    done,
    piece: (name: string) => intake.piece(() => done.push(name)),
    behind: (name: string) => intake.behind(() => done.push(name)),
    turn: () => turns.splice(0).forEach((run) => void run()),
  };
}

test("of pieces that come at once each has a turn of the loop", () => {
  const { piece, done, turn } = lab();
  for (const name of ["a", "b", "c"]) piece(name);
  expect(done).toEqual(["a"]);
  turn();
  expect(done).toEqual(["a", "b"]);
  turn();
  turn();
  piece("d");
  expect(done).toEqual(["a", "b", "c", "d"]);
});

test("what is said behind pieces is done behind them", () => {
  const { piece, behind, done, turn } = lab();
  piece("a");
  behind("start");
  piece("b");
  behind("reload");
  expect(done).toEqual(["a", "start"]);
  turn();
  expect(done).toEqual(["a", "start", "b", "reload"]);
});
