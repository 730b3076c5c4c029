// Ring netns: `--hold-vrrp FILE`: a director whose machine has not yet shown that it works takes part in nothing, and takes its place when
// the file goes. `--drain-vrrp FILE`: one that is to be taken away leaves the election while it still stands.
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../support/daemon.ts";
import { vrrpFrames } from "../support/frames.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config, has } from "../support/vrrp-host.ts";

const LIMIT_MS = 90_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)("instances that are held", () => {
  test(
    "say nothing and take nothing, not even from a dead master, over a reload and a crash; let go they take their place",
    async () => {
      using segment = new Segment("a", "b");
      const capture = await segment.capture("ip proto 112");
      const saidByA = () => vrrpFrames(capture.frames).filter(({ source }) => source === "192.0.2.1");
      using b = new Daemon("lbd", segment.host(1), config({ priority: 100 })).start();
      await until("b is master", () => has(segment.host(1)));
      using a = new Daemon("lbd", segment.host(0), config({ priority: 150 }));
      const file = join(a.dir, "hold");
      writeFileSync(file, "");
      a.start("--hold-vrrp", file);
      const stateOfA = () =>
        segment.host(0).run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp/V1").stdout;
      await until("a runs and holds back", () => /"state":"INIT"/.test(stateOfA()));
      // Its master dies: it would be master after 3.4 of its intervals of 0.1 s, long before what follows is over.
      b.kill();
      a.reload(config({ priority: 151 }));
      await until("the reload is over", () => a.output.includes("reload done"));
      expect(stateOfA()).toContain('"state":"INIT"');
      const before = segment.host(0).run("cat", `${a.dir}/run/vrrp.pid`).stdout.trim();
      expect(segment.host(0).run("kill", "-9", before).status).toBe(0);
      await until("another process takes its place", () => a.output.split("instances are held").length > 2);
      await until("and runs", () => a.output.split("vrrp runs").length > 2);
      expect(stateOfA()).toContain('"state":"INIT"');
      expect(has(segment.host(0))).toBeFalse();
      expect(saidByA()).toEqual([]);
      rmSync(file);
      await until("a is master", () => has(segment.host(0)));
      expect(a.output).toContain("instances are let go");
      await until("and says so", () => saidByA().length > 0);
      // Held back again by a file that comes later? No: only from the start.
      writeFileSync(file, "");
      a.reload(config({ priority: 152 }));
      await until("the second reload is over", () => a.output.split("reload done").length > 2);
      expect(has(segment.host(0))).toBeTrue();
      expect(await a.stop()).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "a master that is drained says so, is in FAULT over a crash of its process and a refused file, and takes part again after",
    async () => {
      using segment = new Segment("a", "b");
      const capture = await segment.capture("ip proto 112");
      const goodbyes = () =>
        vrrpFrames(capture.frames).filter(({ source, priority }) => source === "192.0.2.1" && priority === 0).length;
      using a = new Daemon("lbd", segment.host(0), config({ priority: 150, extra: "nopreempt" }));
      const file = join(a.dir, "drain");
      a.start("--drain-vrrp", file);
      await until("a is master", () => has(segment.host(0)));
      using _b = new Daemon("lbd", segment.host(1), config({ priority: 100, extra: "nopreempt" })).start();
      const stateOf = () =>
        segment.host(0).run("curl", "-s", "--unix-socket", `${a.dir}/run/api.sock`, "http://lbd/v1/vrrp/V1").stdout;
      writeFileSync(file, "");
      // What the file holds is no condition: who wants a director empty need not have a good one.
      a.reload("vrrp_instance V1 {");
      await until("b is master", () => has(segment.host(1)));
      expect(has(segment.host(0))).toBeFalse();
      expect(goodbyes()).toBe(1);
      expect(stateOf()).toContain('"state":"FAULT"');
      expect(stateOf()).toContain("drained (--drain-vrrp)");
      const before = segment.host(0).run("cat", `${a.dir}/run/vrrp.pid`).stdout.trim();
      segment.host(0).run("kill", "-9", before);
      await until("another process takes its place", () => a.output.split("every instance is drained").length > 2);
      await until("and is in FAULT", () => stateOf().includes('"state":"FAULT"'));
      rmSync(file);
      a.reload(config({ priority: 150, extra: "nopreempt" }));
      await until("a stands by", () => stateOf().includes('"state":"BACKUP"'));
      expect(has(segment.host(1))).toBeTrue();
      expect(await a.stop()).toBe(0);
    },
    LIMIT_MS,
  );
});
