// Core: generic netlink (linux/genetlink.h): its header, and the controller that knows which number a family got.
import { type AttributeWriter, visitAttributes } from "./attributes.ts";

/** Message type of the controller. */
export const GENL_ID_CTRL = 0x10;
export const GENERIC_HEADER_BYTES = 4;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_VERSION = 3;
const CTRL_ATTR_MAXATTR = 5;
const CTRL_VERSION = 1;

export interface GenericFamily {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly maxAttribute: number;
}

/** genlmsghdr: command, version of the family, two bytes reserved. */
export function writeGenericHeader(writer: AttributeWriter, command: number, version: number): void {
  writer.rawU8(command);
  writer.rawU8(version);
  writer.rawU16(0);
}

/** The question for a family's number: the kernel answers ENOENT when it is not there and could not be loaded. */
export function writeGetFamily(writer: AttributeWriter, name: string): void {
  writeGenericHeader(writer, CTRL_CMD_GETFAMILY, CTRL_VERSION);
  writer.text(CTRL_ATTR_FAMILY_NAME, name);
}

/** The controller's answer; undefined when it is none. */
export function decodeFamily(payload: Uint8Array): GenericFamily | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let id: number | undefined;
  let name: string | undefined;
  let version = 0;
  let maxAttribute = 0;
  visitAttributes(view, GENERIC_HEADER_BYTES, payload.byteLength, (type, at, sizeBytes) => {
    if (type === CTRL_ATTR_FAMILY_ID && sizeBytes >= 2) id = view.getUint16(at, true);
    else if (type === CTRL_ATTR_FAMILY_NAME && sizeBytes > 1)
      name = new TextDecoder().decode(payload.slice(at, at + sizeBytes - 1));
    else if (type === CTRL_ATTR_VERSION && sizeBytes >= 4) version = view.getUint32(at, true);
    else if (type === CTRL_ATTR_MAXATTR && sizeBytes >= 4) maxAttribute = view.getUint32(at, true);
  });
  return id === undefined || name === undefined ? undefined : { id, name, version, maxAttribute };
}
