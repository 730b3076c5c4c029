// Every configuration that lies in the repository loads: ours without any finding, those of the specification without errors.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { ConfigFiles } from "../../../../src/config/expand/include.ts";
import { bindFiles, briefly } from "../../../support/config.ts";

const root = resolve(import.meta.dirname, "../../../..");

const disk: ConfigFiles = {
  read: (path) =>
    existsSync(path)
      ? { ok: true, value: new Uint8Array(readFileSync(path)) }
      : { ok: false, error: { kind: "missing" } },
  list: (folder) => (existsSync(folder) ? readdirSync(folder) : undefined),
  exists: existsSync,
  resolve: (path) => (existsSync(path) ? realpathSync(path) : path),
};

function configurations(folder: string): string[] {
  return readdirSync(`${root}/${folder}`)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** Kinds of samples that the first keepalived shipped (seed.md §6). */
const KINDS =
  `HTTP_GET.port SMTP_CHECK SSL_GET fwmark inhibit misc_check misc_check_arg sample status_code track_interface
  virtual_server_group virtualhost vrrp vrrp.localcheck vrrp.lvs_syncd vrrp.routes vrrp.scripts vrrp.static_ipaddress vrrp.sync`
    .trim()
    .split(/\s+/);

test("there is an example of every kind", () => {
  expect(KINDS.filter((kind) => !existsSync(`${root}/conf/examples/${kind}.conf`))).toEqual([]);
  expect(existsSync(`${root}/conf/examples/sample.misccheck.smbcheck.sh`)).toBe(true);
});

describe("ours have no finding", () => {
  test.each([...configurations("conf/examples"), "conf/keepalived.conf", "conf/lab.conf"])("%s", (path) => {
    expect(briefly(bindFiles(disk, `${root}/${path}`).diagnostics)).toEqual([]);
  });
});

describe("those of the specification have no error", () => {
  test.each(configurations("test/golden/examples"))("%s", (path) => {
    const { diagnostics } = bindFiles(disk, `${root}/${path}`);
    expect(briefly(diagnostics.filter((finding) => finding.severity === "error"))).toEqual([]);
  });
});
