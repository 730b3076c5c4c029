// A pair of directors on a segment, of which the first (192.0.2.1) is master until it is cut off.
import { vrrpFrames } from "../support/frames.ts";
import type { Frame } from "../support/segment.ts";

export const MASTER_PRIORITY = 200;
export const BACKUP_PRIORITY = 100;
const MASTER = "192.0.2.1";

/** Whether the last so many advertisements are the master's: the backup is a backup then. */
export function masterAdvertisesAlone(frames: readonly Frame[], count: number): boolean {
  const last = vrrpFrames(frames).slice(-count);
  return last.length === count && last.every(({ source }) => source === MASTER);
}

/** When the master advertised last, in seconds since 1970. */
export function lastOfMaster(frames: readonly Frame[]): number {
  return vrrpFrames(frames).findLast(({ source }) => source === MASTER)?.at ?? Number.NaN;
}

/** Of the backup. Version 2 reckons its skew in seconds (RFC 3768 §6.1), version 3 in intervals (RFC 9568 §6.1). */
export function masterDownMs(version: 2 | 3, advertInt: number): number {
  const advertMs = advertInt * 1000;
  return 3 * advertMs + ((256 - BACKUP_PRIORITY) * (version === 2 ? 1000 : advertMs)) / 256;
}
