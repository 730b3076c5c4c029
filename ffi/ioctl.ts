// ioctl(2) on bytes, and struct ifreq.
import { check, type Fd } from "./fd.ts";
import { libc } from "./index.ts";
import { cstring, i32, layout, u8, u16 } from "./layout.ts";

export const SIOCGIFFLAGS = 0x8913;
export const SIOCGIFMTU = 0x8921;
export const SIOCETHTOOL = 0x8946;
export const SIOCGMIIPHY = 0x8947;
export const SIOCGMIIREG = 0x8948;

/** linux/watchdog.h: _IOWR and _IOR of 'W' with an int. */
export const WDIOC_SETTIMEOUT = 0xc004_5706;
export const WDIOC_GETTIMEOUT = 0x8004_5707;

/** struct ifreq with the forms of its union that are used. */
export const IFREQ = layout(
  {
    name: cstring(0, 16),
    flags: u16(16),
    index: i32(16),
    mtu: i32(16),
    hardwareType: u16(16),
    firstHardwareByte: u8(18),
  },
  40,
);

/** Calls ioctl with memory that the kernel may read and write; gives its result. @throws SyscallError ENODEV, EOPNOTSUPP … */
export function ioctl(fd: Fd, request: number, memory: Uint8Array): number {
  return check(libc.ioctl(fd, request, memory), "ioctl", `fd ${fd} request 0x${request.toString(16)}`);
}

/** linux/fs.h: read the table of partitions again; forget what of the device is in memory. */
export const BLKRRPART = 0x125f;
export const BLKFLSBUF = 0x1261;
