// Role vrrp: kernel objects that somebody else has changed, told as events.
import type { VrrpState } from "./state.ts";

/** An event for those who follow them: somebody else has changed what is ours. */
export function drift({ context }: Pick<VrrpState, "context">, subject: string, to: string, reason: string): void {
  const at = new Date(context.clock.wallMs()).toISOString();
  context.report({ kind: "event", value: { at, kind: "drift", subject, to, reason } });
}
