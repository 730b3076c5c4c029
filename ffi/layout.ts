// C structures as tables: a field is its kind at its offset, and the table is the only place with offsets. Multi-byte fields are
// in machine order (every machine we run on is little endian) unless the kind ends in `be`.

export interface Field<T> {
  readonly offset: number;
  readonly sizeBytes: number;
  read(view: DataView): T;
  /** @throws RangeError for a value that the field can't hold */
  write(view: DataView, value: T): void;
}

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** What a layout decodes to, and is encoded from. */
export type ValuesOf<F> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export interface Layout<F> {
  readonly sizeBytes: number;
  readonly fields: F;
  /** @throws RangeError when there are fewer bytes than sizeBytes: callers look at the length first */
  decode(bytes: Uint8Array): ValuesOf<F>;
  /** Fields left out, and holes, are zero. Without `into`, new bytes are made. @throws RangeError for a value out of range */
  encode(values: Partial<ValuesOf<F>>, into?: Uint8Array): Uint8Array;
}

/** A C structure; `sizeBytes` says its size when padding follows the last field. */
export function layout<F extends Record<string, Field<unknown>>>(fields: F, sizeBytes?: number): Layout<F> {
  const rows = Object.entries(fields);
  const size = sizeBytes ?? Math.max(0, ...rows.map(([, field]) => field.offset + field.sizeBytes));
  return {
    sizeBytes: size,
    fields,
    decode(bytes) {
      const view = viewOf(bytes, size);
      return Object.fromEntries(rows.map(([name, field]) => [name, field.read(view)])) as ValuesOf<F>;
    },
    encode(values, into = new Uint8Array(new ArrayBuffer(size))) {
      const view = viewOf(into, size);
      into.fill(0, 0, size);
      for (const [name, field] of rows) {
        const value = values[name as keyof F];
        if (value === undefined) continue;
        try {
          field.write(view, value);
        } catch (error) {
          throw new RangeError(`field ${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      return into;
    },
  };
}

function viewOf(bytes: Uint8Array, size: number): DataView {
  if (bytes.byteLength < size) throw new RangeError(`structure of ${size} bytes (got ${bytes.byteLength})`);
  return new DataView(bytes.buffer, bytes.byteOffset, size);
}

export const u8 = (offset: number) =>
  integer(
    offset,
    1,
    0,
    0xff,
    (v) => v.getUint8(offset),
    (v, n) => v.setUint8(offset, n),
  );
export const u16 = (offset: number) =>
  integer(
    offset,
    2,
    0,
    0xffff,
    (v) => v.getUint16(offset, true),
    (v, n) => v.setUint16(offset, n, true),
  );
export const u16be = (offset: number) =>
  integer(
    offset,
    2,
    0,
    0xffff,
    (v) => v.getUint16(offset),
    (v, n) => v.setUint16(offset, n),
  );
export const u32 = (offset: number) =>
  integer(
    offset,
    4,
    0,
    0xffff_ffff,
    (v) => v.getUint32(offset, true),
    (v, n) => v.setUint32(offset, n, true),
  );
export const i32 = (offset: number) =>
  integer(
    offset,
    4,
    -0x8000_0000,
    0x7fff_ffff,
    (v) => v.getInt32(offset, true),
    (v, n) => v.setInt32(offset, n, true),
  );

/** 64 bits as a bigint. */
export function u64(offset: number): Field<bigint> {
  return {
    offset,
    sizeBytes: 8,
    read: (view) => view.getBigUint64(offset, true),
    write(view, value) {
      if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`expected 0..2^64-1 (got ${value})`);
      view.setBigUint64(offset, value, true);
    },
  };
}

/** A fixed run of bytes; a shorter value is padded with zeros. Reading copies. */
export function bytes(offset: number, sizeBytes: number): Field<Uint8Array> {
  return {
    offset,
    sizeBytes,
    read: (view) => new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes).slice(),
    write(view, value) {
      if (value.byteLength > sizeBytes)
        throw new RangeError(`expected up to ${sizeBytes} bytes (got ${value.byteLength})`);
      new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes).set(value);
    },
  };
}

/** Text in a fixed run of bytes, NUL terminated: at most `sizeBytes` - 1 bytes of UTF-8. */
export function cstring(offset: number, sizeBytes: number): Field<string> {
  return {
    offset,
    sizeBytes,
    read(view) {
      const run = new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes);
      const end = run.indexOf(0);
      return new TextDecoder().decode(run.slice(0, end < 0 ? sizeBytes : end));
    },
    write(view, value) {
      const encoded = new TextEncoder().encode(value);
      if (encoded.byteLength >= sizeBytes || encoded.includes(0))
        throw new RangeError(
          `expected text of up to ${sizeBytes - 1} bytes without NUL (got ${JSON.stringify(value)})`,
        );
      new Uint8Array(view.buffer, view.byteOffset + offset, sizeBytes).set(encoded);
    },
  };
}

function integer(
  offset: number,
  sizeBytes: number,
  lowest: number,
  highest: number,
  read: (view: DataView) => number,
  put: (view: DataView, value: number) => void,
): Field<number> {
  return {
    offset,
    sizeBytes,
    read,
    write(view, value) {
      if (!Number.isInteger(value) || value < lowest || value > highest)
        throw new RangeError(`expected ${lowest}..${highest} (got ${value})`);
      put(view, value);
    },
  };
}
