// Test of the appliance: what happens to a machine whose appliance crashes, hangs, or has no watchdog of hardware. A VRRP instance that comes
// with another configuration does the harm, by its notify program: so a test says when.
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { until } from "../support/until.ts";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, SHIPPED } from "./appliance-machine.ts";

const CONFIGURATION = readFileSync(resolve(import.meta.dirname, "director/keepalived.conf"), "utf8");
const Instance = v.object({ state: v.string(), since: v.string(), transitions: v.optional(v.number()) });

let machine: ApplianceMachine;
afterEach(() => machine.cutPower());

/** Signals the appliance from inside the machine, three adverts from now. */
async function signalAppliance(signal: string): Promise<void> {
  const { files } = v.parse(
    v.object({ files: v.record(v.string(), v.unknown()) }),
    await (await machine.call("/v1/appliance/config")).json(),
  );
  const program = [
    "#!/bin/sh",
    "for pid in $(cd /proc && echo [0-9]*); do",
    `  [ "$(tr '\\0' ' ' < /proc/$pid/cmdline)" = "/lbd appliance " ] && kill -${signal} $pid`,
    "done",
  ];
  const instance = `
vrrp_instance harm {
    state BACKUP
    interface lan0
    virtual_router_id 52
    priority 150
    advert_int 1
    virtual_ipaddress {
        10.0.2.81/24
    }
    notify_master "/etc/keepalived/harm.sh"
}
`;
  const body = JSON.stringify({
    files: { ...files, "keepalived.conf": CONFIGURATION + instance, "harm.sh": `${program.join("\n")}\n` },
  });
  const answer = await machine.call("/v1/appliance/config", { method: "PUT", body: Buffer.from(body) });
  expect([answer.status, answer.status === 200 ? "" : await answer.text()]).toEqual([200, ""]);
}

async function instance(name: string): Promise<v.InferOutput<typeof Instance> | undefined> {
  const answer = await machine.call(`/v1/vrrp/${name}`);
  return answer.status === 200 ? v.parse(Instance, await answer.json()) : undefined;
}

/** Once the machine is master. */
function master(): Promise<v.InferOutput<typeof Instance>> {
  return until(
    "it is master",
    async () => {
      const seen = await instance("web").catch(() => undefined);
      return seen?.state === "MASTER" || seen?.state === "master" ? seen : undefined;
    },
    LIMIT_MS,
  );
}

test(
  "an appliance that crashes costs nothing: the director goes on and is taken over",
  async () => {
    machine = await applianceMachine({ name: "crash" });
    machine.newDisk();
    machine.powerOn();
    const { director } = await machine.runs(SHIPPED);
    const before = await master();
    const died = machine.says(/init: lbd appliance was ended by signal 9/);
    const adopted = machine.says(/the director \(pid \d+\) runs: it is taken over/);
    await signalAppliance("KILL");
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

test(
  "an appliance that hangs has the machine restarted by its watchdog, and the next start says so",
  async () => {
    machine = await applianceMachine({ name: "crash" });
    machine.newDisk();
    machine.powerOn();
    expect((await machine.runs(SHIPPED)).image.watchdog.identity).toContain("i6300ESB");
    const again = machine.says(/Linux version/);
    await signalAppliance("STOP");
    await again;
    const after = await machine.seen("it has started again", (now) => now.image.history.starts.length > 1);
    expect(after.image.history.starts.at(-2)?.reason).toBe(
      "the watchdog restarted the machine, which gave no sign of life",
    );
  },
  LIMIT_MS,
);

test.each([
  ["bios", "ramoops"],
  ["uefi", "efi_pstore"],
] as const)(
  "%s: without a watchdog of hardware the kernel's restarts the machine by a crash, which %s keeps",
  async (firmware, place) => {
    machine = await applianceMachine({ name: `crash-${firmware}`, firmware, more: [] });
    machine.newDisk();
    machine.powerOn();
    const { image } = await machine.runs(SHIPPED);
    expect([image.watchdog.identity, image.crashRecords]).toEqual(["Software Watchdog", place]);
    await signalAppliance("STOP");
    const after = await machine.seen("it has started again", (now) => now.image.history.starts.length > 1);
    const { starts, crash } = after.image.history;
    expect(starts.at(-2)?.reason).toMatch(/^the kernel crashed: Kernel panic - not syncing: Software Watchdog/);
    expect(crash?.text).toContain("Call Trace");
  },
  LIMIT_MS,
);
