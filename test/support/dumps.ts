// What dumps are made of, from the text of a configuration: instances that have just been started, on interfaces that are there.
import type { VrrpSource } from "../../src/dump/vrrp-source.ts";
import type { Link } from "../../src/net/model.ts";
import { createVrrpRouter } from "../../src/vrrp/router/router.ts";
import type { TrackKind } from "../../src/vrrp/track.ts";
import { initialProcessState } from "../../src/vrrp/track-process.ts";
import { bindText } from "./config.ts";

const UP = 0x1043;

export function link(index: number, name: string, more: Partial<Link> = {}): Link {
  return { index, name, flags: UP, mtu: 1500, hardwareType: 1, mac: "02:00:00:00:00:01", group: 0, ...more };
}

export function vrrpSource(text: string, more: Partial<VrrpSource> = {}): VrrpSource {
  const { config } = bindText(text);
  const at = { now: 1000, wallMs: 1_767_225_600_000 };
  const router = createVrrpRouter(config.vrrp, config.bfd, at.now);
  const good = (kind: TrackKind, name: string) => ({ kind, name, up: true, detail: "", since: 0 });
  router.setFacts(
    [
      good("interface", "eth0"),
      ...config.vrrp.scripts.map(({ name }) => good("script", name)),
      ...config.vrrp.processes.map(({ name }) => good("process", name)),
    ],
    at,
  );
  for (const { name } of config.vrrp.instances) router.setSource(name, "192.0.2.10", at);
  router.start(at);
  const eth0 = link(2, "eth0");
  return {
    config,
    wallMs: (mono) => at.wallMs + (mono - at.now),
    accountOf: () => "0:0",
    hasServices: false,
    instances: router.instances().map((view) => ({
      view,
      link: eth0,
      below: undefined,
      vmacName: "",
      sockets: { in: 10, out: 11 },
      placeOf: () => ({ link: "eth0", isSet: false, isFiltered: false }),
    })),
    groups: config.vrrp.syncGroups.flatMap(({ name }) => router.groupStatus(name, at) ?? []),
    scripts: config.vrrp.scripts.map((script) => ({ script, up: true, contrary: 0, isRunning: false })),
    files: config.vrrp.files.map((file) => ({ file, value: 0 })),
    processes: config.vrrp.processes.map((process) => ({ process, state: initialProcessState(process, 2, at.now) })),
    bfd: [],
    sockets: [],
    links: [],
    placeOf: () => ({ link: "eth0", isSet: true, isFiltered: false }),
    ...more,
  };
}
