// Layer 0: wire structures as tables. A field is its kind at its offset in network order, and the table is the only place with
// offsets. Pure: works on a Uint8Array at a base, so that a hot path reads one field without making a view or an object.

/** One field of a structure. Reading or writing outside the bytes is the caller's mistake: it looks at the length first. */
export interface WireField<T> {
  readonly offset: number;
  readonly sizeBytes: number;
  get(bytes: Uint8Array, base: number): T;
  /** @throws RangeError for a value that the field can't hold */
  set(bytes: Uint8Array, base: number, value: T): void;
}

type ValueOf<F> = F extends WireField<infer T> ? T : never;

/** What a structure decodes to, and is encoded from. */
export type WireValues<F> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export interface WireLayout<F> {
  readonly sizeBytes: number;
  readonly fields: F;
  /** @throws RangeError when fewer than `sizeBytes` bytes follow `base` */
  decode(bytes: Uint8Array, base?: number): WireValues<F>;
  /** Writes every field at `base`. @throws RangeError for a value out of range or too little room */
  encode(values: WireValues<F>, into: Uint8Array, base?: number): void;
}

/** A structure in network order; its size is the end of its last field. */
export function layout<F extends Record<string, WireField<number> | WireField<Uint8Array>>>(fields: F): WireLayout<F> {
  const names = Object.keys(fields);
  const sizeBytes = Math.max(0, ...names.map((name) => (fields[name]?.offset ?? 0) + (fields[name]?.sizeBytes ?? 0)));
  const checkRoom = (bytes: Uint8Array, base: number) => {
    if (bytes.byteLength - base < sizeBytes)
      throw new RangeError(`structure of ${sizeBytes} bytes at ${base} (got ${bytes.byteLength} bytes)`);
  };
  return {
    sizeBytes,
    fields,
    decode(bytes, base = 0) {
      checkRoom(bytes, base);
      const values: Record<string, unknown> = {};
      for (const name of names) values[name] = fields[name]?.get(bytes, base);
      return values as WireValues<F>;
    },
    encode(values, into, base = 0) {
      checkRoom(into, base);
      for (const name of names) {
        const field = fields[name] as WireField<unknown> | undefined;
        field?.set(into, base, values[name]);
      }
    },
  };
}

/** Unsigned, 8 bits. */
export const u8 = (offset: number): WireField<number> => unsigned(offset, 1);
/** Unsigned, 16 bits, network order. */
export const u16 = (offset: number): WireField<number> => unsigned(offset, 2);
/** Unsigned, 32 bits, network order. */
export const u32 = (offset: number): WireField<number> => unsigned(offset, 4);

/** Bytes as they are; reading gives a view into the source, not a copy. */
export function octets(offset: number, sizeBytes: number): WireField<Uint8Array> {
  return {
    offset,
    sizeBytes,
    get: (bytes, base) => bytes.subarray(base + offset, base + offset + sizeBytes),
    set(bytes, base, value) {
      if (value.byteLength !== sizeBytes)
        throw new RangeError(`field of ${sizeBytes} bytes at ${offset} (got ${value.byteLength})`);
      bytes.set(value, base + offset);
    },
  };
}

function unsigned(offset: number, sizeBytes: 1 | 2 | 4): WireField<number> {
  const limit = 2 ** (8 * sizeBytes);
  return {
    offset,
    sizeBytes,
    get(bytes, base) {
      let value = 0;
      for (let i = 0; i < sizeBytes; i++) value = value * 256 + (bytes[base + offset + i] ?? 0);
      return value;
    },
    set(bytes, base, value) {
      if (!Number.isInteger(value) || value < 0 || value >= limit)
        throw new RangeError(`field of ${8 * sizeBytes} bits at ${offset}: 0 to ${limit - 1} (got ${value})`);
      for (let i = sizeBytes - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256))
        bytes[base + offset + i] = rest % 256;
    },
  };
}
