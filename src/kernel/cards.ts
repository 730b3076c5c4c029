// Adapter: network cards, by what stays when the kernel counts them in another order: their permanent address and their place on the bus.
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";

/** As appliance/network/wanted.ts takes one. */
export interface CardFacts {
  readonly name: string;
  readonly mac: string;
  readonly driver?: string;
  readonly path?: string;
}

/** Cards of this machine, sorted by name; links that have no hardware are none. */
export function readCards(sys = "/sys/class/net"): readonly CardFacts[] {
  return readdirSync(sys)
    .filter((name) => existsSync(join(sys, name, "device")))
    .sort()
    .map((name) => {
      const device = realpathSync(join(sys, name, "device"));
      const driver = linkTarget(join(device, "driver"));
      const path = pathOnBus(device);
      return {
        name,
        mac: permanentMac(join(sys, name)),
        ...(driver !== undefined && { driver }),
        ...(path !== undefined && { path }),
      };
    });
}

/** kernel: while a card is in a bond its address is the bond's; `bonding_slave/perm_hwaddr` keeps its own. */
function permanentMac(folder: string): string {
  for (const name of ["bonding_slave/perm_hwaddr", "address"]) {
    try {
      return readFileSync(join(folder, name), "utf8").trim().toLowerCase();
    } catch {
      // Not in a bond.
    }
  }
  return "";
}

/** As udev's ID_PATH has it for devices on PCI: the last PCI function on the way to the device. */
function pathOnBus(device: string): string | undefined {
  const functions = device.split("/").filter((part) => /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(part));
  const last = functions.at(-1);
  return last === undefined ? undefined : `pci-${last}`;
}

function linkTarget(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}
