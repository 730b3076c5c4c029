/**
 * Both daemons run the way a director does in earnest: their VRRP process before anything else on the machine. Without it the figures
 * tell how busy the machine was, with either of them. The limit of keepalived, 10 ms at a time, would kill it while it adds 2,040
 * addresses.
 */
export const EARNEST = "global_defs {\n  vrrp_rt_priority 50\n  vrrp_rlimit_rttime 2000000\n}\n";
