// Config core: lines of virtual_rules and static_rules (language.md §14.4).
import { type Family, familyOf } from "../../../base/ip.ts";
import type { Table, Value } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { iface, text } from "../../bind/values/names.ts";
import { INT32_MAX, integerSchema, strictInteger, UINT32_MAX } from "../../bind/values/numbers.ts";
import { one } from "../../bind/values/shapes.ts";
import { flag } from "../../bind/values/switches.ts";
import type { Rule } from "../../model/net.ts";
import type { Word } from "../../text/tree.ts";
import { type Option, type Options, readOptions } from "./line-reader.ts";
import {
  cNumber,
  interfaceGroup,
  ipProtocol,
  markAndMask,
  numberRange,
  type Prefix,
  realms,
  ruleSelector,
  ruleTable,
  tunnelId,
  typeOfService,
} from "./line-values.ts";
import { protocolOf } from "./own-protocol.ts";
import { familyWord, positional } from "./positional.ts";

// biome-ignore format: a table reads by rows
export const RULE = {
  from: { value: ruleSelector, default: "all", repeat: "last", tier: "core", since: "1.2.20", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Source prefix." },
  to: { value: ruleSelector, default: "all", repeat: "last", tier: "core", since: "1.2.20", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Destination prefix; all after a from prefix looks like a family clash." },
  table: { value: ruleTable, default: "(required unless another action)", repeat: "once", tier: "core", since: "1.2.20", aliases: "lookup",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Table to consult." },
  lookup: { value: ruleTable, repeat: "once", tier: "full", since: "1.2.24", sameAs: "table", aliases: "table",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for table." },
  preference: { value: cNumber, default: "counts down from 16384 (with an error)", repeat: "last", tier: "core", since: "1.2.24",
    aliases: "priority, order", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Rule priority." },
  priority: { value: cNumber, repeat: "last", tier: "full", since: "1.2.24", sameAs: "preference", aliases: "preference",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for preference." },
  order: { value: cNumber, repeat: "last", tier: "full", since: "1.2.24", sameAs: "preference", aliases: "preference",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for preference." },
  inet: { value: familyWord(isRuleWord), default: "inet", repeat: "flag", tier: "full", since: "2.0.1",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Says IPv4; swallows the next word." },
  inet6: { value: familyWord(isRuleWord), default: "(from addresses)", repeat: "flag", tier: "full", since: "2.0.1",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Says IPv6; swallows the next word." },
  not: { value: flag, initial: false, repeat: "flag", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Invert the match." },
  tos: { value: typeOfService, default: "0", repeat: "last", tier: "full", since: "1.2.24", aliases: "dsfield",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Type of service." },
  dsfield: { value: typeOfService, repeat: "last", tier: "full", since: "1.2.24", sameAs: "tos", aliases: "tos",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for tos." },
  fwmark: { value: markAndMask, default: "0", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Firewall mark and mask." },
  realms: { value: realms, default: "(none)", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Realms, IPv4 only, table action only." },
  iif: { value: iface, default: "(any)", repeat: "last", tier: "full", since: "1.2.24", aliases: "dev",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Input interface." },
  dev: { value: iface, repeat: "last", tier: "full", since: "1.2.24", sameAs: "iif", aliases: "iif",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Other word for iif." },
  oif: { value: iface, default: "(any)", repeat: "last", tier: "full", since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Output interface." },
  suppress_prefixlength: { value: strictInteger(0, INT32_MAX), default: "off", repeat: "last", tier: "full", since: "1.2.24", aliases: "sup_pl",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Ignore results with so short a prefix; table action only." },
  sup_pl: { value: strictInteger(0, INT32_MAX), repeat: "last", tier: "full", since: "1.2.24", sameAs: "suppress_prefixlength",
    aliases: "suppress_prefixlength", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Short form." },
  suppress_ifgroup: { value: interfaceGroup, default: "off", repeat: "last", tier: "full", since: "1.2.24", aliases: "sup_group",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Ignore results through that interface group; table action only." },
  sup_group: { value: interfaceGroup, repeat: "last", tier: "full", since: "1.2.24", sameAs: "suppress_ifgroup", aliases: "suppress_ifgroup",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Short form." },
  "tunnel-id": { value: tunnelId, default: "0", repeat: "last", tier: "full", since: "1.2.24",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Tunnel key." },
  uidrange: { value: numberRange("INT-INT", UINT32_MAX), default: "(any)", repeat: "last", tier: "full", since: "1.3.5",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "User ids of local senders." },
  l3mdev: { value: flag, initial: false, repeat: "once", tier: "full", since: "1.4.3", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Consult the table of the packet's VRF." },
  protocol: { value: one("INT(0..255), no names", integerSchema(0, 255), "an integer from 0 to 255"), default: "18", repeat: "last", tier: "full",
    since: "2.0.1", effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Originator; anything but 18 is reset with an error unless no_track." },
  ipproto: { value: ipProtocol, default: "(any)", repeat: "last", tier: "full", since: "2.0.1", aliases: "(manual: ip_proto, not accepted)",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Transport protocol." },
  sport: { value: numberRange("INT-INT (a single number is refused)", 65535), default: "(any)", repeat: "last", tier: "full", since: "2.0.1",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Source ports." },
  dport: { value: numberRange("INT-INT (a single number is refused)", 65535), default: "(any)", repeat: "last", tier: "full", since: "2.0.1",
    effective: { test: "test/netns/vrrp-lines.test.ts" },
    doc: "Destination ports." },
  "<action>": { value: positional("[type] ENUM(blackhole|unreachable|prohibit|nop) | goto INT"), default: "(table)", repeat: "once", tier: "full",
    since: "1.2.24", effective: { test: "test/netns/vrrp-lines.test.ts", unsaid: "any of the actions" },
    doc: "What to do instead of a table lookup; goto needs a smaller preference." },
  no_track: { value: flag, initial: false, repeat: "flag", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Losing the rule does not disturb the instance." },
  track_group: { value: text("NAME"), default: "(none)", repeat: "once", tier: "full", since: "2.0.3", effective: { test: "test/netns/vrrp-keywords.test.ts" },
    doc: "Instances that fault when the rule is lost; needs iif." },
} as const satisfies Table;

function isRuleWord(text: string): boolean {
  return Object.hasOwn(RULE, text) || text === "goto" || text === "type" || isVerdict(text);
}

const VERDICTS = ["blackhole", "unreachable", "prohibit", "nop"] as const;

function isVerdict(text: string): boolean {
  return VERDICTS.some((verdict) => verdict === text);
}

/** A line as read; numbers for rules without a preference are given when the whole file is known. */
export interface RuleLine extends Omit<Rule, "preference"> {
  readonly preference?: number;
  readonly word: Word;
}

/** One line. */
/** Options that keepalived ignores when they are wrong, and no more than them. */
const DISPENSABLE: ReadonlySet<string> = new Set(["ipproto", "sport", "dport"]);

export const rule: Value<RuleLine> = { grammar: "RULE", read: readRule };

type RuleOptions = Options<typeof RULE>;

function readRule(words: Reader): RuleLine | undefined {
  const first = words.peek();
  if (!first) return undefined;
  let action: Rule["action"] | undefined;
  let broken = false;
  const other = (word: Word): boolean => {
    if (word.text === "goto") {
      words.next();
      const preference = words.value(integerSchema(0, UINT32_MAX), "the preference of a later rule", "goto");
      if (preference === undefined) broken = true;
      else action = { kind: "goto", preference };
      return true;
    }
    if (word.text === "type") words.next();
    const verdict = VERDICTS.find((one) => one === words.peek()?.text);
    if (!verdict) return word.text === "type";
    words.next();
    action = { kind: verdict };
    return true;
  };
  const { options, failed, strange } = readOptions(words, RULE, "a rule", other, undefined, "the rule is left out");
  if (broken || strange || failed.some((option) => !DISPENSABLE.has(option))) return undefined;
  if (options.table) action = { kind: "table", table: options.table.value };
  const l3mdev = options.l3mdev !== undefined;
  if (!action && !l3mdev) {
    words.error(
      first,
      "missing-value",
      "the rule says nothing to do: it is left out",
      "add table N, or blackhole, unreachable, prohibit, nop, goto N",
    );
    return undefined;
  }
  return buildRule(words, first, action ?? { kind: "table", table: 0 }, options);
}

function buildRule(words: Reader, first: Word, action: Rule["action"], options: RuleOptions): RuleLine | undefined {
  const family = familyOfRule(words, options);
  if (family === undefined) return undefined;
  const preference = options.preference?.value;
  if (action.kind === "goto" && preference !== undefined && action.preference <= preference) {
    words.error(
      first,
      "bad-value",
      `goto ${action.preference} must point behind the rule's own preference (${preference})`,
    );
    return undefined;
  }
  const from = prefixOf(options.from);
  const to = prefixOf(options.to);
  const protocol = protocolOf(words, options);
  return {
    word: first,
    family,
    invert: options.not !== undefined,
    ...(from && { from }),
    ...(to && { to }),
    ...(options.iif && { iif: options.iif.value }),
    ...(options.oif && { oif: options.oif.value }),
    ...(options.fwmark && { fwmark: options.fwmark.value }),
    ...(options.tos && { tos: options.tos.value }),
    ...(options.realms && family === 4 && { realms: options.realms.value }),
    ...(options["tunnel-id"] && { tunnelId: options["tunnel-id"].value }),
    ...(options.uidrange && { uidRange: options.uidrange.value }),
    l3mdev: options.l3mdev !== undefined,
    ...(options.ipproto && { ipProto: options.ipproto.value }),
    ...(options.sport && { sport: options.sport.value }),
    ...(options.dport && { dport: options.dport.value }),
    ...(preference !== undefined && { preference }),
    ...(protocol !== undefined && { protocol }),
    ...(options.suppress_prefixlength && { suppressPrefixLength: options.suppress_prefixlength.value }),
    ...(options.suppress_ifgroup && { suppressGroup: options.suppress_ifgroup.value }),
    action,
    noTrack: options.no_track !== undefined,
    ...(options.track_group && { trackGroup: options.track_group.value }),
    origin: first.origin,
  };
}

function prefixOf(option: Option<Prefix | "all"> | undefined): Prefix | undefined {
  return option && option.value !== "all" ? option.value : undefined;
}

function familyOfRule(words: Reader, options: RuleOptions): Family | undefined {
  const from = prefixOf(options.from);
  const to = prefixOf(options.to);
  if (from && to && familyOf(from.ip) !== familyOf(to.ip)) {
    words.error(
      options.to?.word ?? words.keyword,
      "mixed-families",
      `from ${from.ip} and to ${to.ip} are of different families: the rule is left out`,
    );
    return undefined;
  }
  const said = options.inet6 ? 6 : options.inet ? 4 : undefined;
  const seen = from ?? to;
  return said ?? (seen ? familyOf(seen.ip) : 4);
}
