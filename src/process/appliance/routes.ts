// Process layer, appliance: the table of the machine's own routes, whole: what the doors serve, what the document lists, what the tests ask.
import { checkRoute } from "./access/check-folder.ts";
import { type MachinePorts, machineRoutes } from "./access/routes.ts";
import type { ApplianceRoute } from "./api.ts";
import { type ConfigurationRoutePorts, configurationRoutes } from "./configuration-routes.ts";
import type { Drain } from "./drain.ts";
import { type ApplianceStatus, statusRoute } from "./status.ts";
import { type Updates, updateRoute } from "./update.ts";

export interface ApplianceRoutePorts {
  status(): ApplianceStatus;
  readonly machine: MachinePorts;
  readonly configuration: ConfigurationRoutePorts;
  readonly updates: Updates;
  readonly drain: Pick<Drain, "routes">;
  /** The copy of the configuration in memory. */
  readonly folder: string;
  /** That judges the folder: this one; another in tests. */
  readonly program?: readonly string[];
}

export function applianceRoutes(ports: ApplianceRoutePorts): readonly ApplianceRoute[] {
  const { status, machine, configuration, updates, drain, folder, program } = ports;
  return [
    statusRoute(status),
    ...machineRoutes(machine),
    ...configurationRoutes(configuration),
    checkRoute(folder, program),
    ...drain.routes,
    updateRoute(updates),
  ];
}
