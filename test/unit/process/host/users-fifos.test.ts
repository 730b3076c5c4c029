// The parent's notify FIFOs of users: made before the roles write them, removed when no configuration names them.
import { expect, test } from "bun:test";
import { outlineOf } from "../../../../src/process/configuration/outline.ts";
import { createUsersFifos, type UsersFifo } from "../../../../src/process/host/users-fifos.ts";
import { bindText } from "../../../support/config.ts";

function lab(there: readonly string[] = []) {
  const done: string[] = [];
  const fifos = createUsersFifos((path, user, group) => {
    if (path === "/missing/fifo") throw new Error("ENOENT");
    if (there.includes(path)) return undefined;
    done.push(`make ${path} ${user} ${group ?? "-"}`);
    return () => done.push(`remove ${path}`);
  });
  return { fifos, done };
}

const ONE: UsersFifo = { path: "/run/one", user: "nobody" };
const TWO: UsersFifo = { path: "/run/two", user: "nobody", group: "adm" };

test("what stays is made once; what is named no more goes, and all of it at the end", () => {
  const { fifos, done } = lab();
  fifos.keep([ONE, TWO]);
  fifos.keep([ONE, TWO]);
  fifos.keep([TWO]);
  fifos.keep([]);
  expect(done).toEqual(["make /run/one nobody -", "make /run/two nobody adm", "remove /run/one", "remove /run/two"]);
});

test("another user of the same path: the old one goes first", () => {
  const { fifos, done } = lab();
  fifos.keep([ONE]);
  fifos.keep([{ ...ONE, user: "daemon" }]);
  expect(done).toEqual(["make /run/one nobody -", "remove /run/one", "make /run/one daemon -"]);
});

test("one that was there is never removed, and one that can't be made keeps no other from being made", () => {
  const { fifos, done } = lab(["/run/one"]);
  fifos.keep([{ path: "/missing/fifo", user: "nobody" }, ONE, TWO]);
  fifos.keep([]);
  expect(done).toEqual(["make /run/two nobody adm", "remove /run/two"]);
});

test("a configuration names those with a user, of the roles that it needs", () => {
  const global =
    "global_defs {\n notify_fifo /a nobody\n vrrp_notify_fifo /b nobody adm\n lvs_notify_fifo /c nobody\n}\n";
  const router = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n}\n}\n";
  const server = "virtual_server 192.0.2.1 80 {\n real_server 192.0.2.2 80 {\n}\n}\n";
  const of = (text: string) => outlineOf(bindText(text).config).fifos;
  const [a, b, c] = [
    { path: "/a", user: "nobody" },
    { path: "/b", user: "nobody", group: "adm" },
    { path: "/c", user: "nobody" },
  ];
  expect(of(global)).toEqual([]);
  expect(of(global + router)).toEqual([a, b]);
  expect(of(global + server)).toEqual([a, c]);
  expect(of(`global_defs {\n notify_fifo /a\n}\n${router}`)).toEqual([]);
});
