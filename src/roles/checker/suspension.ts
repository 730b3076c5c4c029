// Role checker: ha_suspend: the checks of a virtual server rest while none of its addresses is on this machine.
import type { Config } from "../../config/model/config.ts";
import type { VirtualServer } from "../../config/model/lvs.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import type { AddressWatch, CheckerPorts } from "./ports.ts";

export interface Suspension {
  /** Watches this machine's addresses as long as a virtual server of the configuration asks for it. */
  follow(config: Config): void;
  /** Whether the checks of a virtual server are to rest now. */
  isAway(virtualServer: VirtualServer): boolean;
  stop(): void;
}

/** @param changed there are other addresses than before */
export function createSuspension(watchAddresses: CheckerPorts["watchAddresses"], changed: () => void): Suspension {
  let addresses: ReadonlySet<string> = new Set();
  let watch: AddressWatch | undefined;

  return {
    follow({ virtualServers, global: { lvs } }) {
      const wanted = virtualServers.some((virtualServer) => virtualServer.haSuspend);
      if (wanted && !watch) {
        watch = watchAddresses((now) => {
          addresses = now;
          changed();
        });
        addresses = watch.now;
      } else if (!wanted) {
        watch?.stop();
        watch = undefined;
      }
      watch?.setReceiveBuffer(wishedBuffer(lvs.monitorRcvBufBytes, lvs.monitorRcvBufForce));
    },
    // Marks have no address; keepalived leaves groups out, too.
    isAway({ haSuspend, services }) {
      if (!haSuspend) return false;
      const own = services.flatMap((service) => (service.kind === "address" ? [service.ip] : []));
      return own.length > 0 && !own.some((ip) => addresses.has(ip));
    },
    stop: () => watch?.stop(),
  };
}
