// Adapter: a terminal device that a screen is drawn on and keys are read from (termios(3), ioctl_tty(2)). Other writers go on: lines of the
// kernel and of this machine's log still end as lines, so only what is typed is taken raw. Nothing here waits for the other end.
import { close, O_NONBLOCK, O_RDWR, open, read, write } from "../../ffi/fd.ts";
import { ioctl } from "../../ffi/ioctl.ts";

const O_NOCTTY = 0o400;
/** asm-generic/ioctls.h */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCGWINSZ = 0x5413;
/** struct termios of the kernel: four flags, line discipline, 19 control characters. */
const TERMIOS_BYTES = 36;
const IFLAG = 0;
const CFLAG = 8;
const LFLAG = 12;
const VTIME = 17 + 5;
const VMIN = 17 + 6;
/** ISIG, ICANON, ECHO, IEXTEN: no key ends a program here. */
const COOKED = 0o1 | 0o2 | 0o10 | 0o100000;
/** Control-S would hold up all that is written here, also by others. */
const IXON = 0o2000;
const CBAUD = 0o10017;
/** asm-generic/termbits.h */
const SPEEDS: Readonly<Record<number, number>> = {
  1200: 0o11,
  2400: 0o13,
  4800: 0o14,
  9600: 0o15,
  19200: 0o16,
  38400: 0o17,
  57600: 0o10001,
  115200: 0o10002,
  230400: 0o10003,
  460800: 0o10004,
  921600: 0o10007,
};
/** What a serial line has, which knows no size. */
const DEFAULT_SIZE = { rows: 24, columns: 80 };
const KEY_BYTES = 64;
/** Text that waits for a terminal that takes nothing: a few screens. */
const MAX_WAITING_BYTES = 65_536;

export interface Terminal {
  size(): { readonly rows: number; readonly columns: number };
  /** What it does not take now waits for the next call; false: too much waits, and this was dropped. */
  write(text: string): boolean;
  /** What was typed since the last call; empty: nothing. @throws SyscallError when the line is gone */
  keys(): string;
  /** As it was before. */
  close(): void;
}

/** @param baud set where the kernel has not done so; @throws SyscallError ENOENT, EIO where no device is behind the name */
export function openTerminal(path: string, baud?: number): Terminal {
  const fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
  const before = new Uint8Array(TERMIOS_BYTES);
  try {
    ioctl(fd, TCGETS, before);
    ioctl(fd, TCSETS, rawKeys(before, baud));
  } catch (error) {
    close(fd);
    throw error;
  }
  let waiting = Buffer.alloc(0);
  const flush = () => {
    while (waiting.byteLength > 0) {
      const written = write(fd, waiting);
      if (written === undefined) return;
      waiting = waiting.subarray(written);
    }
  };
  return {
    size() {
      const size = new Uint8Array(8);
      ioctl(fd, TIOCGWINSZ, size);
      const [rows = 0, columns = 0] = new Uint16Array(size.buffer);
      return rows > 0 && columns > 0 ? { rows, columns } : DEFAULT_SIZE;
    },
    write(text) {
      flush();
      if (waiting.byteLength > MAX_WAITING_BYTES) return false;
      waiting = Buffer.concat([waiting, Buffer.from(text)]);
      flush();
      return true;
    },
    keys() {
      const bytes = new Uint8Array(KEY_BYTES);
      const count = read(fd, bytes) ?? 0;
      return Buffer.from(bytes.subarray(0, count)).toString("latin1");
    },
    close() {
      ioctl(fd, TCSETS, before);
      close(fd);
    },
  };
}

function rawKeys(before: Uint8Array, baud: number | undefined): Uint8Array {
  const changed = before.slice();
  const flags = new DataView(changed.buffer);
  flags.setUint32(IFLAG, flags.getUint32(IFLAG, true) & ~IXON, true);
  flags.setUint32(LFLAG, flags.getUint32(LFLAG, true) & ~COOKED, true);
  const speed = baud === undefined ? undefined : SPEEDS[baud];
  if (speed !== undefined) flags.setUint32(CFLAG, (flags.getUint32(CFLAG, true) & ~CBAUD) | speed, true);
  // read(2) gives what there is, and does not wait.
  changed[VTIME] = 0;
  changed[VMIN] = 0;
  return changed;
}
