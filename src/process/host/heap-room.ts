// Process layer: lets the garbage collector sit out the reading of a large configuration. It runs whenever as much was
// allocated as survived the last time, so in a young process it runs four times for a file of 5 MB, takes a sixth of the
// time, and frees next to nothing: what is read is kept.

/** Smaller files are read before the second run. */
const MIN_FILE_BYTES = 1024 * 1024;
/** Larger files may need the collector to stay within bounds: there may be an error on each line. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** What reading allocates for each byte of a file, about. */
const HEAP_PER_BYTE = 24;

let room: ArrayBuffer | undefined;

/** Adds memory that is never touched, and so never there, to what the collector counts, until this turn of the event loop ends. */
export function makeHeapRoom(fileBytes: number): void {
  if (fileBytes < MIN_FILE_BYTES || fileBytes > MAX_FILE_BYTES || room) return;
  try {
    room = new ArrayBuffer(HEAP_PER_BYTE * fileBytes);
  } catch {
    // A machine that grants no memory on credit: then the collector runs as usual.
    return;
  }
  setImmediate(() => {
    room = undefined;
  });
}
