// Appliance: the unified kernel image: kernel, root and command line in one program of UEFI, behind systemd's stub (uapi-group.org, «Unified Kernel
// Image»). A firmware starts it by itself, from any file system that it reads or over HTTP. It is not signed: Secure Boot takes it when the
// machine's owner has signed it (sbsign).
import { readFileSync, writeFileSync } from "node:fs";

export interface UkiParts {
  /** systemd's stub, linuxx64.efi.stub. */
  readonly stub: string;
  readonly vmlinuz: string;
  /** One behind the other; each but the last is padded, as the kernel expects it. */
  readonly initrd: readonly string[];
  readonly commandLine: string;
  readonly version: string;
}

export function makeUki(path: string, { stub, vmlinuz, initrd, commandLine, version }: UkiParts): void {
  const release = `ID=lbd\nNAME=lbd\nVERSION_ID=${version}\nPRETTY_NAME="lbd ${version}"\n`;
  const sections: readonly (readonly [string, Uint8Array])[] = [
    [".osrel", Buffer.from(release)],
    [".cmdline", Buffer.from(`${commandLine}\0`)],
    [".initrd", Buffer.concat(initrd.map((one) => padded(readFileSync(one))))],
    // The kernel comes last: it may need room behind itself while it unpacks.
    [".linux", readFileSync(vmlinuz)],
  ];
  writeFileSync(path, withSections(readFileSync(stub), sections));
}

/** Where things are in a PE file (Microsoft, «PE Format»), from the start of its header and of its optional header. */
const PE = { sections: 6, optionalSize: 20, optional: 24, sectionBytes: 40 } as const;
const OPTIONAL = { sectionAlignment: 32, fileAlignment: 36, sizeOfImage: 56, sizeOfHeaders: 60, checksum: 64 } as const;
/** IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ */
const READ_ONLY_DATA = 0x4000_0040;

/** The program with more sections behind those it has. @throws Error when its header has no room for them */
export function withSections(program: Uint8Array, sections: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const head = Buffer.from(program);
  const pe = head.readUInt32LE(0x3c);
  if (head.toString("latin1", pe, pe + 4) !== "PE\0\0") throw new Error("the stub is no PE file");
  const count = head.readUInt16LE(pe + PE.sections);
  const optional = pe + PE.optional;
  const table = optional + head.readUInt16LE(pe + PE.optionalSize);
  const alignment = head.readUInt32LE(optional + OPTIONAL.sectionAlignment);
  const fileAlignment = head.readUInt32LE(optional + OPTIONAL.fileAlignment);
  const tableEnd = table + (count + sections.length) * PE.sectionBytes;
  if (tableEnd > head.readUInt32LE(optional + OPTIONAL.sizeOfHeaders))
    throw new Error(`the stub's header has no room for ${sections.length} more sections`);

  let address = head.readUInt32LE(optional + OPTIONAL.sizeOfImage);
  let offset = aligned(head.length, fileAlignment);
  const chunks: Uint8Array[] = [head, new Uint8Array(offset - head.length)];
  for (const [n, [name, content]] of sections.entries()) {
    const at = table + (count + n) * PE.sectionBytes;
    const bytes = aligned(content.length, fileAlignment);
    head.fill(0, at, at + PE.sectionBytes);
    head.write(name, at, 8, "latin1");
    for (const [field, value] of [content.length, address, bytes, offset].entries())
      head.writeUInt32LE(value, at + 8 + 4 * field);
    head.writeUInt32LE(READ_ONLY_DATA, at + 36);
    chunks.push(content, new Uint8Array(bytes - content.length));
    address = aligned(address + content.length, alignment);
    offset += bytes;
  }
  head.writeUInt16LE(count + sections.length, pe + PE.sections);
  head.writeUInt32LE(address, optional + OPTIONAL.sizeOfImage);
  head.writeUInt32LE(0, optional + OPTIONAL.checksum);
  return Buffer.concat(chunks);
}

/** To four bytes. */
function padded(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, new Uint8Array(aligned(content.length, 4) - content.length)]);
}

function aligned(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}
