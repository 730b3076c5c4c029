// Memory that C may keep an address of while JavaScript runs on: never moved, never collected (runtime.md §2). Plain arguments need
// none of this, a typed array passed to a call is addressed at that moment.
import { backend } from "#dlopen";

// A number holds nothing alive: what has an address out is referenced from here for the life of the process.
const pinnedBlocks: Uint8Array[] = [];

/** Bytes that stay where they are for the life of the process: make few, keep them. */
export function pinned(sizeBytes: number): Uint8Array {
  const block = fixed(sizeBytes);
  pinnedBlocks.push(block);
  return block;
}

/** Bytes that never move; they live as long as they are referenced. */
export function fixed(sizeBytes: number): Uint8Array {
  // Through an ArrayBuffer of its own: a small typed array made directly moves when its buffer is first touched.
  return new Uint8Array(new ArrayBuffer(sizeBytes));
}

/** Address of pinned() or fixed() bytes, to be written into another C structure. Inside ffi/ only. */
export function addressOf(bytes: Uint8Array): bigint {
  return bytes.byteLength === 0 ? 0n : backend.addressOf(bytes);
}

/** NUL-terminated UTF-8. @throws RangeError when the text holds a NUL */
export function cString(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(text);
  if (encoded.includes(0)) throw new RangeError(`text with a NUL byte (${JSON.stringify(text)})`);
  const terminated = fixed(encoded.byteLength + 1);
  terminated.set(encoded);
  return terminated;
}

/** Text up to the first NUL, or all of it. */
export function readCString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** A NULL-terminated array of C strings. Stays allocated: it is made once, before the image goes. */
export function stringVector(texts: readonly string[]): Uint8Array {
  const table = pinned(8 * (texts.length + 1));
  const view = new DataView(table.buffer);
  for (const [index, text] of texts.entries()) {
    const encoded = cString(text);
    const steady = pinned(encoded.byteLength);
    steady.set(encoded);
    view.setBigUint64(8 * index, addressOf(steady), true);
  }
  return table;
}
