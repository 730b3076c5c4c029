// Every configuration of the specification and of conf/examples, and some made by chance: the VRRP values that keepalived prints are
// the model's.

import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  comparedFiles,
  compareText,
  compareWithModel,
  hasPart,
  keepalivedDump,
  NOT_COMPARED,
  needsIpvs,
} from "../interop/compare.ts";
import { sampleOf, VRRP_CONFIGS } from "../interop/random.ts";
import { Namespace, netnsReason } from "../support/netns.ts";

const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`dump.test.ts is skipped: ${reason}`);
for (const [name, why] of Object.entries(NOT_COMPARED)) console.log(`${name} is not compared: ${why}`);

describe.skipIf(reason !== undefined)("VRRP values as keepalived 2.2.7 shows them", () => {
  const host = reason === undefined ? new Namespace("dump") : undefined;
  for (let i = 0; i < 4; i++) host?.ip(`link add eth${i} type veth peer name peer${i}`);
  for (let i = 0; i < 4; i++) host?.ip(`link set eth${i} up`);
  host?.ip("addr add 192.0.2.10/24 dev eth0");
  host?.ip("addr add 198.51.100.10/24 dev eth1");
  afterAll(() => host?.[Symbol.dispose]());

  // Those with a sync daemon are compared in the ring vm, where ip_vs is.
  test.each(comparedFiles().filter((path) => hasPart(path, "vrrp") && !needsIpvs(path)))(
    "%s",
    async (path) => {
      if (!host) return;
      const dump = await keepalivedDump(host, path, "vrrp");
      expect(compareWithModel(dump, path, "vrrp")).toEqual({ keepalived: [], lbd: [] });
    },
    120_000,
  );

  test.each(sampleOf(VRRP_CONFIGS, 10).map((text, i) => [i, text] as const))(
    "made by chance, number %d",
    async (_i, text) => {
      if (host) expect(await compareText(host, text, "vrrp")).toEqual({ text, keepalived: [], lbd: [] });
    },
    120_000,
  );
});
