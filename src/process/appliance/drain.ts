// Process layer, appliance: a director is emptied before the machine is taken away: its VRRP instances leave the election, so that the other
// one serves while this one still stands, and can take its place back when the other one does not.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { Level } from "../../base/log.ts";
import { type ApplianceRoute, sendJson } from "./api.ts";

/** Gone with a start of the machine; a director that crashed stays empty. */
const FILE = "/run/lbd-appliance/drain-vrrp";

export interface Drain {
  /** For the director's command line. */
  readonly words: readonly string[];
  readonly routes: readonly ApplianceRoute[];
  isOn(): boolean;
}

/** @param reload the director looks for the file when it reads its configuration again */
export function createDrain(say: (level: Level, message: string) => void, reload: () => void, file = FILE): Drain {
  const isOn = () => existsSync(file);
  const route = (name: "drain" | "undrain", summary: string, change: () => void): ApplianceRoute => ({
    method: "POST",
    path: `/v1/appliance/${name}`,
    role: "operate",
    summary,
    ok: { status: 202 },
    answer(_request, response) {
      change();
      say("warning", isOn() ? "this director is drained: its VRRP instances take no part" : "the drain is over");
      reload();
      sendJson(response, { drained: isOn() }, 202);
    },
  });
  return {
    words: ["--drain-vrrp", file],
    isOn,
    routes: [
      route("drain", "VRRP instances leave the election, masters first say priority 0; until undrain or a start", () =>
        writeFileSync(file, ""),
      ),
      route("undrain", "VRRP instances take part again", () => rmSync(file, { force: true })),
    ],
  };
}
