// Every configuration of the specification and of conf/examples, and some made by chance: the virtual servers, real servers and checks that
// keepalived prints are the model's. Needs ip_vs, without which its checker ends before it prints anything. VRRP values are
// compared in the ring netns (test/netns/dump.test.ts), but for those with a sync daemon.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  comparedFiles,
  compareText,
  compareWithModel,
  hasPart,
  keepalivedDump,
  needsIpvs,
  type Part,
} from "../../interop/compare.ts";
import { SERVICE_CONFIGS, sampleOf } from "../../interop/random.ts";
import { Namespace } from "../../support/netns.ts";

/** Its certificates are not on this machine, so that keepalived gives up. */
const WITHOUT_FILES = new Set(["seed-ssl-get.conf", "SSL_GET.conf"]);

describe("virtual servers as keepalived 2.2.7 shows them", () => {
  spawnSync("modprobe", ["ip_vs"]);
  const host = new Namespace("dump");
  for (let i = 0; i < 2; i++) host.ip(`link add eth${i} type veth peer name peer${i}`);
  for (let i = 0; i < 2; i++) host.ip(`link set eth${i} up`);
  host.ip("addr add 192.0.2.10/24 dev eth0");
  afterAll(() => host[Symbol.dispose]());

  const cases: (readonly [string, Part])[] = [
    ...comparedFiles()
      .filter((path) => hasPart(path, "services") && !WITHOUT_FILES.has(path.split("/").at(-1) ?? ""))
      .map((path) => [path, "services"] as const),
    ...comparedFiles()
      .filter((path) => hasPart(path, "vrrp") && needsIpvs(path))
      .map((path) => [path, "vrrp"] as const),
  ];
  test.each(cases)(
    "%s, %s",
    async (path, part) => {
      const dump = await keepalivedDump(host, path, part);
      expect(compareWithModel(dump, path, part)).toEqual({ keepalived: [], lbd: [] });
    },
    120_000,
  );

  test.each(sampleOf(SERVICE_CONFIGS, 10).map((text, i) => [i, text] as const))(
    "made by chance, number %d",
    async (_i, text) => {
      expect(await compareText(host, text, "services")).toEqual({ text, keepalived: [], lbd: [] });
    },
    120_000,
  );
});
