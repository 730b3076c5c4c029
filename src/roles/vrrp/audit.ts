// Role vrrp: the look at all kernel objects, now and then: what is not as wanted is put right, and who changed it is told. Addresses, routes,
// rules, packet filter, kernel settings, virtual interfaces, sync daemons.
import { drift } from "./drift.ts";
import { AREA, type VrrpState } from "./state.ts";
import { isLacking } from "./station.ts";
import { checkStatics, wantedParts } from "./upkeep.ts";
import { refresh } from "./world.ts";

/** All of it is compared with the wish this often. */
const AUDIT_MS = 5000;
/** An audit reads whole tables: it waits for the time behind an advertisement when the next one is closer than this. */
const AUDIT_QUIET_MS = 50;
/** Where adverts follow closer than that there is no such time. */
const AUDIT_PATIENCE_MS = 1000;

/** Sets the time of the next audit. */
export function auditLater(role: VrrpState): void {
  const { clock } = role.context;
  role.cancelAudit = clock.at(clock.now() + AUDIT_MS, () => auditWhenQuiet(role, clock.now()));
}

function auditWhenQuiet(role: VrrpState, since: number): void {
  const { clock } = role.context;
  const next = role.router.deadline();
  const busy = next - clock.now() < AUDIT_QUIET_MS && clock.now() - since < AUDIT_PATIENCE_MS;
  if (busy) {
    role.cancelAudit = clock.at(Math.max(next, clock.now()) + 1, () => auditWhenQuiet(role, since));
    return;
  }
  auditLater(role);
  role.reads.attempt(() => compareAll(role));
}

function compareAll(role: VrrpState): void {
  role.reflector.audit();
  role.filter.audit();
  const settings = role.ports.sysctl.audit();
  if (settings > 0) drift(role, "kernel settings", "repaired", `${settings} were not as wanted`);
  const lacking = [...role.stations.values()].filter(isLacking);
  if (lacking.length > 0) refresh(role, lacking);
  const repaired = role.tables.apply(wantedParts(role, role.owning));
  role.reflector.settle();
  role.losses.prune(role.tables.isWanted);
  checkStatics(role);
  role.syncDaemons.audit(role.owning);
  if (repaired === 0) return;
  const message = `audit: ${repaired} addresses, routes or rules were not as wanted, put right`;
  role.context.log({ level: "warning", area: AREA, message });
  drift(role, "addresses, routes, rules", "repaired", `${repaired} changes were needed`);
}
