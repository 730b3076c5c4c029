// Appliance: what an image has of the kind of machine that it is for. Another kind has another one of these, a compiler for appliance/init.c, a list of
// modules without those of PCs, and lbd of its own (docs/appliance.md says what is missing for arm64).

export interface Architecture {
  /** Debian's word. */
  readonly name: "amd64";
  /** Folder of libraries, and the dynamic loader, as programs name them. */
  readonly libraries: string;
  readonly loader: string;
  /** What UEFI calls it, in names of loaders: BOOTX64.EFI, grubx64.efi. */
  readonly efi: string;
  /** GRUB's folder of signed loaders. */
  readonly signedGrub: string;
  /** Packages of the loaders. */
  readonly bootPackages: readonly string[];
  /** The kernel's name of the serial console with its speed. */
  readonly serial: string;
}

export const AMD64: Architecture = {
  name: "amd64",
  libraries: "usr/lib/x86_64-linux-gnu",
  loader: "lib64/ld-linux-x86-64.so.2",
  efi: "x64",
  signedGrub: "usr/lib/grub/x86_64-efi-signed",
  bootPackages: ["grub-pc-bin", "grub-efi-amd64-signed", "shim-signed", "systemd-boot-efi"],
  serial: "ttyS0,115200",
};
