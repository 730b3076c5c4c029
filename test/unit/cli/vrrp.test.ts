// Which of a director's instances and groups `lbd vrrp NAME` shows.
import { expect, test } from "bun:test";
import { onlyNamed } from "../../../src/cli/status.ts";
import { syncGroup, vrrpInstance } from "../../support/status-samples.ts";

const ALL = {
  instances: [vrrpInstance("web"), vrrpInstance("a", { group: "G" }), vrrpInstance("b", { group: "G" })],
  groups: [syncGroup("G")],
};

test.each([
  ["an instance", ["web"], ["web"], []],
  ["a group with its members", ["G"], ["a", "b"], ["G"]],
  ["a member without its group", ["b"], ["b"], []],
  ["several, in the order of the file", ["b", "web"], ["web", "b"], []],
] as const)("%s", (_, names, instances, groups) => {
  const named = onlyNamed(ALL, names);
  if (!named.ok) throw new Error(named.error);
  expect(named.value.instances.map(({ name }) => name)).toEqual([...instances]);
  expect(named.value.groups.map(({ name }) => name)).toEqual([...groups]);
});

test.each([
  [["wbe"], "no VRRP instance or sync group wbe; did you mean web?"],
  [["web", "something"], "no VRRP instance or sync group something"],
])("%j: an unknown one is said", (names, error) => {
  expect(onlyNamed(ALL, names)).toEqual({ ok: false, error });
});
