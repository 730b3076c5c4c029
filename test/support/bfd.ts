// BFD sessions on a desk: time moves when the test says so, and what the speaker does is written down in short words.
import { fromHex } from "../../src/base/bytes.ts";
import { ipBytes } from "../../src/base/ip.ts";
import { type ControlPacket, decodeControl, encodeControl, type OwnPacket } from "../../src/bfd/packet.ts";
import type { Session } from "../../src/bfd/session.ts";
import { type BfdAction, type BfdDatagram, type BfdSpeaker, createBfdSpeaker } from "../../src/bfd/speaker.ts";
import type { BfdInstance } from "../../src/config/model/bfd.ts";
import frames from "../golden/vectors/bfd/frames.json" with { type: "json" };
import { seededRandom } from "../sim/random.ts";
import { ORIGIN } from "./model.ts";

/** A session with 192.0.2.2, 100 ms × 3, as its keywords would make it. */
export function bfdInstance(over: Partial<BfdInstance> = {}): BfdInstance {
  return {
    name: "peer",
    origin: ORIGIN,
    neighborIp: "192.0.2.2",
    minRxUs: 100_000,
    minTxUs: 100_000,
    idleTxUs: 1_000_000,
    multiplier: 3,
    passive: false,
    sentTtl: 255,
    ttl: 255,
    maxHops: 0,
    multihop: false,
    weight: 0,
    reverse: false,
    forVrrp: true,
    forChecker: true,
    ...over,
  };
}

/** What a neighbour of 300 ms × 3 says. */
export function saying(over: Partial<ControlPacket> = {}): ControlPacket {
  return {
    state: "Down",
    diagnostic: 0,
    poll: false,
    final: false,
    demand: false,
    authentication: false,
    multiplier: 3,
    my: 77,
    your: 0,
    desiredMinTxUs: 300_000,
    requiredMinRxUs: 300_000,
    requiredMinEchoRxUs: 0,
    ...over,
  };
}

export function bytesOf(packet: OwnPacket & Partial<ControlPacket>): Uint8Array {
  const bytes = new Uint8Array(24);
  encodeControl(packet, bytes);
  if (packet.demand) bytes[1] = (bytes[1] ?? 0) | 0x02;
  if (packet.authentication) bytes[1] = (bytes[1] ?? 0) | 0x04;
  return bytes;
}

export function datagram(bytes: Uint8Array, over: Partial<BfdDatagram> = {}): BfdDatagram {
  return {
    bytes,
    source: ipBytes("192.0.2.2"),
    destination: ipBytes("192.0.2.1"),
    hops: 255,
    multihop: false,
    truncated: false,
    ...over,
  };
}

export interface Sent {
  readonly at: number;
  readonly local: number;
  readonly packet: ControlPacket;
}

export interface Desk {
  readonly speaker: BfdSpeaker;
  readonly now: number;
  readonly sent: readonly Sent[];
  /** State changes, log lines and ends: `peer Down>Up: reason`. */
  readonly words: readonly string[];
  session(name?: string): Session;
  run(ms: number): Desk;
  /** Time passes while the process stands still. */
  stall(ms: number): Desk;
  take(actions: readonly BfdAction[]): void;
  /** The neighbour says this; `your` is ours unless it is told. */
  hear(packet: Partial<ControlPacket>, from?: Partial<BfdDatagram>): void;
  /** Up with a neighbour that says 300 ms × 3, and knows us. */
  bringUp(over?: Partial<ControlPacket>): Desk;
}

export function desk(instances: readonly BfdInstance[] = [bfdInstance()], seed = 1): Desk {
  const random = seededRandom(seed);
  const chance = { share: random.next, word: () => Math.floor(random.next() * 2 ** 32) };
  let now = 1000;
  const speaker = createBfdSpeaker(instances, chance, now);
  const sent: Sent[] = [];
  const words: string[] = [];
  const one: Desk = {
    speaker,
    sent,
    words,
    get now() {
      return now;
    },
    session(name = instances[0]?.name ?? "") {
      const found = speaker.sessions().find(({ config }) => config.name === name);
      if (!found) throw new Error(`no session ${name}`);
      return found;
    },
    run(ms) {
      const until = now + ms;
      for (let due = speaker.deadline(); due <= until; due = speaker.deadline()) {
        now = Math.max(now, due);
        one.take(speaker.timer(now));
      }
      now = until;
      return one;
    },
    stall(ms) {
      now += ms;
      return one;
    },
    take(actions) {
      for (const action of actions) {
        if (action.kind === "send") {
          const read = decodeControl(action.bytes);
          if (!read.ok) throw new Error(`sent a packet that is none: ${read.error}`);
          sent.push({ at: now, local: action.local, packet: read.value });
        } else if (action.kind === "change")
          words.push(`${action.session.config.name} ${action.from}>${action.to}: ${action.reason}`);
        else if (action.kind === "log") words.push(action.line.message);
        else words.push(`ended ${action.local}`);
      }
    },
    hear(packet, from) {
      const your = packet.your ?? speaker.sessions()[0]?.local ?? 0;
      one.take(speaker.receive(datagram(bytesOf(saying({ your, ...packet })), from), now));
    },
    bringUp(over = {}) {
      one.hear({ state: "Down", your: 0, ...over });
      one.hear({ state: "Up", ...over });
      one.hear({ state: "Up", final: true, ...over });
      return one;
    },
  };
  one.take(speaker.start(now));
  return one;
}

export interface Frame {
  readonly label: string;
  readonly decoded: Readonly<Record<string, unknown>>;
  /** Behind Ethernet, IP and UDP. */
  readonly payload: Uint8Array;
}

/** What keepalived, FRR and BIRD were seen to send. */
export const FRAMES: readonly Frame[] = frames.frames.map(({ label, hex, decoded }) => {
  const bytes = fromHex(hex) ?? new Uint8Array();
  const isIpv6 = bytes[12] === 0x86;
  return { label, decoded, payload: bytes.subarray(14 + (isIpv6 ? 40 : 20) + 8) };
});
