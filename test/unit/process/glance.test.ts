import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { glance } from "../../../src/process/configuration/files.ts";

const folder = mkdtempSync(join(tmpdir(), "lbd-glance-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["virtual_server 192.0.2.1 80 {\n}\n", ["checker"]],
  ["vrrp_instance V {\n}\n", ["vrrp"]],
  ["global_defs {\n}\n", []],
  ["include conf.d/*.conf\n", ["checker", "vrrp", "starter"]],
  ["vrrp_instance V {\n  notify_master /bin/true\n}\n", ["vrrp", "starter"]],
])("%j seems to need %j", (text, roles) => {
  const path = join(folder, "keepalived.conf");
  writeFileSync(path, text);
  expect<string[]>([...glance(path)]).toEqual(roles);
});

test("a file that is not there needs nobody", () => {
  expect([...glance(join(folder, "missing"))]).toEqual([]);
});
