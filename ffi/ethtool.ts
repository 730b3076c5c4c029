// SIOCETHTOOL: struct ifreq holds the address of the command, so both are pinned.
import { check, type Fd } from "./fd.ts";
import { libc } from "./index.ts";
import { SIOCETHTOOL } from "./ioctl.ts";
import { cstring, layout, u32, u64 } from "./layout.ts";
import { addressOf, pinned } from "./memory.ts";

const ETHTOOL_GLINK = 0x0a;
const IFREQ_DATA = layout({ name: cstring(0, 16), data: u64(16) }, 40);
const ETHTOOL_VALUE = layout({ command: u32(0), data: u32(4) });

const request = pinned(IFREQ_DATA.sizeBytes);
const value = pinned(ETHTOOL_VALUE.sizeBytes);

/** Does the driver see a carrier? @throws SyscallError ENODEV, EOPNOTSUPP when the driver can't say */
export function ethtoolLink(fd: Fd, interfaceName: string): boolean {
  ETHTOOL_VALUE.encode({ command: ETHTOOL_GLINK, data: 0 }, value);
  IFREQ_DATA.encode({ name: interfaceName, data: addressOf(value) }, request);
  check(libc.ioctl(fd, SIOCETHTOOL, request), "ioctl", `SIOCETHTOOL ETHTOOL_GLINK ${interfaceName}`);
  return ETHTOOL_VALUE.decode(value).data !== 0;
}
