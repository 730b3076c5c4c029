// Role checker: ha_suspend: the checks of a virtual server rest while none of its addresses is on this machine.
import type { Config } from "../../config/model/config.ts";
import type { VirtualServer } from "../../config/model/lvs.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import type { AddressWatch, CheckerPorts } from "./ports.ts";
import type { CheckedService } from "./served.ts";
import type { CheckerServices } from "./services.ts";

export interface SuspensionPorts extends Pick<CheckerPorts, "watchAddresses"> {
  readonly services: Pick<CheckerServices, "all" | "suspend">;
  /** The checks of a service rest now, or go on. */
  suspended(service: CheckedService): void;
}

export interface Suspension {
  /** Watches this machine's addresses as long as a virtual server of the configuration asks for it. */
  follow(config: Config): void;
  /** Has the checks of a service that was taken on rest, if they are to. */
  judge(service: CheckedService): void;
  stop(): void;
}

export function createSuspension({ watchAddresses, services, suspended }: SuspensionPorts): Suspension {
  let addresses: ReadonlySet<string> = new Set();
  let watch: AddressWatch | undefined;

  function takeAddresses(now: ReadonlySet<string>): void {
    addresses = now;
    for (const service of services.all()) {
      if (isAway(service.virtualServer, addresses) === service.suspended) continue;
      services.suspend(service, !service.suspended);
      suspended(service);
    }
  }

  return {
    follow({ virtualServers, global: { lvs } }) {
      const wanted = virtualServers.some((virtualServer) => virtualServer.haSuspend);
      if (wanted && !watch) {
        watch = watchAddresses(takeAddresses);
        addresses = watch.now;
      } else if (!wanted) {
        watch?.stop();
        watch = undefined;
      }
      watch?.setReceiveBuffer(wishedBuffer(lvs.monitorRcvBufBytes, lvs.monitorRcvBufForce));
    },
    judge: (service) => services.suspend(service, isAway(service.virtualServer, addresses)),
    stop: () => watch?.stop(),
  };
}

/** Marks have no address; keepalived leaves groups out, too. */
function isAway({ haSuspend, services }: VirtualServer, addresses: ReadonlySet<string>): boolean {
  if (!haSuspend) return false;
  const own = services.flatMap((service) => (service.kind === "address" ? [service.ip] : []));
  return own.length > 0 && !own.some((ip) => addresses.has(ip));
}
