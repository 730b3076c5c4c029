// Config core: lines of virtual_ipaddress, virtual_ipaddress_excluded and static_ipaddress (language.md §14.1).
import { familyOf, formatIp, type IpText, ipBytes } from "../../../base/ip.ts";
import type { Table, Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { ipSchema } from "../../bind/values/addresses.ts";
import { iface, interfaceSchema, text } from "../../bind/values/names.ts";
import { UINT32_MAX } from "../../bind/values/numbers.ts";
import { one } from "../../bind/values/shapes.ts";
import { flag } from "../../bind/values/switches.ts";
import type { Address } from "../../model/net.ts";
import { type Options, readOptions } from "./line-reader.ts";
import { addressScope, broadcast, lifetime, readPrefix } from "./line-values.ts";
import { positional } from "./positional.ts";

// biome-ignore format: a table reads by rows
export const ADDRESS = {
  "<ip>": { value: positional("IP[/INT(0..32 or 0..128)]"), default: "/32 or /128", repeat: "once", tier: "seed", since: "<=1.0.3",
    effective: { test: "test/netns/vrrp-lines.test.ts", unsaid: "any address" },
    doc: "The address must be the first word; a bare slash means /0." },
  brd: { value: broadcast, default: "(none)", repeat: "last", tier: "seed", since: "1.1.3", aliases: "broadcast",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Broadcast address; + sets and - clears the host bits (prefix up to 30)." },
  broadcast: { value: broadcast, repeat: "last", tier: "seed", since: "1.1.3", sameAs: "brd", aliases: "brd",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Long form of brd." },
  dev: { value: iface, default: "(instance's interface; static: default_interface)", repeat: "once", tier: "seed", since: "1.0.1",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Interface of the address; a second dev drops the address." },
  scope: { value: addressScope, default: "global", repeat: "last", tier: "seed", since: "1.0.3",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Scope, IPv4 only." },
  label: { value: one("STRING(1..15)", interfaceSchema, "a label of 1 to 15 bytes"), default: "(none)", repeat: "last", tier: "seed",
    since: "1.1.14", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Interface label, IPv4 only; a longer one drops the address." },
  peer: { value: one("IP (no prefix)", ipSchema, "an address without prefix length"), default: "(none)", repeat: "once", tier: "full",
    since: "2.0.0", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Point-to-point peer; the address's own prefix is then ignored." },
  home: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.3.6", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Mark as mobile home address." },
  "-nodad": { value: flag, default: "nodad set", repeat: "flag", tier: "full", since: "1.3.6", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Do duplicate address detection (addresses are added without it)." },
  mngtmpaddr: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.3.6", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Kernel manages temporary addresses from this one." },
  noprefixroute: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.3.6", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "No automatic route for the prefix." },
  autojoin: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.3.6", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Join multicast groups on the address." },
  preferred_lft: { value: lifetime, default: "IPv6: 0 for /128, else forever", unit: "s", repeat: "last", tier: "core", since: "2.0.20",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Preferred lifetime; 0 keeps IPv6 from using it as source." },
  no_track: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Losing the address or its interface does not disturb the instance." },
  track_group: { value: text("NAME"), default: "(none)", repeat: "once", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Instances that fault when the address is lost." },
  use_vmac: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.2.0", build: "vmac", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Put this address on a VMAC of its own." },
} as const satisfies Table;

/** Options without which the address would be another one. */
const DECISIVE: ReadonlySet<string> = new Set(["dev", "label", "brd", "broadcast"]);

/** IFA_F_* of <linux/if_addr.h>. */
const IFA_F_NODAD = 0x02;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_MANAGETEMPADDR = 0x100;
const IFA_F_NOPREFIXROUTE = 0x200;
/** kernel: joins the group on the interface. */
export const IFA_F_MCAUTOJOIN = 0x400;

/** One line; `device` stays absent where the line names none. */
export const address: Value<Address> = { grammar: "ADDRESS", read: readAddress };

function readAddress(words: Reader): Address | undefined {
  const word = words.next();
  const target = word && readPrefix(words, word, "the address");
  if (!word || !target) {
    words.takeAll();
    return undefined;
  }
  const { options, failed } = readOptions(words, ADDRESS, "an address line");
  // keepalived drops the address when one of these is wrong, and only the option otherwise.
  if (failed.some((option) => DECISIVE.has(option))) return undefined;
  const family = familyOf(target.ip);
  if (family === 6) {
    reportIpv4Options(words, options);
    if (options.brd) return undefined;
  }
  const broadcastIp =
    options.brd && family === 4 ? broadcastOf(words, target.ip, target.prefix, options.brd) : undefined;
  const peer = peerOf(words, target.ip, options.peer);
  const lifetimeS = options.preferred_lft?.value ?? (family === 6 && target.prefix === 128 ? 0 : UINT32_MAX);
  return {
    ip: target.ip,
    family,
    prefix: peer ? (family === 6 ? 128 : 32) : target.prefix,
    ...(options.dev && { device: options.dev.value }),
    ...(broadcastIp !== undefined && { broadcast: broadcastIp }),
    ...(options.label && family === 4 && { label: options.label.value }),
    ...(options.scope && family === 4 && { scope: options.scope.value }),
    ...(peer && { peer }),
    flags: flagsOf(options, family === 6),
    ...(lifetimeS !== UINT32_MAX && { preferredLifetimeS: lifetimeS }),
    noTrack: options.no_track !== undefined,
    ...(options.track_group && { trackGroup: options.track_group.value }),
    useVmac: options.use_vmac !== undefined,
    origin: word.origin,
  };
}

/** RT_SCOPE_UNIVERSE of <linux/rtnetlink.h>: `scope global`. */
const RT_SCOPE_UNIVERSE = 0;

/** keepalived leaves the whole address out for a broadcast address, and only the word for the others. */
function reportIpv4Options(words: Reader, options: Options<typeof ADDRESS>): void {
  for (const option of [options.brd, options.label, options.scope]) {
    // keepalived passes in silence what the kernel takes for IPv6 anyway.
    if (!option || (option === options.scope && option.value === RT_SCOPE_UNIVERSE)) continue;
    const what = option === options.brd ? "the address is left out" : "it is ignored";
    words.error(option.word, "without-effect", `${option.word.text} is for IPv4 addresses only: ${what}`);
  }
}

function flagsOf(options: Options<typeof ADDRESS>, ipv6: boolean): number {
  let flags = ipv6 && !options["-nodad"] ? IFA_F_NODAD : 0;
  if (options.home) flags |= IFA_F_HOMEADDRESS;
  if (options.mngtmpaddr) flags |= IFA_F_MANAGETEMPADDR;
  if (options.noprefixroute) flags |= IFA_F_NOPREFIXROUTE;
  if (options.autojoin) flags |= IFA_F_MCAUTOJOIN;
  return flags;
}

/** `+` sets the host bits, `-` clears them; there must be host bits enough for either to be an address of its own. */
function broadcastOf(
  words: Reader,
  ip: IpText,
  prefix: number,
  option: NonNullable<Options<typeof ADDRESS>["brd"]>,
): IpText | undefined {
  if (option.value !== "+" && option.value !== "-") return option.value;
  if (prefix > 30) {
    words.error(
      option.word,
      "bad-value",
      `${option.word.text} ${option.value} needs a prefix of at most 30 (/${prefix})`,
    );
    return undefined;
  }
  const bytes = ipBytes(ip);
  const view = new DataView(bytes.buffer);
  const hostBits = prefix === 0 ? UINT32_MAX : 2 ** (32 - prefix) - 1;
  const address = view.getUint32(0);
  view.setUint32(0, option.value === "+" ? (address | hostBits) >>> 0 : (address & ~hostBits) >>> 0);
  return formatIp(bytes);
}

/** A peer that can't be one is ignored, with or without it the address is there. */
function peerOf(words: Reader, ip: IpText, option: Options<typeof ADDRESS>["peer"]): Address["peer"] {
  if (!option) return undefined;
  if (familyOf(option.value) !== familyOf(ip)) {
    const message = `the peer ${option.value} is of another family than ${ip}: it is ignored`;
    words.error(option.word, "mixed-families", message);
    return undefined;
  }
  if (words.keyword.text.includes("/"))
    words.error(words.keyword, "without-effect", `beside peer the prefix length of ${words.keyword.text} is ignored`);
  return { ip: option.value, prefix: familyOf(ip) === 6 ? 128 : 32 };
}
