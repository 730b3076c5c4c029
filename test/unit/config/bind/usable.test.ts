// Which files a director may run with, and which errors of a new reading are new.
import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../../../src/config/load.ts";
import { newErrors } from "../../../../src/config/semantics/known-errors.ts";
import { bindText } from "../../../support/config.ts";

const GOOD = "vrrp_instance B {\n interface eth0\n virtual_router_id 4\n virtual_ipaddress {\n 192.0.2.98\n }\n}\n";
const NO_INTERFACE = "vrrp_instance A {\n virtual_router_id 3\n virtual_ipaddress {\n 192.0.2.99\n }\n}\n";

describe("usable:", () => {
  test.each<readonly [string, string, boolean, readonly string[]]>([
    ["a good file", GOOD, true, ["B"]],
    ["an empty file", "", true, []],
    ["an unknown word at the top", `nonsense 5\n${GOOD}`, true, ["B"]],
    ["another program's file", "http {\n server_name x;\n}\n", true, []],
    ["one instance that lacks its interface, and a good one", NO_INTERFACE + GOOD, true, ["B"]],
    ["only an instance that lacks its interface", NO_INTERFACE, false, []],
    ["a keyword without its word", `${GOOD.replace("eth0", "eth0\n priority")}`, true, ["B"]],
    ["a brace too many", `${GOOD}}\n`, true, ["B"]],
    ["a file that ends in a block", GOOD.slice(0, -2), true, ["B"]],
    ["an include that had to be there", `includem nowhere.conf\n${GOOD}`, false, ["B"]],
    ["an include that need not be there", `include nowhere.conf\n${GOOD}`, true, ["B"]],
    ["a file beyond a limit", `~SEQ(I, 1, 9999999) k $I\n${GOOD}`, false, []],
  ])("%s", (_name, text, usable, instances) => {
    const loaded = bindText(text);
    expect(loaded.usable).toBe(usable);
    expect(loaded.config.vrrp.instances.map(({ name }) => name)).toEqual([...instances]);
  });

  test("a file that is not there", () => {
    const none = {
      read: () => ({ ok: false, error: { kind: "missing" } }) as const,
      list: () => [],
      exists: () => false,
    };
    const request = { paths: ["/k.conf"], env: {}, random: () => 0, context: { hostName: "a" } };
    expect(loadConfig(request, { ...none, resolve: (path) => path }).usable).toBe(false);
  });
});

describe("what makes an error the same as one of another reading:", () => {
  const bad = (name: string, line: string) => GOOD.replace("B", name).replace(" virtual_ip", ` ${line}\n virtual_ip`);
  const fresh = (running: string, next: string) => newErrors(bindText(running).errorKeys(), bindText(next).errorKeys());

  test.each<readonly [string, string, string, number]>([
    ["the same file", bad("B", "foo 1"), bad("B", "foo 1"), 0],
    ["lines before it", bad("B", "foo 1"), `# 1\n\n\nglobal_defs {\n}\n${bad("B", "foo 1")}`, 0],
    ["the error has gone", bad("B", "foo 1"), GOOD, 0],
    ["no error before", GOOD, bad("B", "foo 1"), 1],
    ["another word", bad("B", "foo 1"), bad("B", "bar 1"), 1],
    ["another value", bad("B", "priority x"), bad("B", "priority y"), 1],
    ["another kind", bad("B", "priority x"), bad("B", "priority"), 1],
    ["another object", bad("B", "foo 1"), bad("C", "foo 1"), 1],
    ["once more in the same object", bad("B", "foo 1"), bad("B", "foo 1\n foo 2"), 1],
    ["one of two has gone", bad("B", "foo 1\n foo 2"), bad("B", "foo 2"), 0],
    [
      "the same in an object that came",
      bad("B", "foo 1"),
      bad("B", "foo 1") + bad("C", "foo 1").replace("id 4", "id 5"),
      1,
    ],
  ])("%s", (_name, running, next, count) => {
    expect(fresh(running, next)).toHaveLength(count);
  });

  test("it is the later ones that are new", () => {
    expect(newErrors(["a", "b"], ["a", "a", "c", "b"])).toEqual([1, 2]);
  });
});
