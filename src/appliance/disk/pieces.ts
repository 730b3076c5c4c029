// Appliance core: content of a disk that is known only in places.

/** Bytes at an offset; both are counted from the start of the disk or partition that is spoken of. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Writes what of the pieces lies in `chunk`, which begins at `offset`, over it. */
export function overlay(chunk: Uint8Array, offset: number, pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    const from = Math.max(offset, piece.offset);
    const to = Math.min(offset + chunk.byteLength, piece.offset + piece.bytes.byteLength);
    if (from < to) chunk.set(piece.bytes.subarray(from - piece.offset, to - piece.offset), from - offset);
  }
}

/** The same pieces that much further on. */
export function moved(pieces: readonly Piece[], by: number): readonly Piece[] {
  return pieces.map(({ offset, bytes }) => ({ offset: offset + by, bytes }));
}
