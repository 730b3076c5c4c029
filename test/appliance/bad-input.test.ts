// Test of the appliance: what a configuration or a machine has wrong: the machine starts, is reached, keeps what was good, and says each mistake on its
// console and in its API. docs/appliance.md («What is wrong, and who says so») names the test of each.
import { afterEach, expect, test } from "bun:test";
import * as v from "valibot";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, SHIPPED, WITHOUT_WATCHDOG } from "./appliance-machine.ts";

let machine: ApplianceMachine;
afterEach(() => machine.cutPower());

const Said = v.object({
  configuration: v.object({
    findings: v.array(v.object({ at: v.exactOptional(v.string()), message: v.string() })),
    parts: v.array(v.object({ name: v.string(), from: v.string(), reason: v.exactOptional(v.string()) })),
    kept: v.union([v.boolean(), v.string()]),
  }),
  network: v.object({ faults: v.array(v.string()) }),
});

async function said(): Promise<v.InferOutput<typeof Said>> {
  return v.parse(Said, await (await machine.call("/v1/appliance")).json());
}

const NETWORK = `network:
  version: 2
  ethernets:
    port1: {match: {macaddress: "52:54:00:aa:00:01"}, set-name: lan0, addresses: [10.0.2.15/24]}
    port2: {match: {macaddress: "52:54:00:aa:00:02"}, set-name: lan1, dhcp4: true}
    port3: {match: {macaddress: "52:54:00:aa:00:99"}, set-name: lan2}
  bonds:
    bond0: {interfaces: []}
  dummy-devices:
    d0: {addresses: [10.0.2.15/32]}
`;
const INSTANCE = `vrrp_instance lost {
    interface lan7
    virtual_router_id 7
    virtual_ipaddress {
        10.0.2.87
    }
}
`;
/** A card with nobody behind it, a clock of 2001, and no watchdog. */
const POOR = [
  ...WITHOUT_WATCHDOG,
  ...["-netdev", "hubport,id=alone,hubid=1", "-device", "e1000,netdev=alone,mac=52:54:00:aa:00:02,romfile="],
  ...["-rtc", "base=2001-09-09T01:46:40"],
];

test(
  "a machine with many things wrong is reached, and says each of them",
  async () => {
    machine = await applianceMachine({ name: "bad-input", isDirect: true, more: POOR });
    machine.newDisk({ "network.yaml": NETWORK, "keepalived.conf": INSTANCE });
    const lines = [
      /network\.yaml:10:5: 10\.0\.2\.15 stands twice/,
      /network\.yaml:8:5: bond bond0 has no interfaces/,
      /port3: no network card fits address 52:54:00:aa:00:99/,
      /port2: no DHCP server answers/,
      /lan7/,
      /watchdog: the machine has none of its own/,
    ].map((pattern) => machine.says(pattern));
    machine.powerOn();
    await Promise.all(lines);
    const seen = await machine.runs(SHIPPED);
    expect(seen.image.watchdog.problem).toMatch(/^the machine has none of its own/);
    expect(seen.image.history.starts[0]?.at).toMatch(/^2001-/);
    const { configuration, network } = await said();
    expect(configuration.findings.map(({ at, message }) => `${at}: ${message}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^network\.yaml:10:5: 10\.0\.2\.15 stands twice/),
        expect.stringMatching(/^network\.yaml:8:5: bond bond0 has no interfaces/),
      ]),
    );
    expect(network.faults).toEqual(
      expect.arrayContaining([
        expect.stringContaining("no network card fits address 52:54:00:aa:00:99"),
        expect.stringContaining("port2: no DHCP server answers"),
      ]),
    );
    const instance = await (await machine.call("/v1/vrrp/lost")).text();
    expect(instance).toContain("lan7");
    expect(configuration.kept).toBe("network.yaml is not kept while the network has faults");
  },
  LIMIT_MS,
);
