// Adapter: polling the carrier of interfaces whose drivers don't tell by netlink (linkbeat_interfaces, linkbeat_use_polling), by
// MII register, ethtool, or interface flags: the method asked for, else the first that the driver answers.
import { SyscallError } from "../../ffi/errno.ts";
import { ethtoolLink } from "../../ffi/ethtool.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { IFREQ, ioctl, SIOCGIFFLAGS, SIOCGMIIPHY, SIOCGMIIREG } from "../../ffi/ioctl.ts";
import { AF_INET } from "../../ffi/sockaddr.ts";
import { SOCK_DGRAM, socket } from "../../ffi/socket.ts";
import type { Clock } from "../base/clock.ts";

const EOPNOTSUPP = 95;
const POLL_MS = 500;
const MII_BMSR = 1;
const BMSR_LINK = 0x0004;
const IFF_UP_RUNNING = 0x41;
const METHODS = ["MII", "ETHTOOL", "IOCTL"] as const;

export type LinkMethod = (typeof METHODS)[number];

export interface PolledInterface {
  readonly interface: string;
  readonly method?: LinkMethod;
}

export interface LinkMonitor {
  /** Last answer; undefined when there is no such interface. */
  carrier(name: string): boolean | undefined;
  /** Polls these from now on. */
  setInterfaces(interfaces: readonly PolledInterface[]): void;
  [Symbol.dispose](): void;
}

/** `onChange` is called for every interface once, and again whenever its carrier changes; undefined: no such interface. */
export function openLinkMonitor(
  clock: Clock,
  interfaces: readonly PolledInterface[],
  onChange: (name: string, carrier: boolean | undefined) => void,
): LinkMonitor {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  let polled = interfaces;
  let open = true;
  const carriers = new Map<string, boolean | undefined>();
  const methods = new Map<string, LinkMethod>();
  let cancel = clock.at(clock.now(), poll);

  function poll(): void {
    for (const one of polled) {
      const carrier = ask(one);
      if (carriers.has(one.interface) && carriers.get(one.interface) === carrier) continue;
      carriers.set(one.interface, carrier);
      onChange(one.interface, carrier);
    }
    if (open) cancel = clock.at(clock.now() + POLL_MS, poll);
  }

  function ask({ interface: name, method }: PolledInterface): boolean | undefined {
    const known = methods.get(name);
    const order = known ? [known] : method ? [method, ...METHODS.filter((m) => m !== method)] : METHODS;
    for (const candidate of order) {
      try {
        const carrier = carrierBy(fd, candidate, name);
        methods.set(name, candidate);
        return carrier;
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        methods.delete(name);
        if (error.code === "ENODEV") return undefined;
      }
    }
    return undefined;
  }

  return {
    carrier: (name) => carriers.get(name),
    setInterfaces(next) {
      polled = next;
      const names = new Set(next.map((one) => one.interface));
      for (const name of [...carriers.keys()]) if (!names.has(name)) carriers.delete(name);
      methods.clear();
    },
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      cancel();
      close(fd);
    },
  };
}

function carrierBy(fd: Fd, method: LinkMethod, name: string): boolean {
  switch (method) {
    case "MII":
      return miiLink(fd, name);
    case "ETHTOOL":
      return ethtoolLink(fd, name);
    case "IOCTL": {
      const request = IFREQ.encode({ name });
      ioctl(fd, SIOCGIFFLAGS, request);
      return (IFREQ.decode(request).flags & IFF_UP_RUNNING) === IFF_UP_RUNNING;
    }
  }
}

/** struct mii_ioctl_data in the ifreq: u16 phy, register, value in, value out, from byte 16 on. */
function miiLink(fd: Fd, name: string): boolean {
  const request = IFREQ.encode({ name });
  ioctl(fd, SIOCGMIIPHY, request);
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
  view.setUint16(18, MII_BMSR, true);
  ioctl(fd, SIOCGMIIREG, request);
  const status = view.getUint16(22, true);
  // No such register behind this driver, whatever it says.
  if (status === 0 || status === 0xffff) throw new SyscallError("ioctl", EOPNOTSUPP, `SIOCGMIIREG ${name}`);
  return (status & BMSR_LINK) !== 0;
}
