// CLI: `lbd appliance`, which the first process of an image starts. It does not end but by a signal: SIGTERM powers the machine off, SIGINT
// restarts it, SIGHUP has the director read its configuration again.
import { existsSync } from "node:fs";
import { defineCommand } from "citty";
import { renderBare } from "../base/log.ts";
import { systemClock } from "../kernel/clock.ts";
import { startAppliance } from "../process/appliance/run.ts";
import { EXIT } from "../process/options.ts";
import { writeError } from "./output.ts";
import { complain } from "./terminal.ts";

/** appliance/initrd.ts writes it. */
const IMAGE_MARK = "/etc/lbd-version";

/** What appliance/init.c takes the exit status for. */
const APPLIANCE_EXIT = { restart: 100, powerOff: 101 } as const;

export const applianceCommand = defineCommand({
  meta: { name: "lbd appliance", description: "Run a machine that is a director, as the first process of an image" },
  run: async () => {
    // It loads drivers, names the host and sets the kernel as a director needs it: nothing for a machine that is something else.
    if (!existsSync(IMAGE_MARK)) {
      complain("this machine is no appliance: the first process of an image runs this (make image)", EXIT.failed);
      return;
    }
    const clock = systemClock();
    const end = (how: "restart" | "power-off", reason: string) => {
      void appliance
        .end(how, reason)
        .then(() => process.exit(how === "restart" ? APPLIANCE_EXIT.restart : APPLIANCE_EXIT.powerOff));
    };
    const appliance = await startAppliance(
      clock,
      (line) => writeError(`${renderBare(line)}\n`),
      (how) => end(how, "asked for by the machine's API"),
    );
    process.on("SIGHUP", () => appliance.reload());
    process.once("SIGTERM", () => end("power-off", "SIGTERM"));
    process.once("SIGINT", () => end("restart", "SIGINT"));
    // A command that is done ends the process.
    await new Promise<never>(() => {});
  },
});
