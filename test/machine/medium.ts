// Test machine: starts a machine from a medium as `make image` makes it, through a firmware: SeaBIOS, or EDK II with or without Secure Boot and the
// keys that machines are sold with. Nothing is written to the medium.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Machine, type RunningMachine, startEmulator } from "./qemu.ts";

export type Firmware = "bios" | "uefi" | "secure";

export type Medium =
  | { readonly kind: "disk"; readonly file: string; readonly format?: "raw" | "qcow2"; readonly keep?: boolean }
  | { readonly kind: "disc" | "stick"; readonly file: string }
  /** A folder that a TFTP server gives, and what the firmware asks for. */
  | { readonly kind: "network"; readonly folder: string; readonly file: string }
  /** A program of UEFI, as the firmware finds one on a stick. */
  | { readonly kind: "program"; readonly file: string };

export interface MediumMachine extends Pick<Machine, "memoryMb" | "cpus" | "forward" | "limitMs" | "line"> {
  readonly firmware: Firmware;
  readonly medium: Medium;
  /** The card's address: network.yaml knows it by that. */
  readonly macAddress?: string;
  /** Its cards, on tap devices, in place of the one that leads to `forward`. */
  readonly cards?: readonly { readonly tap: string; readonly macAddress: string }[];
  /** Words before the emulator's own: where it is to run. */
  readonly enter?: readonly string[];
  /** More of QEMU's arguments. */
  readonly more?: readonly string[];
}

const FIRMWARE_FOLDER = "/usr/share/OVMF";

export function startMedium(machine: MediumMachine): RunningMachine {
  const work = mkdtempSync(join(tmpdir(), "lbd-medium-"));
  const { memoryMb, cpus, firmware, medium, more = [] } = machine;
  const running = startEmulator(
    "qemu-system-x86_64",
    [
      ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", `${cpus}`, "-m", `${memoryMb}`],
      ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio"],
      ...firmwareArguments(firmware, work),
      ...mediumArguments(medium, work),
      ...(machine.cards?.flatMap(cardArguments) ?? networkArguments(machine)),
      ...more,
    ],
    machine,
  );
  const remove = () => rmSync(work, { recursive: true, force: true });
  return { ...running, finished: running.finished.finally(remove) };
}

function firmwareArguments(firmware: Firmware, work: string): string[] {
  if (firmware === "bios") return ["-machine", "q35"];
  const keys = firmware === "secure" ? ".ms" : "";
  const variables = join(work, "variables.fd");
  copyFileSync(join(FIRMWARE_FOLDER, `OVMF_VARS_4M${keys}.fd`), variables);
  const flash = (unit: number, file: string, rest: string) => [
    "-drive",
    `if=pflash,format=raw,unit=${unit},file=${file}${rest}`,
  ];
  return [
    ...["-machine", firmware === "secure" ? "q35,smm=on" : "q35"],
    ...(firmware === "secure" ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    ...flash(0, join(FIRMWARE_FOLDER, `OVMF_CODE_4M${keys}.fd`), ",readonly=on"),
    ...flash(1, variables, ""),
  ];
}

function mediumArguments(medium: Medium, work: string): string[] {
  switch (medium.kind) {
    case "disk": {
      const drive = `if=none,id=m,format=${medium.format ?? "raw"},file=${medium.file}`;
      return [
        "-drive",
        `${drive}${medium.keep ? "" : ",snapshot=on"}`,
        "-device",
        "virtio-blk-pci,drive=m,bootindex=1",
      ];
    }
    case "disc":
      return [
        "-drive",
        `if=none,id=m,media=cdrom,readonly=on,file=${medium.file}`,
        "-device",
        "ide-cd,drive=m,bootindex=0",
      ];
    case "stick":
      return stick(`format=raw,snapshot=on,file=${medium.file}`);
    case "network":
      return [];
    case "program": {
      const place = join(work, "EFI/BOOT/BOOTX64.EFI");
      mkdirSync(dirname(place), { recursive: true });
      copyFileSync(medium.file, place);
      return stick(`format=raw,readonly=on,file=fat:${work}`);
    }
  }
}

function stick(drive: string): string[] {
  return ["-device", "qemu-xhci", "-drive", `if=none,id=m,${drive}`, "-device", "usb-storage,drive=m,bootindex=0"];
}

function cardArguments({ tap, macAddress }: NonNullable<MediumMachine["cards"]>[number]): string[] {
  return [
    ...["-netdev", `tap,id=${tap},ifname=${tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=${tap},mac=${macAddress},romfile=`],
  ];
}

function networkArguments({
  medium,
  firmware,
  forward = [],
  macAddress = "52:54:00:aa:00:01",
}: MediumMachine): string[] {
  const forwards = forward.map(({ host, guest }) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join("");
  const server = medium.kind === "network" ? `,tftp=${medium.folder},bootfile=${medium.file}` : "";
  // A BIOS boots from the network by a program on the card, UEFI by its own.
  const rom = medium.kind === "network" ? `,bootindex=0${firmware === "bios" ? "" : ",romfile="}` : ",romfile=";
  return [
    ...["-netdev", `user,id=u,restrict=on${server}${forwards}`],
    ...["-device", `virtio-net-pci,netdev=u,mac=${macAddress}${rom}`],
  ];
}
