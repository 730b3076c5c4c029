// Debian's keepalived, asked again for every tenth line of test/golden/tolerated.tsv that is about VRRP: what it makes of the mistake is
// what stands there, and what lbd makes of it.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { compareText } from "../interop/compare.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { comparable, TOLERATED } from "../support/tolerated.ts";

const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`tolerated.test.ts is skipped: ${reason}`);

describe.skipIf(reason !== undefined)("mistakes that keepalived 2.2.7 runs with", () => {
  const host = reason === undefined ? new Namespace("tolerated") : undefined;
  for (let i = 0; i < 3; i++) host?.ip(`link add eth${i} type veth peer name peer${i}`);
  for (let i = 0; i < 3; i++) host?.ip(`link set eth${i} up`);
  host?.ip("addr add 192.0.2.10/24 dev eth0");
  afterAll(() => host?.[Symbol.dispose]());

  const asked = TOLERATED.filter(({ part }) => part === "vrrp").filter((_, i) => i % 10 === 0);
  test.each(asked.map((one) => [one.name, one] as const))(
    "%s",
    async (_name, { text }) => {
      if (!host) return;
      const { keepalived, lbd } = await compareText(host, text, "vrrp");
      const ours = comparable(lbd);
      const theirs = comparable(keepalived);
      expect({
        keepalived: theirs.filter((fact) => !ours.includes(fact)),
        lbd: ours.filter((fact) => !theirs.includes(fact)),
      }).toEqual({
        keepalived: [],
        lbd: [],
      });
    },
    120_000,
  );
});
