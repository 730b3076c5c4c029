// Appliance core: how often an address may come with a wrong token. Guessing 256 bits is hopeless at any speed: the limit keeps the log, the
// audit and the processor from whoever tries. Each address by itself, so that nobody shuts others out; of IPv6 the /64 counts.
import type { MonoMs } from "../../base/clock.ts";
import { parseIp } from "../../base/ip.ts";

/** Wrong ones at once; then one more every REFILL_MS. */
export const MAX_TRIES = 8;
/** A try comes back after so long. */
export const REFILL_MS = 10_000;
/** Addresses that are remembered; the one that tried longest ago is forgotten for a new one. */
export const MAX_ADDRESSES = 1024;

export interface Tries {
  /** How long the address has to wait before it is looked at; 0: now. */
  waitMs(address: string, now: MonoMs): number;
  failed(address: string, now: MonoMs): void;
}

interface Bucket {
  readonly used: number;
  readonly at: MonoMs;
}

export function createTries(): Tries {
  /** In the order of their last try. */
  const buckets = new Map<string, Bucket>();
  const used = (of: string, now: MonoMs) => {
    const bucket = buckets.get(of);
    return bucket ? Math.max(0, bucket.used - (now - bucket.at) / REFILL_MS) : 0;
  };
  return {
    waitMs(address, now) {
      const over = used(netOf(address), now) - (MAX_TRIES - 1);
      return over > 0 ? Math.ceil(over * REFILL_MS) : 0;
    },
    failed(address, now) {
      const of = netOf(address);
      const bucket = { used: used(of, now) + 1, at: now };
      buckets.delete(of);
      buckets.set(of, bucket);
      if (buckets.size <= MAX_ADDRESSES) return;
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest);
        return;
      }
    },
  };
}

/** A host of IPv6 has a whole /64 to come from (RFC 4291 §2.5.4). */
function netOf(address: string): string {
  const bytes = parseIp(address);
  if (bytes?.byteLength !== 16) return address;
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12).join(".") : Buffer.from(bytes.subarray(0, 8)).toString("hex");
}
