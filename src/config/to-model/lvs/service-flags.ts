// Config core: the scheduler's flags and the persistence of a virtual server.
// kernel: IP_VS_SVC_F_* of include/uapi/linux/ip_vs.h.
import type { Family } from "../../../base/ip.ts";
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { PERSISTENCE_DEFAULT_S } from "../../keywords/lvs/service-values.ts";
import type { Protocol, ServiceAddress, VirtualServer } from "../../model/lvs.ts";
import { valueSpan } from "../../text/tree.ts";
import type { BoundVirtualServer } from "./bound.ts";

export const DEFAULT_SCHEDULER = "wlc";

/** IP_VS_SVC_F_* of <linux/ip_vs.h> that keywords switch on. */
const IP_VS_SVC_F_ONEPACKET = 0x0004;

const IP_VS_SVC_F_SCHED1 = 0x0008;

const IP_VS_SVC_F_SCHED2 = 0x0010;

const IP_VS_SVC_F_SCHED3 = 0x0020;

/** Scheduler flags by the names that one scheduler has for them. */
const NAMED_FLAGS = [
  { keyword: "sh-fallback", bit: IP_VS_SVC_F_SCHED1, owner: "sh" },
  { keyword: "sh-port", bit: IP_VS_SVC_F_SCHED2, owner: "sh" },
  { keyword: "mh-fallback", bit: IP_VS_SVC_F_SCHED1, owner: "mh" },
  { keyword: "mh-port", bit: IP_VS_SVC_F_SCHED2, owner: "mh" },
] as const;

export function flagsOf(bound: BoundVirtualServer, protocol: Protocol, marksOnly: boolean, findings: Findings): number {
  const { block } = bound;
  const scheduler = block.lvs_sched?.value ?? DEFAULT_SCHEDULER;
  let flags = 0;
  if (block["flag-1"]?.value) flags |= IP_VS_SVC_F_SCHED1;
  if (block["flag-2"]?.value) flags |= IP_VS_SVC_F_SCHED2;
  if (block["flag-3"]?.value) flags |= IP_VS_SVC_F_SCHED3;
  for (const { keyword, bit, owner } of NAMED_FLAGS) {
    const entry = block[keyword];
    if (!entry?.value) continue;
    if (scheduler === owner) flags |= bit;
    else reportForeignFlag(entry, owner, scheduler, findings);
  }
  if (block.hashed?.value && scheduler !== "sh" && scheduler !== "mh")
    reportForeignFlag(block.hashed, "sh", scheduler, findings);
  if (block.ops?.value) {
    if (protocol === "UDP" || marksOnly) flags |= IP_VS_SVC_F_ONEPACKET;
    else
      findings.add("error", block.ops.statement.words[0].span, {
        code: "without-effect",
        message: `ops needs protocol UDP (${protocol} is set): it is ignored`,
      });
  }
  return flags;
}

function reportForeignFlag(entry: Entry<unknown>, owner: string, scheduler: string, findings: Findings): void {
  const keyword = entry.statement.words[0];
  findings.add("error", keyword.span, {
    code: "without-effect",
    message: `${keyword.text} belongs to the scheduler ${owner} (${scheduler} is set): it is ignored`,
    hint: `write lvs_sched ${owner}, or take ${keyword.text} out`,
  });
}

/** Port 0 means every port, which the kernel has for persistent services only. */
export function persistenceOf(
  bound: BoundVirtualServer,
  services: readonly ServiceAddress[],
  family: Family,
  findings: Findings,
): VirtualServer["persistence"] {
  const { persistence_timeout: timeout, persistence_granularity: granularity } = bound.block;
  if (!timeout && !granularity) {
    if (!services.some((service) => service.kind === "address" && service.port === 0)) return undefined;
    if (!bound.attempted.has("persistence_timeout"))
      findings.add("warning", valueSpan(bound.statement), {
        code: "port-needs-persistence",
        message: `port 0 needs persistence: persistence_timeout ${PERSISTENCE_DEFAULT_S} is taken`,
        hint: "name the port, or write persistence_timeout",
      });
    return { timeoutS: PERSISTENCE_DEFAULT_S };
  }
  const timeoutS = timeout?.value ?? PERSISTENCE_DEFAULT_S;
  if (!granularity) return { timeoutS };
  const dotted = granularity.value.includes(".");
  const word = granularity.statement.words[1] ?? granularity.statement.words[0];
  if (family === 4 && !dotted) {
    const length = Number(granularity.value);
    if (length > 32) {
      const mask = `0.0.0.${length}`;
      findings.add("warning", word.span, {
        code: "odd-mask",
        message: `an IPv4 prefix has at most 32 bits (${length}): the mask ${mask} is taken, as by keepalived`,
        hint: "write a mask such as 255.255.255.0",
      });
      return { timeoutS, granularity: mask };
    }
    const mask = maskOf(length);
    if (length === 0) return { timeoutS, granularity: mask };
    findings.add("warning", word.span, {
      code: "intention-wins",
      message: `${length} is taken as the mask ${mask}; keepalived would make 0.0.0.${length} of it`,
      hint: `write ${mask} to say the same to both`,
    });
    return { timeoutS, granularity: mask };
  }
  if (family === 6 && dotted) {
    findings.add("error", word.span, {
      code: "bad-value",
      message: `an IPv6 service takes a prefix length, no mask (${granularity.value})`,
      hint: "expected an integer from 1 to 128",
    });
    return { timeoutS };
  }
  return { timeoutS, granularity: granularity.value };
}

function maskOf(length: number): string {
  const bits = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
}
