// What the vrrp role notices of trackers and of sending: changes of what is tracked, and advertisements that the kernel refused.
import { expect, test } from "bun:test";
import { createVrrpMetrics } from "../../../../src/roles/vrrp/metrics.ts";
import { ROLE_HELP } from "../../../../src/status/metrics.ts";

test("a tracker that goes up or down is a change and a flap; its first result is none; a file has values", () => {
  const metrics = createVrrpMetrics();
  const script = (up: boolean | null) => ({
    ...{ kind: "script" as const, name: "chk", detail: "exit status 1", since: 0 },
    up,
  });
  const file = (value: number) => ({ kind: "file" as const, name: "f", up: null, value, detail: "", since: 0 });
  expect(metrics.tracked([script(null), file(1)])).toEqual([]);
  expect(metrics.tracked([script(true), file(1)])).toEqual([]);
  expect(metrics.tracked([script(false), file(7)])).toEqual([
    { kind: "script", name: "chk", from: "up", to: "down", detail: "exit status 1" },
    { kind: "file", name: "f", from: "value 1", to: "value 7", detail: "" },
  ]);
  expect(metrics.take()['lbd_track_flaps_total{kind="script",name="chk"}']).toBe(1);
});

test("D8: refused advertisements are counted by reason; that they begin to fail and work again is news once", () => {
  const metrics = createVrrpMetrics();
  const bad = { ok: false, code: "ENETUNREACH" } as const;
  const news = [{ ok: true } as const, bad, bad, { ok: true } as const, { ok: true } as const, bad].map((outcome) =>
    metrics.advertSent("V1", outcome),
  );
  expect(news).toEqual([false, true, false, true, false, true]);
  expect(metrics.sendErrors("V1")).toEqual({ count: 3, last: "ENETUNREACH" });
  expect(metrics.take()['lbd_vrrp_send_errors_total{vrrp="V1",code="ENETUNREACH"}']).toBe(3);
  expect(ROLE_HELP).toHaveProperty("lbd_vrrp_send_errors_total");
});
