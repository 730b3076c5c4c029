// Appliance core: what the start of a zstd file says of it (RFC 8878, §3.1.1).

const MAGIC = 0xfd2f_b528;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];

export function isZstd(start: Uint8Array): boolean {
  return start.byteLength >= 4 && new DataView(start.buffer, start.byteOffset).getUint32(0, true) === MAGIC;
}

/** Bytes of the first frame's content; undefined when it does not say, which a compressor that reads a pipe can't know. */
export function zstdContentBytes(start: Uint8Array): number | undefined {
  if (!isZstd(start) || start.byteLength < 18) return undefined;
  const view = new DataView(start.buffer, start.byteOffset);
  const descriptor = view.getUint8(4);
  const [sizeFlag, single, dictionaryFlag] = [descriptor >> 6, (descriptor >> 5) & 1, descriptor & 3];
  const at = 5 + (single ? 0 : 1) + (DICTIONARY_ID_BYTES[dictionaryFlag] ?? 0);
  switch (sizeFlag) {
    case 0:
      return single ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
