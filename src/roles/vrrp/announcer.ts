// Role vrrp: sends what tells the neighbours where an address is: gratuitous ARP and unsolicited neighbour advertisements,
// each by the link that its address is on, with that link's MAC.
import type { Clock, MonoMs } from "../../base/clock.ts";
import type { FrameSender } from "../../kernel/packet-socket.ts";
import { parseMac } from "../../net/links.ts";
import { IFF_NOARP, type Link, linkByName, type SeenTables } from "../../net/model.ts";
import { deviceOf, virtualsOf } from "../../net/placement.ts";
import { announcementFrame } from "../../vrrp/announce/frames.ts";
import { type AnnounceTarget, announceTargets } from "../../vrrp/announce/pacing.ts";
import type { Station } from "./station-record.ts";

const ARPHRD_ETHER = 1;
/** How old the answer may be whether a link forwards IPv6 (the router flag of neighbour advertisements). */
const FORWARDING_MAX_AGE_MS = 5000;

export interface AnnouncerPorts {
  readonly clock: Clock;
  readonly frames: FrameSender;
  seen(): SeenTables;
  /** Another number when anything of `seen` has changed. */
  revision(): number;
  /** Does this link forward IPv6 now? */
  forwards(link: string): boolean;
  /** A frame went out by this link. */
  sent(link: string): void;
}

/** All targets in turn, `rounds` times. */
export interface AnnounceRounds {
  readonly station: Station | undefined;
  readonly targets: readonly AnnounceTarget[];
  readonly rounds: number;
}

export interface Announcer {
  /**
   * One round of each, then what is left: every address is heard of before any is repeated. Links that know no ARP are left out.
   * `rehearsing`: all of it but the sending; the frames are at hand when the same targets are announced next.
   */
  announce(rounds: readonly AnnounceRounds[], rehearsing?: boolean): void;
  /** `garp_extra_if`: an address of each virtual MAC that no advertisement leaves by, with `all` of each such interface. */
  announceExtra(station: Station | undefined, all: boolean): void;
}

type Built = readonly { readonly link: Link; readonly frame: Uint8Array }[];

export function createAnnouncer(ports: AnnouncerPorts): Announcer {
  const { clock, frames } = ports;
  const forwarding = new Map<number, { readonly at: MonoMs; readonly value: boolean }>();
  /** Frames that a rehearsal made, until the next announcement. */
  const rehearsed = new Map<readonly AnnounceTarget[], { readonly revision: number; readonly frames: Built }>();

  function forwards(link: Link): boolean {
    const known = forwarding.get(link.index);
    if (known && clock.now() - known.at < FORWARDING_MAX_AGE_MS) return known.value;
    const value = ports.forwards(link.name);
    forwarding.set(link.index, { at: clock.now(), value });
    return value;
  }

  function framesOf(station: Station, targets: readonly AnnounceTarget[]): Built {
    const seen = ports.seen();
    return targets.flatMap((target) => {
      const device = deviceOf(station, target);
      const link = device === undefined ? undefined : linkByName(seen, device);
      const mac = link?.mac === undefined ? undefined : parseMac(link.mac);
      if (!link || !mac || link.hardwareType !== ARPHRD_ETHER || (link.flags & IFF_NOARP) !== 0) return [];
      return [{ link, frame: announcementFrame(target.ip, mac, { router: target.family === 6 && forwards(link) }) }];
    });
  }

  function announce(all: readonly AnnounceRounds[], rehearsing = false): void {
    if (rehearsing) rehearsed.clear();
    const revision = ports.revision();
    const repeated: { readonly frames: Built; readonly rounds: number }[] = [];
    for (const { station, targets, rounds } of all) {
      if (!station || rounds === 0) continue;
      const known = rehearsed.get(targets);
      const built = known?.revision === revision ? known.frames : framesOf(station, targets);
      if (rehearsing) rehearsed.set(targets, { revision, frames: built });
      send(built, rehearsing);
      if (rounds > 1) repeated.push({ frames: built, rounds: rounds - 1 });
    }
    for (const { frames, rounds } of repeated) for (let round = 0; round < rounds; round++) send(frames, rehearsing);
    if (!rehearsing) rehearsed.clear();
  }

  function send(built: Built, rehearsing: boolean): void {
    for (const { link, frame } of built)
      if (rehearsing) frames.rehearse(link.index, frame);
      else if (frames.send(link.index, frame).ok) ports.sent(link.name);
  }

  return {
    announce,
    announceExtra(station, all) {
      if (!station) return;
      const sending = station.instance.vmac?.xmitBase ? station.instance.interface : station.link?.name;
      const virtual = new Set(virtualsOf(station).map((one) => one.name));
      const byDevice = new Map<string, AnnounceTarget>();
      for (const target of announceTargets(station.instance)) {
        const device = deviceOf(station, target);
        if (device === undefined || device === sending || byDevice.has(device)) continue;
        if (all || virtual.has(device)) byDevice.set(device, target);
      }
      announce([{ station, targets: [...byDevice.values()], rounds: 1 }]);
    },
  };
}
