// Which changes are ours: by the port that asked, by what was just done, and what is taken for granted when the kernel is late.
import { expect, test } from "bun:test";
import { ownEcho } from "../../../src/kernel/own-echo.ts";
import type { CommandOutcome } from "../../../src/kernel/rtnetlink.ts";
import { IFA_F_DEPRECATED, IFA_F_PERMANENT, type InterfaceAddress } from "../../../src/net/model.ts";
import type { NetMessage } from "../../../src/net/rtnetlink.ts";

const PORT = 77;
const STRANGER = 78;
const ADDRESS: InterfaceAddress = { family: 6, index: 3, ip: "2001:db8::1", prefix: 64, flags: 0 };

const outcome = (kind: "add-address" | "delete-address", meaning: CommandOutcome["meaning"] = "done") =>
  ({ command: { kind, address: ADDRESS }, meaning }) as const;
const told = (removed: boolean, address = ADDRESS): NetMessage => ({ removed, object: { kind: "address", address } });

test("a change is ours when our socket asked for it, or when it is what we have just done", () => {
  const echo = ownEcho({ portId: PORT });
  expect(echo.hear(told(false), PORT)).toBe(true);
  expect(echo.hear(told(false), 0)).toBe(false);
  echo.applied([outcome("add-address")]);
  expect(echo.hear(told(false), 0)).toBe(true);
  expect(echo.hear(told(true), STRANGER)).toBe(false);
  expect(echo.hear(told(false, { ...ADDRESS, index: 4 }), 0)).toBe(false);
});

test("what was so before is nobody's doing", () => {
  const echo = ownEcho({ portId: PORT });
  echo.applied([outcome("add-address", "already-so")]);
  expect(echo.hear(told(false), 0)).toBe(false);
});

test("an address that the kernel has not told of is taken for granted, as it will be", () => {
  const echo = ownEcho({ portId: PORT });
  echo.applied([outcome("add-address")]);
  expect(echo.waits()).toBe(true);
  expect(echo.settle()).toEqual([{ kind: "address", address: { ...ADDRESS, flags: IFA_F_PERMANENT, scope: 0 } }]);
  const late = { ...ADDRESS, preferredS: 0 };
  echo.applied([{ command: { kind: "add-address", address: late }, meaning: "already-so" }]);
  expect(echo.settle()).toEqual([
    { kind: "address", address: { ...late, flags: IFA_F_PERMANENT | IFA_F_DEPRECATED, scope: 0 } },
  ]);
});

test("an address that was told of since is not: somebody may have taken it away again", () => {
  const echo = ownEcho({ portId: PORT });
  echo.applied([outcome("add-address")]);
  echo.hear(told(false), 0);
  echo.hear(told(true), STRANGER);
  expect(echo.settle()).toEqual([]);
  // That was then: of the next one nothing was told.
  echo.applied([outcome("add-address")]);
  expect(echo.settle()).toHaveLength(1);
});

test("nothing is granted for a failed or a deleted one, and after settling changes are others' again", () => {
  const echo = ownEcho({ portId: PORT });
  expect(echo.waits()).toBe(false);
  echo.applied([{ command: { kind: "add-address", address: ADDRESS }, meaning: "later" }, outcome("delete-address")]);
  expect(echo.settle()).toEqual([]);
  expect(echo.waits()).toBe(false);
  expect(echo.hear(told(true), 0)).toBe(false);
});
