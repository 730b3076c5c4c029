import { expect, test } from "bun:test";
import { createVrrpMetrics } from "../../../../src/roles/vrrp/metrics.ts";
import { ROLE_HELP } from "../../../../src/status/metrics.ts";

const fact = (up: boolean | null) => [{ kind: "script" as const, name: "chk", up, detail: "", since: 0 }];

test("counts transitions, announcements and flaps, with labels that are escaped", () => {
  const metrics = createVrrpMetrics();
  metrics.transition('web "1"', "BACKUP", "MASTER", "master-down");
  metrics.announced("eth0");
  metrics.announced("eth0");
  for (const up of [null, true, true, false, null, true]) metrics.tracked(fact(up));
  expect(metrics.take()).toEqual({
    'lbd_vrrp_transitions_total{vrrp="web \\"1\\"",from="BACKUP",to="MASTER",reason="master-down"}': 1,
    'lbd_garp_sent_total{interface="eth0"}': 2,
    'lbd_track_flaps_total{kind="script",name="chk"}': 2,
    lbd_vrrp_advert_jitter_seconds: 0,
  });
});

test("the latest timer since the last look is the jitter", () => {
  const metrics = createVrrpMetrics();
  metrics.timer(1000, 1004);
  metrics.timer(2000, 2001);
  expect(metrics.take().lbd_vrrp_advert_jitter_seconds).toBe(0.004);
  metrics.timer(3000, 3002);
  expect(metrics.take().lbd_vrrp_advert_jitter_seconds).toBe(0.002);
});

test("each name has its help", () => {
  const metrics = createVrrpMetrics();
  metrics.transition("a", "INIT", "BACKUP", "start");
  for (const name of Object.keys(metrics.take())) expect(ROLE_HELP).toHaveProperty(name.replace(/\{.*/, ""));
});

test("a sync daemon that runs no more says 0, and one that was never asked for says nothing", () => {
  const metrics = createVrrpMetrics();
  expect(metrics.syncDaemons([])).toEqual({});
  const up = (master: number, backup: number) => ({
    'lbd_ipvs_sync_daemon_up{role="master"}': master,
    'lbd_ipvs_sync_daemon_up{role="backup"}': backup,
  });
  expect(metrics.syncDaemons(["backup"])).toEqual(up(0, 1));
  expect(metrics.syncDaemons(["master"])).toEqual(up(1, 0));
  expect(metrics.syncDaemons(["backup", "master"])).toEqual(up(1, 1));
  expect(metrics.syncDaemons([])).toEqual(up(0, 0));
});
