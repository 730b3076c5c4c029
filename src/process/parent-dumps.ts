// Process layer, parent: the dumps that keepalived's signals ask for, with what the parent knows of names and places.
import type { Log } from "../base/log.ts";
import { parentDump } from "../dump/parent.ts";
import { accountText } from "../kernel/accounts.ts";
import { createAssembly } from "./configuration/assembly.ts";
import { createDumps, type Dumps } from "./dumps.ts";
import { dumpPath } from "./host/places.ts";
import type { RunOptions } from "./options.ts";
import type { DumpPlace } from "./parent-state.ts";
import type { Readings } from "./readings.ts";
import type { Relay } from "./relay.ts";
import type { Telling } from "./telling.ts";
import type { Workers } from "./workers.ts";

export function openDumps(
  place: DumpPlace,
  { log, readings }: { readonly log: Log; readonly readings: Readings },
  options: Pick<RunOptions, "namespace" | "umask">,
  { workers, telling, relay }: { readonly workers: Workers; readonly telling: Telling; readonly relay: Relay },
): Dumps {
  return createDumps({
    log,
    pathOf(kind, dumper) {
      const kept = readings.inForce();
      if (!kept || dumper === "api" || dumper === "starter") return undefined;
      const { outline } = kept;
      const identity = { namespace: options.namespace ?? outline.netNamespace, instance: outline.instanceName };
      return dumpPath(kind === "stats-clear" ? "stats" : kind, dumper, place.directory, identity, outline.dumps);
    },
    open: (path) => place.open(path, 0o666 & ~(options.umask ?? readings.inForce()?.outline.umask ?? 0o177)),
    line: (area, message) => log({ level: "info", area, message }),
    own() {
      // What is global the api's share has, and little else.
      const assembly = createAssembly();
      for (const piece of readings.share("api").pieces) assembly.take(place.unpack(piece));
      const config = assembly.config();
      return parentDump(config, (command) => accountText(command, config.global.scripts));
    },
    isRunning: workers.isRunning,
    tell: (role, message) => void workers.send(role, message),
    problem(path, reason) {
      telling.report({ kind: "facts", role: "parent", values: { dumps: reason === "" ? "" : `${path}: ${reason}` } });
      const [from, to] = reason === "" ? ["failed", "written"] : ["written", "failed"];
      relay.event("process", `dump ${path}`, from, to, reason);
    },
  });
}
