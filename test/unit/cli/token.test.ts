// `lbd token`: a token that is shown once, and the lines of appliance.yaml by which the machine knows it.
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { hashOf, ownerOf } from "../../../src/appliance/access/permits.ts";
import { readSettings } from "../../../src/appliance/settings.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

const lbd = (...words: readonly string[]) =>
  spawnSync(process.execPath, [join(import.meta.dir, "../../../src/main.ts"), ...words], { encoding: "utf8" });

test("the machine knows the token by the lines that come with it", () => {
  const { status, stdout, stderr } = lbd("token", "anna", "--role", "operate");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^lbd_[\w-]{43}\n$/)]);
  const text = stderr.slice(stderr.indexOf("api:\n")).replace("api:\n", "api:\n  listen: 127.0.0.1\n");
  const findings = createFindings();
  const { api } = readSettings({ name: "appliance.yaml", text }, findings);
  expect(findings.list).toEqual([]);
  expect(ownerOf(api?.tokens ?? [], stdout.trim())).toMatchObject({ name: "anna", role: "operate" });
  expect(stderr).not.toContain(stdout.trim());
});

test("as JSON, and never the same twice", () => {
  const made = [1, 2].map(() => JSON.parse(lbd("token", "anna", "--json").stdout));
  for (const { name, role, token, sha256 } of made)
    expect([name, role, sha256]).toEqual(["anna", "read", hashOf(token)]);
  expect(made[0].token).not.toBe(made[1].token);
});

test.each([
  [["token", "anna", "--role", "root"], "--role root: expected read, operate, admin"],
  [["token", "a b"], "expected one name of letters, digits"],
])("%p is refused", (words, said) => {
  const { status, stdout, stderr } = lbd(...words);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
});
