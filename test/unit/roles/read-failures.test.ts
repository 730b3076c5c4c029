// The kernel's tables can't be read for a moment: the callback of the clock goes on; the third time in a row ends the process.
import { expect, test } from "bun:test";
import { SyscallError } from "../../../ffi/errno.ts";
import { createReadFailures } from "../../../src/roles/read-failures.ts";

function bench() {
  const said: string[] = [];
  const failures = createReadFailures("vrrp", "the tables", (line) => said.push(`${line.level} ${line.message}`));
  const fail = () =>
    failures.attempt(() => {
      throw new SyscallError("recvmsg", 12, "fd 7");
    });
  return { failures, said, fail };
}

test("two failures are said, what works in between begins the count anew", () => {
  const { failures, said, fail } = bench();
  expect([fail(), fail()]).toEqual([false, false]);
  expect(failures.attempt(() => {})).toBe(true);
  expect([fail(), fail()]).toEqual([false, false]);
  expect(failures.total()).toBe(4);
  expect(said).toHaveLength(4);
  expect(said[0]).toMatch(/^error the tables can't be read: .*; trying again$/);
});

test("the third in a row is thrown, and so is what is no refusal of the kernel", () => {
  const { failures, fail } = bench();
  fail();
  fail();
  expect(fail).toThrow("the tables can't be read, 3 times in a row");
  expect(() =>
    failures.attempt(() => {
      throw new TypeError("ours");
    }),
  ).toThrow("ours");
});
