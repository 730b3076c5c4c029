// CLI: `lbd appliance`, which the first process of an image starts. It does not end but by a signal: SIGTERM powers the machine off, SIGINT
// restarts it, SIGHUP has the director read its configuration again.
import { defineCommand } from "citty";
import { renderBare } from "../base/log.ts";
import { systemClock } from "../kernel/clock.ts";
import { startAppliance } from "../process/appliance/run.ts";
import { writeError } from "./output.ts";

/** What appliance/init.c takes the exit status for. */
export const APPLIANCE_EXIT = { restart: 100, powerOff: 101 } as const;

export const applianceCommand = defineCommand({
  meta: { name: "lbd appliance", description: "Run a machine that is a director, as the first process of an image" },
  run: async () => {
    const clock = systemClock();
    const end = (status: number) => {
      void appliance.end().then(() => process.exit(status));
    };
    const appliance = await startAppliance(
      clock,
      (line) => writeError(`${renderBare(line)}\n`),
      (how) => end(how === "restart" ? APPLIANCE_EXIT.restart : APPLIANCE_EXIT.powerOff),
    );
    process.on("SIGHUP", () => appliance.reload());
    process.once("SIGTERM", () => end(APPLIANCE_EXIT.powerOff));
    process.once("SIGINT", () => end(APPLIANCE_EXIT.restart));
    // A command that is done ends the process.
    await new Promise<never>(() => {});
  },
});
