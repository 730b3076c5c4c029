// Adapter: disks of this machine, what is on them, and who uses them, as /sys, /proc and their first bytes show it. Nothing is written.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";

export interface Disk {
  /** `sdb`. */
  readonly name: string;
  /** `/dev/sdb`. */
  readonly device: string;
  readonly bytes: number;
  /** As the maker calls it; empty when it says nothing. */
  readonly model: string;
  readonly usb: boolean;
  /** `sdb1 ext4`, one each; of a disk without partitions what is on the whole of it. */
  readonly contents: readonly string[];
  /** Why it must not be written, in words; empty: nothing stands against it. */
  readonly uses: readonly string[];
}

export interface DiskPlaces {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
}

const PLACES: DiskPlaces = { sys: "/sys", proc: "/proc", dev: "/dev" };
/** Memory, files and what is put together of others: no disk that a machine starts from. */
const NO_DISK = /^(loop|ram|zram|sr|fd|dm-|md|nbd|mtdblock|zd)\d*/;

/** Every disk, sorted by name. */
export function readDisks(places: DiskPlaces = PLACES): readonly Disk[] {
  const users = usersOf(places);
  return namesIn(join(places.sys, "block"))
    .filter((name) => !NO_DISK.test(name))
    .map((name) => diskOf(name, users, places))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => new Intl.Collator("en", { numeric: true }).compare(a.name, b.name));
}

function diskOf(name: string, users: Users, { sys, dev }: DiskPlaces): Disk {
  const folder = join(sys, "block", name);
  const text = (path: string) => readQuietly(join(folder, path)).trim();
  const parts = namesIn(folder).filter((part) => existsSync(join(folder, part, "partition")));
  const contents = (parts.length > 0 ? parts : [name]).flatMap((part) => {
    const kind = contentOf(join(dev, part));
    const label = /^PARTNAME=(.*)$/m.exec(readQuietly(join(folder, part, "uevent")))?.[1];
    const words = [part, label, kind].filter((word) => word !== undefined && word !== "");
    return words.length > 1 || part !== name ? [words.join(" ")] : [];
  });
  const uses = [name, ...parts].flatMap((part) => users.of(part, part === name ? folder : join(folder, part)));
  if (text("ro") === "1") uses.push("it can only be read");
  const vendor = text("device/vendor");
  const model = [/^(ATA|0x[0-9a-f]+)$/.test(vendor) ? "" : vendor, text("device/model") || text("device/name")];
  return {
    name,
    device: join(dev, name),
    bytes: Number(text("size")) * 512,
    model: model.filter((word) => word !== "").join(" "),
    usb: realPath(folder).includes("/usb"),
    contents,
    uses,
  };
}

interface Users {
  /** @param folder of the disk or partition in /sys */
  of(name: string, folder: string): readonly string[];
}

/** Mounts by number and by name of their device (btrfs has numbers of its own), swap, and what is put together of it. */
function usersOf({ sys, proc, dev }: DiskPlaces): Users {
  const mounts = readQuietly(join(proc, "self/mountinfo"))
    .split("\n")
    .flatMap((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , number = "", , at = ""] = before.split(" ");
      return number === "" ? [] : [{ number, at: unescaped(at), source: after.split(" ")[1] ?? "" }];
    });
  const swaps = readQuietly(join(proc, "swaps"))
    .split("\n")
    .slice(1)
    .map((line) => realPath(unescaped(line.split(/\s+/)[0] ?? "")));
  const own = (name: string, folder: string): string[] => {
    const number = readQuietly(join(folder, "dev")).trim();
    const device = join(dev, name);
    const at = mounts
      .filter((mount) => mount.number === number || realPath(mount.source) === device)
      .map((mount) => mount.at);
    const said = at.includes("/")
      ? [`${name} is the running system's own (/)`]
      : [...new Set(at)].slice(0, 1).map((place) => `${name} is mounted on ${place}`);
    return swaps.includes(device) ? [...said, `${name} is swap space in use`] : said;
  };
  const of = (name: string, folder: string, depth = 0): string[] => {
    const above = depth > 4 ? [] : namesIn(join(folder, "holders"));
    return [
      ...own(name, folder),
      ...above.flatMap((holder) => {
        const users = of(holder, join(sys, "block", holder), depth + 1);
        return users.length > 0 ? users : [`${name} is part of ${holder}`];
      }),
    ];
  };
  return { of };
}

/** proc(5): blanks are \040. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Marks of file systems and their like: offset and bytes (each one's own documentation; util-linux's libblkid has the same). */
const MARKS: readonly (readonly [string, number, string])[] = [
  ["LUKS", 0, "LUKS\xba\xbe"],
  ["LVM", 512, "LABELONE"],
  ["ext", 1080, "\x53\xef"],
  ["xfs", 0, "XFSB"],
  ["btrfs", 65_600, "_BHRfS_M"],
  ["ntfs", 3, "NTFS    "],
  ["exfat", 3, "EXFAT   "],
  ["vfat", 54, "FAT1"],
  ["vfat", 82, "FAT32   "],
  ["squashfs", 0, "hsqs"],
  ["iso9660", 32_769, "CD001"],
  ["swap", 4086, "SWAPSPACE2"],
  ["raid", 4096, "\xfc\x4e\x2b\xa9"],
  ["GPT", 512, "EFI PART"],
];
const MARK_BYTES = 66_000;

/** What is on a disk or partition, by its first bytes; undefined when it can't be read or is nothing known. */
function contentOf(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(MARK_BYTES);
    const read = bytes.subarray(0, readSync(fd, bytes, 0, MARK_BYTES, 0)).toString("latin1");
    return MARKS.find(([, offset, mark]) => read.startsWith(mark, offset))?.[0];
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The whole disk of a partition's name; undefined: it is no partition. */
export function wholeDiskOf(name: string, { sys }: DiskPlaces = PLACES): string | undefined {
  const folder = join(sys, "class/block", name);
  return existsSync(join(folder, "partition")) ? basename(join(realPath(folder), "..")) : undefined;
}
