// Role checker: what keepalived's dump of the health checks is made of (src/dump), as everything stands now.
import type { CheckState } from "../../check/runner-state.ts";
import type { Config } from "../../config/model/config.ts";
import { servicesDump } from "../../dump/services.ts";
import type { CheckShown, ServiceShown } from "../../dump/services-source.ts";
import { accountText } from "../../kernel/accounts.ts";
import { desiredDestinations } from "../../lvs/desired.ts";
import { destinationKey } from "../../lvs/keys.ts";
import type { DumpKind } from "../role.ts";
import type { CheckedService } from "./served.ts";

export function dumpOf(
  kind: DumpKind,
  config: Config | undefined,
  services: Iterable<CheckedService>,
): Iterable<string> | undefined {
  if (kind !== "data" || !config) return undefined;
  const { scripts } = config.global;
  const names = new Map(config.vrrp.files.toReversed().map(({ name, path }) => [path, name]));
  return servicesDump({
    config,
    accountOf: (command) => accountText(command, scripts),
    services: [...services].map((service) => shownOf(service, names)),
  });
}

function shownOf(service: CheckedService, names: ReadonlyMap<string, string>): ServiceShown {
  const { virtualServer, standing, servers, suspended } = service;
  const wanted = new Set(desiredDestinations(virtualServer, standing).map(destinationKey));
  return {
    virtualServer,
    isUp: standing.quorumUp,
    isSuspended: suspended,
    servers: servers.map(({ realServer, checks }) => {
      const own = standing.realServers.get(realServer.id);
      return {
        realServer,
        isHealthy: own?.healthy ?? true,
        weight: own?.weight ?? realServer.weight,
        isSet: wanted.has(destinationKey(realServer)),
        checks: checks.map((check) => checkShown(check, realServer.weight, names)),
      };
    }),
  };
}

function checkShown(state: CheckState, configured: number, names: ReadonlyMap<string, string>): CheckShown {
  const { health, runs, endedWallMs, outcome, weight } = state;
  // From the start of the role on its check has the path (settings.ts).
  const check =
    state.check.kind === "FILE_CHECK"
      ? { ...state.check, file: names.get(state.check.file) ?? state.check.file }
      : state.check;
  const said = (pattern: RegExp) => Number(pattern.exec(outcome?.reason ?? "")?.[1] ?? 0);
  return {
    check,
    isUp: health.up,
    hasRun: runs > 0,
    failures: health.failures,
    weight: weight === undefined ? 0 : "add" in weight ? weight.add : weight.set - configured,
    ranAtMs: runs > 0 ? endedWallMs : 0,
    lastStatus: check.kind === "MISC_CHECK" ? said(/status (\d+)/) : 0,
    fileValue: check.kind === "FILE_CHECK" ? said(/^file says (-?\d+)/) : 0,
  };
}
