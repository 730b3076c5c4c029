// Role vrrp: interfaces that instances track or run on: up or down by the kernel's word and by polling, after the delays of
// `vrrp_up_down_delays`.
import type { Cancel, MonoMs } from "../../base/clock.ts";
import type { Config } from "../../config/model/config.ts";
import type { LinkMonitor, PolledInterface } from "../../kernel/link-monitor.ts";
import { type Link, linkByName, linkWorks, type SeenTables } from "../../net/model.ts";
import { trackedDevices } from "../../vrrp/track-devices.ts";
import { named, type TrackedKind, type TrackerPorts, uses } from "./tracked.ts";

interface InterfaceState {
  up: boolean;
  detail: string;
  since: MonoMs;
  pending?: { readonly up: boolean; readonly cancel: Cancel } | undefined;
}

export interface TrackedInterfaces extends TrackedKind {
  /** The links have changed. */
  linksChanged(seen: SeenTables): void;
}

export function trackInterfaces(ports: TrackerPorts, changed: () => void): TrackedInterfaces {
  const { clock } = ports;
  const interfaces = new Map<string, InterfaceState>();
  let seen: SeenTables | undefined;
  let delays: Config["vrrp"]["upDownDelays"] = [];
  let linkMonitor: LinkMonitor | undefined;

  function look(name: string): { up: boolean; detail: string } {
    const link: Link | undefined = seen && linkByName(seen, name);
    if (!link) return { up: false, detail: "does not exist" };
    if (!linkWorks(link)) return { up: false, detail: (link.flags & 1) === 0 ? "is set down" : "no carrier" };
    if (linkMonitor?.carrier(name) === false) return { up: false, detail: "no carrier, by polling" };
    return { up: true, detail: "up" };
  }

  function observe(name: string): boolean {
    const { up, detail } = look(name);
    const state = interfaces.get(name);
    if (!state) {
      interfaces.set(name, { up, detail, since: clock.now() });
      return true;
    }
    if (state.pending && state.pending.up !== up) {
      state.pending.cancel();
      state.pending = undefined;
    }
    if (state.up === up) {
      const news = state.detail !== detail;
      state.detail = detail;
      return news;
    }
    if (state.pending) return false;
    const delay = delays.find((one) => one.interface === name);
    const waitMs = (up ? delay?.upMs : delay?.downMs) ?? 0;
    if (waitMs === 0) {
      settle(state, up, detail);
      return true;
    }
    const cancel = clock.at(clock.now() + waitMs, () => {
      state.pending = undefined;
      settle(state, up, look(name).detail);
      changed();
    });
    state.pending = { up, cancel };
    return false;
  }

  function settle(state: InterfaceState, up: boolean, detail: string): void {
    state.up = up;
    state.detail = detail;
    state.since = clock.now();
  }

  function configure(config: Config): void {
    const { vrrp } = config;
    delays = vrrp.upDownDelays;
    const wanted = new Set<string>();
    const polling = new Set<string>();
    for (const { interface: own, linkbeatUsePolling } of vrrp.instances) {
      if (own === undefined) continue;
      wanted.add(own);
      if (linkbeatUsePolling) polling.add(own);
    }
    for (const name of uses(config, "interfaces")) wanted.add(name);
    for (const names of trackedDevices(vrrp).values()) for (const name of names) wanted.add(name);
    for (const [name, state] of interfaces) {
      if (wanted.has(name)) continue;
      state.pending?.cancel();
      interfaces.delete(name);
    }
    const polledNames = vrrp.linkbeatUsePolling ? wanted : polling;
    const methods = new Map<string, PolledInterface>([...polledNames].map((name) => [name, { interface: name }]));
    for (const one of vrrp.linkbeat) methods.set(one.interface, one);
    const polled = [...methods.values()];
    if (linkMonitor) linkMonitor.setInterfaces(polled);
    else if (polled.length > 0) linkMonitor = ports.openLinks(polled, (name) => observe(name) && changed());
    for (const name of wanted) observe(name);
  }

  return {
    facts: () =>
      [...interfaces].map(([name, { up, detail, since }]) =>
        named("interface", name, { up, detail: up ? "" : detail, since }),
      ),
    configure,
    linksChanged(tables) {
      seen = tables;
      let news = false;
      for (const name of interfaces.keys()) news = observe(name) || news;
      if (news) changed();
    },
    stop() {
      for (const state of interfaces.values()) state.pending?.cancel();
      linkMonitor?.[Symbol.dispose]();
    },
  };
}
