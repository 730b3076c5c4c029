// VRRP core: why a datagram is refused, and the counter that keepalived has for it. One shared object a reason.

/** Why a datagram was refused; stable, used as a metric label. */
export type RefusalReason =
  | "truncated"
  | "too-short"
  | "unknown-vrid"
  | "not-listening"
  /** Of another protocol with the same IP number: see isCarp. */
  | "carp"
  | "destination"
  | "source"
  | "own-address"
  | "version"
  | "length"
  | "stranger"
  | "ttl"
  | "checksum"
  | "auth-ext-missing"
  | "auth-ext-malformed"
  | "auth-ext-unknown-key"
  | "auth-ext-invalid-hmac"
  | "auth-ext-stale"
  | "auth-ext-replay"
  | "auth-type-invalid"
  | "auth-type-mismatch"
  | "auth-password"
  | "auth-ah-icv"
  | "auth-ah-spi"
  | "auth-ah-replay"
  /** Authentic, from a lower address, with the very number that we sent last: see wireSkipped. */
  | "auth-ah-collision"
  | "type"
  | "interval"
  | "owner-ignores";

/** Name in keepalived's statistics, where it has one. */
export type PacketCounter =
  | "packet_len_err"
  | "ip_ttl_err"
  | "invalid_type_rcvd"
  | "advert_interval_err"
  | "addr_list_err"
  | "invalid_authtype"
  | "authtype_mismatch"
  | "auth_failure"
  | "auth_ext_missing"
  | "auth_ext_malformed"
  | "auth_ext_unknown_key"
  | "auth_ext_invalid_hmac"
  | "auth_ext_stale"
  | "auth_ext_replay";

export interface Refusal {
  readonly ok: false;
  readonly reason: RefusalReason;
  /** keepalived's counter; undefined where it has none. */
  readonly counter: PacketCounter | undefined;
  /** What is wrong, in words without the numbers. */
  readonly text: string;
}

const COUNTERS: Readonly<Record<RefusalReason, readonly [PacketCounter | undefined, string]>> = {
  truncated: [undefined, "longer than the receive buffer"],
  "too-short": [undefined, "too short for an advertisement"],
  carp: ["packet_len_err", "CARP, not VRRP, with the same number"],
  "unknown-vrid": [undefined, "virtual router id not configured here"],
  "not-listening": [undefined, "instance is in FAULT, INIT or its start-up delay"],
  destination: [undefined, "multicast to a unicast instance, or unicast to a multicast one"],
  source: [undefined, "impossible source address"],
  "own-address": [undefined, "source address is our own"],
  version: [undefined, "other VRRP version"],
  length: ["packet_len_err", "length does not fit the address count"],
  stranger: [undefined, "sender is not a configured unicast peer"],
  ttl: ["ip_ttl_err", "TTL or hop limit not as required"],
  checksum: [undefined, "wrong checksum"],
  "auth-ext-missing": ["auth_ext_missing", "no auth_hmac trailer"],
  "auth-ext-malformed": ["auth_ext_malformed", "malformed auth_hmac trailer"],
  "auth-ext-unknown-key": ["auth_ext_unknown_key", "auth_hmac key id not configured here"],
  "auth-ext-invalid-hmac": ["auth_ext_invalid_hmac", "wrong auth_hmac value"],
  "auth-ext-stale": ["auth_ext_stale", "auth_hmac time outside the window"],
  "auth-ext-replay": ["auth_ext_replay", "auth_hmac sequence already seen"],
  "auth-type-invalid": ["invalid_authtype", "unknown authentication type"],
  "auth-type-mismatch": ["authtype_mismatch", "other authentication type"],
  "auth-password": ["auth_failure", "wrong password"],
  "auth-ah-icv": ["auth_failure", "wrong AH integrity value"],
  "auth-ah-spi": ["auth_failure", "AH SPI is not the source address"],
  "auth-ah-replay": ["auth_failure", "AH sequence already seen"],
  "auth-ah-collision": ["auth_failure", "AH sequence that we have just used ourselves"],
  type: ["invalid_type_rcvd", "packet type is not advertisement"],
  interval: ["advert_interval_err", "advertisement interval not as required"],
  "owner-ignores": [undefined, "address owner ignores advertisements"],
};

/** Every refusal there is, by reason; `accept` returns these very objects. */
export const REFUSALS: Readonly<Record<RefusalReason, Refusal>> = Object.fromEntries(
  Object.entries(COUNTERS).map(([reason, [counter, text]]) => [reason, { ok: false, reason, counter, text }]),
) as Readonly<Record<RefusalReason, Refusal>>;
