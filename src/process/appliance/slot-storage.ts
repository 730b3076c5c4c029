// Process layer, appliance: the partition of a slot.
import { writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Slot } from "../../appliance/boot.ts";
import { partitionsNamed } from "../../kernel/partitions.ts";
import type { SlotStorage } from "./update.ts";

/** @throws Error when there is no such partition, or more than one: an update shall not go to another machine's disk */
export async function openSlot(slot: Slot): Promise<SlotStorage> {
  const name = `lbd-${slot.toLowerCase()}`;
  const [place, other] = partitionsNamed(name);
  if (!place) throw new Error(`no disk has the partition ${name}`);
  if (other) throw new Error(`${place.disk} and ${other.disk} both have a partition ${name}: take one of them out`);
  return openStorage(place.device, place.bytes, () => writeFileSync("/proc/sys/vm/drop_caches", "1"));
}

/** @param forget drops what the kernel has of it in memory */
export async function openStorage(path: string, bytes: number, forget: () => void): Promise<SlotStorage> {
  const handle: FileHandle = await open(path, "r+");
  return {
    bytes,
    async write(offset, content) {
      for (let at = 0; at < content.byteLength; ) {
        const { bytesWritten } = await handle.write(content, at, content.byteLength - at, offset + at);
        at += bytesWritten;
      }
    },
    async settle() {
      await handle.sync();
      forget();
    },
    async read(offset, count) {
      const into = new Uint8Array(count);
      const { bytesRead } = await handle.read(into, 0, count, offset);
      return into.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}
