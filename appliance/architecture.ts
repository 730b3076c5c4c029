// Appliance: what differs between the machines that images are made for. Tools that make an image always run on amd64.

export interface Architecture {
  /** Debian's word. */
  readonly name: "amd64" | "arm64";
  /** Folder of libraries, and the dynamic loader, as programs name them. */
  readonly libraries: string;
  readonly loader: string;
  /** What UEFI calls it, in names of loaders: BOOTX64.EFI, grubx64.efi. */
  readonly efi: string;
  /** GRUB's folder of signed loaders. */
  readonly signedGrub: string;
  /** There is a BIOS to start from. */
  readonly bios: boolean;
  /** Packages of the loaders. */
  readonly bootPackages: readonly string[];
  /** The kernel's name of the serial console with its speed. */
  readonly serial: string;
  /** In modules.txt and of no use here: the kernel has none of that name. */
  readonly withoutModules: readonly string[];
}

const AMD64: Architecture = {
  name: "amd64",
  libraries: "usr/lib/x86_64-linux-gnu",
  loader: "lib64/ld-linux-x86-64.so.2",
  efi: "x64",
  signedGrub: "usr/lib/grub/x86_64-efi-signed",
  bios: true,
  bootPackages: ["grub-pc-bin", "grub-efi-amd64-signed", "shim-signed", "systemd-boot-efi"],
  serial: "ttyS0,115200",
  withoutModules: [],
};

export const ARCHITECTURES: Readonly<Record<Architecture["name"], Architecture>> = {
  amd64: AMD64,
  arm64: {
    name: "arm64",
    libraries: "usr/lib/aarch64-linux-gnu",
    loader: "lib/ld-linux-aarch64.so.1",
    efi: "aa64",
    signedGrub: "usr/lib/grub/arm64-efi-signed",
    bios: false,
    bootPackages: ["grub-efi-arm64-signed", "shim-signed", "systemd-boot-efi"],
    serial: "ttyAMA0,115200",
    withoutModules: [],
  },
};
