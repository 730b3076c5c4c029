// Appliance core: the parameters of bonds and bridges.
import { type Block, block, flag, listOf, oneOf, text, whole } from "../yaml.ts";
import { BOND_MODES, type BondParameters, type BridgeParameters } from "./model.ts";
import { UNSUPPORTED_BRIDGE } from "./unsupported.ts";
import { given, ip, milliseconds, seconds } from "./values.ts";

const BOND = {
  mode: oneOf(BOND_MODES),
  "lacp-rate": oneOf(["slow", "fast"]),
  "mii-monitor-interval": milliseconds,
  "min-links": whole(0, 256),
  "transmit-hash-policy": oneOf(["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"]),
  "ad-select": oneOf(["stable", "bandwidth", "count"]),
  "all-members-active": flag,
  "all-slaves-active": flag,
  "arp-interval": milliseconds,
  "arp-ip-targets": listOf(ip),
  "arp-validate": oneOf(["none", "active", "backup", "all"]),
  "arp-all-targets": oneOf(["any", "all"]),
  "up-delay": milliseconds,
  "down-delay": milliseconds,
  "fail-over-mac-policy": oneOf(["none", "active", "follow"]),
  "gratuitous-arp": whole(0, 255),
  "gratuitious-arp": whole(0, 255),
  "packets-per-member": whole(0, 65535),
  "packets-per-slave": whole(0, 65535),
  "primary-reselect-policy": oneOf(["always", "better", "failure"]),
  "resend-igmp": whole(0, 255),
  "learn-packet-interval": seconds,
  primary: text,
} as const;
export const bondParameters = block(BOND);

const BRIDGE = {
  stp: flag,
  "ageing-time": seconds,
  "aging-time": seconds,
  "forward-delay": seconds,
  "hello-time": seconds,
  "max-age": seconds,
  priority: whole(0, 65535),
} as const;
export const bridgeParameters = block(BRIDGE, UNSUPPORTED_BRIDGE);

export function toBond(read: Block<typeof BOND> | undefined): BondParameters {
  if (!read) return {};
  return {
    ...given("mode", read.mode),
    ...given("lacpRate", read["lacp-rate"]),
    ...given("miiMonitorMs", read["mii-monitor-interval"]),
    ...given("minLinks", read["min-links"]),
    ...given("transmitHashPolicy", read["transmit-hash-policy"]),
    ...given("adSelect", read["ad-select"]),
    // Names with «slave» and a misspelt one are netplan's older ones.
    ...given("allMembersActive", read["all-members-active"] ?? read["all-slaves-active"]),
    ...given("arpIntervalMs", read["arp-interval"]),
    ...given("arpTargets", read["arp-ip-targets"]),
    ...given("arpValidate", read["arp-validate"]),
    ...given("arpAllTargets", read["arp-all-targets"]),
    ...given("upDelayMs", read["up-delay"]),
    ...given("downDelayMs", read["down-delay"]),
    ...given("failOverMac", read["fail-over-mac-policy"]),
    ...given("gratuitousArp", read["gratuitous-arp"] ?? read["gratuitious-arp"]),
    ...given("packetsPerMember", read["packets-per-member"] ?? read["packets-per-slave"]),
    ...given("primaryReselect", read["primary-reselect-policy"]),
    ...given("resendIgmp", read["resend-igmp"]),
    ...given("learnPacketS", read["learn-packet-interval"]),
    ...given("primary", read.primary),
  };
}

export function toBridge(read: Block<typeof BRIDGE> | undefined): BridgeParameters {
  return {
    stp: read?.stp?.value ?? true,
    ...given("ageingS", read?.["ageing-time"] ?? read?.["aging-time"]),
    ...given("forwardDelayS", read?.["forward-delay"]),
    ...given("helloS", read?.["hello-time"]),
    ...given("maxAgeS", read?.["max-age"]),
    ...given("priority", read?.priority),
  };
}
