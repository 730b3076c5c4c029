// Appliance: what GRUB, a unified kernel image or iPXE tells the kernel of a medium that keeps nothing. The slots of a disk have theirs in grub.cfg.

/** `medium` is for people and the console: what the machine was started from. */
export function liveCommandLine(medium: "iso" | "netboot" | "uki", serial = "ttyS0,115200"): string {
  return `console=tty0 console=${serial} rootfstype=ramfs panic=5 lbd.live=${medium}`;
}

/** GRUB's first lines everywhere: no menu, no key is waited for, both consoles. */
export const GRUB_CONSOLES = `set timeout=0
set gfxpayload=text
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
`;
