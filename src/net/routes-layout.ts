// Core: numbers of route messages (linux/rtnetlink.h, lwtunnel.h), for both directions.

export const HEADER_BYTES = 12;
export const NEXT_HOP_BYTES = 8;
export const RTNH_F_ONLINK = 4;

export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_FLOW = 11;
export const RTA_TABLE = 15;
export const RTA_VIA = 18;
export const RTA_PREF = 20;
export const RTA_ENCAP_TYPE = 21;
export const RTA_ENCAP = 22;
export const RTA_EXPIRES = 23;
export const RTA_TTL_PROPAGATE = 26;

export const ENCAP_TYPES = { mpls: 1, ip: 2, ila: 3, ip6: 4 } as const;
