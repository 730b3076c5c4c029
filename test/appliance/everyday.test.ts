// Test of the appliance: what is tried of it every day: the disk of `make image` starts to its API, takes no update that is none, takes one that is
// well and stays with it, and a crash of the appliance costs nothing. Five starts under emulation.
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as v from "valibot";
import { until } from "../support/until.ts";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, SHIPPED } from "./appliance-machine.ts";
import { signalAppliance } from "./harm.ts";
import { updateFile } from "./update-variants.ts";

let machine: ApplianceMachine;
beforeEach(async () => {
  machine = await applianceMachine({ name: "everyday" });
});
afterEach(() => machine.cutPower());

test(
  "a good update is tried and stays",
  async () => {
    const { version, slot } = await machine.fresh();
    expect(slot).toBe("A");
    await machine.updateTo("good", updateFile("good"));
    const after = await machine.runs("good");
    expect(after.slot).toBe("B");
    expect(after.image.history.failure).toBeUndefined();
    expect(after.image.history.starts.map((start) => start.version)).toEqual([version, "good"]);
    // And it is the one that starts from now on.
    await machine.cutPower();
    machine.powerOn();
    const again = await machine.runs("good");
    expect(again.image.start.trial).toBeFalse();
    expect(again.image.history.starts.at(-2)?.end).toBe("lost");
  },
  LIMIT_MS,
);

test(
  "what is no good update is refused",
  async () => {
    await machine.fresh();
    const good = Buffer.from(updateFile("panics"));
    const changed = Buffer.from(good);
    changed[good.byteLength - 5_000_000] = (changed[good.byteLength - 5_000_000] ?? 0) ^ 1;
    const unsigned = Buffer.from(good);
    unsigned[300] = (unsigned[300] ?? 0) ^ 1;
    for (const [content, status, code] of [
      [Buffer.alloc(100_000, 65), 400, "not-an-update"],
      [unsigned, 403, "bad-signature"],
      [changed, 422, "damaged"],
      [good.subarray(0, good.byteLength / 2), 422, "truncated"],
    ] as const) {
      const [was, text] = await machine.send(content);
      expect([was, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    }
  },
  LIMIT_MS,
);

test(
  "an appliance that crashes costs nothing: the director goes on and is taken over",
  async () => {
    machine = await applianceMachine({ name: "everyday", isDirect: true });
    const { director } = await machine.fresh();
    const before = await master();
    const died = machine.says(/init: lbd appliance was ended by signal 9/);
    const adopted = machine.says(/the director \(pid \d+\) runs: it is taken over/);
    await signalAppliance(machine, "KILL");
    await died;
    expect(await adopted).toContain(`(pid ${director.pid})`);
    const after = await machine.runs(SHIPPED);
    expect(after.director).toEqual({ ...(director.pid !== undefined && { pid: director.pid }), failures: 0 });
    expect(after.image.history.starts.length).toBe(1);
    expect(await master()).toEqual(before);
    // What it says from now on is heard, and it hears what it is told.
    const heard = machine.says(/configuration|reload/i);
    expect((await machine.call("/v1/reload", { method: "POST" })).status).toBe(202);
    await heard;
  },
  LIMIT_MS,
);

const Instance = v.object({ state: v.string(), since: v.string() });

/** Once the machine is master. */
function master(): Promise<v.InferOutput<typeof Instance>> {
  return until(
    "it is master",
    async () => {
      const answer = await machine.call("/v1/vrrp/web").catch(() => undefined);
      if (answer?.status !== 200) return undefined;
      const seen = v.parse(Instance, await answer.json());
      return seen.state.toUpperCase() === "MASTER" ? seen : undefined;
    },
    LIMIT_MS,
  );
}
