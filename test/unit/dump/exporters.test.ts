// What exporters and items of agents read of our dumps, by their own rules (test/support/exporters.ts).
import { expect, test } from "bun:test";
import { jsonDump } from "../../../src/dump/json.ts";
import { statisticsDump } from "../../../src/dump/statistics.ts";
import { vrrpDump } from "../../../src/dump/vrrp.ts";
import { vrrpSource } from "../../support/dumps.ts";
import {
  addressOfMehdy,
  instancesOfGen2brain,
  instancesOfMehdy,
  itemOf,
  scriptsOfMehdy,
  statisticsOf,
} from "../../support/exporters.ts";

const SOURCE = vrrpSource(`
vrrp_script up {
  script "/bin/true"
  interval 2
  weight 5
}
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  priority 150
  garp_master_delay 7
  track_script {
    up
  }
  virtual_ipaddress {
    192.0.2.80/24
    192.0.2.81/24
  }
}
vrrp_instance mail {
  interface eth0
  virtual_router_id 52
  virtual_ipaddress {
    192.0.2.90
  }
}
`);
const DATA = [...vrrpDump(SOURCE)].join("");
const STATISTICS = [...statisticsDump(SOURCE.instances.map(({ view }) => view))].join("");
const JSON_TEXT = [...jsonDump(SOURCE)].join("");

test("mehdy's exporter reads instances with their addresses, states and numbers", () => {
  const [web, mail, ...others] = instancesOfMehdy(DATA);
  expect(others).toEqual([]);
  expect(web).toMatchObject({
    name: "web",
    state: "BACKUP",
    wanted: "BACKUP",
    interface: "eth0",
    garpDelay: 7,
    vrid: 51,
  });
  expect(web?.addresses.map(addressOfMehdy)).toEqual([
    ["192.0.2.80/24", "eth0"],
    ["192.0.2.81/24", "eth0"],
  ]);
  expect([mail?.vrid, mail?.addresses.map(addressOfMehdy)]).toEqual([52, [["192.0.2.90", "eth0"]]]);
});

test("and scripts with words that it knows", () => {
  expect(scriptsOfMehdy(DATA)).toEqual({ up: { Status: "GOOD", State: "idle" } });
});

test("both read every number of the statistics", () => {
  const names = [
    ...["Advertisements.Received", "Advertisements.Sent", "Became master", "Released master"],
    ...["Packet Errors.Length", "Packet Errors.TTL", "Packet Errors.Invalid Type"],
    ...["Packet Errors.Advertisement Interval", "Packet Errors.Address List"],
    ...["Authentication Errors.Invalid Type", "Authentication Errors.Type Mismatch", "Authentication Errors.Failure"],
    ...["Priority Zero.Received", "Priority Zero.Sent"],
  ];
  const zero = Object.fromEntries(names.map((name) => [name, 0]));
  expect(statisticsOf(STATISTICS)).toEqual({ web: zero, mail: zero });
});

test("gen2brain's reads names and states of the text, up to where 2.2.7's dump ends an instance for it, too", () => {
  expect(instancesOfGen2brain(DATA).map(({ name, state }) => [name, state])).toEqual([
    ["web", "BACKUP"],
    ["mail", "BACKUP"],
  ]);
});

test("both read the JSON, whose fields have the kinds that they want", () => {
  const [web] = JSON.parse(JSON_TEXT);
  expect(web.data).toMatchObject({ iname: "web", ifp_ifname: "eth0", vrid: 51, state: 1, wantstate: 1, garp_delay: 7 });
  expect(typeof web.data.last_transition).toBe("number");
  expect(web.data.vips.map(addressOfMehdy)[1]).toEqual(["192.0.2.81/24", "eth0"]);
  for (const value of Object.values(web.stats)) expect(Number.isInteger(value)).toBe(true);
});

test("items of an agent find what they look for", () => {
  expect(itemOf(DATA, /^ {3}State = (MASTER|BACKUP|FAULT|INIT)$/)).toBe("BACKUP");
  expect(itemOf(DATA, /VRRP Instance = (.*)/)).toBe("web");
  expect(itemOf(DATA, /Effective priority = (\d+)/)).toBe("155");
  expect(itemOf(STATISTICS, /^ {2}Became master: (\d+)$/)).toBe("0");
});
