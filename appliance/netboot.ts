// Appliance: what a machine is started with over the network: a folder that is the root of a TFTP server. GRUB for BIOS, Debian's signed shim
// and GRUB for UEFI, a script for iPXE; all take the same kernel and root, and a configuration, of one machine or of all.
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GRUB_CONSOLES, liveCommandLine } from "./command-line.ts";
import { type DiskParts, signedLoaders } from "./disk.ts";

const BIOS_MODULES = "pxe tftp normal configfile linux boot serial terminal test echo sleep reboot";

const GRUB_CONFIG = `${GRUB_CONSOLES}
# configuration/52:54:00:aa:00:01.cpio is one machine's, configuration.cpio is for all (docs/appliance.md says how they are made). A file that the
# server does not have is an error before anything is read.
if linux /vmlinuz ${liveCommandLine("netboot")}; then
  if initrd /initrd /configuration/$net_default_mac.cpio; then boot; fi
  if initrd /initrd /configuration.cpio; then boot; fi
  if initrd /initrd; then boot; fi
fi
echo "lbd: the server has no kernel or root: starting again in 10 seconds"
sleep 10
reboot
`;

const IPXE_SCRIPT = `#!ipxe
kernel vmlinuz initrd=initrd initrd=configuration.cpio ${liveCommandLine("netboot")}
initrd --name initrd initrd
initrd --name configuration.cpio configuration/\${net0/mac}.cpio || initrd --name configuration.cpio configuration.cpio || echo no configuration
boot
`;

/** @param files of this machine, on the same file system, by their names in the folder: vmlinuz, initrd, perhaps configuration.cpio */
export function makeNetboot(parts: DiskParts, folder: string, files: ReadonlyMap<string, string>): void {
  const { tools, packages } = parts;
  mkdirSync(join(folder, "grub"), { recursive: true });
  for (const [name, from] of files) linkSync(from, join(folder, name));
  writeFileSync(join(folder, "grub/grub.cfg"), GRUB_CONFIG);
  writeFileSync(join(folder, "lbd.ipxe"), IPXE_SCRIPT);
  const grub = join(packages.of("grub-pc-bin").root, "usr/lib/grub/i386-pc");
  const words = ["-d", grub, "-O", "i386-pc-pxe", "-p", "/grub", "-o", join(folder, "lbd.pxe")];
  tools.run("grub-mkimage", [...words, ...BIOS_MODULES.split(" ")]);
  const loaders = signedLoaders(parts, "grubnetx64.efi.signed");
  writeFileSync(join(folder, "bootx64.efi"), loaders.get("EFI/BOOT/BOOTX64.EFI") ?? "");
  writeFileSync(join(folder, "grubx64.efi"), loaders.get("EFI/BOOT/grubx64.efi") ?? "");
}
