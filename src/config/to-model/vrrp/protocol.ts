// Config core: what an instance does by its version, its priority and its start: the interval of its adverts, preemption, accept.
import type { Family } from "../../../base/ip.ts";
import type { Entry } from "../../bind/keyword.ts";
import type { Findings } from "../../findings/findings.ts";
import { VRRP_INSTANCE } from "../../keywords/vrrp/instance.ts";
import { valueSpan } from "../../text/tree.ts";
import type { BoundInstance, InstanceContext } from "./bound.ts";
import { opposite } from "./pairs.ts";

// --- protocol

export function versionOf(bound: BoundInstance, family: Family, strict: boolean, context: InstanceContext): 2 | 3 {
  const own = bound.block.version;
  if (family === 6 && (strict || !own)) {
    if (own?.value === 2)
      context.findings.add("error", valueSpan(own.statement), {
        code: "version-conflict",
        message: "strict mode has no version 2 for IPv6: version 3 is taken",
      });
    return 3;
  }
  return own?.value ?? context.global.vrrp_version?.value ?? 2;
}

/** MASTER sticks: once said, a later BACKUP does not undo it. */
export function stateOf(bound: BoundInstance, findings: Findings): "MASTER" | "BACKUP" | undefined {
  const [first, ...more] = bound.block.state ?? [];
  let state = first?.value;
  for (const entry of more) {
    findings.add(state === "MASTER" && entry.value === "BACKUP" ? "error" : "warning", entry.statement.words[0].span, {
      code: "duplicate-keyword",
      message: `state is given twice in this block: ${state === "MASTER" ? "MASTER stays" : `${entry.value} counts`}`,
    });
    if (entry.value === "MASTER") state = "MASTER";
  }
  return state;
}

/**
 * An address owner begins as master unless it says otherwise. Strict mode has nobody else do so (RFC 9568 §6.4.1), and with AH a
 * director must hear the others' sequence numbers first (keepalived).
 */
export function initialStateOf(
  bound: BoundInstance,
  said: "MASTER" | "BACKUP" | undefined,
  { owner, strict, ah }: { readonly owner: boolean; readonly strict: boolean; readonly ah: boolean },
  findings: Findings,
): "MASTER" | "BACKUP" | undefined {
  if (said === undefined) return owner ? "MASTER" : undefined;
  const due = owner ? "MASTER" : "BACKUP";
  if (said === due || !(strict || (ah && !owner))) return said;
  const entry = bound.block.state?.at(-1);
  const clash = strict ? `strict mode and ${owner ? "" : "no "}priority 255` : "auth_type AH";
  if (entry) reportClash(entry, clash, findings);
  return due;
}

const MAX_ADVERT_V3_MS = 40_950;

/** Whole seconds in version 2, hundredths up to 40.95 s in version 3 (RFC 3768 §5.3.7, RFC 9568 §5.2.7). */
export function advertOf(bound: BoundInstance, version: 2 | 3, findings: Findings): number {
  const entry = bound.block.advert_int;
  const wishedMs = entry?.value ?? VRRP_INSTANCE.advert_int.initial;
  const stepMs = version === 2 ? 1000 : 10;
  const rounded = Math.max(stepMs, Math.round(wishedMs / stepMs) * stepMs);
  const advertMs = version === 3 ? Math.min(rounded, MAX_ADVERT_V3_MS) : rounded;
  if (entry && advertMs !== wishedMs)
    findings.add("warning", valueSpan(entry.statement), {
      code: "rounded",
      message: `advert_int ${wishedMs / 1000} can't be said in version ${version}: ${advertMs / 1000} is taken`,
      hint:
        version === 2
          ? "version 2 has whole seconds; version 3 has hundredths"
          : "version 3 has hundredths up to 40.95",
    });
  return advertMs;
}

/** keepalived: nopreempt is cleared where the instance begins as master or owns the addresses. */
export function preemptOf(
  bound: BoundInstance,
  state: "MASTER" | "BACKUP" | undefined,
  owner: boolean,
  findings: Findings,
): boolean {
  const { block } = bound;
  const preempt = opposite(block.preempt, block.nopreempt, findings) ?? true;
  if (preempt || !block.nopreempt || (state !== "MASTER" && !owner)) return preempt;
  findings.add("warning", block.nopreempt.statement.words[0].span, {
    code: "without-effect",
    message: `nopreempt has no effect with ${owner && block.priority ? "priority 255" : "state MASTER"}: it is ignored`,
    hint: "write state BACKUP on both directors, and priorities below 255",
  });
  return true;
}

/** RFC 3768 knows no accept mode; RFC 5798 and 9568 do, and there strict mode only turns it off as the default. */
export function acceptOf(bound: BoundInstance, version: 2 | 3, restricted: boolean, findings: Findings): boolean {
  const { accept, no_accept: noAccept } = bound.block;
  const said = opposite(accept, noAccept, findings);
  if (!said || !restricted || version === 3 || !accept) return said ?? !restricted;
  reportClash(accept, "strict mode of version 2", findings);
  return false;
}

export function reportClash(entry: Entry<unknown>, clash: string, findings: Findings): void {
  const text = entry.statement.words.map((word) => word.text).join(" ");
  findings.add("warning", entry.statement.words[0].span, {
    code: "without-effect",
    message: `${text} has no effect with ${clash}: it is ignored`,
  });
}

export function preemptDelayOf(
  bound: BoundInstance,
  state: "MASTER" | "BACKUP" | undefined,
  preempt: boolean,
  strict: boolean,
  findings: Findings,
): number {
  const entry = bound.block.preempt_delay;
  if (!entry || entry.value === 0) return 0;
  const clash = state === "MASTER" ? "state MASTER" : !preempt ? "nopreempt" : strict ? "strict mode" : undefined;
  if (clash === undefined) return entry.value;
  reportClash(entry, clash, findings);
  return 0;
}
