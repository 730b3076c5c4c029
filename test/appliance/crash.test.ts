// Test of the appliance: a machine whose first program stands still is restarted, by a watchdog of hardware or the kernel's, and says so after.
import { afterEach, expect, test } from "bun:test";
import { type ApplianceMachine, applianceMachine, LIMIT_MS, WITHOUT_WATCHDOG } from "./appliance-machine.ts";
import { signalAppliance } from "./harm.ts";

let machine: ApplianceMachine;
afterEach(() => machine.cutPower());

test(
  "an appliance that hangs has the machine restarted by its watchdog, and the next start says so",
  async () => {
    machine = await applianceMachine({ name: "crash", isDirect: true });
    expect((await machine.fresh()).image.watchdog.identity).toContain("i6300ESB");
    const again = machine.says(/Linux version/);
    await signalAppliance(machine, "STOP");
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
    machine = await applianceMachine({ name: `crash-${firmware}`, firmware, isDirect: true, more: WITHOUT_WATCHDOG });
    const { image } = await machine.fresh();
    expect([image.watchdog.identity, image.crashRecords]).toEqual(["Software Watchdog", place]);
    expect(image.watchdog.problem).toMatch(/^the machine has none of its own/);
    await signalAppliance(machine, "STOP");
    const after = await machine.seen("it has started again", (now) => now.image.history.starts.length > 1);
    const { starts, crash } = after.image.history;
    expect(starts.at(-2)?.reason).toMatch(/^the kernel crashed: Kernel panic - not syncing: Software Watchdog/);
    expect(crash?.text).toContain("Call Trace");
  },
  LIMIT_MS,
);
