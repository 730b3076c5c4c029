// BFD core: the control packet (RFC 5880 §4.1), 24 bytes behind UDP. Decoding untrusted bytes never throws; what makes a packet
// unfit whatever session it is for (§6.8.6) is told as a reason, the rest is the speaker's to judge.
import { layout, u8, u32 } from "../base/layout.ts";
import type { Decoded } from "../base/result.ts";

export const CONTROL_BYTES = 24;
/** RFC 5881 §4, RFC 5883 §5. */
export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;

const VERSION = 1;
const POLL = 0x20;
const FINAL = 0x10;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

export type SessionState = "AdminDown" | "Down" | "Init" | "Up";
const STATES: readonly [SessionState, SessionState, SessionState, SessionState] = ["AdminDown", "Down", "Init", "Up"];
const NUMBER_OF: Readonly<Record<SessionState, number>> = { AdminDown: 0, Down: 1, Init: 2, Up: 3 };

/** Intervals are in microseconds, as on the wire. */
export interface ControlPacket {
  readonly state: SessionState;
  readonly diagnostic: number;
  readonly poll: boolean;
  readonly final: boolean;
  readonly demand: boolean;
  readonly authentication: boolean;
  readonly multiplier: number;
  /** Discriminator of the sender, never 0. */
  readonly my: number;
  /** That of the receiver; 0: the sender does not know it. */
  readonly your: number;
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

/** What this side says; it never asks for demand mode, echo or authentication. */
export type OwnPacket = Omit<ControlPacket, "demand" | "authentication" | "requiredMinEchoRxUs">;

export type PacketFault =
  | "too-short"
  | "length"
  | "version"
  | "multiplier"
  | "multipoint"
  | "my-discriminator"
  | "your-discriminator"
  | "poll-and-final";

const control = layout({
  versionDiagnostic: u8(0),
  stateFlags: u8(1),
  multiplier: u8(2),
  length: u8(3),
  my: u32(4),
  your: u32(8),
  desiredMinTxUs: u32(12),
  requiredMinRxUs: u32(16),
  requiredMinEchoRxUs: u32(20),
});
const { fields } = control;

/** Writes a packet at the start of `into`. @throws RangeError for a value that its field can't hold */
export function encodeControl(packet: OwnPacket, into: Uint8Array): void {
  fields.versionDiagnostic.set(into, 0, (VERSION << 5) | packet.diagnostic);
  const flags = (packet.poll ? POLL : 0) | (packet.final ? FINAL : 0);
  fields.stateFlags.set(into, 0, (NUMBER_OF[packet.state] << 6) | flags);
  fields.multiplier.set(into, 0, packet.multiplier);
  fields.length.set(into, 0, CONTROL_BYTES);
  fields.my.set(into, 0, packet.my);
  fields.your.set(into, 0, packet.your);
  fields.desiredMinTxUs.set(into, 0, packet.desiredMinTxUs);
  fields.requiredMinRxUs.set(into, 0, packet.requiredMinRxUs);
  fields.requiredMinEchoRxUs.set(into, 0, 0);
}

/**
 * Reads a datagram. A longer one than its length field says is read (RFC 5880 §6.8.6 refuses only the other way round; keepalived refuses
 * both); what follows the first 24 bytes, such as authentication, is not looked at.
 */
export function decodeControl(bytes: Uint8Array): Decoded<ControlPacket, PacketFault> {
  if (bytes.byteLength < CONTROL_BYTES) return FAULTS["too-short"];
  const versionDiagnostic = fields.versionDiagnostic.get(bytes, 0);
  const stateFlags = fields.stateFlags.get(bytes, 0);
  const length = fields.length.get(bytes, 0);
  const multiplier = fields.multiplier.get(bytes, 0);
  const my = fields.my.get(bytes, 0);
  const your = fields.your.get(bytes, 0);
  const state = STATES[(stateFlags >> 6) as 0 | 1 | 2 | 3];
  if (versionDiagnostic >> 5 !== VERSION) return FAULTS.version;
  if (length < CONTROL_BYTES || length > bytes.byteLength) return FAULTS.length;
  if (multiplier === 0) return FAULTS.multiplier;
  if ((stateFlags & MULTIPOINT) !== 0) return FAULTS.multipoint;
  if (my === 0) return FAULTS["my-discriminator"];
  if (your === 0 && (state === "Init" || state === "Up")) return FAULTS["your-discriminator"];
  const poll = (stateFlags & POLL) !== 0;
  const final = (stateFlags & FINAL) !== 0;
  // §6.5: never both.
  if (poll && final) return FAULTS["poll-and-final"];
  return {
    ok: true,
    value: {
      state,
      diagnostic: versionDiagnostic & 0x1f,
      poll,
      final,
      demand: (stateFlags & DEMAND) !== 0,
      authentication: (stateFlags & AUTHENTICATION) !== 0,
      multiplier,
      my,
      your,
      desiredMinTxUs: fields.desiredMinTxUs.get(bytes, 0),
      requiredMinRxUs: fields.requiredMinRxUs.get(bytes, 0),
      requiredMinEchoRxUs: fields.requiredMinEchoRxUs.get(bytes, 0),
    },
  };
}

function fault(error: PacketFault): { readonly ok: false; readonly error: PacketFault } {
  return { ok: false, error };
}

/** One object a reason: refusing a packet makes nothing. */
const FAULTS = {
  "too-short": fault("too-short"),
  length: fault("length"),
  version: fault("version"),
  multiplier: fault("multiplier"),
  multipoint: fault("multipoint"),
  "my-discriminator": fault("my-discriminator"),
  "your-discriminator": fault("your-discriminator"),
  "poll-and-final": fault("poll-and-final"),
} as const satisfies Record<PacketFault, unknown>;
