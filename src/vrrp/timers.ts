// VRRP core: the formulas of the timers (RFC 3768 §6.1, RFC 9568 §6.1). All in milliseconds, fractions kept.

export interface TimerConfig {
  readonly version: 2 | 3;
  /** `down_timer_adverts`: advertisements that may be missing. */
  readonly downTimerAdverts: number;
}

/** Skew_Time. v2: (256 - priority) / 256 s; v3: that part of the master's interval. */
export function skewMs(version: 2 | 3, priority: number, masterAdvertMs: number): number {
  return ((256 - priority) * (version === 2 ? 1000 : masterAdvertMs)) / 256;
}

/** Master_Down_Interval: n intervals of the master and the skew of one's own effective priority. */
export function masterDownMs(cfg: TimerConfig, priority: number, masterAdvertMs: number): number {
  return cfg.downTimerAdverts * masterAdvertMs + skewMs(cfg.version, priority, masterAdvertMs);
}
