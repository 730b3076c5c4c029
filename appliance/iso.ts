// Appliance: the live medium, an ISO that starts from a disc and, written to a stick, from that, on BIOS and UEFI with Secure Boot. It holds
// kernel and root, and the disk image that it installs (live/lbd.img.zst).
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GRUB_CONSOLES, liveCommandLine } from "./command-line.ts";
import { type DiskParts, signedLoaders } from "./disk.ts";
import { writeFat } from "./fat.ts";

/** The volume's name, by which the running system finds it. */
export const LIVE_LABEL = "LBD-LIVE";
const ESP_BYTES = 10 * 1024 * 1024;
const BIOS_MODULES =
  "biosdisk iso9660 part_gpt part_msdos normal configfile linux boot serial terminal test echo sleep reboot";

const CONFIG = `${GRUB_CONSOLES}
set files="($root)/live/initrd"
if [ -f ($root)/live/configuration.cpio ]; then set files="$files ($root)/live/configuration.cpio"; fi
if linux ($root)/live/vmlinuz ${liveCommandLine("iso")}; then
  if initrd $files; then boot; fi
fi
echo "lbd: this medium can't be read: starting again in 10 seconds"
sleep 10
reboot
`;

/** Files of this machine by their place below live/: vmlinuz, initrd, lbd.img.zst with SHA256SUMS, perhaps configuration.cpio. */
export function makeIso(parts: DiskParts, path: string, live: ReadonlyMap<string, string>): void {
  const { tools, packages, work, epoch } = parts;
  const esp = join(work, "iso-esp.img");
  const loaders = signedLoaders(parts);
  // GRUB of UEFI looks for this one on the ISO, from a disc and from a stick; where it takes the small partition for its own, on that.
  const first = "search --set=root --file /live/vmlinuz\nconfigfile ($root)/boot/grub/grub.cfg\n";
  loaders.set("EFI/debian/grub.cfg", first);
  writeFat(esp, { bytes: ESP_BYTES, label: "LBD-ISO", serial: 0x1bd0_0003, epochS: epoch }, loaders);

  const grub = join(packages.of("grub-pc-bin").root, "usr/lib/grub/i386-pc");
  const tree = join(work, "iso");
  const put = (name: string, content: string) => {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), content);
  };
  put("boot/grub/grub.cfg", CONFIG);
  put("EFI/debian/grub.cfg", first);
  const eltorito = join(tree, "boot/grub/eltorito.img");
  tools.run("grub-mkimage", [
    "-d",
    grub,
    "-O",
    "i386-pc-eltorito",
    "-p",
    "/boot/grub",
    "-o",
    eltorito,
    ...BIOS_MODULES.split(" "),
  ]);
  mkdirSync(join(tree, "live"));
  for (const [name, from] of live) copyFileSync(from, join(tree, "live", name));
  tools.run("xorriso", [
    ...["-as", "mkisofs", "-quiet", "-o", path, "-V", LIVE_LABEL, "-r", "-J"],
    // Dates, numbers of the volume and GUIDs come from SOURCE_DATE_EPOCH.
    ...["--set_all_file_dates", isoDate(epoch), `--modification-date=${isoDate(epoch)}`],
    ...["--grub2-mbr", join(grub, "boot_hybrid.img"), "-b", "boot/grub/eltorito.img", "-no-emul-boot"],
    ...["-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"],
    ...["-append_partition", "2", "0xef", esp, "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"],
    tree,
  ]);
}

/** YYYYMMDDhhmmsscc. */
function isoDate(epoch: number): string {
  return `${new Date(epoch * 1000).toISOString().slice(0, 19).replace(/\D/g, "")}00`;
}
