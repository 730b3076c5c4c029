// Instances, groups and datagrams for VRRP tests: small, complete, with keepalived's defaults.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatIp, ipBytes } from "../../src/base/ip.ts";
import type { Address } from "../../src/config/model/net.ts";
import type {
  SyncGroup,
  Tracking,
  TrackUse,
  VrrpConfig,
  VrrpGlobal,
  VrrpInstance,
} from "../../src/config/model/vrrp.ts";
import type { Origin } from "../../src/config/text/span.ts";
import type { Datagram } from "../../src/vrrp/datagram.ts";
import { encodeAdvertisement, INITIAL_WIRE, type WireState } from "../../src/vrrp/wire.ts";
import { bindText } from "./config.ts";

const ORIGIN: Origin = { file: "test.conf", line: 1, column: 1 };

export const NO_TRACKING: Tracking = { interfaces: [], scripts: [], files: [], processes: [], bfd: [] };

export function address(ip: string, more: Partial<Address> = {}): Address {
  const family = ip.includes(":") ? 6 : 4;
  return {
    ip: formatIp(ipBytes(ip)),
    family,
    prefix: family === 4 ? 32 : 128,
    flags: 0,
    noTrack: false,
    useVmac: false,
    origin: ORIGIN,
    ...more,
  };
}

export function use(name: string, weight?: number, reverse = false): TrackUse {
  return weight === undefined ? { name, reverse, origin: ORIGIN } : { name, weight, reverse, origin: ORIGIN };
}

/** VI_1 on eth0, version 2, VRID 51, priority 100, 192.0.2.100 (version 3 over IPv6 when a family of 6 is asked for). */
export function vrrpInstance(more: Partial<VrrpInstance> = {}): VrrpInstance {
  const family = more.family ?? 4;
  return {
    name: "VI_1",
    origin: ORIGIN,
    family,
    version: family === 4 ? 2 : 3,
    vrid: 51,
    interface: "eth0",
    priority: 100,
    advertMs: 1000,
    downTimerAdverts: 3,
    preempt: true,
    preemptDelayMs: 0,
    accept: true,
    strict: false,
    virtualAddresses: family === 4 ? [address("192.0.2.100")] : [address("fe80::100"), address("2001:db8::100")],
    excludedAddresses: [],
    routes: [],
    rules: [],
    promoteSecondaries: false,
    trackSourceIp: false,
    multicastGroup: family === 4 ? "224.0.0.18" : "ff02::12",
    v3ChecksumAsV2: false,
    skipCheckAdvertAddresses: false,
    vmacForAddresses: false,
    dontTrackPrimary: false,
    linkbeatUsePolling: false,
    tracking: NO_TRACKING,
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    announce: {
      delayMs: 5000,
      repeat: 5,
      refreshMs: 0,
      refreshRepeat: 1,
      lowerPrioDelayMs: 5000,
      lowerPrioRepeat: 5,
    },
    lowerPrioNoAdvert: false,
    higherPrioSendAdvert: false,
    ownerIgnoreAdverts: false,
    debug: 0,
    ...more,
  };
}

export function syncGroup(name: string, instances: readonly string[], more: Partial<SyncGroup> = {}): SyncGroup {
  return {
    name,
    origin: ORIGIN,
    instances,
    tracking: NO_TRACKING,
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    globalTracking: false,
    trackingWeight: false,
    ...more,
  };
}

const { vrrp: NO_VRRP } = bindText("").config;

/** auth_hmac as a pair has it. */
export const HMAC: NonNullable<VrrpInstance["hmac"]> = {
  keys: [{ id: 1, keyHex: "5a".repeat(32) }],
  activeKey: 1,
  timeWindowS: 5,
  antiReplay: "time",
  mode: "enforce",
};

export function vrrpConfig(
  instances: readonly VrrpInstance[],
  more: Omit<Partial<VrrpConfig>, "global"> & { readonly global?: Partial<VrrpGlobal> } = {},
): VrrpConfig {
  return { ...NO_VRRP, instances, ...more, global: { ...NO_VRRP.global, ...more.global } };
}

/** The datagram that `instance` would send from `source`, as the receiver's raw socket gives it. */
export function advertFrom(
  instance: VrrpInstance,
  source: string,
  more: { readonly priority?: number; readonly wire?: WireState; readonly wallMs?: number } = {},
): Datagram {
  const wire = more.wire ?? INITIAL_WIRE;
  const priority = more.priority ?? instance.priority;
  const sent = encodeAdvertisement(instance, wire, ipBytes(source), priority, more.wallMs ?? 0).datagrams[0];
  if (!sent) throw new Error("no datagram");
  return received(instance.family, sent.bytes, ipBytes(source), sent.destination);
}

/** A sent datagram as the other end's socket shows it; hop limit 255. */
export function received(family: 4 | 6, bytes: Uint8Array, source: Uint8Array, destination: Uint8Array): Datagram {
  return family === 4 ? { family, bytes, source } : { family, bytes, source, destination, hopLimit: 255 };
}

// --- vectors

export const VECTORS = join(import.meta.dirname, "../golden/vectors/vrrp");

/** What the recorder read in a frame. Each kind of frame has some of the parts; a test looks only at those of its kind. */
export interface RecordedFields {
  readonly eth: { readonly src: string; readonly dst: string };
  readonly ip: {
    readonly version: number;
    readonly src: string;
    readonly dst: string;
    readonly protocol: number;
    readonly total_length: number;
    readonly payload_length: number;
    readonly hop_limit: number;
  };
  readonly arp: { readonly spa: string };
  readonly icmp6: { readonly target: string; readonly router: boolean };
  readonly ah?: { readonly sequence: number };
  readonly vrrp: {
    readonly version: number;
    readonly type: number;
    readonly vrid: number;
    readonly priority: number;
    readonly count_ip: number;
    readonly addresses: string[];
    readonly checksum: string;
    readonly reserved: number;
    readonly auth_type: number;
    readonly auth_data: string;
    readonly adver_int_s: number;
    readonly max_adver_int_cs: number;
    readonly auth_hmac?: {
      readonly ext_type: number;
      readonly reserved: number;
      readonly sec: number;
      readonly subsec: number;
      readonly ctr: number;
      readonly key_id: number;
      readonly hmac: string;
    };
  };
}

export interface VectorFrame {
  readonly kind: string;
  readonly hex: string;
  readonly count: number;
  readonly times_s: readonly number[];
  readonly decoded: RecordedFields;
}

export interface VectorCase {
  readonly name: string;
  readonly frames: readonly VectorFrame[];
  /** By file name: a.conf, b.conf. */
  readonly confs: ReadonlyMap<string, string>;
}

export function vectorCases(): readonly VectorCase[] {
  return readdirSync(VECTORS)
    .sort()
    .map((name) => {
      const folder = join(VECTORS, name);
      const confs = readdirSync(folder).filter((file) => file.endsWith(".conf"));
      return {
        name,
        frames: JSON.parse(readFileSync(join(folder, "frames.json"), "utf8")).frames,
        confs: new Map(confs.map((file) => [file, readFileSync(join(folder, file), "utf8")])),
      };
    });
}

/** The instances of a vector's configuration. */
export function instancesOfConf(text: string): readonly VrrpInstance[] {
  return bindText(text).config.vrrp.instances;
}
