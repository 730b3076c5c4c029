// Socket addresses: struct sockaddr_{in,in6,nl,ll,un} and back. Decoding never throws; what it does not know it hands on as bytes.
import { bytes, i32, layout, u8, u16, u16be, u32 } from "./layout.ts";
import { fixed } from "./memory.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

/** Addresses are 4 or 16 bytes in network order, hardware addresses up to 8 bytes. */
export type SocketAddress =
  | { readonly family: "inet"; readonly address: Uint8Array; readonly port: number }
  | { readonly family: "inet6"; readonly address: Uint8Array; readonly port: number; readonly scopeId: number }
  | { readonly family: "netlink"; readonly portId: number; readonly groups: number }
  | {
      readonly family: "packet";
      readonly interfaceIndex: number;
      /** EtherType in host order: 0x0806. */
      readonly protocol: number;
      /** PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3, OUTGOING 4; only seen on receiving. */
      readonly packetType: number;
      readonly hardwareAddress: Uint8Array;
    }
  | { readonly family: "unix" /** Starts with NUL for an abstract name; empty when unnamed. */; readonly path: string }
  | { readonly family: "unknown"; readonly bytes: Uint8Array };

const SOCKADDR_IN = layout({ family: u16(0), port: u16be(2), address: bytes(4, 4) }, 16);
const SOCKADDR_IN6 = layout({ family: u16(0), port: u16be(2), address: bytes(8, 16), scopeId: u32(24) }, 28);
const SOCKADDR_NL = layout({ family: u16(0), portId: u32(4), groups: u32(8) }, 12);
const SOCKADDR_LL = layout({
  family: u16(0),
  protocol: u16be(2),
  interfaceIndex: i32(4),
  packetType: u8(10),
  hardwareLength: u8(11),
  hardwareAddress: bytes(12, 8),
});
/** kernel: sun_path holds up to 108 bytes. */
const UNIX_PATH_BYTES = 108;

/** Room for the longest of them. */
export const SOCKADDR_MAX_BYTES = 128;

/** An IPv4 or IPv6 endpoint by its address bytes. @throws RangeError for another number of bytes */
export function inetAddress(address: Uint8Array, port: number, scopeId = 0): SocketAddress {
  if (address.byteLength === 4) return { family: "inet", address, port };
  if (address.byteLength === 16) return { family: "inet6", address, port, scopeId };
  throw new RangeError(`address bytes: expected 4 or 16 (got ${address.byteLength})`);
}

/** @throws RangeError for a field out of range (port above 65535, path too long) */
export function encodeSocketAddress(address: SocketAddress): Uint8Array {
  switch (address.family) {
    case "inet":
      return encodeInet(address.address, address.port);
    case "inet6":
      return SOCKADDR_IN6.encode({
        family: AF_INET6,
        port: address.port,
        address: exactly(address.address, 16),
        scopeId: address.scopeId,
      });
    case "netlink":
      return SOCKADDR_NL.encode({ family: AF_NETLINK, portId: address.portId, groups: address.groups });
    case "packet":
      return SOCKADDR_LL.encode({
        family: AF_PACKET,
        protocol: address.protocol,
        interfaceIndex: address.interfaceIndex,
        hardwareLength: address.hardwareAddress.byteLength,
        hardwareAddress: address.hardwareAddress,
      });
    case "unix":
      return encodeUnix(address.path);
    case "unknown":
      return address.bytes.slice();
  }
}

/** Decodes what the kernel wrote; never throws. */
export function decodeSocketAddress(raw: Uint8Array): SocketAddress {
  const family = raw.byteLength >= 2 ? ((raw[1] ?? 0) << 8) | (raw[0] ?? 0) : 0;
  if (family === AF_INET && raw.byteLength >= SOCKADDR_IN.sizeBytes) {
    const { address, port } = SOCKADDR_IN.decode(raw);
    return { family: "inet", address, port };
  }
  if (family === AF_INET6 && raw.byteLength >= SOCKADDR_IN6.sizeBytes) {
    const { address, port, scopeId } = SOCKADDR_IN6.decode(raw);
    return { family: "inet6", address, port, scopeId };
  }
  if (family === AF_NETLINK && raw.byteLength >= SOCKADDR_NL.sizeBytes) {
    const { portId, groups } = SOCKADDR_NL.decode(raw);
    return { family: "netlink", portId, groups };
  }
  if (family === AF_PACKET && raw.byteLength >= 12) return decodePacket(raw);
  if (family === AF_UNIX) return { family: "unix", path: decodeUnixPath(raw.subarray(2)) };
  return { family: "unknown", bytes: raw.slice() };
}

/** An IPv4 address, into 16 bytes that may be used again: it is done 10,000 times a second. @throws RangeError */
export function encodeInet(
  address: Uint8Array,
  port: number,
  raw: Uint8Array = fixed(SOCKADDR_IN.sizeBytes),
): Uint8Array {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff)
    throw new RangeError(`field port: expected 0..65535 (got ${port})`);
  const at = SOCKADDR_IN.fields;
  raw[at.family.offset] = AF_INET;
  raw[at.port.offset] = port >> 8;
  raw[at.port.offset + 1] = port & 0xff;
  raw.set(exactly(address, at.address.sizeBytes), at.address.offset);
  return raw;
}

function decodePacket(raw: Uint8Array): SocketAddress {
  // kernel: the returned length can end with the hardware address itself.
  const padded = new Uint8Array(SOCKADDR_LL.sizeBytes);
  padded.set(raw.subarray(0, padded.byteLength));
  const { protocol, interfaceIndex, packetType, hardwareLength, hardwareAddress } = SOCKADDR_LL.decode(padded);
  return {
    family: "packet",
    protocol,
    interfaceIndex,
    packetType,
    hardwareAddress: hardwareAddress.slice(0, Math.min(hardwareLength, 8)),
  };
}

function encodeUnix(path: string): Uint8Array {
  const text = new TextEncoder().encode(path);
  const abstract = text[0] === 0;
  if (text.byteLength + (abstract ? 0 : 1) > UNIX_PATH_BYTES)
    throw new RangeError(`unix socket path: expected up to ${UNIX_PATH_BYTES - 1} bytes (got ${text.byteLength})`);
  // An abstract name ends where the length says, a file name at its NUL.
  const raw = new Uint8Array(2 + text.byteLength + (abstract || path === "" ? 0 : 1));
  raw[0] = AF_UNIX;
  raw.set(text, 2);
  return raw;
}

function decodeUnixPath(text: Uint8Array): string {
  if (text[0] === 0) return new TextDecoder().decode(text);
  const end = text.indexOf(0);
  return new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
}

function exactly(address: Uint8Array, length: number): Uint8Array {
  if (address.byteLength !== length) throw new RangeError(`expected ${length} bytes (got ${address.byteLength})`);
  return address;
}
