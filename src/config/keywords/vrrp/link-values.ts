// Config core: values that name links: VMAC and ipvlan, further interfaces, link watching, the sync daemon's link.
import { canonicalIp } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { interfaceSchema, nonEmptySchema } from "../../bind/values/names.ts";
import { integerSchema } from "../../bind/values/numbers.ts";
import { wordsSchema } from "../../bind/values/shapes.ts";
import { switchWord } from "../../bind/values/switches.ts";
import type { SyncDaemon } from "../../model/lvs.ts";
import type { Word } from "../../text/tree.ts";
import { readOptions } from "../routing/line-reader.ts";
import { type Prefix, readPrefix } from "../routing/line-values.ts";
import { SYNC_DAEMON, VMAC } from "../routing/small-lines.ts";

// --- virtual MAC and ipvlan

export interface VmacValue {
  /** `use_vmac off`, where keepalived makes a link of that name. */
  readonly off?: true;
  readonly interface?: string;
  /** Five octets (the VRID is the sixth) or six, colon separated, lower case. */
  readonly mac?: string;
  readonly notify: boolean;
  readonly group?: number;
}

const MAC = /^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){4,5}$/;

function macOf(text: string): string | undefined {
  if (!MAC.test(text)) return undefined;
  return text
    .toLowerCase()
    .split(":")
    .map((octet) => octet.padStart(2, "0"))
    .join(":");
}

export const useVmac: Value<VmacValue> = {
  grammar: "[[name] IFNAME] [MAC (5 or 6 octets)] [netlink_notify_msg] [group GROUP]",
  read: (words) => {
    if (switchWord(words) === false) return { off: true, notify: false };
    let name: string | undefined;
    let mac: string | undefined;
    let bare: Word | undefined;
    const { options, failed } = readOptions(words, VMAC, "use_vmac", (word) => {
      const octets = macOf(word.text);
      if (octets !== undefined) mac = octets;
      else if (!bare && !word.text.includes(":")) {
        bare = word;
        name = words.convert(word, interfaceSchema, "use_vmac");
      } else return false;
      words.next();
      return true;
    });
    if (failed.length > 0) return undefined;
    refuseTwoNames(words, options.name?.word, bare);
    const named = options.name?.value ?? name;
    return {
      ...(named !== undefined && { interface: named }),
      ...(mac !== undefined && { mac }),
      notify: options.netlink_notify_msg !== undefined,
      ...(options.group && { group: options.group.value }),
    };
  },
};

/** A name with `name` in front of it, and one without. */
function refuseTwoNames(words: Reader, named: Word | undefined, bare: Word | undefined): void {
  if (named && bare) words.error(bare, "duplicate-keyword", `${words.keyword.text} has two names for its interface`);
}

export interface IpvlanValue {
  /** `use_ipvlan off`, where keepalived makes a link of that name. */
  readonly off?: true;
  readonly interface?: string;
  readonly address?: Prefix;
  readonly mode?: "bridge" | "private" | "vepa";
  readonly group?: number;
}

const IPVLAN_MODES = ["bridge", "private", "vepa"] as const;

export const useIpvlan: Value<IpvlanValue> = {
  grammar: "[[name] IFNAME] [IP[/LEN]] [ENUM(bridge|private|vepa)] [group GROUP]",
  read: (words) => {
    if (switchWord(words) === false) return { off: true };
    let name: string | undefined;
    let address: Prefix | undefined;
    let mode: (typeof IPVLAN_MODES)[number] | undefined;
    let bare: Word | undefined;
    const { options, failed } = readOptions(words, VMAC, "use_ipvlan", (word) => {
      const known = IPVLAN_MODES.find((one) => one === word.text);
      if (known) mode = known;
      else if (canonicalIp(word.text.split("/")[0] ?? "") !== undefined)
        address = readPrefix(words, word, "use_ipvlan");
      else if (!bare) {
        bare = word;
        name = words.convert(word, interfaceSchema, "use_ipvlan");
      } else return false;
      words.next();
      return true;
    });
    if (failed.length > 0) return undefined;
    refuseTwoNames(words, options.name?.word, bare);
    const named = options.name?.value ?? name;
    return {
      ...(named !== undefined && { interface: named }),
      ...(address && { address }),
      ...(mode && { mode }),
      ...(options.group && { group: options.group.value }),
    };
  },
};

// --- sync daemon

/** `lvs_sync_daemon`, in its form with words and in the older positional one. */
export const syncDaemon: Value<SyncDaemon> = {
  grammar:
    "IFNAME [inst VRRP-INSTANCE] [id INT(0..255)] [maxlen INT(1..65507)] [port INT(1..65535)] [ttl INT(1..255)] [group MCAST-IP] | IFNAME VRRP-INSTANCE [INT]",
  read: (words) => {
    const word = words.need("an interface");
    const device = word && words.convert(word, interfaceSchema);
    if (!word || device === undefined) return undefined;
    let instance: string | undefined;
    let id: number | undefined;
    const behindInterface = words.position;
    const { options, failed } = readOptions(words, SYNC_DAEMON, "lvs_sync_daemon", (other) => {
      const place = words.position - behindInterface;
      if (place === 0) instance = words.convert(other, nonEmptySchema, "lvs_sync_daemon");
      else if (place === 1 && instance !== undefined && /^\d+$/.test(other.text)) {
        id = words.convert(other, integerSchema(0, 255), "id");
        words.warn(other, "deprecated", "a sync id without its word", `write id ${other.text}`);
      } else return false;
      words.next();
      return true;
    });
    if (options.inst && instance !== undefined)
      words.error(
        options.inst.word,
        "duplicate-keyword",
        `lvs_sync_daemon names an instance twice: ${instance} counts`,
        "a name directly behind the interface is the instance already",
      );
    if (failed.length > 0) return undefined;
    const inst = instance ?? options.inst?.value;
    const syncId = options.id?.value ?? id;
    return {
      interface: device,
      ...(inst !== undefined && { instance: inst }),
      ...(syncId !== undefined && { syncId }),
      ...(options.maxlen && { maxLen: options.maxlen.value }),
      ...(options.port && { port: options.port.value }),
      ...(options.ttl && { ttl: options.ttl.value }),
      ...(options.group && { group: options.group.value }),
      origin: word.origin,
    };
  },
};

// --- small ones

export interface ExtraInterfaces {
  readonly all: boolean;
  readonly everyMs: number;
}

/** `[all] SECONDS`. */
export function extraInterfaces(min: number): Value<ExtraInterfaces> {
  return {
    grammar: `[all] INT(${min}..86400)`,
    read: (words) => {
      const all = words.take("all");
      const s = words.value(integerSchema(min, 86_400), `seconds from ${min} to 86400`);
      return s === undefined ? undefined : { all, everyMs: s * 1000 };
    },
  };
}

export interface LinkbeatEntry {
  readonly interface: string;
  readonly method?: "MII" | "ETHTOOL" | "IOCTL";
}

export const linkbeatEntry: Value<LinkbeatEntry> = {
  grammar: "IFNAME [ENUM(MII|ETHTOOL|IOCTL)]",
  read: (words) => {
    const name = words.value(interfaceSchema, "an interface", "linkbeat_interfaces");
    const word = words.next();
    const method = word && words.convert(word, wordsSchema(["MII", "ETHTOOL", "IOCTL"]), "linkbeat_interfaces");
    if (name === undefined) return undefined;
    return method ? { interface: name, method } : { interface: name };
  },
};
