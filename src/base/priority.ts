// Base: a priority of VRRP that has a meaning of its own, for the configuration, the state machine and the tables alike.

/** Of the owner of the virtual addresses: they are real ones of its interface (RFC 9568 §1.7, §6.1). Never changed by tracking. */
export const OWNER_PRIORITY = 255;
