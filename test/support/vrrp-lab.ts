// A VRRP router on a desk: time moves when the test says so, what it does is written down in short words.
import type { SyncGroup, VrrpConfig, VrrpInstance } from "../../src/config/model/vrrp.ts";
import type { VrrpAction } from "../../src/vrrp/actions.ts";
import type { Datagram } from "../../src/vrrp/datagram.ts";
import { IPV4_HEADER_BYTES } from "../../src/vrrp/packet.ts";
import { createVrrpRouter, type VrrpRouter } from "../../src/vrrp/router/router.ts";
import type { TrackDefinition, TrackKind } from "../../src/vrrp/track.ts";
import { INITIAL_WIRE, usesAh, type WireState } from "../../src/vrrp/wire.ts";
import { advertFrom, vrrpConfig } from "./vrrp.ts";

export const WALL_START = Date.UTC(2026, 10, 23);

export interface LabEvent {
  readonly at: number;
  readonly text: string;
  readonly action: VrrpAction;
}

export interface Lab {
  readonly router: VrrpRouter;
  readonly now: number;
  /** Everything done so far. */
  readonly log: readonly LabEvent[];
  /** Moves time, running every timer at its own time, or `lateMs` behind it. */
  run(ms: number, lateMs?: number): Lab;
  /** What happens in `call`, as short words. */
  does(call: () => void): readonly string[];
  /** `does`, without log lines and notifications. */
  moves(call: () => void): readonly string[];
  /** An advertisement of `source` for an instance; other settings than ours by `as`. */
  hear(source: string, priority: number, as?: Partial<VrrpInstance>, name?: string): void;
  receive(datagram: Datagram, name?: string): void;
  fact(kind: TrackKind, name: string, up: boolean | null, value?: number): void;
  state(name?: string): string;
  /** Times of advertisements of an instance since `from`, with their priority. */
  adverts(name?: string, from?: number): readonly (readonly [number, number])[];
  do(call: (router: VrrpRouter, at: { now: number; wallMs: number }) => readonly VrrpAction[]): void;
}

/**
 * A started router with eth0 up and 192.0.2.1 (fe80::1) as its address. `hold`: facts are not given and it is not started.
 * `rehearse`: it tells when to rehearse a takeover.
 */
export function lab(
  instances: readonly VrrpInstance[] | VrrpConfig,
  options: {
    readonly groups?: readonly SyncGroup[];
    readonly own?: string;
    readonly bfd?: readonly TrackDefinition[];
    readonly hold?: boolean;
    readonly rehearse?: boolean;
  } = {},
): Lab {
  const config: VrrpConfig =
    "instances" in instances ? instances : vrrpConfig(instances, { syncGroups: options.groups ?? [] });
  let now = 1000;
  const log: LabEvent[] = [];
  const router = createVrrpRouter(config, options.bfd ?? [], now, { rehearse: options.rehearse ?? false });
  let wire: WireState = INITIAL_WIRE;
  const at = () => ({ now, wallMs: WALL_START + now });
  const take = (actions: readonly VrrpAction[]) => {
    for (const action of actions) log.push({ at: now, text: words(action), action });
  };
  const firstName = config.instances[0]?.name ?? "";
  const find = (name: string) => {
    const view = router.instances().find((one) => one.name === name);
    if (!view) throw new Error(`no instance ${name}`);
    return view;
  };

  const bench: Lab = {
    router,
    log,
    get now() {
      return now;
    },
    run(ms, lateMs = 0) {
      const until = now + ms;
      for (let due = router.deadline() + lateMs; due <= until; due = router.deadline() + lateMs) {
        now = Math.max(now, due);
        take(router.timer(at()));
      }
      now = until;
      return bench;
    },
    does(call) {
      const from = log.length;
      call();
      return log.slice(from).map((event) => event.text);
    },
    moves(call) {
      const from = log.length;
      call();
      return log
        .slice(from)
        .filter(
          (event) => event.action.kind !== "log" && event.action.kind !== "event" && event.action.kind !== "notify",
        )
        .map((event) => event.text);
    },
    hear(source, priority, as = {}, name = firstName) {
      const sender = { ...find(name).config, ...as };
      const receiver = find(name);
      // Unicast senders aim at us.
      const aimed: VrrpInstance =
        sender.unicast && receiver.source !== undefined
          ? { ...sender, unicast: { ...sender.unicast, peers: [{ ip: receiver.source, minTtl: 0, maxTtl: 255 }] } }
          : sender;
      const datagram = advertFrom(aimed, source, { priority, wire, wallMs: WALL_START + now });
      wire = { ...wire, ahSequence: usesAh(sender) ? wire.ahSequence + 1 : wire.ahSequence };
      bench.receive(datagram, name);
    },
    receive(datagram, name = firstName) {
      const socket = router.sockets().find((spec) => spec.instances.includes(name));
      if (!socket) throw new Error(`no socket for ${name}`);
      take(router.receive(socket.key, datagram, at()));
    },
    fact(kind, name, up, value) {
      const fact = { kind, name, up, detail: up === false ? "failed" : "", since: now };
      take(router.setFacts([value === undefined ? fact : { ...fact, value }], at()));
    },
    state(name = firstName) {
      return router.status(name, at())?.state ?? "none";
    },
    adverts(name = firstName, from = 0) {
      return log.flatMap((event) =>
        event.action.kind === "send" && event.action.instance === name && event.at >= from
          ? [[event.at, event.action.priority] as const]
          : [],
      );
    },
    do(call) {
      take(call(router, at()));
    },
  };
  if (!options.hold) {
    bench.fact("interface", "eth0", true);
    for (const instance of config.instances) {
      const own = options.own ?? instance.sourceIp ?? (instance.family === 4 ? "192.0.2.1" : "fe80::1");
      take(router.setSource(instance.name, own, at()));
    }
    take(router.start(at()));
  }
  return bench;
}

/** An action in short words: `send 150`, `announce 5x 192.0.2.100`, `VI_1 BACKUP>MASTER no-master`, `notify VI_1 MASTER 150`. */
export function words(action: VrrpAction): string {
  switch (action.kind) {
    case "send":
      return `send ${action.instance} ${action.priority}`;
    case "addAddresses":
      return `add ${action.instance}`;
    case "removeAddresses":
      return `remove ${action.instance}`;
    case "syncAddresses":
      return `sync ${action.instance}`;
    case "restoreAddresses":
      return `restore ${action.instance}`;
    case "announce":
      return `announce ${action.instance} ${action.rounds}x ${action.targets.map((target) => target.ip).join(",")}`;
    case "announceExtra":
      return `announceExtra ${action.instance}`;
    case "announceSource":
      return `announceSource ${action.instance} ${action.ip}`;
    case "transition":
      return `${action.name} ${action.from}>${action.to} ${action.cause.code}`;
    case "notify": {
      const { kind, name, state, priority } = action.notification;
      return `notify ${kind === "group" ? "group " : ""}${name} ${state} ${priority}`;
    }
    case "event":
      return `event ${action.event} ${action.instance} ${action.to}`;
    case "log":
      return `log ${action.line.level}`;
    case "rehearse":
      return `rehearse ${action.actions.map(words).join("; ")}`;
    case "imminent":
      return `imminent ${action.due.now}`;
  }
}

/** The VRRP message of an IPv4 datagram without AH. */
export function messageOf(datagram: Datagram): Uint8Array {
  return datagram.bytes.subarray(IPV4_HEADER_BYTES);
}
