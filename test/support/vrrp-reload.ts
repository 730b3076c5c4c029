// Another configuration for a router, as the driver gives it: in pieces.
import { inOneGo } from "../../src/base/steps.ts";
import type { VrrpConfig } from "../../src/config/model/vrrp.ts";
import type { VrrpAction } from "../../src/vrrp/actions.ts";
import type { Arrival } from "../../src/vrrp/router/reload.ts";
import type { VrrpRouter } from "../../src/vrrp/router/router.ts";
import type { TrackDefinition } from "../../src/vrrp/track.ts";
import type { Instant } from "../../src/vrrp/view.ts";

/** All of them without a pause in between. */
export function reloadAtOnce(
  router: VrrpRouter,
  next: VrrpConfig,
  at: Instant,
  arrivals?: ReadonlyMap<string, Arrival>,
  bfd: readonly TrackDefinition[] = [],
): readonly VrrpAction[] {
  const actions = inOneGo(router.beginReload(next, bfd)).flatMap((piece) => [
    ...router.retire(piece, at),
    ...router.take(piece, at, arrivals),
  ]);
  inOneGo(router.endReload());
  return actions;
}
