// VRRP instances by the hundred: a segment with as many interfaces as they need, their configuration, and how even they advertise.
import { connect } from "../support/netns.ts";
import { type Frame, Segment } from "../support/segment.ts";

/** So many VRIDs there are on one interface. */
const VRIDS = 255;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_VRRP = 112;

export interface Instances {
  readonly count: number;
  /** Seconds. */
  readonly advertInt: number;
  /** Each; one when not said. */
  readonly addresses?: number;
  /** 254 when not said; 255 is master at once. */
  readonly priority?: number;
}

/** A segment with one host that has eth0, eth1 … for so many instances. What one of its interfaces sends the others don't hear. */
export function segmentFor(count: number): Segment {
  const segment = new Segment("director");
  for (let i = 1; i < Math.ceil(count / VRIDS); i++) {
    connect(segment.bridge, `p${i}`, segment.host(0), `eth${i}`);
    segment.bridge.ip(`link set p${i} master br0`);
    segment.host(0).ip(`addr add 192.0.${i + 2}.1/24 dev eth${i}`);
  }
  segment.bridge.batch(
    ...segment.bridge
      .ip("-o link show master br0")
      .match(/\bp\d+(?=@)/g)!
      .map(isolated),
  );
  return segment;
}

function isolated(port: string): string {
  return `link set ${port} type bridge_slave isolated on`;
}

export function instancesText(instances: Instances): string {
  return Array.from({ length: instances.count }, (_, i) => instanceText(instances, i)).join("");
}

function instanceText({ advertInt, addresses = 1, priority = 254 }: Instances, i: number): string {
  const vrid = (i % VRIDS) + 1;
  const device = Math.floor(i / VRIDS);
  const lines = Array.from({ length: addresses }, (_, n) => `    10.${200 + device}.${vrid}.${n + 1}`);
  return `vrrp_instance V${i + 1} {
  interface eth${device}
  version 3
  virtual_router_id ${vrid}
  priority ${priority}
  advert_int ${advertInt}
  virtual_ipaddress {
${lines.join("\n")}
  }
}
`;
}

/** When each instance advertised, in milliseconds: by source address and VRID, frames of IPv4 and version 3 only. */
export function advertTimes(frames: readonly Frame[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { at, bytes } of frames) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint16(12) !== ETHERTYPE_IPV4 || view.getUint8(23) !== PROTOCOL_VRRP) continue;
    const key = `${view.getUint32(26)} ${view.getUint8(35)}`;
    const list = times.get(key);
    if (list) list.push(at * 1000);
    else times.set(key, [at * 1000]);
  }
  return times;
}

/** How much later than one interval after the one before each advertisement was, over all instances; early ones are below 0. */
export function lateness(frames: readonly Frame[], advertInt: number): number[] {
  return [...advertTimes(frames).values()].flatMap((times) =>
    times.slice(1).map((at, i) => at - (times[i] ?? at) - advertInt * 1000),
  );
}
