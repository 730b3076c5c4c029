// `-t`: its exit status for programs, which is keepalived 2.2.7's for the same files.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configTest } from "../../../src/cli/config-test.ts";

const machine = { hasInterface: (name: string) => name !== "eth9", hasModule: () => true };
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-config-test-"));
  writeFileSync(join(dir, "runs"), "#!/bin/sh\n");
  chmodSync(join(dir, "runs"), 0o755);
  writeFileSync(join(dir, "text"), "#!/bin/sh\n");
  mkdirSync(join(dir, "folder"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function status(text: string): number {
  const configFile = join(dir, "k.conf");
  writeFileSync(configFile, text);
  return configTest({ configFile, allConfig: false, logFile: join(dir, "log"), machine });
}

const instance = (line: string) =>
  `vrrp_instance A {\n interface eth0\n virtual_router_id 3\n priority 100\n virtual_ipaddress {\n 192.0.2.9\n }\n ${line}\n}\n`;
const service = (line: string, ofServer: string) =>
  `virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n ${line}\n real_server 192.0.2.2 80 {\n ${ofServer}\n }\n}\n`;
const globals = (lines: string) => `global_defs {\n ${lines}\n}\n${instance("")}`;

/** What names a program; `left`: the status when the program isn't there, and when its user isn't. */
const USES = [
  { use: "vrrp_script", text: (program: string) => tracked(program), left: [5, 5] },
  { use: "notify", text: (program: string) => instance(`notify ${program}`), left: [0, 0] },
  { use: "notify_stop", text: (program: string) => instance(`notify_stop ${program}`), left: [0, 0] },
  { use: "MISC_CHECK", text: (program: string) => service("", misc(program)), left: [0, 5] },
  { use: "notify_up", text: (program: string) => service("", `notify_up ${program}`), left: [0, 0] },
  { use: "quorum_down", text: (program: string) => service(`quorum_down ${program}`, ""), left: [0, 0] },
  { use: "startup_script", text: (program: string) => globals(`startup_script ${program}`), left: [0, 5] },
  { use: "shutdown_script", text: (program: string) => globals(`shutdown_script ${program}`), left: [0, 5] },
  {
    use: "notify_fifo_script",
    text: (program: string) => globals(`notify_fifo /run/f\n notify_fifo_script ${program}`),
    left: [0, 0],
  },
];

/** `program` may have a user behind it, which has a line of its own here. */
function lines(keyword: string, program: string): string {
  const [path = "", user] = program.split(" ");
  return `${keyword} ${path}${user === undefined ? "" : `\n user ${user}`}`;
}

function tracked(program: string): string {
  return `vrrp_script S {\n ${lines("script", program)}\n}\n${instance("track_script {\n S\n }")}`;
}

function misc(program: string): string {
  return `MISC_CHECK {\n ${lines("misc_path", program)}\n }`;
}

describe.each(USES)("the program of $use without enable_script_security", ({ text, left: [absent, noUser] }) => {
  test("counts as soon as it is there, executable or not", () => {
    expect(status(text(`"${dir}/runs"`))).toBe(6);
    expect(status(text(`"${dir}/text"`))).toBe(6);
    expect(status(text(`"${dir}/folder"`))).toBe(6);
  });
  test("that is not there is no matter of security", () => {
    expect(status(text(`"${dir}/none"`))).toBe(absent as number);
    expect(status(`${text(`"${dir}/none"`)}global_defs {\n foo bar\n}\n`)).toBe(5);
    expect(status(text(`"${dir}/runs" no-such-user`))).toBe(noUser as number);
  });
  test("is more than other errors", () => {
    expect(status(`${text(`"${dir}/runs"`)}global_defs {\n foo bar\n}\n`)).toBe(6);
  });
});

test("with enable_script_security the user that programs have by default has to be there", () => {
  const secure = "global_defs {\n enable_script_security\n script_user no-such-user\n}\n";
  expect(status(`${secure}${instance("notify /bin/true")}`)).toBe(5);
  expect(status(`${secure.replace("no-such-user", "root")}${instance("notify /bin/true")}`)).toBe(0);
});

test("a keyword without its word ends the reading, whatever programs there are", () => {
  expect(status(`${instance("notify /bin/true")}vrrp_script\n`)).toBe(2);
  expect(status(`${instance("notify /bin/true")}vrrp_instance\n`)).toBe(6);
  expect(status(instance("state {{ state }}\n notify /bin/true"))).toBe(2);
  expect(status(instance('notify "{{ program }}"'))).toBe(0);
});

test("an interface that is not there counts before programs, and with dynamic_interfaces not at all", () => {
  const missing = instance("notify /bin/true\n virtual_ipaddress_excluded {\n 192.0.2.8 dev eth9\n }");
  expect(status(missing)).toBe(5);
  expect(status(`global_defs {\n dynamic_interfaces\n}\n${missing}`)).toBe(6);
  expect(status(`global_defs {\n dynamic_interfaces\n}\n${missing.replace("notify /bin/true", "")}`)).toBe(0);
});

test("interfaces that only linkbeat_interfaces or garp_group names", () => {
  const linkbeat = "linkbeat_interfaces {\n eth9\n}\n";
  expect(status(`${linkbeat}${instance("")}`)).toBe(4);
  expect(status(`${linkbeat}${instance("").replace("eth0", "eth9")}`)).toBe(5);
  expect(status(`${linkbeat}${instance("bogus 7")}`)).toBe(5);
  expect(status(`${linkbeat}${instance("notify /bin/true")}`)).toBe(6);
  expect(status(`global_defs {\n dynamic_interfaces\n}\n${linkbeat}${instance("")}`)).toBe(0);
  const group = "garp_group {\n garp_interval 1\n interfaces {\n eth9\n eth0\n }\n}\n";
  expect(status(`${group}${instance("")}`)).toBe(5);
  expect(status(`${linkbeat}${group}${instance("")}`)).toBe(5);
});

test("a directory is no program: only as a tracked one it is missed", () => {
  const secure = "global_defs {\n enable_script_security\n script_user root\n}\n";
  expect(status(secure + tracked(join(dir, "folder")))).toBe(5);
  expect(status(tracked(join(dir, "folder")))).toBe(6);
  expect(status(secure + tracked(join(dir, "text")))).toBe(0);
  expect(status(secure + instance(`notify ${join(dir, "folder")}`))).toBe(0);
  expect(status(secure + service("", misc(join(dir, "folder"))))).toBe(0);
});
