// Config core: how the adverts of an instance are authenticated: by RFC 2338, or by keyed hashes.

import type { Findings } from "../../findings/findings.ts";
import type { VrrpInstance } from "../../model/vrrp.ts";
import { type Statement, valueSpan } from "../../text/tree.ts";
import type { BoundInstance } from "./bound.ts";

export function authenticationOf(
  bound: BoundInstance,
  version: 2 | 3,
  strict: boolean,
  findings: Findings,
): VrrpInstance["authentication"] {
  const entries = bound.block.authentication;
  const [first] = entries ?? [];
  if (!entries || !first) return undefined;
  const keyword = first.statement.words[0].span;
  const type = lastSaid(entries, ({ block }) => block.auth_type, findings);
  const pass = lastSaid(entries, ({ block }) => block.auth_pass, findings);
  const clash = version === 3 ? "version 3" : strict ? "strict mode" : bound.block.auth_hmac ? "auth_hmac" : undefined;
  if (clash !== undefined) {
    const hint = clash === "version 3" ? { hint: "auth_hmac protects version 3 as well" } : {};
    findings.add("warning", keyword, {
      code: "without-effect",
      message: `authentication is ignored with ${clash}`,
      ...hint,
    });
    return undefined;
  }
  if (type && pass) return { type: type.value, password: pass.value };
  const missing = type ? "auth_pass" : "auth_type";
  if (!entries.some(({ attempted }) => attempted.has(missing)))
    // keepalived: a password without a type is passed in silence.
    findings.add(type ? "error" : "warning", keyword, {
      code: "missing-keyword",
      message: `authentication lacks ${missing}: it is ignored`,
      about: { kind: "lacks", keywords: ["auth_type", "auth_pass"] },
      hint: "write auth_type PASS and auth_pass, each on a line of its own",
    });
  return undefined;
}

/** What a later block does not say is that of the one before, as in keepalived. */
function lastSaid<E, V extends { readonly statement: Statement }>(
  entries: readonly E[],
  pick: (entry: E) => V | undefined,
  findings: Findings,
): V | undefined {
  let said: V | undefined;
  for (const entry of entries) {
    const value = pick(entry);
    if (said && value) {
      const keyword = value.statement.first;
      findings.add("warning", keyword.span, {
        code: "duplicate-keyword",
        message: `${keyword.text} is given twice in this instance: the last one counts`,
        related: [{ span: said.statement.first.span, message: "given here first" }],
      });
    }
    said = value ?? said;
  }
  return said;
}

const MIN_TIME_WINDOW_S = 5;

type HmacEntry = NonNullable<BoundInstance["block"]["auth_hmac"]>[number];

export function hmacOf(bound: BoundInstance, advertMs: number, findings: Findings): VrrpInstance["hmac"] {
  const entries = bound.block.auth_hmac;
  const first = entries?.[0];
  if (!entries || !first) return undefined;
  const keys = new Map<number, string>();
  for (const key of entries.flatMap((entry) => entry.block.key ?? [])) {
    if (keys.has(key.value.id))
      findings.add("error", valueSpan(key.statement), {
        code: "duplicate-key",
        message: `key ${key.value.id} is given twice: the first counts`,
      });
    else keys.set(key.value.id, key.value.keyHex);
  }
  const last = <T>(pick: (entry: HmacEntry) => T | undefined) =>
    entries.reduce<T | undefined>((found, entry) => pick(entry) ?? found, undefined);
  const active = last((entry) => entry.block.active_key);
  if (!active || !keys.has(active.value)) {
    const attempted = entries.some((entry) => entry.attempted.has("active_key") || entry.attempted.has("key"));
    if (!attempted)
      findings.add("error", active ? valueSpan(active.statement) : first.statement.words[0].span, {
        code: active ? "undefined-reference" : "missing-keyword",
        message: active ? `there is no key ${active.value}: auth_hmac is off` : "auth_hmac lacks active_key: it is off",
        about: active
          ? { kind: "undefined", block: "key", name: String(active.value) }
          : { kind: "lacks", keywords: ["active_key"] },
      });
    return undefined;
  }
  const window = last((entry) => entry.block.time_window);
  return {
    keys: Array.from(keys, ([id, keyHex]) => ({ id, keyHex })),
    activeKey: active.value,
    timeWindowS: window?.value ?? Math.max(Math.ceil((3 * advertMs) / 1000), MIN_TIME_WINDOW_S),
    antiReplay: last((entry) => entry.block.anti_replay)?.value ?? "time",
    mode: last((entry) => entry.block.mode)?.value ?? "enforce",
  };
}
