// Config core: policy rules get their preference here. A rule that names none counts down from 16384 over the whole
// configuration, and that is said, as keepalived does.

import type { Line } from "../bind/keyword.ts";
import type { Findings } from "../findings/findings.ts";
import type { RuleLine } from "../keywords/routing/rule.ts";
import type { Rule } from "../model/net.ts";

/** Hands out preferences to rules that name none. */
export interface RuleNumbers {
  next: number;
}

const FIRST_PREFERENCE = 16_384;

export function createRuleNumbers(): RuleNumbers {
  return { next: FIRST_PREFERENCE };
}

export function toRules(lines: readonly Line<RuleLine>[], numbers: RuleNumbers, findings: Findings): readonly Rule[] {
  return lines.map(({ value: { word, preference, ...rule } }) => {
    if (preference !== undefined) return { ...rule, preference };
    const given = numbers.next--;
    findings.add("warning", word.span, {
      code: "no-preference",
      message: `the rule has no preference: ${given} is taken`,
      hint: `write preference ${given}, so that the order does not hang on the file`,
    });
    return { ...rule, preference: given };
  });
}
