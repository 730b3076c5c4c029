// lvs_sync_daemon and its options, and the old lvs_sync_daemon_interface: which daemons run with which settings, as instances change.
import { expect, test } from "bun:test";
import { createSyncDaemons } from "../../../../src/roles/vrrp/sync-daemon.ts";
import { bindText } from "../../../support/config.ts";
import { fakeIpvs } from "../../../support/fake-ipvs.ts";

const instance = (extra = "") =>
  `vrrp_instance V1 {\n  interface eth0\n  virtual_router_id 51\n  ${extra}\n  virtual_ipaddress {\n    192.0.2.100\n  }\n}\n`;
const global = (line: string) => `global_defs {\n  lvs_sync_daemon ${line}\n}\n`;

function lab(text: string, masters: readonly string[] = []) {
  const table = fakeIpvs();
  const said: string[] = [];
  const daemons = createSyncDaemons(
    () => table,
    (line) => said.push(`${line.level} ${line.message}`),
  );
  const configure = (next: string, now = masters) => daemons.configure(bindText(next).config, new Set(now));
  configure(text);
  return { table, said, daemons, configure };
}

test("bound to an instance, one daemon follows its role; the id is the VRID where none is given", () => {
  const { table, daemons, said } = lab(global("eth1 inst V1") + instance());
  expect(table.daemons()).toEqual([{ role: "backup", interface: "eth1", syncId: 51 }]);
  daemons.follow(new Set(["V1"]));
  expect(table.daemons()).toEqual([{ role: "master", interface: "eth1", syncId: 51 }]);
  daemons.follow(new Set());
  expect(table.daemons()).toEqual([{ role: "backup", interface: "eth1", syncId: 51 }]);
  expect(daemons.running()).toEqual(["backup"]);
  daemons.stop();
  expect(table.daemons()).toEqual([]);
  expect(said.at(-1)).toBe("info connection sync: stopped");
});

test("every option goes to the kernel; bound to none, both roles run", () => {
  const { table } = lab(global("eth1 id 7 maxlen 1400 port 9000 ttl 3 group 224.0.1.7"));
  const settings = { interface: "eth1", syncId: 7, maxLen: 1400, port: 9000, ttl: 3, group: "224.0.1.7" };
  expect(table.daemons()).toEqual([
    { role: "master", ...settings },
    { role: "backup", ...settings },
  ]);
});

test("a reload changes what is different and leaves the rest; without the line they stop", () => {
  const { table, configure, said } = lab(global("eth1 id 7"));
  const lines = said.length;
  configure(global("eth1 id 7") + instance());
  expect(said).toHaveLength(lines);
  configure(global("eth1 id 8"));
  expect(table.daemons().map(({ role, syncId }) => [role, syncId])).toEqual([
    ["master", 8],
    ["backup", 8],
  ]);
  configure(instance());
  expect(table.daemons()).toEqual([]);
});

test("lvs_sync_daemon_interface of an instance is the same by an old word", () => {
  const { table } = lab(instance("lvs_sync_daemon_interface eth2"), ["V1"]);
  expect(table.daemons()).toEqual([{ role: "master", interface: "eth2", syncId: 51 }]);
});

test("what fails is said once and tried again", () => {
  const { table, daemons, said } = lab("");
  const working = table.startDaemon;
  table.startDaemon = () => {
    throw new Error("startDaemon: ENODEV");
  };
  daemons.configure(bindText(global("eth9 id 1")).config, new Set());
  daemons.follow(new Set());
  expect(said).toEqual(["error lvs_sync_daemon: startDaemon: ENODEV"]);
  table.startDaemon = working;
  daemons.follow(new Set());
  expect(daemons.running()).toEqual(["master", "backup"]);
});

test("D5: what somebody else stopped or changed is put right by the audit, and counted", () => {
  const { table, daemons, said } = lab(global("eth1 inst V1") + instance());
  table.stopDaemon("backup");
  daemons.follow(new Set());
  expect(table.daemons()).toEqual([]);
  daemons.audit(new Set());
  expect(table.daemons()).toEqual([{ role: "backup", interface: "eth1", syncId: 51 }]);
  table.startDaemon({ role: "master", interface: "eth9", syncId: 9 });
  daemons.audit(new Set());
  expect(table.daemons()).toEqual([{ role: "backup", interface: "eth1", syncId: 51 }]);
  expect(said.filter((line) => line.includes("by somebody else"))).toHaveLength(2);
  expect(daemons.metrics()['lbd_drift_detected_total{kind="sync-daemon"}']).toBe(2);
  const lines = said.length;
  daemons.audit(new Set());
  expect(said).toHaveLength(lines);
});

test("the audit compares what the kernel tells: options that socket options don't show are no difference", () => {
  const { table, daemons, said } = lab(global("eth1 id 7 maxlen 1400 port 9000"));
  const all = table.daemons;
  table.daemons = () => all().map(({ role, interface: link, syncId }) => ({ role, interface: link, syncId }));
  daemons.audit(new Set());
  expect(said.filter((line) => line.includes("by somebody else"))).toEqual([]);
});

test("D7 F12: which roles run is what was last seen; a table that can't be read ends nothing", () => {
  const { table, daemons, said } = lab(global("eth1 inst V1") + instance());
  daemons.follow(new Set(["V1"]));
  expect(daemons.running()).toEqual(["master"]);
  table.daemons = () => {
    throw new Error("daemons: ENOMEM");
  };
  daemons.audit(new Set(["V1"]));
  expect(daemons.running()).toEqual(["master"]);
  expect(said.at(-1)).toBe("error lvs_sync_daemon: daemons: ENOMEM");
});

test("one of the role that runs with other settings, which we have not seen, is stopped first", () => {
  const { table, daemons } = lab("");
  table.startDaemon({ role: "master", interface: "eth9", syncId: 9 });
  const working = table.startDaemon;
  table.startDaemon = (daemon) => {
    if (table.daemons().some(({ role }) => role === daemon.role))
      throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
    working(daemon);
  };
  daemons.configure(bindText(global("eth1 id 7")).config, new Set());
  expect(table.daemons().toSorted((a, b) => b.role.localeCompare(a.role))).toMatchObject([
    { role: "master", interface: "eth1", syncId: 7 },
    { role: "backup", interface: "eth1", syncId: 7 },
  ]);
});
