// Config core: the link of its own that an instance may have: a VMAC or an ipvlan.
import type { Family } from "../../../base/ip.ts";
import type { Findings } from "../../findings/findings.ts";
import type { VrrpInstance } from "../../model/vrrp.ts";
import type { BoundInstance } from "./bound.ts";

// --- virtual MAC

export function vmacOf(
  bound: BoundInstance,
  family: Family,
  xmitBase: boolean,
  findings: Findings,
): VrrpInstance["vmac"] {
  const { block } = bound;
  const macvlan = block.use_vmac?.value.off ? undefined : block.use_vmac;
  const ipvlan = block.use_ipvlan?.value.off ? undefined : block.use_ipvlan;
  const vrid = block.virtual_router_id?.value ?? 0;
  if (block.vmac_xmit_base?.value && xmitBase && !macvlan && !ipvlan)
    findings.add("warning", block.vmac_xmit_base.statement.words[0].span, {
      code: "without-effect",
      message: "vmac_xmit_base needs use_vmac: it is ignored",
    });
  if (macvlan && ipvlan)
    findings.add("warning", ipvlan.statement.words[0].span, {
      code: "without-effect",
      message: "use_ipvlan is ignored beside use_vmac",
      related: [{ span: macvlan.statement.words[0].span, message: "given here" }],
    });
  if (macvlan) {
    const { interface: name, mac, group, notify } = macvlan.value;
    const octets = mac?.split(":").length === 5 ? `${mac}:${vrid.toString(16).padStart(2, "0")}` : mac;
    return {
      kind: "macvlan",
      ...(name !== undefined && { interface: name }),
      ...(octets !== undefined && { mac: octets }),
      ...(group !== undefined && { group }),
      ...(notify && { netlinkNotify: true }),
      xmitBase,
    };
  }
  if (!ipvlan) return undefined;
  const { interface: name, address, mode, group } = ipvlan.value;
  if (!address && family === 4)
    findings.add("error", ipvlan.statement.words[0].span, {
      code: "missing-value",
      message: "an IPv4 ipvlan lacks its address: the instance can't send",
      hint: "write use_ipvlan NAME ADDRESS",
    });
  return {
    kind: "ipvlan",
    ...(name !== undefined && { interface: name }),
    ...(group !== undefined && { group }),
    ipvlanMode: mode ?? "bridge",
    ...(address && { ipvlanAddress: address }),
    xmitBase,
  };
}
