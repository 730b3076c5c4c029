// `lbd check --appliance DIR`: three files against each other, as the machine of an image will have them.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCheck } from "../../../../src/cli/check.ts";
import { judgeFolder } from "../../../../src/process/appliance/judge-folder.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-judge-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const GOOD = {
  "network.yaml":
    "network:\n  version: 2\n  ethernets: {eth0: {}}\n  vlans:\n    front: {id: 10, link: eth0, addresses: [192.0.2.5/24]}\n",
  "appliance.yaml": "hostname: director1\n",
  "keepalived.conf": "global_defs {\n  router_id a\n}\n",
};

const instance = (...lines: readonly string[]) =>
  [
    "vrrp_instance VI_1 {",
    "  interface front",
    "  virtual_router_id 5",
    ...lines.map((line) => `  ${line}`),
    "  virtual_ipaddress {",
    "    192.0.2.10/24",
    "  }",
    "}",
    "",
  ].join("\n");

function said(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries({ ...GOOD, ...files })) {
    mkdirSync(join(dir, dirname(name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return judgeFolder(dir, { named: false }).loaded.diagnostics.map(
    ({ severity, code, span, message }) =>
      `${span ? `${span.file.name}:${span.line}:${span.column} ` : ""}${severity} ${code}: ${message}`,
  );
}

test("a folder that is well has no finding, also with the modes of FAT and a script", () => {
  expect(
    said({
      "keepalived.conf": `include conf.d/*.conf\n${instance('notify "/etc/keepalived/notify.sh"')}`,
      "conf.d/a.conf": "global_defs {\n  router_id a\n}\n",
      "notify.sh": "#!/bin/sh\nexit 0\n",
    }),
  ).toEqual([]);
  for (const name of ["keepalived.conf", "conf.d/a.conf", "network.yaml"]) chmodSync(join(dir, name), 0o755);
  expect(said({})).toEqual([]);
});

describe("against network.yaml:", () => {
  test.each([
    [
      "an interface that it does not make",
      instance().replace("interface front", "interface frnt"),
      "keepalived.conf:2:3 error unknown-interface: vrrp_instance VI_1: network.yaml has no interface frnt",
    ],
    [
      "a tracked one",
      instance("track_interface {", "back", "}"),
      "keepalived.conf:5:3 error unknown-interface: vrrp_instance VI_1 tracks interface back, which network.yaml does not have",
    ],
    [
      "an interface that may come later",
      `global_defs {\n  dynamic_interfaces\n}\n${instance().replace("interface front", "interface frnt")}`,
      "keepalived.conf:5:3 warning unknown-interface: vrrp_instance VI_1: network.yaml has no interface frnt",
    ],
    [
      "a virtual address that is an own one",
      instance().replace("192.0.2.10/24", "192.0.2.5/24"),
      "keepalived.conf:5:5 error shared-address: 192.0.2.5 is a virtual address of VI_1, and front's own one in network.yaml: this machine has it also as backup",
    ],
    [
      "a source that no link has",
      instance("unicast_src_ip 192.0.2.6", "unicast_peer {", "192.0.2.7", "}"),
      "keepalived.conf:4:3 warning unknown-address: VI_1 sends from 192.0.2.6, which no link of network.yaml has",
    ],
    [
      "a peer that is this machine",
      instance("unicast_peer {", "192.0.2.5", "}"),
      "keepalived.conf:4:3 warning own-peer: the peer 192.0.2.5 of VI_1 is front's own address in network.yaml",
    ],
  ])("%s", (_what, text, expected) => {
    expect(said({ "keepalived.conf": text })).toContain(expected);
  });

  test.each([
    ["the owner of an address has it in both", instance("priority 255").replace("192.0.2.10/24", "192.0.2.5/24")],
    ["an own source is fine", instance("unicast_src_ip 192.0.2.5", "unicast_peer {", "192.0.2.7", "}")],
    ["a VMAC is made from keepalived.conf", instance("use_vmac vrrp5", "track_interface {", "vrrp5", "}")],
  ])("%s", (_what, text) => {
    expect(said({ "keepalived.conf": text }).filter((line) => /unknown-|shared-address|own-peer/.test(line))).toEqual(
      [],
    );
  });

  test("what an address will be is DHCP's to say", () => {
    expect(
      said({
        "network.yaml": "network: {version: 2, ethernets: {front: {dhcp4: true}}}\n",
        "keepalived.conf": instance("unicast_src_ip 192.0.2.6", "unicast_peer {", "192.0.2.7", "}"),
      }).filter((line) => line.includes("unknown-address")),
    ).toEqual([]);
  });
});

describe("programs:", () => {
  test.each([
    ["one that the folder lacks", "/etc/keepalived/gone.sh", "the folder has no gone.sh"],
    [
      "a script of another shell",
      "/etc/keepalived/bash.sh",
      "bash.sh is run by /bin/bash, which the image does not have: write #!/bin/sh",
    ],
    ["a text", "/etc/keepalived/text", "text begins neither with #! nor as an ELF file"],
    [
      "one of another machine",
      "/usr/local/bin/notify",
      "the image has no /usr/local/bin/notify; programs lie in the folder, as /etc/keepalived/NAME",
    ],
  ])("%s", (_what, program, reason) => {
    expect(
      said({ "keepalived.conf": instance(`notify ${program}`), "bash.sh": "#!/bin/bash\n", text: "exit 0\n" }),
    ).toEqual([`keepalived.conf:4:10 warning program-unusable: notify of VI_1: the program can't be run: ${reason}`]);
  });

  test("those of the image are there", () => {
    expect(
      said({
        "keepalived.conf": instance("notify /etc/keepalived/env", "notify_master /bin/echo"),
        env: "#!/usr/bin/env sh\n",
      }),
    ).toEqual([]);
  });
});

test("includes are looked for in the folder, whatever this machine has in /etc", () => {
  expect(
    said({ "keepalived.conf": "include /etc/hostname\ninclude ../other.conf\ninclude /etc/keepalived/a.conf\n" }),
  ).toEqual([
    "keepalived.conf:1:9 warning include-missing: no such file (/etc/hostname)",
    "keepalived.conf:2:9 warning include-missing: no such file (../other.conf)",
    "keepalived.conf:3:9 warning include-missing: no such file (/etc/keepalived/a.conf)",
  ]);
});

test("the API's address and files", () => {
  expect(
    said({
      "appliance.yaml": "api: {listen: 192.0.2.9, certificate: a.pem, key: a.key, client-ca: ca.pem}\n",
      "a.pem": "",
    }),
  ).toEqual([
    "appliance.yaml:1:6 error file-missing: the folder has no file a.key, which api names",
    "appliance.yaml:1:6 error file-missing: the folder has no file ca.pem, which api names",
    "appliance.yaml:1:6 warning unknown-address: the API is to listen on 192.0.2.9, which no link of network.yaml has",
  ]);
});

test("the command says what is missing, names files by the folder, and its exit status tells", () => {
  const options = { format: "text", strict: false, color: false, allConfig: false } as const;
  const check = () => runCheck([dir], options, (path) => judgeFolder(path, { named: true }).loaded);
  writeFileSync(join(dir, "keepalived.conf"), GOOD["keepalived.conf"]);
  expect(check()).toMatchObject({ exit: 1, output: expect.stringContaining(`no such file (${dir}/network.yaml)`) });
  writeFileSync(join(dir, "network.yaml"), "network: {version: 2, ethernets: {eth0: {mtu: 1}}}\n");
  expect(check().output).toContain(`${dir}/network.yaml:1:47: error[bad-value]`);
  writeFileSync(join(dir, "network.yaml"), GOOD["network.yaml"]);
  expect(check()).toMatchObject({ exit: 0, output: expect.stringContaining("the machine is called lbd") });
  rmSync(dir, { recursive: true });
  expect(check()).toMatchObject({ exit: 2, output: expect.stringContaining(`no such folder (${dir})`) });
  mkdirSync(dir);
});
