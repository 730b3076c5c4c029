// Process layer: the line of a `reload_time_file`, which says when the configuration is to be read again. Pure.

const MS_PER_DAY = 86_400_000;
const LINE =
  /^(?:(?<year>\d{2}|\d{4})-(?<month>\d{2})-(?<day>\d{2}) )?(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})(?<utc>Z?)$/;
const EARLIEST_YEAR = 2000;

export type ReloadTime =
  /** Milliseconds since 1970. */
  { readonly kind: "at"; readonly wallMs: number } | { readonly kind: "past" } | { readonly kind: "wrong" };

/**
 * What the first line of the file asks for (keepalived.conf(5), reload_time_file): `[DATE ]HH:MM:SS[Z]`, the date as YYYY-MM-DD or
 * YY-MM-DD, in the machine's time zone unless Z stands behind it. Without a date it is the next time that the clock shows it.
 */
export function readReloadTime(line: string, nowMs: number): ReloadTime {
  const parts = LINE.exec(line)?.groups;
  if (!parts) return { kind: "wrong" };
  const isUtc = parts.utc === "Z";
  const today = new Date(nowMs);
  const time = [Number(parts.hour), Number(parts.minute), Number(parts.second)] as const;
  if (parts.year === undefined) {
    const day = isUtc
      ? ([today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()] as const)
      : ([today.getFullYear(), today.getMonth(), today.getDate()] as const);
    const at = momentOf(day, time, isUtc);
    if (at === undefined) return { kind: "wrong" };
    return { kind: "at", wallMs: at > nowMs ? at : dayLater(at, isUtc) };
  }
  const year = parts.year.length === 2 ? EARLIEST_YEAR + Number(parts.year) : Number(parts.year);
  const at = momentOf([year, Number(parts.month) - 1, Number(parts.day)], time, isUtc);
  if (at === undefined) return { kind: "wrong" };
  return at > nowMs ? { kind: "at", wallMs: at } : { kind: "past" };
}

/** Undefined for a day or a time that no clock shows; an hour that summer time leaves out is the one behind it. */
function momentOf(
  [year, month, day]: readonly [number, number, number],
  [hour, minute, second]: readonly [number, number, number],
  isUtc: boolean,
): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(Date.UTC(year, month, day));
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  return isUtc
    ? Date.UTC(year, month, day, hour, minute, second)
    : new Date(year, month, day, hour, minute, second).getTime();
}

/** The same time by the clock, which is not always 24 hours away. */
function dayLater(at: number, isUtc: boolean): number {
  if (isUtc) return at + MS_PER_DAY;
  const next = new Date(at);
  next.setDate(next.getDate() + 1);
  return next.getTime();
}
