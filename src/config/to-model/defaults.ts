// Config core: what virtual servers and their checks take from global_defs, resolved once.

export interface ServiceDefaults {
  /** `smtp_alert_checker`, else `smtp_alert`; absent: neither is set. */
  readonly smtpAlert?: boolean;
  readonly logAllFailures: boolean;
}

/** Weight and sense of the track_file blocks, for FILE_CHECK. */
export interface FileWeight {
  readonly weight: number;
  readonly reverse: boolean;
}
