/**
 * Both daemons run the way a director does in earnest: their VRRP process before anything else on the machine. Without it the figures
 * tell how busy the machine was, with either of them.
 */
export const EARNEST = "global_defs {\n  vrrp_rt_priority 50\n}\n";
