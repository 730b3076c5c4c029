// VRRP core: why a router with our VRID and we do not agree, in words, and which line of the configuration decides about it.
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { authTypeName } from "./auth.ts";
import { type Datagram, looksSigned, messageOffset } from "./datagram.ts";
import { ADVERT_HEADER } from "./packet.ts";
import type { RefusalReason } from "./refusals.ts";
import { authType, isUnicast } from "./wire.ts";

/** A refusal, or what is odd about an accepted master beside us. */
export type OddReason = RefusalReason | "lower-priority" | "address-list";

/** Why this packet's sender and we are both master, in words. */
export function likelyCause(instance: VrrpInstance, reason: OddReason, datagram: Datagram): string {
  const at = Math.max(0, messageOffset(datagram));
  const header =
    datagram.bytes.byteLength >= at + ADVERT_HEADER.sizeBytes ? ADVERT_HEADER.decode(datagram.bytes, at) : undefined;
  const version = (header?.versionType ?? 0) >> 4;
  const ttl = datagram.family === 4 ? (datagram.bytes[8] ?? 0) : (datagram.hopLimit ?? 0);
  switch (reason) {
    case "lower-priority":
      return "it does not hear us (a filter in one direction?), or a split has just healed: its priority is not above ours";
    case "address-list":
      return "its list of virtual addresses differs from ours; it may not hear us, its priority is not above ours";
    case "carp":
      return `CARP, not VRRP, with the same number ${instance.vrid}`;
    case "version":
      return `VRRP version: it speaks version ${version}, we speak version ${instance.version}`;
    case "length":
      return looksSigned(datagram) && !instance.hmac
        ? "authentication: it signs with auth_hmac, which is not configured here"
        : "length: its packets do not fit their address count";
    case "stranger":
      return "unicast peers: it is not among our unicast_peer addresses";
    case "destination":
      return "unicast and multicast: one of us uses unicast_peer, the other the group";
    case "ttl":
      return `TTL: its packets arrive with ${ttl}, so a router lies between, or its TTL is set lower`;
    case "checksum":
      return "checksum: another form (v3_checksum_as_v2, old_unicast_checksum), or packets damaged on the way";
    case "interval":
      return `advertisement interval: it has ${header?.advertS ?? 0} s, we have ${instance.advertMs / 1000} s`;
    case "auth-type-invalid":
    case "auth-type-mismatch": {
      const theirs = datagram.family === 4 && datagram.bytes[9] === 51 ? 2 : (header?.authType ?? 0);
      return `authentication: it uses type ${authTypeName(theirs)}, we use ${authTypeName(authType(instance))}`;
    }
    case "auth-password":
      return "authentication: its password differs";
    case "auth-ah-icv":
    case "auth-ah-spi":
      return "authentication: its AH key differs";
    case "auth-ah-replay":
    case "auth-ah-collision":
      return "authentication: its AH sequence is behind ours, as after its restart";
    case "auth-ext-missing":
      return "authentication: it does not sign with auth_hmac, and we require it";
    case "auth-ext-malformed":
    case "auth-ext-invalid-hmac":
      return "authentication: its auth_hmac key differs";
    case "auth-ext-unknown-key":
      return "authentication: it signs with a key id that is not configured here";
    case "auth-ext-stale":
      return "authentication: its clock and ours are further apart than the auth_hmac window";
    case "auth-ext-replay":
      return "authentication: its auth_hmac sequence does not grow (clock set back, or packets played again)";
    default:
      return `its packets are refused: ${reason}`;
  }
}

/** Keywords that decide whether two routers understand each other. */
export type AgreementKeyword =
  | "virtual_router_id"
  | "version"
  | "advert_int"
  | "authentication"
  | "auth_hmac"
  | "unicast_peer"
  | "check_unicast_src"
  | "v3_checksum_as_v2"
  | "old_unicast_checksum";

/** Which line to change, with file and number where the file has it: `advert_int (lbd.conf:7) has to be the same on both`. */
export function remedyFor(instance: VrrpInstance, reason: OddReason, datagram: Datagram): string {
  switch (reason) {
    case "carp":
      return `${place(instance, "virtual_router_id")}, or the vhid of the other, has to be another number`;
    case "version":
      return `${place(instance, "version")} has to be the same on both`;
    case "interval":
      return `${place(instance, "advert_int")} has to be the same on both`;
    case "stranger":
      return `name it in ${place(instance, "unicast_peer")}, or leave out ${place(instance, "check_unicast_src")}`;
    case "destination":
      return isUnicast(instance)
        ? `name us in its unicast_peer, or leave out ${place(instance, "unicast_peer")}`
        : `name it in ${place(instance, "unicast_peer")}, or leave out its own`;
    case "ttl":
      return isUnicast(instance)
        ? `lower min_ttl in ${place(instance, "unicast_peer")} if it is meant to be beyond a router`
        : "multicast never comes with another TTL than 255: somebody else sends it, or a router forwards it";
    case "checksum":
      return `${place(instance, isUnicast(instance) ? "old_unicast_checksum" : "v3_checksum_as_v2")} has to be the same on both`;
    case "length":
      return looksSigned(datagram) && !instance.hmac
        ? `${place(instance, "auth_hmac")} has to be the same on both`
        : "it sends no sound VRRP: look at its log and version";
    case "auth-type-invalid":
    case "auth-type-mismatch":
    case "auth-password":
    case "auth-ah-icv":
    case "auth-ah-spi":
      return `${place(instance, "authentication")} has to be the same on both`;
    case "auth-ah-replay":
    case "auth-ah-collision":
      return "start the one of us that is older again, or leave AH for auth_hmac";
    case "auth-ext-missing":
    case "auth-ext-malformed":
    case "auth-ext-invalid-hmac":
    case "auth-ext-unknown-key":
      return `${place(instance, "auth_hmac")} needs the same keys on both`;
    case "auth-ext-stale":
    case "auth-ext-replay":
      return `set the clocks of both right, or anti_replay and time_window of ${place(instance, "auth_hmac")}`;
    default:
      return `compare vrrp_instance ${at(instance.name, instance.origin)} with the other's`;
  }
}

function place(instance: VrrpInstance, keyword: AgreementKeyword): string {
  const own = instance.origins?.[keyword];
  if (own) return at(keyword, own);
  return `${keyword} of vrrp_instance ${at(instance.name, instance.origin)}`;
}

function at(what: string, { file, line }: VrrpInstance["origin"]): string {
  return `${what} (${file}:${line})`;
}
