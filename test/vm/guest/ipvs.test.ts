// Ring vm, in the guest: the IPVS table by each transport, in a namespace of its own per case.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { release } from "node:os";
import { IpvsUnavailable, openIpvs } from "../../../src/kernel/ipvs.ts";
import { kernelModules } from "../../../src/kernel/modules.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import { ipvsadmIn, ipvsCases, service, type Transport } from "../ipvs.cases.ts";

const log = () => {};

describe.each([["sockopt"], ["netlink"], ["auto"]] as const)("%s", (transport: Transport) => {
  const cases = ipvsCases.filter((c) => c.transports === undefined || c.transports.includes(transport));
  test.each(cases.map((c) => [c.name, c] as const))("%s", (_name, c) => {
    using namespace = new Namespace("ipvs");
    using table = openIpvs({ transport, namespace: namespace.name, log });
    expect(table.transport).toBe(transport === "auto" ? "mixed" : transport);
    expect(table.version).toBe("1.2.1");
    c.run(table, ipvsadmIn(namespace.name));
  });
});

test("a scheduler's module is loaded when it is missing, and lbd says so", async () => {
  // Another file may have asked for it before; it can go once the namespaces of its services are gone.
  const unloaded = () => spawnSync("rmmod", ["ip_vs_mh"]).status === 0 || !existsSync("/sys/module/ip_vs_mh");
  await until("ip_vs_mh is not loaded", unloaded, 30_000);
  using namespace = new Namespace("ipvs");
  const said: string[] = [];
  using table = openIpvs({
    transport: "auto",
    namespace: namespace.name,
    log: ({ message }) => void said.push(message),
  });
  const results = table.apply([{ kind: "addService", service: service("192.0.2.1", 80, { scheduler: "mh" }) }]);
  expect(results.map(({ failure }) => failure)).toEqual([undefined]);
  expect(said).toContain("loaded kernel module ip_vs_mh");
});

test("an image without modprobe: modules and all they need are put in by hand", () => {
  const byHand = kernelModules({
    directory: `/lib/modules/${release()}`,
    loaded: "/sys/module",
    modprobe: [],
  });
  for (const name of ["ip_vs_ftp", "ip_gre"]) {
    expect(byHand.load(name)).not.toMatchObject({ kind: "failed" });
    expect(existsSync(`/sys/module/${name}`)).toBe(true);
  }
  expect(byHand.load("ip_vs_twos")).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("no module ip_vs_twos"),
  });
});

test("without the right to it the error says what it takes", () => {
  const script = `
    import { openIpvs } from "/work/src/kernel/ipvs.ts";
    try { openIpvs({ transport: "auto", log() {} }); console.log("opened"); }
    catch (error) { console.log(error.name, error.code, error.message); }`;
  const run = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", uid: 65534, gid: 65534 });
  expect(run.stdout).toContain("IpvsUnavailable EPERM no right to use IPVS");
});

test("a namespace that is not there is named", () => {
  const open = () => openIpvs({ transport: "auto", namespace: "no-such-namespace", log });
  expect(open).toThrow(IpvsUnavailable);
  expect(open).toThrow("no network namespace no-such-namespace");
});

afterAll(() => {
  // The namespaces are gone with their tables; what is left would be the host table of the machine.
  expect(spawnSync("ipvsadm", ["-Sn"], { encoding: "utf8" }).stdout.trim()).toBe("");
});
